//! Phases that do not fit each other, the number of users or the deadline.

use jiff::SignedDuration;
use serde::Deserialize as _;
use serde_json::Value;

use crate::spec::PathCheck;

use super::phases::{ScenarioPhase, arrivals};

/// The phases of a file; none if one of them could not be read, or is not one phase.
pub(super) fn readable_phases(
    scenario: &Value,
    check: &mut PathCheck<'_>,
) -> Option<Vec<ScenarioPhase>> {
    let items = scenario["phases"].as_array()?;
    // An item that is no mapping is left out of the value, and those after it have other numbers.
    if check.count(&["phases"]) != Some(items.len()) {
        return None;
    }
    let mut phases = Vec::new();
    let mut all = true;
    for (index, item) in items.iter().enumerate() {
        let keys: Vec<String> = item
            .as_object()
            .map(|phase| phase.keys().map(|key| format!("`{key}`")).collect())
            .unwrap_or_default();
        let written = check.count(&["phases", &index.to_string()]);
        if keys.len() > 1 {
            check.report(
                &["phases", &index.to_string()],
                &format!("one phase cannot be {} together", keys.join(" and ")),
                "write each as an item of its own: `- ramp: …`",
            );
        } else if written == Some(0) {
            check.report(
                &["phases", &index.to_string()],
                "this phase says nothing",
                "expected one of `storm`, `ramp`, `step`, `burst`, `hold`, `drop` and `drain`",
            );
        }
        match ScenarioPhase::deserialize(item) {
            Ok(phase) => phases.push(phase),
            Err(_) => all = false,
        }
    }
    if items.is_empty() {
        check.report(
            &["phases"],
            "a storm without phases does nothing",
            "expected at least a `storm` and a `drain`",
        );
        return None;
    }
    all.then_some(phases)
}

/// Reports phases that cannot follow each other as they do.
pub(super) fn check_phases(
    phases: &[ScenarioPhase],
    users: Option<u32>,
    deadline: Option<SignedDuration>,
    check: &mut PathCheck<'_>,
) {
    if let Some(users) = users {
        check_users(phases, users, check);
    }
    check_order(phases, check);
    let together: SignedDuration = phases.iter().map(ScenarioPhase::at_most).sum();
    if let Some(deadline) = deadline.filter(|deadline| *deadline < together) {
        check.report(
            &["deadline"],
            &format!("the phases take up to {together:#}, the deadline is after {deadline:#}"),
            &format!("expected at least `{together:#}`"),
        );
    }
}

/// Whether there is somebody for each phase that brings users.
fn check_users(phases: &[ScenarioPhase], users: u32, check: &mut PathCheck<'_>) {
    let mut came = 0_u64;
    for (index, (phase, come)) in phases.iter().zip(arrivals(phases, users)).enumerate() {
        let Some(said) = phase.arriving() else {
            continue;
        };
        let (number, key) = (index.to_string(), phase.name());
        if said.is_none() && come == 0 {
            check.report(
                &["phases", &number, key],
                &format!("nobody is left who could come in `{key}`: all {users} users came before"),
                "say in an earlier phase how many come there: `users: …`",
            );
        }
        came += u64::from(come);
        if said.is_some() && came > u64::from(users) {
            check.report(
                &["phases", &number, key, "users"],
                &format!("{came} users come by then, and there are {users}"),
                &format!("expected at most `users`, {users}, in all phases together"),
            );
        }
    }
}

/// Whether somebody is in when websockets break, and is waited for who is on the way.
fn check_order(phases: &[ScenarioPhase], check: &mut PathCheck<'_>) {
    let brings_users = |phase: &ScenarioPhase| phase.arriving().is_some();
    if !phases.iter().any(brings_users) {
        check.report(
            &["phases"],
            "no phase brings users",
            "expected `storm`, `ramp`, `step` or `burst` among them",
        );
        return;
    }
    for (index, phase) in phases.iter().enumerate() {
        let is_drop = matches!(phase, ScenarioPhase::Drop(_));
        if is_drop && !phases[..index].iter().any(brings_users) {
            check.report(
                &["phases", &index.to_string(), "drop"],
                "nobody is in yet whose websocket could break",
                "write it after a phase that brings users",
            );
        }
    }
    let moves =
        |phase: &ScenarioPhase| brings_users(phase) || matches!(phase, ScenarioPhase::Drop(_));
    let drains = |phase: &ScenarioPhase| matches!(phase, ScenarioPhase::Drain(_));
    if let Some(last) = phases.iter().rposition(moves)
        && !phases[last..].iter().any(drains)
    {
        let key = phases[last].name();
        check.report(
            &["phases", &last.to_string(), key],
            &format!("nothing waits for those who are on their way after `{key}`"),
            "expected a phase `drain: {at_most: …}` after it",
        );
    }
}
