//! Database instances.

use std::time::Duration;

use crate::spec::{
    Catalog, PricedItem, Prices, Protection, STRIPED_GIB, STRIPED_IOPS, STRIPED_MIBPS,
};

use super::super::{Address, AttributeValue, Attributes, DatabaseRole, Kind, UnreadableAttribute};
use super::charge::{Billing, Charge, Priced};
use super::grants::{CREATE, DELETE, NamedResources, TAKING_DOWN, UPDATE, read, service_role};
use super::info::{AttributeInfo, Band, KindInfo, OnDifference, WhenFailed, minutes_each};
use super::quota::Quota;
use super::resource::Resource;

/// An RDS instance of its own: the writer or a read replica.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseInstance {
    /// Writer or reader.
    pub role: DatabaseRole,
    /// The subnet in whose zone it is created; none leaves the zone to AWS. It stays where it is.
    pub zone: Option<Address>,
    /// Major PostgreSQL version.
    pub version: String,
    /// Instance class.
    pub class: String,
    /// Size and speed.
    pub storage: Storage,
    /// Whether there is a standby in another zone.
    pub multi_az: bool,
    /// Of the writer; readers keep none.
    pub backup_days: u32,
    /// The snapshot that a writer is restored from.
    pub snapshot: Option<String>,
    /// The writer's alone: a reader holds nothing that the writer does not.
    pub protection: Protection,
    /// Subnet group.
    pub subnets: Address,
    /// Parameter group.
    pub parameters: Address,
    /// Security group.
    pub group: Address,
}

/// Storage of a database instance (gp3, encrypted).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Storage {
    /// Size, GiB.
    pub gib: u32,
    /// IOPS, where more than the size includes.
    pub iops: Option<u32>,
    /// MiB/s, where more than the size includes.
    pub throughput_mibps: Option<u32>,
}

impl Storage {
    /// IOPS and MiB/s; none below the size from which on they can be chosen.
    #[must_use]
    pub fn performance(&self) -> Option<(u32, u32)> {
        (self.gib >= STRIPED_GIB).then(|| {
            (
                self.iops.unwrap_or(STRIPED_IOPS),
                self.throughput_mibps.unwrap_or(STRIPED_MIBPS),
            )
        })
    }

    /// The same where it is more than what the size includes.
    #[must_use]
    pub fn provisioned(&self) -> Option<(u32, u32)> {
        let asked = self.iops.is_some() || self.throughput_mibps.is_some();
        self.performance().filter(|_| asked)
    }
}

/// Whether a size may be what RDS made of a smaller one that was asked for: it grows by 10 % at
/// least (Amazon RDS API Reference, `ModifyDBInstance`, `AllocatedStorage` and `Iops`).
fn is_rounded_up(wanted: u32, found: &AttributeValue) -> bool {
    let wanted = u64::from(wanted);
    let AttributeValue::Number(found) = found else {
        return false;
    };
    (wanted..=(wanted * 11).div_ceil(10)).contains(found)
}

impl Resource for DatabaseInstance {
    fn attributes(&self) -> Attributes {
        let mut attributes: Attributes = [
            ("engine", AttributeValue::from(POSTGRES)),
            ("version", self.version.as_str().into()),
            ("class", self.class.as_str().into()),
            ("storage_gib", self.storage.gib.into()),
            ("encrypted", true.into()),
            ("parameter_group", (&self.parameters).into()),
            ("parameters", IN_SYNC.into()),
            ("multi_az", self.multi_az.into()),
            ("deletion_protection", self.protection.deletion.into()),
            ("public_access", false.into()),
            ("groups", AttributeValue::names([&self.group])),
        ]
        .into_iter()
        .collect();
        if self.role == DatabaseRole::Writer {
            attributes.insert("backup_days", self.backup_days);
            attributes.insert("final_snapshot", self.protection.final_snapshot);
            attributes.extend(finished(self.snapshot.as_deref()));
        } else {
            // RDS creates it with the writer's parameter group.
            attributes.insert("finished", true);
        }
        if let Some((iops, throughput)) = self.storage.performance() {
            attributes.insert("iops", iops);
            attributes.insert("throughput_mibps", throughput);
        }
        attributes
    }

