//! How long a plan should take: its critical path at AWS's typical times.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use crate::blueprint::{Address, Blueprint, Step};

use super::{Action, Plan};

/// The expected time and the steps that it consists of, first to last.
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
            (step, _) => step.typical_seconds(),
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
