//! Events that do not fit the phases, or each other.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use serde::Deserialize as _;
use serde_json::Value;

use crate::spec::{HostName, PathCheck, or_expected};

use super::events::{EventAction, ScenarioEvent};
use super::phases::{ScenarioPhase, phase_names};

/// The events of a file; none if one of them could not be read, or does not do one thing.
pub(super) fn readable_events(
    scenario: &Value,
    check: &mut PathCheck<'_>,
) -> Option<Vec<ScenarioEvent>> {
    let items = match &scenario["events"] {
        Value::Null => return Some(Vec::new()),
        items => items.as_array()?,
    };
    // An item that is no mapping is left out of the value, and those after it have other numbers.
    if check.count(&["events"]) != Some(items.len()) {
        return None;
    }
    let mut events = Vec::new();
    let mut all = true;
    for (index, item) in items.iter().enumerate() {
        let keys: Vec<String> = EventAction::KEYS
            .iter()
            .filter(|key| check.count(&["events", &index.to_string(), key]).is_some())
            .map(|key| format!("`{key}`"))
            .collect();
        let expected = EventAction::KEYS.map(|key| format!("`{key}`")).join(", ");
        match keys.len() {
            0 => check.report(
                &["events", &index.to_string()],
                "this event does nothing",
                &format!("expected one of {expected}"),
            ),
            1 => {}
            _ => check.report(
                &["events", &index.to_string()],
                &format!("one event cannot be {} together", keys.join(" and ")),
                "write each as an item of its own",
            ),
        }
        match ScenarioEvent::deserialize(item) {
            Ok(event) if keys.len() == 1 => events.push(event),
            _ => all = false,
        }
    }
    all.then_some(events)
}

/// Reports events that cannot take place as they are written.
pub(super) fn check_events(
    events: &[ScenarioEvent],
    phases: &[ScenarioPhase],
    check: &mut PathCheck<'_>,
) {
    let names = phase_names(phases);
    let drain = phases
        .iter()
        .position(|phase| matches!(phase, ScenarioPhase::Drain(_)));
    // By host: when it is down, and which event makes it so.
    let mut down: BTreeMap<HostName, Vec<(SignedDuration, Option<SignedDuration>)>> =
        BTreeMap::new();
    for (number, event) in events.iter().enumerate() {
        let number = number.to_string();
        let Some(index) = names.iter().position(|name| *name == event.phase) else {
            check.report(
                &["events", &number, "phase"],
                &format!("there is no phase `{}`", event.phase),
                &or_expected(&event.phase, names.iter().map(String::as_str)),
            );
            continue;
        };
        if drain.is_some_and(|drain| index >= drain) {
            check.report(
                &["events", &number, "phase"],
                &format!(
                    "when `{}` comes is not known: `{}` ends as soon as nobody is on the way",
                    event.what.name(),
                    names[drain.unwrap_or(index)],
                ),
                "expected a phase before the first `drain`",
            );
            continue;
        }
        let lasts = phases[index].at_most();
        if event.at > lasts {
            check.report(
                &["events", &number, "at"],
                &format!("phase `{}` is over after {lasts:#}", event.phase),
                &format!("expected at most `{lasts:#}`"),
            );
            continue;
        }
        let Some(loss) = event.what.loss() else {
            continue;
        };
        let before: SignedDuration = phases[..index].iter().map(ScenarioPhase::at_most).sum();
        let begin = before + event.at;
        let end = loss.down.map(|down| begin + down);
        let times = down.entry(loss.host).or_default();
        let meets = |(from, to): &(SignedDuration, Option<SignedDuration>)| {
            to.is_none_or(|to| begin < to) && end.is_none_or(|end| *from < end)
        };
        if times.iter().any(meets) {
            check.report(
                &["events", &number, event.what.name()],
                &format!("`{}` is down already at that time", loss.host),
                "expected another host, or a time after the one before it with its `for`",
            );
        }
        times.push((begin, end));
    }
}
