//! Holds what came of a storm against the scenario's thresholds. A figure that was never measured
//! misses its threshold.

use std::time::Duration;

use jiff::SignedDuration;
use loadrig_storm::{CallTally, ClientCall, StormResult, TimeHistogram};

use crate::loadtest::scenario::{LatencyLimit, ReturnThresholds, StormScenario};
use crate::loadtest::tally::percent;
use crate::loadtest::wire::Check;

/// Where the last user may be.
pub(super) const IN: &str = "in";
pub(super) const USABLE: &str = "able to read and write";
/// All calls but logins.
pub(super) const OTHER_CALLS: &str = "other calls";

// Names of checks: what is said of a storm that goes on has the same.

pub(super) fn users_in_name(least: f64) -> String {
    format!("at least {least} % of the users get in")
}

pub(super) fn last_user_name(what: &str, limit: SignedDuration) -> String {
    format!("the last user is {what} within {limit:#}")
}

pub(super) fn error_rate_name(most: f64) -> String {
    format!("at most {most} % of the calls fail, logins apart")
}

pub(super) fn start_lag_name(limit: SignedDuration) -> String {
    format!("agents start calls at most {limit:#} late")
}

/// All thresholds that the scenario has, but for those of the agents themselves.
pub(super) fn thresholds(scenario: &StormScenario, storm: &StormResult) -> Vec<Check> {
    let limits = &scenario.thresholds;
    let mut checks = Vec::new();
    if let Some(least) = limits.users_in_percent {
        let users = storm.users;
        let share = percent(users.logged_in, users.offered);
        checks.push(Check::new(
            users_in_name(least),
            users.offered > 0 && share >= least,
            format!("{share:.2} %: {} of {}", users.logged_in, users.offered),
        ));
    }
    let from = measured_from(scenario, storm);
    let logged_in = LastUserReached {
        users: storm.users.logged_in,
        at_ms: storm.last.logged_in_ms,
    };
    let usable = LastUserReached {
        users: storm.timings.usable.count(),
        at_ms: storm.last.usable_ms,
    };
    for (what, limit, reached) in [
        (IN, limits.last_user_in, logged_in),
        (USABLE, limits.last_user_usable, usable),
    ] {
        if let Some(limit) = limit {
            let name = last_user_name(what, limit);
            checks.push(reached.check(name, limit, from, storm.users.offered));
        }
    }
    let login = &storm.timings.login;
    for (label, limit, seen) in [
        ("median", limits.login.p50, quantile(login, 0.5)),
        ("p95", limits.login.p95, quantile(login, 0.95)),
        ("p99", limits.login.p99, quantile(login, 0.99)),
        ("slowest", limits.login.max, quantile(login, 1.0)),
    ] {
        if let Some(limit) = limit {
            checks.push(at_most(
                format!("login {label} at most {limit:#}"),
                limit,
                seen,
            ));
        }
    }
    if let Some(limit) = &limits.calls.others {
        checks.extend(call_checks(OTHER_CALLS, limit, &others(storm).response));
    }
    for (call, limit) in &limits.calls.by_call {
        let none = TimeHistogram::new();
        let times = storm.calls.get(call).map_or(&none, |tally| &tally.response);
        checks.extend(call_checks(call.as_str(), limit, times));
    }
    if let Some(most) = limits.error_rate_percent {
        let others = others(storm);
        let share = percent(others.failed(), others.count);
        checks.push(Check::new(
            error_rate_name(most),
            others.count > 0 && share <= most,
            format!("{share:.2} %: {} of {}", others.failed(), others.count),
        ));
    }
    let timings = &storm.timings;
    checks.extend(returns(
        "websocket back",
        &limits.reconnected,
        &timings.reconnected,
    ));
    checks.extend(returns("caught up", &limits.caught_up, &timings.caught_up));
    checks
}

/// How many users came so far, and when the last of them did.
struct LastUserReached {
    users: u64,
    at_ms: Option<u64>,
}

impl LastUserReached {
    /// The last of those who came so far is not the last user while others are missing.
    fn check(self, name: String, limit: SignedDuration, from_ms: u64, offered: u64) -> Check {
        let took = self
            .at_ms
            .map(|at| Duration::from_millis(at.saturating_sub(from_ms)));
        match took {
            Some(took) if self.users < offered => {
                let missing = offered - self.users;
                let (taken, of) = (time(took), self.users);
                Check::fail(
                    name,
                    format!("{missing} never were; the last of the other {of} after {taken}"),
                )
            }
            took => at_most(name, limit, took),
        }
    }
}

/// All calls other than logins together.
pub(super) fn others(storm: &StormResult) -> CallTally {
    let mut sum = CallTally::default();
    for (call, tally) in &storm.calls {
        if *call != ClientCall::Login {
            sum.count += tally.count;
            for (class, count) in &tally.errors {
                *sum.errors.entry(*class).or_default() += count;
            }
            // Those of one agent were merged before: what fails here has failed there.
            let _ = sum.response.merge(&tally.response);
        }
    }
    sum
}

/// When the phase began from which the last user counts, milliseconds from the start.
pub(super) fn measured_from(scenario: &StormScenario, storm: &StormResult) -> u64 {
    let phase = scenario
        .measured_phase()
        .and_then(|index| storm.phases.get(&index));
    phase.map_or(0, |phase| phase.begin_ms)
}

fn quantile(times: &TimeHistogram, share: f64) -> Option<Duration> {
    (times.count() > 0).then(|| match share {
        1.0 => times.max(),
        share => times.quantile(share),
    })
}

pub(super) fn call_checks(
    name: &str,
    limit: &LatencyLimit,
    times: &TimeHistogram,
) -> impl Iterator<Item = Check> {
    let pairs = [
        ("p95", limit.p95, quantile(times, 0.95)),
        ("p99", limit.p99, quantile(times, 0.99)),
    ];
    let name = name.to_owned();
    pairs.into_iter().filter_map(move |(label, limit, seen)| {
        let limit = limit?;
        Some(at_most(
            format!("{name} {label} at most {limit:#}"),
            limit,
            seen,
        ))
    })
}

fn returns(
    what: &str,
    limits: &ReturnThresholds,
    times: &TimeHistogram,
) -> impl Iterator<Item = Check> {
    let pairs = [
        ("p99", limits.p99, quantile(times, 0.99)),
        ("last", limits.last, quantile(times, 1.0)),
    ];
    let what = what.to_owned();
    pairs.into_iter().filter_map(move |(label, limit, seen)| {
        let limit = limit?;
        Some(at_most(
            format!("{what} {label} at most {limit:#}"),
            limit,
            seen,
        ))
    })
}

fn at_most(name: String, limit: SignedDuration, seen: Option<Duration>) -> Check {
    match seen {
        Some(seen) => Check::new(name, seen <= limit.unsigned_abs(), time(seen)),
        None => Check::fail(name, "nothing was measured"),
    }
}

/// A time as people read it.
pub(super) fn time(time: Duration) -> String {
    match time.as_secs_f64() {
        seconds if seconds < 10.0 => format!("{:.0} ms", seconds * 1000.0),
        seconds if seconds < 120.0 => format!("{seconds:.1} s"),
        seconds => format!("{} min {} s", seconds as u64 / 60, seconds as u64 % 60),
    }
}
