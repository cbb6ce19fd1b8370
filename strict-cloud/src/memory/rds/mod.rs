//! RDS and Aurora: databases, clusters, their groups and their snapshots.
//!
//! Codes and messages: the errors of each action in the Amazon RDS API Reference. States:
//! "Viewing Amazon RDS DB instance status".

mod changes;
mod clusters;
mod events;
mod failover;
mod groups;
mod instances;
mod parameters;
mod removal;
mod snapshots;
mod storage;
mod tags;

use std::collections::{BTreeMap, BTreeSet};

use crate::errors::AwsError;

use super::account::{AccountResource, AwsAccount, QueryResult, TagMap};
use super::form::QueryForm;
use super::schedule::ScheduledEvent;
use super::writer::{XmlWriter, xml};

use clusters::ClusterRecord;
use events::EventRecord;
use groups::{ParameterGroupRecord, SubnetGroupRecord};
use instances::DatabaseRecord;
use snapshots::SnapshotRecord;

/// All of RDS, by name. Names are in lower case.
#[derive(Debug, Clone, Default, Hash)]
pub(super) struct Rds {
    databases: BTreeMap<String, DatabaseRecord>,
    clusters: BTreeMap<String, ClusterRecord>,
    subnets: BTreeMap<String, SubnetGroupRecord>,
    parameters: BTreeMap<String, ParameterGroupRecord>,
    cluster_parameters: BTreeMap<String, ParameterGroupRecord>,
    snapshots: BTreeMap<String, SnapshotRecord>,
    cluster_snapshots: BTreeMap<String, SnapshotRecord>,
    /// Automated backups that outlive their database.
    retained_backups: BTreeMap<String, String>,
    /// Automated backups that outlive their cluster.
    retained_cluster_backups: BTreeMap<String, String>,
    events: Vec<EventRecord>,
    /// Classes of which there is no capacity.
    exhausted: BTreeSet<String>,
    /// Classes and zones without capacity for new databases.
    exhausted_zones: BTreeSet<(String, String)>,
}

/// Answers a call.
pub(super) fn answer(account: &mut AwsAccount, action: &str, form: &QueryForm<'_>) -> QueryResult {
    // Everything comes in one page.
    form.accept(&["MaxRecords"]);
    match action {
        "CreateDBInstance" => instances::create(account, form),
        "CreateDBInstanceReadReplica" => instances::create_replica(account, form),
        "RestoreDBInstanceFromDBSnapshot" => instances::restore(account, form),
        "DescribeDBInstances" => instances::describe(account, form),
        "ModifyDBInstance" => changes::modify(account, form),
        "RebootDBInstance" => changes::reboot(account, form),
        "DeleteDBInstance" => removal::delete(account, form),
        "DescribeDBClusterAutomatedBackups" => removal::describe_cluster_backups(account),
        "DescribeEvents" => events::describe(account, form),
        "DescribeDBInstanceAutomatedBackups" => removal::describe_backups(account),
        "DeleteDBInstanceAutomatedBackup" => removal::delete_backup(account, form),
        "CreateDBCluster" => clusters::create(account, form),
        "RestoreDBClusterFromSnapshot" => clusters::restore(account, form),
        "DescribeDBClusters" => clusters::describe(account, form),
        "ModifyDBCluster" => clusters::modify(account, form),
        "FailoverDBCluster" => failover::fail_over(account, form),
        "DeleteDBCluster" => removal::delete_cluster(account, form),
        "CreateDBSubnetGroup" => groups::create_subnets(account, form),
        "DescribeDBSubnetGroups" => groups::describe_subnets(account, form),
        "DeleteDBSubnetGroup" => groups::delete_subnets(account, form),
        "DescribeDBSnapshots" => snapshots::describe(account, form),
        "DescribeDBClusterSnapshots" => snapshots::describe_of_clusters(account, form),
        "ListTagsForResource" => tags::list(account, form),
        "AddTagsToResource" => tags::add(account, form),
        "DescribeOrderableDBInstanceOptions" => orderable(form),
        "DescribeAccountAttributes" => Ok(quotas(&account.rds)),
        _ => parameters::answer(account, action, form),
    }
}

/// Lets an event of RDS happen.
pub(super) fn happen(account: &mut AwsAccount, event: &ScheduledEvent) {
    match event {
        ScheduledEvent::DatabaseReady(serial) => changes::ready(account, serial),
        ScheduledEvent::DatabaseUpgrades(serial) => changes::upgrade(account, serial),
        ScheduledEvent::DatabaseChanging(serial) => changes::shows(account, serial),
        ScheduledEvent::ParametersApplied(serial) => changes::parameters_applied(account, serial),
        ScheduledEvent::StorageOptimized(serial) => changes::optimized(account, serial),
        ScheduledEvent::ProtectionLifted(serial) => removal::protection_lifted(account, serial),
        ScheduledEvent::DatabaseEnded(serial) => removal::ended(account, serial),
        ScheduledEvent::ClusterReady(serial) => clusters::ready(account, serial),
        ScheduledEvent::ClusterFailingOver(serial) => failover::shows(account, serial),
        ScheduledEvent::ClusterFailedOver(serial) => failover::over(account, serial),
        ScheduledEvent::ClusterEnded(serial) => removal::cluster_ended(account, serial),
        ScheduledEvent::DatabaseSnapshotReady(id) => {
            let all = account.rds.snapshots.values_mut();
            let all = all.chain(account.rds.cluster_snapshots.values_mut());
            for snapshot in all.filter(|one| one.serial == *id) {
                snapshot.status = "available";
            }
        }
        _ => {}
    }
}

