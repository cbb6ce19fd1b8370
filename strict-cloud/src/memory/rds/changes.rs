//! Databases that exist: changes in place and restarts.

use crate::clock::Delay;
use crate::errors::AwsError;

use super::super::account::{AwsAccount, QueryResult};
use super::super::form::QueryForm;
use super::super::schedule::ScheduledEvent;
use super::super::writer::xml;
use super::instances::{PendingChange, name_in, write};
use super::{groups_in, may_be_password};

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
    let pending = PendingChange {
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
    if database.status != "available" {
        return Err(not_available(&name));
    }
    if pending.gib.is_some_and(|gib| gib < database.gib) {
        return Err(AwsError::new(
            "InvalidParameterCombination",
            "Requested storage is smaller than the current storage.",
        ));
    }
    if let Some(group) = &parameters {
        let engine = (database.engine.as_str(), database.version.as_str());
        account
            .rds
            .parameter_group_for(&account.rds.parameters, group, engine)?;
    }
    let takes_time = pending != PendingChange::default();
    if let Some(database) = account.rds.databases.get_mut(&name) {
        database.protected = protected.unwrap_or(database.protected);
        database.public = public.unwrap_or(database.public);
        if let Some(group) = parameters.filter(|group| *group != database.parameters) {
            database.parameters = group;
            database.parameters_in_sync = false;
        }
        if !groups.is_empty() {
            database.groups.clone_from(&groups);
        }
        if takes_time {
            database.status = "modifying";
            database.pending = pending;
        }
    }
    if !groups.is_empty() {
        account.ec2.regroup(&database.serial, &groups);
    }
    if takes_time {
        account.after(
            Delay::DatabaseChange,
            ScheduledEvent::DatabaseReady(database.serial),
        );
    }
    Ok(xml(|xml| write(account, &name, xml)))
}

pub(super) fn reboot(account: &mut AwsAccount, form: &QueryForm<'_>) -> QueryResult {
    let name = name_in(form)?;
    if account.rds.database(&name)?.status != "available" {
        return Err(not_available(&name));
    }
    let database = account.rds.databases.get_mut(&name);
    let serial = database.map(|database| {
        database.status = "rebooting";
        database.serial.clone()
    });
    let serial = serial.unwrap_or_default();
    account.after(Delay::InstanceStart, ScheduledEvent::DatabaseReady(serial));
    Ok(xml(|xml| write(account, &name, xml)))
}

/// A database is there, or its change or restart is over.
pub(super) fn ready(account: &mut AwsAccount, serial: &str) {
    let Some((_, database)) = account.rds.database_of(serial) else {
        return;
    };
    let pending = std::mem::take(&mut database.pending);
    match database.status {
        "creating" => {}
        "rebooting" => database.parameters_in_sync = true,
        "modifying" => {
            // Another class starts the database anew.
            database.parameters_in_sync |= pending.class.is_some();
            database.class = pending.class.unwrap_or(std::mem::take(&mut database.class));
            database.gib = pending.gib.unwrap_or(database.gib);
            database.iops = pending.iops.or(database.iops);
            database.throughput = pending.throughput.or(database.throughput);
            database.multi_az = pending.multi_az.unwrap_or(database.multi_az);
            database.backup_days = pending.backup_days.unwrap_or(database.backup_days);
        }
        _ => return,
    }
    database.status = "available";
}
