//! What may be removed, and what becomes of its data.
//!
//! Works from what exists alone: whether something is protected, and whether a last snapshot
//! is wanted of it, is read from the resource itself, so that a lost YAML loses no data.

use crate::blueprint::kinds::WITHOUT_FINAL_SNAPSHOT;
use crate::blueprint::{Kind, UnreadableAttribute};

use super::change::{Action, Change, Plan};
use super::snapshot::{Observed, Snapshot, State};

/// How an environment is taken down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Removal {
    /// Protection against deletion is lifted, not respected.
    pub lift_protection: bool,
    /// Nothing is kept: no final snapshots, no files.
    pub discard_data: bool,
}

/// The plan that removes everything the snapshot found, and respects protection.
#[must_use]
pub fn plan_down(snapshot: &Snapshot) -> Plan {
    plan_down_as(snapshot, Removal::default())
}

/// The plan that removes what the snapshot found, in a way of one's choice.
#[must_use]
pub fn plan_down_as(snapshot: &Snapshot, how: Removal) -> Plan {
    Plan {
        changes: snapshot
            .resources
            .iter()
            // What is on its way out stays in, since what it uses has to wait for it.
            .filter(|r| r.state != State::Gone && r.kind != Kind::Adopted)
            .map(|resource| taken_down(resource, how))
            .collect(),
    }
}

fn taken_down(resource: &Observed, how: Removal) -> Change {
    settle(resource, "the environment is taken down", |change| {
        if resource.is("deletion_protection")? {
            if !how.lift_protection {
                change.action = Action::Refuse;
                "is protected from deletion".clone_into(&mut change.reason);
                return Ok(());
            }
            change.reason.push_str("; its protection is lifted first");
        }
        if resource.is("keeps_files")? && !how.discard_data {
            change.action = Action::Keep;
            "its files are kept".clone_into(&mut change.reason);
        }
        if resource.is("final_snapshot")? {
            let database = matches!(resource.kind, Kind::Database | Kind::DatabaseCluster);
            let status = resource.status.as_str();
            if database && !how.discard_data && WITHOUT_FINAL_SNAPSHOT.contains(&status) {
                change.action = Action::Refuse;
                change.reason = format!(
                    "is in state `{status}`, of which RDS creates no final snapshot: repair it, or \
                     restore its last backup elsewhere, then use `--discard-data`"
                );
                return Ok(());
            }
            if how.discard_data {
                // Whoever deletes it goes by what it says of itself.
                if let Some(existing) = &mut change.existing {
                    existing.attributes.remove("final_snapshot");
                }
                change.reason.push_str(", without a final snapshot");
            } else {
                change.reason.push_str("; a final snapshot is created");
            }
        }
        Ok(())
    })
}

/// A removal that depends on what the resource says of itself; where that cannot be read,
/// nobody knows whether data is to be kept, and it is refused.
fn settle(
    resource: &Observed,
    reason: &str,
    decide: impl FnOnce(&mut Change) -> Result<(), UnreadableAttribute>,
) -> Change {
    let mut change = removal(resource, reason.to_owned());
    if let Err(error) = decide(&mut change) {
        change.action = Action::Refuse;
        change.reason = error.to_string();
    }
    change
}

pub(super) fn removal(resource: &Observed, reason: String) -> Change {
    Change {
        address: resource.address.clone(),
        kind: resource.kind,
        action: Action::Delete,
        reason,
        differences: Vec::new(),
        existing: Some(resource.clone()),
        predecessors: Vec::new(),
    }
}

