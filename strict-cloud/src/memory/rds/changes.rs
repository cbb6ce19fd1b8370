//! Databases that exist: changes in place and restarts.

use std::time::Duration;

use crate::clock::Delay;
use crate::errors::AwsError;
use crate::refusals::rds::NO_REBOOT_NOW;

use super::super::account::{AwsAccount, QueryResult};
use super::super::form::QueryForm;
use super::super::rare::RareEvent;
use super::super::schedule::ScheduledEvent;
use super::super::writer::xml;
use super::events::EventRecord;
use super::failover::{check_standby, standby_zone};
use super::instances::{PendingChange, name_in, write};
use super::{groups_in, may_be_password, storage};

/// The state of a database that has no storage left.
const STORAGE_FULL: &str = "storage-full";

pub(super) fn not_available(name: &str) -> AwsError {
    AwsError::new(
        "InvalidDBInstanceState",
        format!("Database instance: {name} is not in available state."),
    )
}

pub(super) fn modify(account: &mut AwsAccount, form: &QueryForm<'_>) -> QueryResult {
    let name = name_in(form)?;
    form.accept(&["ApplyImmediately"]);
    let database = account.rds.database(&name)?.clone();
    if let Some(password) = form.get("MasterUserPassword") {
        may_be_password(password)?;
    }
    let groups = groups_in(account, form)?;
    let parameters = form.get("DBParameterGroupName").map(str::to_lowercase);
    let mut pending = PendingChange {
        class: form.get("DBInstanceClass").map(str::to_owned),
        gib: form.number("AllocatedStorage"),
        iops: form.number("Iops"),
        throughput: form.number("StorageThroughput"),
        multi_az: form.flag("MultiAZ"),
        backup_days: form.number("BackupRetentionPeriod"),
        password: form.get("MasterUserPassword").is_some(),
    };
    let (protected, public) = (
        form.flag("DeletionProtection"),
        form.flag("PubliclyAccessible"),
    );
    let refused = |message: &str| Err(AwsError::new("InvalidParameterCombination", message));
    let names_nothing = pending == PendingChange::default()
        && groups.is_empty()
        && parameters.is_none()
        && protected.is_none()
        && public.is_none();
    if names_nothing {
        return refused("No modifications were requested");
    }
    // A full database takes more storage, and nothing else (Amazon RDS User Guide, "Amazon RDS DB
    // instance running out of storage").
    let fills = database.status == STORAGE_FULL && pending.gib.is_some();
    if !database.is_usable() && !fills {
        return Err(not_available(&name));
    }
    if database.source.is_some() && pending.backup_days.is_some() {
        return refused("DB Backups not supported on a read replica for engine postgres");
    }
    let young = account.is_within(database.created, Duration::from_hours(6));
    storage::check_change(&database, young, &mut pending)?;
    if let Some(group) = &parameters {
        let engine = (database.engine.as_str(), database.version.as_str());
        account
            .rds
            .parameter_group_for(&account.rds.parameters, group, engine)?;
    }
    let takes_time = pending != PendingChange::default();
    let serial = || database.serial.clone();
    let mut applies = false;
    let mut lifts = false;
    if let Some(database) = account.rds.databases.get_mut(&name) {
        lifts = database.protected && protected == Some(false);
        database.protection_lags |= lifts;
        database.protected = protected.unwrap_or(database.protected);
        database.public = public.unwrap_or(database.public);
        if let Some(group) = parameters.filter(|group| *group != database.parameters) {
            database.parameters = group;
            database.parameters_state = "applying";
            applies = true;
        }
        if !groups.is_empty() {
            database.groups.clone_from(&groups);
        }
        if takes_time {
            database.coming = Some("modifying");
            database.pending = pending;
        }
    }
    if !groups.is_empty() {
        account.ec2.regroup(&database.serial, &groups);
    }
    if lifts {
        account.after(
            Delay::ProtectionLag,
            ScheduledEvent::ProtectionLifted(serial()),
        );
    }
    if applies {
        account.after(
            Delay::ParametersApply,
            ScheduledEvent::ParametersApplied(serial()),
        );
    }
    if takes_time {
        changes_later(account, Delay::DatabaseChange, serial());
    }
    Ok(xml(|xml| write(account, &name, xml)))
}

/// A database begins to change soon, and is ready again after a time.
fn changes_later(account: &mut AwsAccount, time: Delay, serial: String) {
    let changing = ScheduledEvent::DatabaseChanging(serial.clone());
    account.after(Delay::DatabaseLag, changing);
    let ready = ScheduledEvent::DatabaseReady(serial);
    account.later(&[Delay::DatabaseLag, time], ready);
}

pub(super) fn reboot(account: &mut AwsAccount, form: &QueryForm<'_>) -> QueryResult {
    let name = name_in(form)?;
    let database = account.rds.database(&name)?;
    if !database.is_usable() {
        return Err(AwsError::known(&NO_REBOOT_NOW));
    }
    let fails_over = form.flag("ForceFailover") == Some(true);
    if fails_over {
        check_standby(database)?;
    }
    let serial = database.serial.clone();
    if let Some(database) = account.rds.databases.get_mut(&name) {
        database.coming = Some("rebooting");
        database.fails_over = fails_over;
    }
    let time = match fails_over {
        true => Delay::StandbyFailover,
        false => Delay::InstanceStart,
    };
    changes_later(account, time, serial);
    Ok(xml(|xml| write(account, &name, xml)))
}

/// What was accepted shows in the state.
pub(super) fn shows(account: &mut AwsAccount, serial: &str) {
    if let Some((_, database)) = account.rds.database_of(serial)
        && let Some(coming) = database.coming.take()
        && database.status != "deleting"
    {
        database.status = coming;
    }
}