    fn accepts(&self, attribute: &str, value: &AttributeValue) -> bool {
        match attribute {
            "storage_gib" => is_rounded_up(self.storage.gib, value),
            "iops" => (self.storage.iops).is_some_and(|iops| is_rounded_up(iops, value)),
            _ => false,
        }
    }

    /// The same wherever AWS has capacity: another zone is worse than this one, and better than none.
    fn alternatives(&self) -> Vec<Self> {
        let elsewhere = Self {
            zone: None,
            ..self.clone()
        };
        self.zone.iter().map(|_| elsewhere.clone()).collect()
    }

    fn placement(&self) -> String {
        match &self.zone {
            Some(subnet) => format!("the zone of {subnet}"),
            None => "any zone".to_owned(),
        }
    }

    fn parameter_groups(&self) -> Vec<Address> {
        vec![self.parameters.clone()]
    }

    fn protection(&self) -> Protection {
        self.protection
    }

    fn dns_name(&self) -> Option<String> {
        Some(match self.role {
            DatabaseRole::Writer => "database".to_owned(),
            DatabaseRole::Reader(index) => format!("database-reader-{index}"),
        })
    }
}

pub(in crate::blueprint) const INFO: KindInfo = KindInfo {
    deleted_before: &[Kind::DatabaseParameters, Kind::DatabaseCluster, Kind::DatabaseSubnets, Kind::SecurityRules, Kind::SecurityGroup, Kind::Subnet, Kind::Seed],
    // Single-AZ 5 to 17 min, a replica 7 to 30.
    typical_seconds: 450,
    // As Terraform's AWS provider 1a5174b, internal/service/rds/instance.go and cluster_instance.go
    // (instances of Aurora, and replicas and restores of much data, take the longest). A deletion
    // includes the final snapshot: CloudFormation's handler for RDS gives it three hours.
    patience: minutes_each(90, 90, 180),
    // As Terraform, instance.go.
    ready_reads: 3,
    when_failed: WhenFailed::Refuse,
    // A read replica has what its source has. One whose source is gone is a database of its own.
    holds_nothing: |address, of| {
        address.is_reader() && (of.text("source").is_some() || of.text("cluster").is_some())
    },
    // A full database says so until its storage has grown.
    failure_may_pass: Duration::from_mins(1),
    attributes: &[
        AttributeInfo::text("engine").or(OnDifference::Refuse(
            "another engine is another database: take the environment down, or create one beside it \
             from a snapshot",
        )),
        AttributeInfo::text("version").or(OnDifference::Refuse(VERSION_CHANGE)),
        AttributeInfo::flag("encrypted").or(OnDifference::Refuse(NOT_ENCRYPTED)),
        AttributeInfo::flag("finished").or(OnDifference::UpdateBecause(UNFINISHED)),
        AttributeInfo::text("parameter_group"),
        // RDS applies parameters in its own time.
        AttributeInfo::text("parameters")
            .or(OnDifference::Restart)
            .volatile(),
        AttributeInfo::text("class"),
        AttributeInfo::number("storage_gib").or(OnDifference::Grow),
        AttributeInfo::number("iops"),
        AttributeInfo::number("throughput_mibps"),
        AttributeInfo::flag("multi_az"),
        AttributeInfo::number("backup_days"),
        AttributeInfo::flag("deletion_protection"),
        AttributeInfo::flag("final_snapshot"),
        AttributeInfo::flag("public_access"),
        AttributeInfo::names("groups"),
        AttributeInfo::number("port").output(),
    ],
    band: Band::ManagedServices,
    charges,
    quotas,
    grants: &[
    read(
        "rds:DescribeDBInstances",
        "finding databases and what they use",
    ),
    DATABASES.grant(
        CREATE,
        "rds:AddTagsToResource rds:CreateDBInstance rds:CreateDBInstanceReadReplica \
         rds:ModifyDBInstance rds:RestoreDBInstanceFromDBSnapshot",
        "a writer and its read replicas, or a writer restored from a snapshot",
    ),
    OPTIONS.grant(
        CREATE,
        "rds:CreateDBInstance rds:CreateDBInstanceReadReplica \
         rds:RestoreDBInstanceFromDBSnapshot",
        "databases are created with the option group of their engine's defaults",
    ),
    SNAPSHOTS.grant(
        CREATE,
        "rds:RestoreDBInstanceFromDBSnapshot",
        "the snapshot that a writer is restored from may be anybody's in the account",
    ),
    service_role(
        "rds.amazonaws.com",
        "the role of RDS, where the account lacks it; the role stays",
    ),
    DATABASES.grant(
        UPDATE,
        "rds:AddTagsToResource rds:ModifyDBInstance rds:RebootDBInstance",
        "another class, more storage, settings that need a restart; a failover as a test",
    ),
    read("rds:DescribeEvents", "why a change of a database did not happen"),
    DATABASES.grant(
        DELETE,
        "rds:AddTagsToResource rds:CreateDBSnapshot rds:ModifyDBInstance",
        "a protected database leaves a final snapshot, which loadrig may not delete",
    ),
    DATABASES.grant(DELETE, "rds:DeleteDBInstance", TAKING_DOWN),
],
    ..KindInfo::COMMON
};

