//! Networks that belong to somebody else, and environments that stay where they stand.

use crate::blueprint::{Address, Blueprint, Desired, Kind, Step};

use super::diff::{Action, Change, Difference, compare};
use super::snapshot::{Observed, Snapshot};

/// What is not ours is used as it is, or not at all.
pub(super) fn adopted(
    address: &Address,
    desired: &Desired,
    id: &str,
    holders: &[&Observed],
) -> Change {
    let found = holders.iter().copied().find(|r| r.kind == Kind::Adopted);
    let own = holders
        .iter()
        .find(|r| r.kind != Kind::Adopted && !r.state.is_leaving());
    if let (Some(found), None) = (found, own) {
        return compare(address, desired, found, Vec::new());
    }
    Change {
        address: address.clone(),
        kind: Kind::Adopted,
        action: Action::Refuse,
        reason: match own {
            Some(own) => format!(
                "the environment stands in {} of its own; take it down first",
                own.id
            ),
            None => format!("{id} does not exist in this account and region"),
        },
        differences: Vec::new(),
        existing: found.cloned(),
        predecessors: Vec::new(),
    }
}

/// Security groups stay in their VPC for life, and everything else hangs on them.
pub(super) fn stay(blueprint: &Blueprint, snapshot: &Snapshot, changes: &mut [Change]) {
    let vpc = Address::vpc();
    let Some(change) = changes.iter_mut().find(|c| c.address == vpc) else {
        return;
    };
    let wanted = match blueprint.node(&vpc).map(|node| &node.step) {
        Some(Step::Resource(Desired::Adopted { id, .. })) => Some(id.as_str()),
        _ => change.existing.as_ref().map(|vpc| vpc.id.as_str()),
    };
    let stands = snapshot
        .resources
        .iter()
        .filter(|r| r.kind == Kind::SecurityGroup && !r.state.is_leaving())
        .find_map(|r| r.get("vpc").filter(|id| Some(*id) != wanted));
    let ours = change.kind == Kind::Vpc && change.existing.is_some();
    if let (Some(id), false) = (stands, ours || change.action == Action::Refuse) {
        change.action = Action::Refuse;
        change.reason = format!("the environment stands in {id}; take it down first");
    }
}

/// Why something of somebody else's cannot be used.
pub(super) fn misfit(difference: &Difference) -> String {
    match difference.attribute.as_str() {
        "dns_support" => {
            "DNS is off in it (enableDnsSupport): hosts would not find services".to_owned()
        }
        "own_zone" => "it shares its zone with another of the subnets".to_owned(),
        "vpc" => format!("it lies in {}, not in {}", difference.old, difference.new),
        name => format!("its {name} is {}, not {}", difference.old, difference.new),
    }
}
