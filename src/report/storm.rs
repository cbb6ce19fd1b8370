//! What a scenario came to in words and figures, as the page and the terminal show it.

use loadrig_storm::{CallTally, ClientCall, DriverHealth, RateChange, StormResult};
use serde::Serialize;

use crate::loadtest::ActionSummary;
use crate::loadtest::storm::{
    AgentGap, EventRecovery, ReconnectExpectation, ReturnTimes, RigEventRecord, StormExpectation,
    StormFigures,
};

use super::by_phase::{PhaseTable, by_phase};
use super::figures::{count, millis};

/// A storm in words and figures.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct StormSummary {
    /// What is measured, and what was.
    pub(super) facts: Vec<StormFact>,
    /// By kind of call, the most frequent first.
    pub(super) calls: Vec<CallRow>,
    /// The same by phase.
    pub(super) by_phase: Vec<PhaseTable>,
    /// What failed, in the server's words.
    pub(super) errors: Vec<String>,
}

/// One line of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct StormFact {
    pub(super) name: &'static str,
    pub(super) text: String,
}

/// One kind of call.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct CallRow {
    pub(super) name: &'static str,
    pub(super) count: String,
    pub(super) failed: u64,
    /// Whether there are times: of a call that always failed there are none.
    pub(super) measured: bool,
    pub(super) p50: String,
    pub(super) p95: String,
    pub(super) p99: String,
    pub(super) max: String,
    /// The 95th percentile in percent of the slowest call's.
    pub(super) bar: f64,
}

/// Puts a storm in words.
pub(super) fn summary(figures: &StormFigures) -> StormSummary {
    let storm = &figures.storm;
    let fact = |name, text| StormFact { name, text };
    let mut facts = vec![
        fact("users", users(storm)),
        fact("the last user", last_user(storm)),
        fact("attempts to log in", attempts(storm)),
        fact("logins answered at once", logins_recovered(figures)),
    ];
    if storm.websockets.dropped > 0 {
        facts.push(fact("websockets", websockets(storm)));
    }
    facts.extend(
        figures
            .events
            .iter()
            .flat_map(|event| event_facts(event, figures.storm.elapsed_ms)),
    );
    facts.extend(
        storm
            .drivers
            .values()
            .map(|driver| fact("load driver", driver_health(driver))),
    );
    let pace = storm.pace();
    if !pace.is_empty() {
        let text: Vec<String> = pace.iter().map(pace_text).collect();
        facts.push(fact("pace of arrivals", text.join("; ")));
    }
    facts.extend(figures.gaps.iter().map(|gap| fact("gap", gap_text(gap))));
    if let Some(forecast) = &figures.forecast {
        facts.push(fact("forecast", forecast_text(forecast)));
    }
    if let Some(why) = &figures.invalid {
        facts.push(fact(
            "INVALID",
            format!("the figures are not the server's: {why}"),
        ));
    }
    let mut calls: Vec<_> = storm.calls.iter().collect();
    calls.sort_by_key(|(call, tally)| (std::cmp::Reverse(tally.count), call.as_str()));
    let kinds: Vec<ClientCall> = calls.iter().map(|(call, _)| **call).collect();
    StormSummary {
        facts,
        calls: rows(&calls),
        by_phase: by_phase(figures, &kinds),
        errors: calls
            .iter()
            .flat_map(|(call, tally)| {
                tally
                    .error_texts
                    .iter()
                    .map(move |(text, count)| format!("{call}: {text} (×{count})"))
            })
            .collect(),
    }
}

fn users(storm: &StormResult) -> String {
    let users = &storm.users;
    format!(
        "{} arrived, {} logged in, {} could work, {} had a live websocket, {} gave up or were not in at the end",
        count(users.offered),
        count(users.logged_in),
        count(users.usable),
        count(users.live),
        count(users.never)
    )
}

fn last_user(storm: &StormResult) -> String {
    let at =
        |name: &str, ms: Option<u64>| ms.map(|ms| format!("{name} after {}", millis(ms as f64)));
    let known: Vec<String> = [
        at("logged in", storm.last.logged_in_ms),
        at("could work", storm.last.usable_ms),
        at("was live", storm.last.live_ms),
        at("had caught up", storm.last.caught_up_ms),
    ]
    .into_iter()
    .flatten()
    .collect();
    if known.is_empty() {
        return "nobody got in".to_owned();
    }
    known.join(", ")
}

