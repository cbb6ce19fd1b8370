//! Plans that are compared with no account.

use crate::blueprint::{Blueprint, Desired};

use super::change::{Action, Plan};
use super::diff::plan;
use super::snapshot::Snapshot;

/// The plan of an environment that has nothing yet. What the YAML says is there already is taken
/// to be so: nobody looked.
#[must_use]
pub fn plan_offline(blueprint: &Blueprint) -> Plan {
    let mut plan = plan(blueprint, &Snapshot::default());
    for (address, desired) in blueprint.resources() {
        let Desired::Adopted(adopted) = desired else {
            continue;
        };
        let own = plan.changes.iter_mut().find(|c| &c.address == address);
        if let Some(change) = own {
            change.action = Action::Keep;
            change.reason = format!("{} is not checked: no account was asked", adopted.id);
        }
    }
    plan
}
