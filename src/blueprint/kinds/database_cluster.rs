//! Aurora clusters.

use crate::spec::Protection;

use super::super::{Address, AttributeValue, Attributes, Kind};
use super::database::{NOT_ENCRYPTED, OPTIONS, UNFINISHED, VERSION_CHANGE, finished};
use super::grants::{CREATE, DELETE, NamedResources, TAKING_DOWN, UPDATE, read};
use super::info::{AttributeInfo, Band, KindInfo, OnDifference, WhenFailed, minutes};
use super::resource::Resource;

/// An Aurora cluster: storage, password and policy of its instances.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseCluster {
    /// Major PostgreSQL version.
    pub version: String,
    /// Whether input and output is part of the price of its instances.
    pub io_optimized: bool,
    /// How long backups are kept.
    pub backup_days: u32,
    /// The snapshot that it is restored from.
    pub snapshot: Option<String>,
    /// What keeps it from being deleted.
    pub protection: Protection,
    /// Subnet group.
    pub subnets: Address,
    /// Parameter group.
    pub parameters: Address,
    /// Security group.
    pub group: Address,
}

impl Resource for DatabaseCluster {
    fn attributes(&self) -> Attributes {
        let mut attributes: Attributes = [
            ("version", AttributeValue::from(self.version.as_str())),
            ("groups", AttributeValue::names([&self.group])),
            ("io_optimized", self.io_optimized.into()),
            ("encrypted", true.into()),
            ("backup_days", self.backup_days.into()),
            ("deletion_protection", self.protection.deletion.into()),
            ("final_snapshot", self.protection.final_snapshot.into()),
        ]
        .into_iter()
        .collect();
        attributes.extend(finished(self.snapshot.as_deref()));
        attributes
    }

    fn protection(&self) -> Protection {
        self.protection
    }
}

pub(in crate::blueprint) const INFO: KindInfo = KindInfo {
    deleted_before: &[
        Kind::DatabaseClusterParameters,
        Kind::DatabaseSubnets,
        Kind::SecurityRules,
        Kind::SecurityGroup,
        Kind::Subnet,
        Kind::Seed,
    ],
    // The cluster alone; its instances take as long as any.
    typical_seconds: 45,
    // As Terraform's AWS provider 1a5174b, internal/service/rds/cluster.go. A deletion includes the
    // final snapshot.
    patience: minutes(120),
    ready_reads: 3,
    when_failed: WhenFailed::Refuse,
    attributes: &[
        AttributeInfo::text("version").or(OnDifference::Refuse(VERSION_CHANGE)),
        AttributeInfo::flag("encrypted").or(OnDifference::Refuse(NOT_ENCRYPTED)),
        AttributeInfo::flag("finished").or(OnDifference::UpdateBecause(UNFINISHED)),
        AttributeInfo::names("groups"),
        AttributeInfo::flag("io_optimized"),
        AttributeInfo::number("backup_days"),
        AttributeInfo::flag("deletion_protection"),
        AttributeInfo::flag("final_snapshot"),
        AttributeInfo::number("port").output(),
    ],
    band: Band::ManagedServices,
    // Its instances are billed; its storage by what is in it, which it does not tell.
    grants: &[
        read(
            "rds:DescribeDBClusters",
            "finding databases and what they use",
        ),
        CLUSTERS.grant(
            CREATE,
            "rds:AddTagsToResource rds:CreateDBCluster rds:CreateDBInstance rds:ModifyDBCluster \
         rds:RestoreDBClusterFromSnapshot",
            "an Aurora cluster, new or restored from a snapshot",
        ),
        OPTIONS.grant(
            CREATE,
            "rds:CreateDBCluster rds:RestoreDBClusterFromSnapshot",
            "clusters are created with the option group of their engine's defaults",
        ),
        SNAPSHOTS.grant(
            CREATE,
            "rds:RestoreDBClusterFromSnapshot",
            "the snapshot that a cluster is restored from may be anybody's in the account",
        ),
        CLUSTERS.grant(
            UPDATE,
            "rds:ModifyDBCluster",
            "backups, protection, how storage is billed",
        ),
        CLUSTERS.grant(
            UPDATE,
            "rds:FailoverDBCluster",
            "scenarios that fail the database over",
        ),
        CLUSTERS.grant(
            DELETE,
            "rds:AddTagsToResource rds:CreateDBClusterSnapshot rds:ModifyDBCluster",
            "a protected database leaves a final snapshot, which loadrig may not delete",
        ),
        CLUSTERS.grant(DELETE, "rds:DeleteDBCluster", TAKING_DOWN),
    ],
    ..KindInfo::COMMON
};

/// As with databases, automated backups go with their cluster and are not among them.
pub(super) const CLUSTERS: NamedResources = NamedResources {
    statement: "DatabaseClusters",
    on: "arn:{partition}:rds:{region}:{account}:cluster:lr-{environment}-db \
         arn:{partition}:rds:{region}:{account}:cluster-pg:lr-{environment}-db-cluster-parameters \
         arn:{partition}:rds:{region}:{account}:cluster-snapshot:{final_snapshot} \
         arn:{partition}:rds:{region}:{account}:db:lr-{environment}-db-reader-? \
         arn:{partition}:rds:{region}:{account}:db:lr-{environment}-db-reader-?? \
         arn:{partition}:rds:{region}:{account}:db:lr-{environment}-db-writer \
         arn:{partition}:rds:{region}:{account}:subgrp:lr-{environment}-db-subnets",
};

const SNAPSHOTS: NamedResources = NamedResources {
    statement: "RestoreClusters",
    on: "arn:{partition}:rds:{region}:{account}:cluster-snapshot:*",
};