/// Automated backups are not among them. `DeleteDBInstance` removes them with their database and
/// is asked for on the database alone (Service Authorization Reference, Amazon RDS); their names
/// are AWS's, so a grant on them would reach everybody's.
pub(super) const DATABASES: NamedResources = NamedResources {
    statement: "Databases",
    // A `*` after `db-` would fit the databases of an environment called `<environment>-db`.
    on: "arn:{partition}:rds:{region}:{account}:db:lr-{environment}-db-reader-? \
         arn:{partition}:rds:{region}:{account}:db:lr-{environment}-db-reader-?? \
         arn:{partition}:rds:{region}:{account}:db:lr-{environment}-db-writer \
         arn:{partition}:rds:{region}:{account}:pg:lr-{environment}-db-reader-parameters \
         arn:{partition}:rds:{region}:{account}:pg:lr-{environment}-db-writer-parameters \
         arn:{partition}:rds:{region}:{account}:snapshot:{final_snapshot} \
         arn:{partition}:rds:{region}:{account}:subgrp:lr-{environment}-db-subnets",
};

/// The option groups of AWS's defaults, which nobody owns.
pub(super) const OPTIONS: NamedResources = NamedResources {
    statement: "DatabaseOptions",
    on: "arn:{partition}:rds:{region}:{account}:og:default*",
};

const SNAPSHOTS: NamedResources = NamedResources {
    statement: "RestoreDatabases",
    on: "arn:{partition}:rds:{region}:{account}:snapshot:*",
};

/// In these states RDS creates no final snapshot (Amazon RDS API Reference, `DeleteDBInstance`).
pub const WITHOUT_FINAL_SNAPSHOT: &[&str] =
    &["failed", "incompatible-restore", "incompatible-network"];

/// The state of a database that has no storage left. It takes more storage, and no other change
/// (Amazon RDS User Guide, "Amazon RDS DB instance running out of storage").
pub const STORAGE_FULL: &str = "storage-full";

/// The value of `parameters` on a database that runs with its parameter group as it is.
pub(super) const IN_SYNC: &str = "in-sync";

/// The value of `parameters` on a database that waits for a restart to take over changed ones.
pub const PENDING_RESTART: &str = "pending-reboot";

pub(super) const VERSION_CHANGE: &str =
    "a change of the PostgreSQL version is an upgrade and not done by `up`";

pub(super) const NOT_ENCRYPTED: &str = "storage is encrypted when it is created or never; restore \
    an encrypted copy of its snapshot";

