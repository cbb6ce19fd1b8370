//! Networks that belong to somebody else, and environments that stay where they are.

use crate::blueprint::{Address, Blueprint, Desired, Kind, Step};

use super::change::{Action, Change};
use super::snapshot::{Observed, Snapshot};

/// What exists of a resource that is not ours: it is used as it is, or not at all.
///
/// # Errors
/// A change that is refused: it does not exist, or the environment has one of its own.
pub(super) fn adopted<'a>(
    address: &Address,
    id: &str,
    found: &[&'a Observed],
) -> Result<&'a Observed, Change> {
    let existing = found.iter().copied().find(|r| r.kind == Kind::Adopted);
    let own = found
        .iter()
        .find(|r| r.kind != Kind::Adopted && !r.state.is_leaving());
    if let (Some(existing), None) = (existing, own) {
        return Ok(existing);
    }
    Err(Change {
        address: address.clone(),
        kind: Kind::Adopted,
        action: Action::Refuse,
        reason: match own {
            Some(own) => format!(
                "the environment is in {} of its own; take it down first",
                own.id
            ),
            None => format!("{id} does not exist in this account and region"),
        },
        differences: Vec::new(),
        existing: existing.cloned(),
        predecessors: Vec::new(),
    })
}

/// Refuses to move an environment to another VPC: security groups stay in theirs for life, and
/// everything else hangs on them.
pub(super) fn refuse_to_move(blueprint: &Blueprint, snapshot: &Snapshot, changes: &mut [Change]) {
    let vpc = Address::vpc();
    let Some(change) = changes.iter_mut().find(|c| c.address == vpc) else {
        return;
    };
    let wanted = match blueprint.node(&vpc).map(|node| &node.step) {
        Some(Step::Resource(Desired::Adopted(adopted))) => Some(adopted.id.as_str()),
        _ => change.existing.as_ref().map(|vpc| vpc.id.as_str()),
    };
    let home = snapshot
        .resources
        .iter()
        .filter(|r| r.kind == Kind::SecurityGroup && !r.state.is_leaving())
        .find_map(|r| r.text("vpc").filter(|id| Some(*id) != wanted));
    let ours = change.kind == Kind::Vpc && change.existing.is_some();
    if let (Some(id), false) = (home, ours || change.action == Action::Refuse) {
        change.action = Action::Refuse;
        change.reason = format!("the environment is in {id}; take it down first");
    }
}
