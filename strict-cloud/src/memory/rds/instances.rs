//! Databases: created new, as replicas, from snapshots or in a cluster; and how they are told.

use crate::clock::Delay;
use crate::errors::AwsError;
use crate::refusals::rds::ZONE_WITH_STANDBY;

use super::super::account::{AwsAccount, CreationTime, QueryResult, TagMap, missing};
use super::super::ec2::NewInterfaces;
use super::super::form::QueryForm;
use super::super::schedule::ScheduledEvent;
use super::super::writer::{XmlWriter, xml};
use super::failover::standby_zone;
use super::groups::write_subnets;
use super::snapshots::can_be_decrypted;
use super::{Rds, groups_in, may_be_password, storage, whole_version, write_groups, write_tags};

/// A database instance.
#[derive(Debug, Clone, Hash)]
pub(super) struct DatabaseRecord {
    /// Tells it from an earlier one of its name.
    pub(super) serial: String,
    pub(super) status: &'static str,
    pub(super) engine: String,
    pub(super) version: String,
    pub(super) class: String,
    pub(super) gib: u32,
    pub(super) storage_type: String,
    pub(super) iops: Option<u32>,
    pub(super) throughput: Option<u32>,
    pub(super) encrypted: bool,
    pub(super) multi_az: bool,
    pub(super) backup_days: u32,
    pub(super) protected: bool,
    /// Deletions still find it protected.
    pub(super) protection_lags: bool,
    /// Its storage was changed and is optimised.
    pub(super) optimizing: bool,
    pub(super) public: bool,
    pub(super) user: String,
    pub(super) database: String,
    pub(super) subnets: String,
    pub(super) zone: String,
    pub(super) parameters: String,
    /// `ParameterApplyStatus`.
    pub(super) parameters_state: &'static str,
    pub(super) groups: Vec<String>,
    /// The database that it is a replica of.
    pub(super) source: Option<String>,
    pub(super) cluster: Option<String>,
    /// From 0, which is promoted first, to 15.
    pub(super) promotion_tier: u32,
    /// Its restart is a failover to the standby.
    pub(super) fails_over: bool,
    /// The state that an accepted change or restart brings, before it shows.
    pub(super) coming: Option<&'static str>,
    /// What it changes to while it is `modifying`.
    pub(super) pending: PendingChange,
    pub(super) created: CreationTime,
    pub(super) tags: TagMap,
}

/// Changes that take time.
#[derive(Debug, Clone, Default, Hash, PartialEq, Eq)]
pub(super) struct PendingChange {
    pub(super) class: Option<String>,
    pub(super) gib: Option<u32>,
    pub(super) iops: Option<u32>,
    pub(super) throughput: Option<u32>,
    pub(super) multi_az: Option<bool>,
    pub(super) backup_days: Option<u32>,
    pub(super) password: bool,
}

impl DatabaseRecord {
    /// Whether it takes calls that need it `available`.
    pub(super) fn is_usable(&self) -> bool {
        matches!(self.status, "available" | "storage-optimization") && self.coming.is_none()
    }
}

/// The name of a database in a call.
pub(super) fn name_in(form: &QueryForm<'_>) -> Result<String, AwsError> {
    Ok(form.required("DBInstanceIdentifier")?.to_lowercase())
}

impl Rds {
    pub(super) fn database(&self, name: &str) -> Result<&DatabaseRecord, AwsError> {
        self.databases.get(name).ok_or_else(|| {
            missing(
                "DBInstanceNotFound",
                format!("DBInstance {name} not found."),
            )
        })
    }

    pub(super) fn database_of(&mut self, serial: &str) -> Option<(&String, &mut DatabaseRecord)> {
        self.databases
            .iter_mut()
            .find(|(_, one)| one.serial == serial)
    }
}

pub(super) fn create(account: &mut AwsAccount, form: &QueryForm<'_>) -> QueryResult {
    match form.get("DBClusterIdentifier") {
        Some(cluster) => create_in_cluster(account, form, &cluster.to_lowercase()),
        None => create_new(account, form),
    }
}

