//! What creating a canary came to, step by step.

use crate::blueprint::Kind;
use crate::blueprint::kinds::GrantUse;
use crate::engine::{CloudError, TaskError, WalkReport};
use crate::events::Outcome;
use crate::plan::{Action, Plan};

use super::host::HOST_DETAIL;
use super::probes;
use super::record::Records;
use super::result::{CanaryArea, CanaryCheck, CanaryVerdict};

/// What became of each step.
pub(super) fn steps(walk: &WalkReport, records: &mut Records) -> Vec<CanaryCheck> {
    let area = CanaryArea::Resources;
    let mut checks = Vec::new();
    for (step, finished) in &walk.finished {
        // What was there before was not tried.
        if finished.outcome == Outcome::Unchanged {
            continue;
        }
        let detail = match finished.outcome {
            Outcome::Applied => HOST_DETAIL.to_owned(),
            _ => finished.detail.clone().unwrap_or_default(),
        };
        checks.push(CanaryCheck::proved(area, step, detail));
    }
    for (step, error) in &walk.failed {
        checks.push(match call_of(error) {
            Some(error) => probes::failed(area, step, error, records),
            None => CanaryCheck::new(area, step, CanaryVerdict::Failed, error.to_string()),
        });
    }
    for (step, reason) in &walk.skipped {
        checks.push(CanaryCheck::unknown(area, step, reason));
    }
    checks
}

/// The failed call behind a step's failure.
fn call_of(error: &TaskError) -> Option<&CloudError> {
    let error: &(dyn std::error::Error + 'static) = error.as_ref();
    error.downcast_ref()
}

/// The HTTP status of what differences are read from. Lists are read whole or not at all, and no other
/// status is a success of a call that lists (Smithy specification, "http trait": `code` is 200 unless a
/// model says otherwise, as it does of none of these calls).
const LISTED: u16 = 200;

/// The call by which resources of a kind are found.
fn read_by(kind: Kind) -> &'static str {
    let mut grants = kind.info().grants.iter();
    let read = grants.find(|grant| grant.is_for(GrantUse::Read));
    read.and_then(|grant| grant.actions().next())
        .unwrap_or_default()
}

/// Whether a fresh look finds all of it, as it was asked for.
pub(super) fn found_again(plan: &Plan, records: &mut Records) -> CanaryCheck {
    let (area, check) = (CanaryArea::Resources, "found again");
    let other: Vec<String> = plan
        .work()
        .map(|change| {
            let differences: Vec<String> = change
                .differences
                .iter()
                .map(|one| format!("{} is {}, not {}", one.attribute, one.old, one.new))
                .collect();
            format!("{}: {}", change.address, differences.join(", "))
        })
        .collect();
    if other.is_empty() {
        let count = plan.count(Action::Keep);
        let detail = format!("{count} resources by their tags and names, each as asked for");
        return CanaryCheck::proved(area, check, detail);
    }
    for change in plan.work() {
        let found = serde_json::to_value(&change.differences).unwrap_or_default();
        let operation = read_by(change.kind);
        records.found(operation, &change.address.to_string(), found, Some(LISTED));
    }
    CanaryCheck::new(area, check, CanaryVerdict::Differs, other.join("; "))
}