pub(super) const UNFINISHED: &str = "was created, but not given all of the environment's settings";

/// The value of `engine` on a database instance without a cluster.
pub(crate) const POSTGRES: &str = "postgres";

/// The value of `engine` on an instance of an Aurora cluster.
pub(crate) const AURORA: &str = "aurora-postgresql";

/// Instances of a cluster whose input and output is not billed cost so much more (Amazon
/// Aurora pricing, I/O-Optimized).
const IO_OPTIMIZED: f64 = 1.3;

/// A snapshot brings its own password and settings along, which take a second call to bring
/// to what is desired: until then the database is not finished.
pub(super) fn finished(snapshot: Option<&str>) -> Option<(&'static str, AttributeValue)> {
    snapshot.map(|_| ("finished", true.into()))
}

fn charges(priced: Priced<'_>, prices: &Prices) -> Result<Vec<Charge>, UnreadableAttribute> {
    let of = priced.attributes;
    let class = of.text("class").unwrap_or_default();
    let role = if priced.address.is_reader() {
        "reader"
    } else {
        "writer"
    };
    if of.text("engine") == Some(AURORA) {
        // Its storage is the cluster's, which does not tell how much is in it.
        let unit = prices.aurora(class);
        let optimized = match priced.cluster {
            Some(cluster) => cluster.flag("io_optimized")?,
            None => None,
        };
        let unit = match optimized {
            Some(true) => unit.map(|price| price.times(IO_OPTIMIZED)),
            _ => unit,
        };
        let instance = Charge::new(format!("Aurora {role} {class}"), 1.0, unit);
        return Ok(vec![instance.billed(Billing::TenMinutes)]);
    }
    // A standby costs what the writer costs, storage and IOPS included.
    let (copies, standby) = match of.flag("multi_az")? {
        Some(true) => (2.0, " with a standby"),
        _ => (1.0, ""),
    };
    let unit = prices.database(class);
    let instance = Charge::new(
        format!("database {role} {class}{standby}"),
        1.0,
        unit.map(|price| price.times(copies)),
    );
    let iops = of.quantity("iops")?.unwrap_or(0.0);
    Ok(vec![
        instance.billed(Billing::TenMinutes),
        Charge::new(
            "GiB of database storage (gp3)",
            of.quantity("storage_gib")?.unwrap_or(0.0) * copies,
            prices.item(PricedItem::RdsGp3),
        ),
        Charge::new(
            "IOPS of database storage",
            (iops - f64::from(STRIPED_IOPS)).max(0.0) * copies,
            prices.item(PricedItem::RdsIops),
        ),
    ])
}

fn quotas(of: &Attributes, _: &Catalog) -> Result<Vec<(Quota, f64)>, UnreadableAttribute> {
    let mut quotas = vec![(Quota::DatabaseInstances, 1.0)];
    let storage = of.quantity("storage_gib")?;
    // An instance of a cluster has none of its own, whatever RDS reports.
    let storage = storage.filter(|_| of.text("engine") != Some(AURORA));
    quotas.extend(storage.map(|gib| (Quota::DatabaseStorageGib, gib)));
    Ok(quotas)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_of_less_than_a_tenth_may_be_rounded_up() {
        for (wanted, found, accepted) in [
            (520, 520_u32, true),
            (520, 572, true),
            (520, 573, false),
            (525, 578, true),
            (520, 519, false),
        ] {
            assert_eq!(is_rounded_up(wanted, &found.into()), accepted, "{found}");
        }
    }

    #[test]
    fn performance_can_be_chosen_from_a_size_on() {
        let storage = |gib, iops| Storage {
            gib,
            iops,
            throughput_mibps: None,
        };
        assert_eq!(storage(399, None).performance(), None);
        assert_eq!(storage(400, None).performance(), Some((12_000, 500)));
        assert_eq!(storage(400, None).provisioned(), None);
        assert_eq!(
            storage(400, Some(16_000)).provisioned(),
            Some((16_000, 500))
        );
    }
}