impl Rds {
    pub(super) fn resources(&self) -> Vec<AccountResource> {
        let mut list = Vec::new();
        let mut add = |kind, id: &str, tags: &TagMap, leaving| {
            list.push(AccountResource {
                kind,
                id: id.to_owned(),
                tags: tags.clone(),
                leaving,
            });
        };
        for (id, one) in &self.databases {
            add("database", id, &one.tags, one.status == "deleting");
        }
        for (id, one) in &self.clusters {
            add("database cluster", id, &one.tags, one.status == "deleting");
        }
        for (id, one) in &self.subnets {
            add("database subnets", id, &one.tags, false);
        }
        for (id, one) in &self.parameters {
            add("database parameters", id, &one.tags, false);
        }
        for (id, one) in &self.cluster_parameters {
            add("database cluster parameters", id, &one.tags, false);
        }
        for (id, one) in &self.snapshots {
            add("database snapshot", id, &one.tags, false);
        }
        for (id, one) in &self.cluster_snapshots {
            add("database cluster snapshot", id, &one.tags, false);
        }
        let clusters = self.retained_cluster_backups.values();
        for id in self.retained_backups.values().chain(clusters) {
            add("database backup", id, &TagMap::new(), false);
        }
        list
    }
}

fn write_tags(xml: &mut XmlWriter, tags: &TagMap) {
    xml.tags("TagList", "Tag", tags);
}

/// The groups in a call; one that does not exist is refused.
fn groups_in(account: &AwsAccount, form: &QueryForm<'_>) -> Result<Vec<String>, AwsError> {
    let groups = form.list("VpcSecurityGroupIds.VpcSecurityGroupId");
    for group in &groups {
        if account.ec2.vpc_of_group(group).is_none() {
            return Err(AwsError::new(
                "InvalidParameterValue",
                format!("Invalid security group , groupId= {group}, groupName=."),
            ));
        }
    }
    Ok(groups.into_iter().map(str::to_owned).collect())
}

fn write_groups(xml: &mut XmlWriter, groups: &[String]) {
    let item = "VpcSecurityGroupMembership";
    xml.list("VpcSecurityGroups", item, groups, |xml, group| {
        xml.text("VpcSecurityGroupId", group);
        xml.text("Status", "active");
    });
}

/// "Can include any printable ASCII character except `/`, `"` or `@`", no space, and from eight
/// characters on.
fn may_be_password(password: &str) -> Result<(), AwsError> {
    let refused = |why: &str| {
        let message = format!("The parameter MasterUserPassword is not a valid password{why}");
        Err(AwsError::new("InvalidParameterValue", message))
    };
    if password.len() < 8 {
        return refused(" because it is shorter than 8 characters.");
    }
    let forbidden = |sign: char| !sign.is_ascii_graphic() || ['/', '"', '@'].contains(&sign);
    if password.chars().any(forbidden) {
        return refused(
            ". Only printable ASCII characters besides '/', '@', '\"', ' ' may be used.",
        );
    }
    Ok(())
}

/// A major version stands for a minor one that AWS chooses.
fn whole_version(version: &str) -> String {
    match version.contains('.') {
        true => version.to_owned(),
        false => format!("{version}.8"),
    }
}

/// The family of parameter groups of an engine and version.
fn family(engine: &str, version: &str) -> String {
    let major = version.split('.').next().unwrap_or(version);
    format!("{engine}{major}")
}

fn orderable(form: &QueryForm<'_>) -> QueryResult {
    let (engine, class) = (form.required("Engine")?, form.get("DBInstanceClass"));
    let asked = form.get("EngineVersion");
    let versions = (13..=17).map(|major| format!("{major}.8"));
    let versions = versions.filter(|version| asked.is_none_or(|asked| asked == version));
    Ok(xml(|xml| {
        let (list, item) = ("OrderableDBInstanceOptions", "OrderableDBInstanceOption");
        xml.list(list, item, versions, |xml, version| {
            xml.text("Engine", engine);
            xml.text("EngineVersion", version);
            xml.maybe("DBInstanceClass", class);
        });
    }))
}

/// DescribeAccountAttributes: "The description for a quota includes the quota name, current usage
/// toward that quota, and the quota's maximum value."
/// (<https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DescribeAccountAttributes.html>).
fn quotas(rds: &Rds) -> String {
    let gib: u32 = rds.databases.values().map(|one| one.gib).sum();
    let used = u32::try_from(rds.databases.len()).unwrap_or(u32::MAX);
    let quotas = [
        ("DBInstances", used, 40),
        ("AllocatedStorage", gib, 100_000),
    ];
    xml(|xml| {
        xml.list(
            "AccountQuotas",
            "AccountQuota",
            quotas,
            |xml, (name, used, most)| {
                xml.text("AccountQuotaName", name);
                xml.value("Used", used);
                xml.value("Max", most);
            },
        );
    })
}
