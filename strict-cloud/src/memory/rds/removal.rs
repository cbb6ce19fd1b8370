//! How databases and clusters go, with what they leave: final snapshots and backups.
//!
//! `DeleteDBInstance`, `SkipFinalSnapshot` and `FinalDBSnapshotIdentifier`.

use crate::clock::Delay;
use crate::errors::AwsError;
use crate::refusals::rds::{PROTECTED_CLUSTER, PROTECTED_INSTANCE, REPLICA_FINAL_SNAPSHOT};

use super::super::account::{AwsAccount, QueryResult, missing};
use super::super::form::QueryForm;
use super::super::schedule::ScheduledEvent;
use super::super::writer::xml;
use super::events::EventRecord;
use super::snapshots::SnapshotRecord;
use super::{clusters, instances};

/// In these states a database can only be deleted without one.
const STATES_WITHOUT_SNAPSHOT: &[&str] =
    &["failed", "incompatible-restore", "incompatible-network"];

/// The final snapshot that a deletion asks for. It has to say what becomes of the data.
fn final_snapshot<'a>(form: &QueryForm<'a>) -> Result<Option<&'a str>, AwsError> {
    let skips = form.flag("SkipFinalSnapshot") == Some(true);
    let refused = |message: &str| Err(AwsError::new("InvalidParameterCombination", message));
    match (form.get("FinalDBSnapshotIdentifier"), skips) {
        (None, false) => {
            refused("FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified.")
        }
        (Some(_), true) => refused(
            "FinalDBSnapshotIdentifier cannot be specified when SkipFinalSnapshot is specified.",
        ),
        (name, _) => Ok(name),
    }
}

pub(super) fn delete(account: &mut AwsAccount, form: &QueryForm<'_>) -> QueryResult {
    let name = instances::name_in(form)?;
    let keeps_backups = form.flag("DeleteAutomatedBackups") == Some(false);
    let last = final_snapshot(form);
    let database = account.rds.database(&name)?.clone();
    if database.status == "deleting" {
        return Err(AwsError::new(
            "InvalidDBInstanceState",
            format!("Instance {name} is already being deleted."),
        ));
    }
    // The data of a member is the cluster's.
    let last = if database.cluster.is_some() {
        None
    } else {
        last?
    };
    if last.is_some() && database.source.is_some() {
        return Err(AwsError::known(&REPLICA_FINAL_SNAPSHOT));
    }
    if database.protected || database.protection_lags {
        return Err(AwsError::known(&PROTECTED_INSTANCE));
    }
    if last.is_some() && STATES_WITHOUT_SNAPSHOT.contains(&database.status) {
        return Err(AwsError::new(
            "InvalidDBInstanceState",
            format!(
                "Cannot create a snapshot because the database instance {name} is not currently in the available state."
            ),
        ));
    }
    promote_replicas(account, &name);
    if let Some(id) = last {
        if account.rds.snapshots.contains_key(id) {
            return Err(taken("DBSnapshotAlreadyExists", id));
        }
        let snapshot = SnapshotRecord::of_database(account, &name, &database);
        arrange(account, &snapshot);
        account.rds.snapshots.insert(id.to_owned(), snapshot);
    }
    if keeps_backups && database.backup_days > 0 {
        let serial = database.serial.clone();
        account.rds.retained_backups.insert(serial, name.clone());
    }
    if let Some(database) = account.rds.databases.get_mut(&name) {
        database.status = "deleting";
    }
    account.interfaces_leave(
        &database.serial,
        Some(Delay::DatabaseEnd),
        Delay::Interfaces,
    );
    account.after(
        Delay::DatabaseEnd,
        ScheduledEvent::DatabaseEnded(database.serial),
    );
    Ok(xml(|xml| instances::write(account, &name, xml)))
}

/// Replicas that stay when their source goes are databases of their own from then on.
fn promote_replicas(account: &mut AwsAccount, source: &str) {
    for (name, replica) in &mut account.rds.databases {
        let stays = replica.status != "deleting";
        if stays && replica.source.as_deref() == Some(source) {
            replica.source = None;
            account.rds.events.push(EventRecord {
                database: name.clone(),
                category: "notification",
                message: "Promoted read replica to a stand-alone database instance.".to_owned(),
            });
        }
    }
}

/// Deletions find a protection lifted.
pub(super) fn protection_lifted(account: &mut AwsAccount, serial: &str) {
    if let Some((_, database)) = account.rds.database_of(serial) {
        database.protection_lags = false;
    }
    let clusters = account.rds.clusters.values_mut();
    for cluster in clusters.filter(|one| one.serial == serial) {
        cluster.protection_lags = false;
    }
}

fn taken(code: &str, id: &str) -> AwsError {
    AwsError::new(
        code,
        format!(
            "Cannot create the snapshot because a snapshot with the identifier {id} already exists."
        ),
    )
}