/// Another parameter group is there. What a running server does not take over waits.
pub(super) fn parameters_applied(account: &mut AwsAccount, serial: &str) {
    if let Some((_, database)) = account.rds.database_of(serial)
        && database.parameters_state == "applying"
    {
        database.parameters_state = "pending-reboot";
    }
}

pub(super) fn optimized(account: &mut AwsAccount, serial: &str) {
    if let Some((_, database)) = account.rds.database_of(serial) {
        database.optimizing = false;
        if database.status == "storage-optimization" {
            database.status = "available";
        }
    }
}

/// RDS moves a database to a newer minor version, which restarts it.
pub(super) fn upgrade(account: &mut AwsAccount, serial: &str) {
    let Some((_, database)) = account.rds.database_of(serial) else {
        return;
    };
    match database.status {
        "available" | "storage-optimization" if database.coming.is_none() => {
            database.status = "upgrading";
            let over = ScheduledEvent::DatabaseReady(serial.to_owned());
            account.after(Delay::DatabaseChange, over);
        }
        "deleting" => {}
        _ => {
            let later = ScheduledEvent::DatabaseUpgrades(serial.to_owned());
            account.after(Delay::ParametersApply, later);
        }
    }
}

/// `15.8` becomes `15.9`.
fn next_minor(version: &str) -> String {
    match version.rsplit_once('.') {
        Some((major, minor)) => match minor.parse::<u32>() {
            Ok(minor) => format!("{major}.{}", minor + 1),
            Err(_) => version.to_owned(),
        },
        None => format!("{version}.1"),
    }
}

/// Whether something rare happens to a new database: it fails, or will change by itself.
fn fails(account: &mut AwsAccount, serial: &str) -> bool {
    let Some((name, database)) = account.rds.database_of(serial) else {
        return false;
    };
    let (name, is_replica) = (name.clone(), database.source.is_some());
    let is_alone = database.cluster.is_none() && !is_replica;
    let moves = |event: &RareEvent| (*event == RareEvent::MinorVersionMoves).then_some(());
    if is_alone && account.take_rare(moves).is_some() {
        let upgrade = ScheduledEvent::DatabaseUpgrades(serial.to_owned());
        account.after(Delay::DatabaseSnapshot, upgrade);
    }
    let failure = |event: &RareEvent| match event {
        RareEvent::ReplicaFails(why) if is_replica => Some(why.clone()),
        _ => None,
    };
    let Some(message) = account.take_rare(failure) else {
        return false;
    };
    if let Some((_, database)) = account.rds.database_of(serial) {
        database.status = "failed";
    }
    account.rds.events.push(EventRecord {
        database: name,
        category: "failure",
        message,
    });
    true
}

/// A database is there, or its change or restart is over.
pub(super) fn ready(account: &mut AwsAccount, serial: &str) {
    let exhausted = account.rds.exhausted.clone();
    let Some((_, database)) = account.rds.database_of(serial) else {
        return;
    };
    if database.status == "creating" && fails(account, serial) {
        return;
    }
    let standby = account
        .rds
        .databases
        .values()
        .find(|one| one.serial == serial);
    let standby = standby.and_then(|one| standby_zone(&account.rds, one));
    let standby = standby.map(str::to_owned);
    let full_storage = account.profile.traits().full_storage;
    let Some((name, database)) = account.rds.database_of(serial) else {
        return;
    };
    let is_alone = database.cluster.is_none() && database.source.is_none();
    if database.status == "creating" && full_storage && is_alone {
        database.status = STORAGE_FULL;
        let event = EventRecord {
            database: name.clone(),
            category: "low storage",
            message:
                "Allocated storage has been exhausted. Allocate additional storage to resolve."
                    .to_owned(),
        };
        account.rds.events.push(event);
        return;
    }
    let mut pending = std::mem::take(&mut database.pending);
    let mut event = None;
    let mut resized = false;
    match database.status {
        "creating" => {}
        "upgrading" => database.version = next_minor(&database.version),
        "rebooting" => {
            database.parameters_state = "in-sync";
            if std::mem::take(&mut database.fails_over)
                && let Some(zone) = standby
            {
                database.zone = zone;
            }
        }
        "modifying" => {
            // It goes on as it was, and says why in an event alone.
            if let Some(class) = pending.class.take_if(|class| exhausted.contains(class)) {
                event = Some(EventRecord {
                    database: name.clone(),
                    category: "failure",
                    message: format!(
                        "Unable to modify the DB instance class to {class} because there is \
                         insufficient instance capacity."
                    ),
                });
            }
            // Another class starts the database anew.
            if pending.class.is_some() {
                database.parameters_state = "in-sync";
            }
            resized = pending.gib.is_some_and(|gib| gib > database.gib)
                || pending.iops.is_some_and(|iops| Some(iops) != database.iops);
            database.class = pending.class.unwrap_or(std::mem::take(&mut database.class));
            let held = database.gib;
            database.gib = pending.gib.unwrap_or(held);
            // What was built in below the line is not what is built in beyond it.
            if storage::included(held) != storage::included(database.gib) {
                let (iops, throughput) = storage::included(database.gib);
                (database.iops, database.throughput) = (Some(iops), Some(throughput));
            }
            database.iops = pending.iops.or(database.iops);
            database.throughput = pending.throughput.or(database.throughput);
            database.multi_az = pending.multi_az.unwrap_or(database.multi_az);
            database.backup_days = pending.backup_days.unwrap_or(database.backup_days);
        }
        _ => return,
    }
    database.status = "available";
    if resized {
        database.status = "storage-optimization";
        database.optimizing = true;
        let optimized = ScheduledEvent::StorageOptimized(serial.to_owned());
        account.after(Delay::StorageOptimization, optimized);
    }
    account.rds.events.extend(event);
}