fn create_new(account: &mut AwsAccount, form: &QueryForm<'_>) -> QueryResult {
    let user = form.required("MasterUsername")?.to_owned();
    may_be_password(form.required("MasterUserPassword")?)?;
    let database = DatabaseRecord {
        engine: form.required("Engine")?.to_owned(),
        version: whole_version(form.get("EngineVersion").unwrap_or("17")),
        gib: form.number("AllocatedStorage").unwrap_or(20),
        encrypted: form.flag("StorageEncrypted") == Some(true),
        user,
        database: form.get("DBName").unwrap_or_default().to_owned(),
        ..read(account, form)?
    };
    insert(account, form, database)
}

fn create_in_cluster(account: &mut AwsAccount, form: &QueryForm<'_>, id: &str) -> QueryResult {
    let cluster = account.rds.cluster(id)?.clone();
    if cluster.status == "deleting" {
        return Err(super::clusters::not_available(id));
    }
    let asked = read(account, form)?;
    let database = DatabaseRecord {
        engine: form.required("Engine")?.to_owned(),
        version: cluster.version,
        gib: 1,
        storage_type: cluster.storage_type,
        encrypted: cluster.encrypted,
        backup_days: cluster.backup_days,
        user: cluster.user,
        database: cluster.database,
        subnets: cluster.subnets,
        groups: cluster.groups,
        cluster: Some(id.to_owned()),
        promotion_tier: form.number("PromotionTier").unwrap_or(1),
        ..asked
    };
    insert(account, form, database)
}

pub(super) fn create_replica(account: &mut AwsAccount, form: &QueryForm<'_>) -> QueryResult {
    let source_id = form.required("SourceDBInstanceIdentifier")?.to_lowercase();
    let source = account.rds.database(&source_id)?.clone();
    if !source.is_usable() {
        return Err(super::changes::not_available(&source_id));
    }
    if source.backup_days == 0 {
        return Err(AwsError::new(
            "InvalidDBInstanceState",
            "Automated backups are not enabled for this database instance. To enable automated \
             backups, use ModifyDBInstance to set the backup retention period to a non-zero value.",
        ));
    }
    if form.get("DBParameterGroupName").is_some() {
        return Err(AwsError::new(
            "InvalidParameterCombination",
            format!(
                "A parameter group can't be specified during Read Replica creation for the \
                 following DB engine: {}",
                source.engine
            ),
        ));
    }
    let asked = read(account, form)?;
    let database = DatabaseRecord {
        engine: source.engine,
        parameters: source.parameters,
        version: source.version,
        gib: source.gib,
        encrypted: source.encrypted,
        backup_days: 0,
        user: source.user,
        database: source.database,
        subnets: source.subnets,
        source: Some(source_id),
        ..asked
    };
    insert(account, form, database)
}

pub(super) fn restore(account: &mut AwsAccount, form: &QueryForm<'_>) -> QueryResult {
    let from = form.required("DBSnapshotIdentifier")?;
    let snapshot = account.rds.snapshots.get(from).cloned();
    let snapshot = snapshot
        .filter(|one| one.status == "available")
        .ok_or_else(|| {
            missing(
                "DBSnapshotNotFound",
                format!("DBSnapshot not found: {from}"),
            )
        })?;
    can_be_decrypted(account, &snapshot)?;
    let database = DatabaseRecord {
        engine: snapshot.engine,
        version: snapshot.version,
        gib: snapshot.gib,
        encrypted: snapshot.encrypted,
        user: snapshot.user,
        database: snapshot.database,
        ..read(account, form)?
    };
    insert(account, form, database)
}