fn attempts(storm: &StormResult) -> String {
    let attempts = &storm.attempts;
    let login = &storm.timings.login;
    let mut text = format!(
        "{}: {} abandoned, {} refused with HTTP 429, {} failed otherwise",
        count(attempts.made),
        count(attempts.abandoned),
        count(attempts.refused),
        count(attempts.failed)
    );
    if login.count() > 0 {
        let ms = |share| millis(login.quantile(share).as_secs_f64() * 1000.0);
        text.push_str(&format!(
            "; from arrival to session: median {}, p95 {}, p99 {}",
            ms(0.5),
            ms(0.95),
            ms(0.99)
        ));
    }
    text
}

/// When logins were as before the storm, beside what was expected of it.
fn logins_recovered(figures: &StormFigures) -> String {
    let seen = match figures.logins_recovered_ms {
        Some(0) => "always".to_owned(),
        Some(ms) => format!("again after {}", millis(ms as f64)),
        None => "not before the end".to_owned(),
    };
    let expected = figures.forecast.as_ref().and_then(|it| it.recovered);
    match expected {
        None => seen,
        Some((least, median, most)) => {
            let time = |seconds: f64| millis(seconds * 1000.0);
            format!(
                "{seen}; forecast: after {} ({} to {})",
                time(median),
                time(least),
                time(most)
            )
        }
    }
}

fn websockets(storm: &StormResult) -> String {
    let websockets = &storm.websockets;
    let times = &storm.timings.reconnected;
    let mut text = format!(
        "{} lost, {} resumed, {} begun anew, {} caught up",
        count(websockets.dropped),
        count(websockets.resumed),
        count(websockets.anew),
        count(websockets.caught_up),
    );
    if times.count() > 0 {
        let ms = |share: f64| millis(times.quantile(share).as_secs_f64() * 1000.0);
        text.push_str(&format!(
            "; from the loss to the next one: median {}, p99 {}",
            ms(0.5),
            ms(0.99)
        ));
    }
    text
}

fn driver_health(driver: &DriverHealth) -> String {
    let verdict = if driver.is_valid() {
        "fast enough"
    } else {
        "too slow: the figures are the driver's"
    };
    format!(
        "{}: {verdict}; {:.0} % of {} processors, {} MiB, {} of {} seconds late",
        driver.agent,
        driver.cpu_share() * 100.0,
        driver.processors,
        driver.peak_memory_kib / 1024,
        driver.invalid_seconds,
        driver.seconds
    )
}

/// What was done to the rig, and what came of it.
fn event_facts(event: &RigEventRecord, elapsed_ms: u64) -> Vec<StormFact> {
    let fact = |name, text| StormFact { name, text };
    let mut facts = vec![fact("event", event_text(event, elapsed_ms))];
    if let Some(seen) = &event.recovery {
        facts.push(fact("time to recover", recovery_text(seen)));
    }
    if let Some(text) = expected_text(event) {
        facts.push(fact("forecast of it", text));
    }
    facts
}

fn event_text(event: &RigEventRecord, elapsed_ms: u64) -> String {
    let ms = |ms: u64| millis(ms as f64);
    let text = &event.text;
    let done = match (event.begin_ms, event.end_ms) {
        (None, _) => format!("{text}: NOT DONE"),
        (Some(begin), Some(end)) if end <= elapsed_ms => {
            format!("{text}: at {}, over at {}", ms(begin), ms(end))
        }
        (Some(begin), _) => format!("{text}: at {}, not over before the end", ms(begin)),
    };
    match &event.failure {
        Some(failure) => format!("{done}; {failure}"),
        None => done,
    }
}

/// From an event until the rig was as before.
fn recovery_text(seen: &EventRecovery) -> String {
    let ms = |ms: u64| millis(ms as f64);
    let returned = |what: &str, times: &ReturnTimes| {
        let time = |time: Option<u64>| time.map_or_else(|| "never".to_owned(), ms);
        let mut text = format!(
            "99 % {what} after {}, the last after {}",
            time(times.p99_ms),
            time(times.last_ms)
        );
        if times.missing > 0 {
            text.push_str(&format!(" ({} were not by the end)", count(times.missing)));
        }
        text
    };
    let mut parts = Vec::new();
    match seen.lost {
        0 => parts.push("no live websocket was lost".to_owned()),
        lost => {
            parts.push(format!("{} lost their live websocket", count(lost)));
            parts.push(returned("were connected again", &seen.connected));
            parts.push(returned("had caught up", &seen.caught_up));
        }
    }
    parts.push(match (seen.failed_calls, seen.errors_ms) {
        (0, _) => "no call failed".to_owned(),
        (failed, Some(after)) => {
            format!(
                "{} calls failed, as usual again after {}",
                count(failed),
                ms(after)
            )
        }
        (failed, None) => format!("{} calls failed, until the end", count(failed)),
    });
    parts.join("; ")
}

