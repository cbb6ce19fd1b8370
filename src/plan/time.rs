//! How long a plan should take: its critical path at AWS's typical times.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use crate::blueprint::{Address, Blueprint, Kind, Stage, Step};

use super::{Action, Plan};

/// Typical seconds from the create call to usable, us-east-1.
///
/// From public Terraform logs and AWS acceptance tests, 2018 to 2026: RDS single-AZ 5 to
/// 17 min, replica 7 to 30, OpenSearch 10 to 65, ElastiCache 5 to 20, NAT gateway
/// 85 to 125 s, load balancer 130 to 190 s, instance 8 s to running and 25 s more until SSH answers.
#[must_use]
pub fn typical_seconds(kind: Kind) -> u64 {
    match kind {
        Kind::Database => 450,
        // The cluster alone; its instances take as long as any.
        Kind::DatabaseCluster => 45,
        Kind::Search => 1020,
        Kind::Cache => 480,
        Kind::NatGateway => 105,
        Kind::LoadBalancer => 150,
        Kind::Instance => 10,
        Kind::InstanceProfile => 8,
        _ => 2,
    }
}

/// The same for every step of the graph, host steps included.
#[must_use]
pub fn usual_seconds(step: &Step) -> u64 {
    match step {
        Step::Resource(desired) => typical_seconds(desired.kind()),
        Step::Host { stage, .. } => match stage {
            // 25 s until SSH answers, then packages.
            Stage::Prepare => 70,
            Stage::Configure => 15,
        },
    }
}

/// The expected time and the steps that make it up, first to last.
#[must_use]
pub fn expected(blueprint: &Blueprint, plan: &Plan) -> (Duration, Vec<Address>) {
    let kept: HashSet<&Address> = plan
        .changes
        .iter()
        .filter(|change| change.action == Action::Keep)
        .map(|change| &change.address)
        .collect();
    let mut ends: BTreeMap<&Address, (u64, Option<&Address>)> = BTreeMap::new();
    for node in &blueprint.nodes {
        let own = match (&node.step, kept.contains(&node.address)) {
            (Step::Resource(_), true) => 0,
            // On a host that stays, a bundle is checked in one round trip.
            (Step::Host { host, .. }, _) if kept.contains(&Address::instance(*host)) => 1,
            (step, _) => usual_seconds(step),
        };
        let latest = node
            .after
            .iter()
            .filter_map(|after| ends.get(after).map(|(end, _)| (*end, after)))
            .max();
        let start = latest.map_or(0, |(end, _)| end);
        ends.insert(&node.address, (start + own, latest.map(|(_, after)| after)));
    }
    let Some((last, (total, _))) = ends.iter().max_by_key(|(_, (end, _))| *end) else {
        return (Duration::ZERO, Vec::new());
    };
    let mut path = Vec::new();
    let mut at = Some(*last);
    while let Some(address) = at {
        path.push(address.clone());
        at = ends.get(address).and_then(|(_, before)| *before);
    }
    path.reverse();
    (Duration::from_secs(*total), path)
}