/// What all ways to a database have in common.
fn read(account: &mut AwsAccount, form: &QueryForm<'_>) -> Result<DatabaseRecord, AwsError> {
    form.accept(&["AutoMinorVersionUpgrade", "CopyTagsToSnapshot"]);
    let has_standby = form.flag("MultiAZ") == Some(true);
    if has_standby && form.get("AvailabilityZone").is_some() {
        return Err(AwsError::known(&ZONE_WITH_STANDBY));
    }
    let subnets = form
        .get("DBSubnetGroupName")
        .unwrap_or_default()
        .to_lowercase();
    Ok(DatabaseRecord {
        serial: account.new_id("db"),
        status: "creating",
        engine: String::new(),
        version: String::new(),
        class: form.required("DBInstanceClass")?.to_owned(),
        gib: 0,
        storage_type: form.get("StorageType").unwrap_or("gp2").to_owned(),
        iops: form.number("Iops"),
        throughput: form.number("StorageThroughput"),
        encrypted: false,
        multi_az: has_standby,
        backup_days: form.number("BackupRetentionPeriod").unwrap_or(1),
        protected: form.flag("DeletionProtection") == Some(true),
        protection_lags: false,
        optimizing: false,
        public: form.flag("PubliclyAccessible") == Some(true),
        user: String::new(),
        database: String::new(),
        subnets,
        zone: form.get("AvailabilityZone").unwrap_or_default().to_owned(),
        parameters: form
            .get("DBParameterGroupName")
            .unwrap_or_default()
            .to_lowercase(),
        parameters_state: "in-sync",
        groups: groups_in(account, form)?,
        source: None,
        cluster: None,
        promotion_tier: 1,
        fails_over: false,
        coming: None,
        pending: PendingChange::default(),
        created: CreationTime(account.now),
        tags: form.tags("Tags.Tag"),
    })
}

/// Puts a database into the account, with its interface in its network.
fn insert(
    account: &mut AwsAccount,
    form: &QueryForm<'_>,
    mut database: DatabaseRecord,
) -> QueryResult {
    let name = name_in(form)?;
    if account.rds.databases.contains_key(&name) {
        return Err(AwsError::new(
            "DBInstanceAlreadyExists",
            "DB instance already exists",
        ));
    }
    let subnets = account.rds.subnet_group(&database.subnets)?.subnets.clone();
    let engine = (database.engine.as_str(), database.version.as_str());
    account
        .rds
        .parameter_group_for(&account.rds.parameters, &database.parameters, engine)?;
    let lacks = |zone: &str| {
        let zone = (database.class.clone(), zone.to_owned());
        account.rds.exhausted_zones.contains(&zone)
    };
    // Whoever asks for no zone gets one that has capacity.
    let is_exhausted = match database.zone.as_str() {
        "" => subnets.iter().all(|(_, zone)| lacks(zone)),
        asked => lacks(asked),
    };
    if is_exhausted || account.rds.exhausted.contains(&database.class) {
        return Err(AwsError::new(
            "InsufficientDBInstanceCapacity",
            format!(
                "No capacity for {} in the zones of the group.",
                database.class
            ),
        ));
    }
    let asked = (database.iops, database.throughput);
    storage::check_performance(&database, database.gib, asked)?;
    if database.storage_type == "gp3" {
        let (iops, throughput) = storage::included(database.gib);
        database.iops = database.iops.or(Some(iops));
        database.throughput = database.throughput.or(Some(throughput));
    }
    // Unless a zone is asked for, replicas and members of a cluster are spread over the zones.
    let nth = account.rds.databases.len();
    let place = match database.zone.as_str() {
        "" => {
            let with_capacity = subnets.iter().filter(|(_, zone)| !lacks(zone));
            with_capacity.cycle().nth(nth)
        }
        asked => Some(
            subnets
                .iter()
                .find(|(_, zone)| zone == asked)
                .ok_or_else(|| {
                    AwsError::new(
                        "InvalidVPCNetworkStateFault",
                        format!(
                            "The DB subnet group has no subnet in the availability zone {asked}."
                        ),
                    )
                })?,
        ),
    };
    let (subnet, zone) = place.cloned().unwrap_or_default();
    database.zone = zone;
    account.add_interfaces(&NewInterfaces {
        owner: &database.serial,
        subnets: &[subnet],
        groups: &database.groups,
        description: "RDSNetworkInterface",
        requester: "amazon-rds",
        public: database.public,
    });
    account.after(
        Delay::DatabaseStart,
        ScheduledEvent::DatabaseReady(database.serial.clone()),
    );
    account.rds.databases.insert(name.clone(), database);
    Ok(xml(|xml| write(account, &name, xml)))
}

