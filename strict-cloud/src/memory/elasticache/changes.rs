//! Changes of replication groups: one at a time.
//!
//! `IncreaseReplicaCount`, `DecreaseReplicaCount`: `NoOperationFault` when the count is as it is asked
//! for; a primary and five replicas at the most; one replica at the least while it fails over.

use crate::clock::Delay;
use crate::errors::AwsError;
use crate::refusals::elasticache::FAILOVER_ALONE;

use super::super::account::{AwsAccount, QueryResult};
use super::super::form::QueryForm;
use super::super::rare::RareEvent;
use super::super::schedule::ScheduledEvent;
use super::super::writer::xml;
use super::{add_interfaces, not_available, write};

/// Primary and replicas of a group without shards.
const MOST_NODES: u32 = 6;

/// What a group will be once its change is over.
#[derive(Debug, Clone, Default, Hash)]
pub(super) struct PendingCacheChange {
    node_type: Option<String>,
    nodes: Option<u32>,
    failover: Option<bool>,
}

pub(super) fn modify(account: &mut AwsAccount, form: &QueryForm<'_>) -> QueryResult {
    // Failover and zones are changed together here.
    form.accept(&["ApplyImmediately", "MultiAZEnabled"]);
    let id = form.required("ReplicationGroupId")?;
    let failover = form.flag("AutomaticFailoverEnabled");
    if failover == Some(true) && account.elasticache.group(id)?.nodes < 2 {
        return Err(AwsError::known(&FAILOVER_ALONE));
    }
    let pending = PendingCacheChange {
        node_type: form.get("CacheNodeType").map(str::to_owned),
        nodes: None,
        failover,
    };
    begin(account, id, pending)
}

pub(super) fn resize(account: &mut AwsAccount, action: &str, form: &QueryForm<'_>) -> QueryResult {
    form.accept(&["ApplyImmediately"]);
    let id = form.required("ReplicationGroupId")?;
    let group = account.elasticache.group(id)?;
    let nodes = form.number("NewReplicaCount").unwrap_or_default() + 1;
    let grows = action == "IncreaseReplicaCount";
    if group.status == "available" && nodes == group.nodes {
        return Err(AwsError::new(
            "NoOperationFault",
            "The operation was not performed because no changes were required.",
        ));
    }
    if nodes > MOST_NODES || grows != (nodes > group.nodes) {
        return Err(AwsError::new(
            "InvalidParameterValue",
            format!("Invalid number of replicas: {}", nodes - 1),
        ));
    }
    if group.failover && nodes < 2 {
        return Err(AwsError::new(
            "InvalidParameterCombination",
            "A replication group that fails over must have at least one replica.",
        ));
    }
    let pending = PendingCacheChange {
        nodes: Some(nodes),
        ..PendingCacheChange::default()
    };
    begin(account, id, pending)
}

fn begin(account: &mut AwsAccount, id: &str, pending: PendingCacheChange) -> QueryResult {
    if account.elasticache.group(id)?.status != "available" {
        return Err(not_available(id));
    }
    if let Some(group) = account.elasticache.groups.get_mut(id) {
        group.status = "modifying";
        group.pending = pending;
        let serial = group.serial.clone();
        account.after(Delay::CacheChange, ScheduledEvent::CacheReady(serial));
    }
    Ok(xml(|xml| {
        xml.node("ReplicationGroup", |xml| write(account, id, xml));
    }))
}

/// A group is there, or its change is over.
pub(super) fn ready(account: &mut AwsAccount, serial: &str) {
    let mut groups = account.elasticache.groups.iter();
    let Some((id, group)) = groups.find(|(_, one)| one.serial == serial) else {
        return;
    };
    let (id, status) = (id.clone(), group.status);
    if !matches!(status, "creating" | "modifying") {
        return;
    }
    let failure = match status {
        "creating" => account.take_rare(|event| match event {
            RareEvent::CacheFails(why) => Some(why.clone()),
            _ => None,
        }),
        _ => None,
    };
    let Some(group) = account.elasticache.groups.get_mut(&id) else {
        return;
    };
    if let Some(why) = failure {
        group.status = "create-failed";
        account.elasticache.failures.insert(id, why);
        return;
    }
    let pending = std::mem::take(&mut group.pending);
    let before = group.nodes;
    group.status = "available";
    group.node_type = pending
        .node_type
        .unwrap_or(std::mem::take(&mut group.node_type));
    group.nodes = pending.nodes.unwrap_or(group.nodes);
    group.failover = pending.failover.unwrap_or(group.failover);
    add_interfaces(account, &id, before);
}
