//! Failovers: of a cluster to one of its readers, and of an instance to its standby.
//!
//! FailoverDBCluster and RebootDBInstance in the Amazon RDS API Reference; how long they take: "High
//! availability for Amazon Aurora", "Multi-AZ DB instance deployments".

use crate::clock::Delay;
use crate::errors::AwsError;
use crate::promotion::{ClusterMember, promoted};
use crate::refusals::rds::STANDBY_MISSING;

use super::super::account::{AwsAccount, QueryResult};
use super::super::form::QueryForm;
use super::super::schedule::ScheduledEvent;
use super::super::writer::xml;
use super::Rds;
use super::clusters::{name_in, not_available, write};
use super::instances::DatabaseRecord;

impl Rds {
    /// The instances of a cluster, in the order in which they were created. The one that was promoted
    /// last writes, or else the first.
    pub(super) fn members(&self, cluster: &str) -> Vec<ClusterMember> {
        let databases = self.databases.iter();
        let mut members: Vec<_> = databases
            .filter(|(_, member)| member.cluster.as_deref() == Some(cluster))
            .collect();
        members.sort_by_key(|(_, member)| &member.serial);
        let promoted = self.clusters.get(cluster);
        let promoted = promoted.and_then(|cluster| cluster.writer.as_deref());
        let writer = members
            .iter()
            .position(|(_, member)| Some(member.serial.as_str()) == promoted)
            .unwrap_or_default();
        let members = members.into_iter().enumerate();
        members
            .map(|(nth, (id, member))| ClusterMember {
                id: id.clone(),
                writes: nth == writer,
                usable: member.is_usable(),
                tier: member.promotion_tier,
                class: member.class.clone(),
            })
            .collect()
    }
}

pub(super) fn fail_over(account: &mut AwsAccount, form: &QueryForm<'_>) -> QueryResult {
    let name = name_in(form)?;
    let cluster = account.rds.cluster(&name)?;
    if cluster.status != "available" || cluster.promotes.is_some() {
        return Err(not_available(&name));
    }
    let serial = cluster.serial.clone();
    let target = form.get("TargetDBInstanceIdentifier");
    let target = target.map(str::to_lowercase);
    let members = account.rds.members(&name);
    let target = &promoted(&members, target.as_deref())?.id;
    let target = account.rds.database(target)?.serial.clone();
    if let Some(cluster) = account.rds.clusters.get_mut(&name) {
        cluster.promotes = Some(target);
    }
    let shows = ScheduledEvent::ClusterFailingOver(serial.clone());
    account.after(Delay::FailoverLag, shows);
    let over = ScheduledEvent::ClusterFailedOver(serial);
    account.later(&[Delay::FailoverLag, Delay::ClusterFailover], over);
    Ok(xml(|xml| write(account, &name, xml)))
}

/// A failover that was accepted shows in the cluster's state.
pub(super) fn shows(account: &mut AwsAccount, serial: &str) {
    let mut clusters = account.rds.clusters.values_mut();
    if let Some(cluster) = clusters.find(|one| one.serial == serial)
        && cluster.status == "available"
    {
        cluster.status = "failing-over";
    }
}

/// The reader writes, and the writer reads.
pub(super) fn over(account: &mut AwsAccount, serial: &str) {
    let mut clusters = account.rds.clusters.values_mut();
    if let Some(cluster) = clusters.find(|one| one.serial == serial)
        && let Some(promoted) = cluster.promotes.take()
    {
        cluster.writer = Some(promoted);
        if cluster.status == "failing-over" {
            cluster.status = "available";
        }
    }
}

/// Refuses to fail over an instance that has no standby. RebootDBInstance, `ForceFailover`: "You can't
/// enable force failover if the instance isn't configured for Multi-AZ."
pub(super) fn check_standby(database: &DatabaseRecord) -> Result<(), AwsError> {
    match database.multi_az {
        true => Ok(()),
        false => Err(AwsError::known(&STANDBY_MISSING)),
    }
}

/// The zone in which an instance has its standby: the first other one of its group.
pub(super) fn standby_zone<'a>(rds: &'a Rds, database: &DatabaseRecord) -> Option<&'a str> {
    if !database.multi_az {
        return None;
    }
    let group = rds.subnets.get(&database.subnets)?;
    let mut zones = group.subnets.iter().map(|(_, zone)| zone.as_str());
    zones.find(|zone| *zone != database.zone)
}