pub(super) fn describe(account: &AwsAccount, form: &QueryForm<'_>) -> QueryResult {
    let asked = form.get("DBInstanceIdentifier").map(str::to_lowercase);
    if let Some(name) = &asked {
        account.rds.database(name)?;
    }
    let names = account.rds.databases.keys();
    let names = names.filter(|name| asked.as_ref().is_none_or(|asked| asked == *name));
    Ok(xml(|xml| {
        xml.node("DBInstances", |xml| {
            for name in names {
                write(account, name, xml);
            }
        });
    }))
}

pub(super) fn write(account: &AwsAccount, name: &str, xml: &mut XmlWriter) {
    let Some(one) = account.rds.databases.get(name) else {
        return;
    };
    xml.node("DBInstance", |xml| {
        xml.text("DBInstanceIdentifier", name);
        xml.text("DbiResourceId", &one.serial);
        xml.text("DBInstanceArn", account.arn("rds", &format!("db:{name}")));
        xml.text("DBInstanceStatus", one.status);
        xml.text("Engine", &one.engine);
        xml.text("EngineVersion", &one.version);
        xml.text("DBInstanceClass", &one.class);
        xml.value("AllocatedStorage", one.gib);
        xml.text("StorageType", &one.storage_type);
        xml.maybe("Iops", one.iops);
        xml.maybe("StorageThroughput", one.throughput);
        xml.value("StorageEncrypted", one.encrypted);
        xml.value("MultiAZ", one.multi_az);
        xml.value("BackupRetentionPeriod", one.backup_days);
        xml.value("DeletionProtection", one.protected);
        xml.value("PubliclyAccessible", one.public);
        xml.text("MasterUsername", &one.user);
        xml.text("DBName", &one.database);
        xml.text("AvailabilityZone", &one.zone);
        xml.maybe("SecondaryAvailabilityZone", standby_zone(&account.rds, one));
        xml.maybe("DBClusterIdentifier", one.cluster.as_ref());
        xml.maybe("ReadReplicaSourceDBInstanceIdentifier", one.source.as_ref());
        // Neither is known before it is there.
        if one.status != "creating" {
            xml.value("InstanceCreateTime", one.created);
            xml.node("Endpoint", |xml| {
                let host = format!("{name}.c0ffee.{}.rds.amazonaws.com", account.region);
                xml.text("Address", host);
                xml.text("Port", "5432");
            });
        }
        xml.node("DBParameterGroups", |xml| {
            xml.node("DBParameterGroup", |xml| {
                xml.text("DBParameterGroupName", &one.parameters);
                xml.text("ParameterApplyStatus", one.parameters_state);
            });
        });
        if one.source.is_some() {
            xml.node("StatusInfos", |xml| {
                xml.node("DBInstanceStatusInfo", |xml| {
                    xml.text("StatusType", "read replication");
                    xml.text("Status", "replicating");
                    xml.text("Normal", "true");
                });
            });
        }
        let replicas = account.rds.databases.iter();
        let replicas = replicas.filter(|(_, other)| other.source.as_deref() == Some(name));
        xml.texts(
            "ReadReplicaDBInstanceIdentifiers",
            "ReadReplicaDBInstanceIdentifier",
            replicas.map(|(id, _)| id),
        );
        // A change that does not show yet is not told of at all.
        let pending = PendingChange::default();
        let pending = if one.coming.is_some() {
            &pending
        } else {
            &one.pending
        };
        write_pending(pending, xml);
        write_subnets(&account.rds, &one.subnets, xml);
        write_groups(xml, &one.groups);
        write_tags(xml, &one.tags);
    });
}

fn write_pending(pending: &PendingChange, xml: &mut XmlWriter) {
    xml.node("PendingModifiedValues", |xml| {
        xml.maybe("DBInstanceClass", pending.class.as_ref());
        xml.maybe("AllocatedStorage", pending.gib);
        xml.maybe("Iops", pending.iops);
        xml.maybe("StorageThroughput", pending.throughput);
        xml.maybe("MultiAZ", pending.multi_az);
        xml.maybe("BackupRetentionPeriod", pending.backup_days);
        xml.maybe("MasterUserPassword", pending.password.then_some("****"));
    });
}