/// The removal of one resource from an environment that stays: hosts come and go with the
/// YAML, protected data does not.
pub(super) fn surplus(resource: &Observed) -> Change {
    let reason = "is not in the environment's YAML any more";
    settle(resource, reason, |change| {
        if !resource.is("deletion_protection")? {
            return Ok(());
        }
        if resource.kind == Kind::Instance {
            change.reason.push_str("; its protection is lifted first");
        } else {
            change.action = Action::Refuse;
            change.reason.push_str(
                ", but is protected from deletion: put it back, set `protection: { deletion: \
                 false }` and run `up`, then take it out",
            );
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blueprint::Address;

    fn found(address: &str, kind: Kind, attributes: &[&'static str]) -> Observed {
        Observed {
            address: Address::parse(address),
            kind,
            id: format!("id-of-{address}"),
            state: State::Ready,
            status: "available".to_owned(),
            attributes: attributes.iter().map(|key| (*key, true.into())).collect(),
        }
    }

    fn gold() -> Snapshot {
        Snapshot {
            resources: vec![
                found(
                    "database/writer",
                    Kind::Database,
                    &["deletion_protection", "final_snapshot"],
                ),
                found(
                    "bucket/files",
                    Kind::Bucket,
                    &["deletion_protection", "keeps_files"],
                ),
                found("instance/app-1", Kind::Instance, &["deletion_protection"]),
                found("vpc", Kind::Vpc, &[]),
            ],
        }
    }

    #[test]
    fn a_protected_environment_is_not_taken_down() {
        let plan = plan_down(&gold());
        assert_eq!(plan.count(Action::Refuse), 3);
        let discarding = Removal {
            discard_data: true,
            ..Removal::default()
        };
        assert_eq!(plan_down_as(&gold(), discarding).count(Action::Refuse), 3);
    }

    #[test]
    fn lifted_protection_still_keeps_the_data() {
        let lifted = Removal {
            lift_protection: true,
            ..Removal::default()
        };
        let plan = plan_down_as(&gold(), lifted);
        let actions: Vec<Action> = plan.changes.iter().map(|c| c.action).collect();
        assert_eq!(
            actions,
            [Action::Delete, Action::Keep, Action::Delete, Action::Delete]
        );
        let writer = &plan.changes[0];
        assert!(writer.reason.contains("a final snapshot is created"));
        let existing = writer.existing.as_ref().unwrap();
        assert_eq!(existing.is("final_snapshot"), Ok(true));
    }

    #[test]
    fn a_failed_database_is_deleted_without_a_final_snapshot_or_not_at_all() {
        let mut failed = found("database/writer", Kind::Database, &["final_snapshot"]);
        failed.status = "incompatible-restore".to_owned();
        let snapshot = Snapshot {
            resources: vec![failed],
        };
        let plan = plan_down(&snapshot);
        assert_eq!(plan.count(Action::Refuse), 1);
        assert!(plan.changes[0].reason.contains("--discard-data"));
        let discarding = Removal {
            discard_data: true,
            ..Removal::default()
        };
        assert_eq!(plan_down_as(&snapshot, discarding).count(Action::Delete), 1);
    }

    #[test]
    fn data_is_deleted_only_on_request() {
        let all = Removal {
            lift_protection: true,
            discard_data: true,
        };
        let plan = plan_down_as(&gold(), all);
        assert_eq!(plan.count(Action::Delete), 4);
        let existing = plan.changes[0].existing.as_ref().unwrap();
        assert_eq!(existing.value("final_snapshot"), None);
    }

    #[test]
    fn protected_data_is_not_removed_by_leaving_it_out() {
        let snapshot = gold();
        assert_eq!(surplus(&snapshot.resources[0]).action, Action::Refuse);
        assert_eq!(surplus(&snapshot.resources[2]).action, Action::Delete);
        assert_eq!(surplus(&snapshot.resources[3]).action, Action::Delete);
    }

    #[test]
    fn a_resource_with_unreadable_protection_is_not_deleted() {
        let mut writer = gold().resources.remove(0);
        writer.attributes.insert("final_snapshot", "perhaps");
        let all = Removal {
            lift_protection: true,
            discard_data: true,
        };
        let resources = vec![writer];
        let plan = plan_down_as(&Snapshot { resources }, all);
        assert_eq!(plan.count(Action::Refuse), 1);
        let reason = &plan.changes[0].reason;
        assert!(reason.contains("cannot read `final_snapshot`"), "{reason}");
    }
}