/// What was to be expected of an event; none where nothing was.
fn expected_text(event: &RigEventRecord) -> Option<String> {
    let answered = event.expected_errors_ms.map(|ms| {
        format!(
            "calls are answered again after {}, when it was over",
            millis(ms as f64)
        )
    });
    let returned = event.expected.as_ref().map(reconnect_text);
    let parts: Vec<String> = returned.into_iter().chain(answered).collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}

fn reconnect_text(expected: &ReconnectExpectation) -> String {
    let range = |(least, median, most): (u64, u64, u64)| {
        let ms = |ms: u64| millis(ms as f64);
        format!("{} ({} to {})", ms(median), ms(least), ms(most))
    };
    let basis = match expected.basis.is_empty() {
        // Results of older versions do not say.
        true => String::new(),
        false => format!(" ({})", expected.basis),
    };
    format!(
        "99 % are connected again after {}, the last after {}; 99 % have caught up after {}, the \
         last after {}{basis}",
        range(expected.connected_p99_ms),
        range(expected.connected_last_ms),
        range(expected.caught_up_p99_ms),
        range(expected.caught_up_last_ms)
    )
}

fn gap_text(gap: &AgentGap) -> String {
    format!(
        "{} did not work from {} to {}: {}; {} users were to arrive meanwhile, who were not sent late, and those who were there are gone",
        gap.agent,
        millis(gap.from_ms as f64),
        millis(gap.to_ms as f64),
        gap.reason,
        count(gap.lost_users)
    )
}

/// `held from 20 s on`.
fn pace_text(change: &RateChange) -> String {
    let from = millis(change.at_ms as f64);
    match change.factor {
        0.0 => format!("held from {from} on"),
        1.0 => format!("as planned again from {from} on"),
        factor => format!("{factor} times as fast as planned from {from} on"),
    }
}

fn forecast_text(forecast: &StormExpectation) -> String {
    let last = forecast.last_in.map_or_else(
        || "not everybody gets in".to_owned(),
        |(least, median, most)| {
            let time = |seconds: f64| millis(seconds * 1000.0);
            format!(
                "the last user is in after {} ({} to {})",
                time(median),
                time(least),
                time(most)
            )
        },
    );
    format!(
        "{last}; {:.0} % of the storms collapse",
        forecast.collapsed * 100.0
    )
}

fn rows(calls: &[(&ClientCall, &CallTally)]) -> Vec<CallRow> {
    let ms = |tally: &CallTally, share| tally.response.quantile(share).as_secs_f64() * 1000.0;
    let all = calls.iter().map(|(_, tally)| ms(tally, 0.95));
    let slowest = all.fold(1.0, f64::max);
    calls
        .iter()
        .map(|(call, tally)| CallRow {
            name: call.as_str(),
            count: count(tally.count),
            failed: tally.failed(),
            measured: tally.response.count() > 0,
            p50: millis(ms(tally, 0.5)),
            p95: millis(ms(tally, 0.95)),
            p99: millis(ms(tally, 0.99)),
            max: millis(tally.response.max().as_secs_f64() * 1000.0),
            bar: (100.0 * ms(tally, 0.95) / slowest).max(0.6),
        })
        .collect()
}

/// The same for actions of the smoke engine.
pub(super) fn action_rows(actions: &[ActionSummary]) -> Vec<CallRow> {
    let slowest = actions.iter().map(|a| a.p95_ms).fold(1.0, f64::max);
    actions
        .iter()
        .map(|action| CallRow {
            name: action.action.as_str(),
            count: count(action.requests),
            failed: action.errors,
            measured: action.latencies.count() > 0,
            p50: millis(action.p50_ms),
            p95: millis(action.p95_ms),
            p99: millis(action.p99_ms),
            max: millis(action.max_ms),
            bar: (100.0 * action.p95_ms / slowest).max(0.6),
        })
        .collect()
}

/// The first few error texts of actions.
pub(super) fn error_samples(actions: &[ActionSummary]) -> Vec<String> {
    let samples = actions.iter().flat_map(|action| {
        let samples = action.error_samples.iter();
        samples.map(move |e| format!("{}: {} (×{})", action.action, e.text, e.count))
    });
    samples.collect()
}