fn arrange(account: &mut AwsAccount, snapshot: &SnapshotRecord) {
    let ready = ScheduledEvent::DatabaseSnapshotReady(snapshot.serial.clone());
    account.after(Delay::DatabaseSnapshot, ready);
}

pub(super) fn ended(account: &mut AwsAccount, serial: &str) {
    account.rds.databases.retain(|_, one| one.serial != serial);
}

pub(super) fn delete_cluster(account: &mut AwsAccount, form: &QueryForm<'_>) -> QueryResult {
    let name = clusters::name_in(form)?;
    let keeps_backups = form.flag("DeleteAutomatedBackups") == Some(false);
    let last = final_snapshot(form);
    let cluster = account.rds.cluster(&name)?.clone();
    if cluster.status == "deleting" {
        return Err(AwsError::new(
            "InvalidDBClusterStateFault",
            format!("The DB cluster {name} is already being deleted."),
        ));
    }
    let mut databases = account.rds.databases.values();
    // A member that is being deleted does not hold its cluster.
    if databases.any(|one| one.cluster.as_ref() == Some(&name) && one.status != "deleting") {
        return Err(AwsError::new(
            "InvalidDBClusterStateFault",
            "Cluster cannot be deleted, it still contains DB instances in non-deleting state.",
        ));
    }
    let last = last?;
    if cluster.protected || cluster.protection_lags {
        return Err(AwsError::known(&PROTECTED_CLUSTER));
    }
    if let Some(id) = last {
        if account.rds.cluster_snapshots.contains_key(id) {
            return Err(taken("DBClusterSnapshotAlreadyExistsFault", id));
        }
        let snapshot = SnapshotRecord::of_cluster(account, &name, &cluster);
        arrange(account, &snapshot);
        account
            .rds
            .cluster_snapshots
            .insert(id.to_owned(), snapshot);
    }
    if keeps_backups {
        let backups = &mut account.rds.retained_cluster_backups;
        backups.insert(cluster.serial.clone(), name.clone());
    }
    if let Some(cluster) = account.rds.clusters.get_mut(&name) {
        cluster.status = "deleting";
    }
    // Its members go first.
    let times = [Delay::DatabaseEnd, Delay::ClusterEnd];
    account.later(&times, ScheduledEvent::ClusterEnded(cluster.serial));
    Ok(xml(|xml| clusters::write(account, &name, xml)))
}

pub(super) fn cluster_ended(account: &mut AwsAccount, serial: &str) {
    account.rds.clusters.retain(|_, one| one.serial != serial);
}

/// Backups of databases that exist, and those that are kept of others.
///
/// DescribeDBInstanceAutomatedBackups: "Displays backups for both current and deleted instances."
/// (<https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DescribeDBInstanceAutomatedBackups.html>).
pub(super) fn describe_backups(account: &AwsAccount) -> QueryResult {
    let rds = &account.rds;
    let live = rds.databases.iter();
    let live = live.filter(|(_, one)| one.backup_days > 0 && one.cluster.is_none());
    let live = live.map(|(name, one)| (&one.serial, name, "active"));
    let kept = rds.retained_backups.iter();
    let kept = kept.map(|(serial, name)| (serial, name, "retained"));
    let (list, item) = ("DBInstanceAutomatedBackups", "DBInstanceAutomatedBackup");
    Ok(xml(|xml| {
        xml.list(
            list,
            item,
            live.chain(kept),
            |xml, (serial, name, status)| {
                xml.text("DBInstanceIdentifier", name);
                xml.text("DbiResourceId", serial);
                xml.text("Status", status);
            },
        );
    }))
}

/// The same of clusters.
///
/// DescribeDBClusterAutomatedBackups: "Displays backups for both current and deleted DB clusters."
/// (<https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DescribeDBClusterAutomatedBackups.html>).
pub(super) fn describe_cluster_backups(account: &AwsAccount) -> QueryResult {
    let rds = &account.rds;
    let live = rds.clusters.iter();
    let live = live.map(|(name, one)| (&one.serial, name, "active"));
    let kept = rds.retained_cluster_backups.iter();
    let kept = kept.map(|(serial, name)| (serial, name, "retained"));
    let (list, item) = ("DBClusterAutomatedBackups", "DBClusterAutomatedBackup");
    Ok(xml(|xml| {
        xml.list(
            list,
            item,
            live.chain(kept),
            |xml, (serial, name, status)| {
                xml.text("DBClusterIdentifier", name);
                xml.text("DbClusterResourceId", serial);
                xml.text("Status", status);
            },
        );
    }))
}

pub(super) fn delete_backup(account: &mut AwsAccount, form: &QueryForm<'_>) -> QueryResult {
    let serial = form.required("DbiResourceId")?;
    match account.rds.retained_backups.remove(serial) {
        Some(_) => Ok(String::new()),
        None => Err(missing(
            "DBInstanceAutomatedBackupNotFound",
            format!("No automated backup of {serial}"),
        )),
    }
}
