//! Whether a resource that was changed is as it should be.
//!
//! Some services accept a change, answer for a while as if nothing had happened, and undo a change
//! that fails without another word. So what was changed is compared again.

use crate::blueprint::Desired;
use crate::blueprint::kinds::{OnDifference, PENDING_RESTART};

use super::change::Difference;
use super::diff::{PARAMETERS, TypedDifference, differences, shrinks};
use super::snapshot::Observed;

/// What is left of the differences that a change in place was to settle.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unsettled {
    /// Whether another call is needed: a restart, or the rest of a creation in several calls.
    pub needs_call: bool,
    /// What has the value of before the change.
    pub differences: Vec<Difference>,
}

/// Compares a resource with what it was changed to; `before` is what the change was told of.
#[must_use]
pub fn unsettled(desired: &Desired, before: &Observed, seen: &Observed) -> Unsettled {
    let attributes = desired.attributes();
    let was_restarted = restarts(desired, before) == Some(Restart::Alone);
    let mut left = Unsettled::default();
    for difference in differences(desired, &attributes, seen) {
        let settled = match on_difference(desired, &difference) {
            OnDifference::UpdateBecause(_) => {
                left.needs_call = true;
                false
            }
            OnDifference::Restart if waits_for_restart(&difference) => {
                left.needs_call = true;
                was_restarted
            }
            OnDifference::Update => true,
            OnDifference::Grow => shrinks(&difference).is_none(),
            // No change in place settles these: the plan has told of them.
            OnDifference::Restart
            | OnDifference::Replace
            | OnDifference::Refuse(_)
            | OnDifference::NotCompared => false,
        };
        if settled {
            left.differences.push(Difference::from(&difference));
        }
    }
    left
}

/// Marks a changed resource that still has to be restarted, where `before` waited for a restart
/// and had other things changed first.
pub fn keep_restart(desired: &Desired, before: &Observed, seen: &mut Observed) {
    if restarts(desired, before) == Some(Restart::AfterChange) {
        seen.attributes.insert(PARAMETERS, PENDING_RESTART);
    }
}

/// The place of a restart among the changes of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Restart {
    /// Nothing else changes.
    Alone,
    /// Another change goes first: a service does one at a time.
    AfterChange,
}

fn restarts(desired: &Desired, before: &Observed) -> Option<Restart> {
    let attributes = desired.attributes();
    let differences = differences(desired, &attributes, before);
    let waits = differences
        .iter()
        .filter(|one| waits_for_restart(one))
        .count();
    match waits {
        0 => None,
        _ if waits == differences.len() => Some(Restart::Alone),
        _ => Some(Restart::AfterChange),
    }
}

fn waits_for_restart(difference: &TypedDifference<'_>) -> bool {
    difference.attribute == PARAMETERS && difference.old.to_string() == PENDING_RESTART
}

fn on_difference(desired: &Desired, difference: &TypedDifference<'_>) -> OnDifference {
    let info = desired.kind().info().attribute(difference.attribute);
    info.map_or(OnDifference::Update, |known| known.on_difference)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blueprint::kinds::{DatabaseInstance, Storage};
    use crate::blueprint::{Address, Attributes, DatabaseRole, Group, Kind};
    use crate::plan::State;
    use crate::spec::Protection;

    fn reader() -> Desired {
        Desired::Database(DatabaseInstance {
            role: DatabaseRole::Reader(1),
            zone: None,
            version: "15".to_owned(),
            class: "db.r7g.xlarge".to_owned(),
            storage: Storage {
                gib: 100,
                iops: None,
                throughput_mibps: None,
            },
            multi_az: false,
            backup_days: 1,
            snapshot: None,
            protection: Protection::default(),
            subnets: Address::database_subnets(),
            parameters: Address::database_parameters(true),
            group: Address::security_group(Group::Database),
        })
    }

    fn seen(changes: &[(&'static str, &str)]) -> Observed {
        let mut attributes: Attributes = reader().attributes();
        for (name, value) in changes {
            let value = Kind::Database.info().read(name, value);
            attributes.insert(*name, value);
        }
        Observed {
            address: Address::database(DatabaseRole::Reader(1)),
            kind: Kind::Database,
            id: "lr-demo-db-reader-1".to_owned(),
            state: State::Ready,
            status: "available".to_owned(),
            attributes,
        }
    }

    fn left(before: &[(&'static str, &str)], now: &[(&'static str, &str)]) -> (bool, Vec<String>) {
        let left = unsettled(&reader(), &seen(before), &seen(now));
        let names = left.differences.into_iter().map(|one| one.attribute);
        (left.needs_call, names.collect())
    }

    #[test]
    fn what_a_change_was_to_settle_is_compared() {
        let class = ("class", "db.r7g.large");
        assert_eq!(left(&[class], &[]), (false, vec![]));
        assert_eq!(left(&[class], &[class]), (false, vec!["class".to_owned()]));
        // Storage cannot shrink: no change was to do that.
        let storage = ("storage_gib", "200");
        assert_eq!(left(&[storage], &[storage]), (false, vec![]));
    }

    #[test]
    fn a_restart_follows_a_change_and_is_waited_for_by_itself() {
        let waits = ("parameters", PENDING_RESTART);
        let group = ("parameter_group", "database-parameters/writer");
        // Another group brings parameters that wait for a restart: that is the next call.
        assert_eq!(left(&[group], &[waits]), (true, vec![]));
        // A restart is over when nothing waits any more.
        let expected = (true, vec!["parameters".to_owned()]);
        assert_eq!(left(&[waits], &[waits]), expected);
        assert_eq!(left(&[waits], &[]), (false, vec![]));
    }

    #[test]
    fn a_restart_that_other_changes_go_before_is_kept_in_mind() {
        let waits = ("parameters", PENDING_RESTART);
        let class = ("class", "db.r7g.large");
        let kept = |before: &[(&'static str, &str)]| {
            let mut changed = seen(&[]);
            keep_restart(&reader(), &seen(before), &mut changed);
            unsettled(&reader(), &changed, &changed).needs_call
        };
        assert!(kept(&[waits, class]));
        assert!(!kept(&[waits]));
        assert!(!kept(&[class]));
    }

    #[test]
    fn what_takes_several_calls_is_not_over_after_the_first() {
        assert_eq!(left(&[], &[("finished", "false")]), (true, vec![]));
    }
}
