//! What all agents measured together, and what that says of the server: nothing, when the agents
//! themselves were too slow.

use std::collections::BTreeMap;

use jiff::Timestamp;
use loadrig_storm::{ClientCall, StormErrorClass, StormResult, TimeHistogram};

use super::checks::{self, start_lag_name, time};
use super::error::StormTestError;
use super::event_checks::{complete_events, event_checks, fault_of};
use super::figures::{AgentGap, PhaseCallSummary, RigEventRecord, StormFigures, StormPhaseSpan};
use super::login_recovery::logins_recovered;
use super::wire::StormOutcome;
use crate::loadtest::load_run::LoadRun;
use crate::loadtest::result::{RESULT_FORMAT, ScenarioResult};
use crate::loadtest::scenario::StormScenario;
use crate::loadtest::wire::{Check, ServerInfo};

/// What every reader of the figures should know.
const OPEN_LOOP: &str = "Open model: users come when they come, however slow the server is, and \
     every time runs from the moment at which something was meant to begin.";

/// What to do when the agents were too slow, or away.
const AGENTS_LATE: &str = "The verdict is not the server's: the agents did not keep the storm's \
     schedule. Give the role `agent` more hosts or larger ones, and run the storm again.";
/// The same where agents were late, and had processors to spare.
const AGENTS_HELD_UP: &str = "The verdict is not the server's: the agents did not keep the storm's \
     schedule, although their processors had time. Something else on their hosts, or on the machine \
     that carries them, held them up: run the storm again without it.";
/// The same where the program of an agent ended.
const AGENTS_GONE: &str = "The verdict is not the server's: the program of an agent ended before the \
     storm did. `journalctl -u loadrig-storm` on its host says why; run the storm again.";
/// The share of its processors that an agent may use and still have some to spare.
const SPARE_CPU: f64 = 0.5;
/// What to do when the rig was not treated as the scenario says.
const EVENT_MISSED: &str = "The verdict is not the server's: the rig was not treated as the \
     scenario says. Run the storm again, and follow it until its events are over.";

/// What came of the parts of all agents.
pub(super) struct MergedStorm {
    pub(super) storm: StormResult,
    pub(super) agents: Vec<String>,
    pub(super) gaps: Vec<AgentGap>,
    pub(super) server: ServerInfo,
    /// Agents without a result, with the reason.
    pub(super) failures: Vec<String>,
}

/// Puts the parts together.
///
/// # Errors
/// When no agent has a result, or two of them do not fit together.
pub(super) fn merge(
    outcomes: Vec<(String, Result<StormOutcome, String>)>,
) -> Result<MergedStorm, StormTestError> {
    let mut merged: Option<MergedStorm> = None;
    let mut failures = Vec::new();
    for (agent, outcome) in outcomes {
        let (result, gaps, server) = match outcome {
            Ok(StormOutcome::Done {
                result,
                gaps,
                server,
            }) => (*result, gaps, server),
            Ok(StormOutcome::Failed { reason }) | Err(reason) => {
                failures.push(format!("{agent}: {reason}"));
                continue;
            }
        };
        let gaps = gaps.into_iter().map(|gap| AgentGap {
            agent: agent.clone(),
            from_ms: gap.from_ms,
            to_ms: gap.to_ms,
            reason: gap.reason,
            lost_users: gap.lost_users,
        });
        match &mut merged {
            None => {
                merged = Some(MergedStorm {
                    storm: result,
                    gaps: gaps.collect(),
                    agents: vec![agent],
                    server,
                    failures: Vec::new(),
                });
            }
            Some(merged) => {
                merged.storm.merge(&result)?;
                merged.gaps.extend(gaps);
                merged.agents.push(agent);
                // A rig with one stand-in among its nodes is a stand-in's rig.
                merged.server.standin |= server.standin;
                if merged.server.version.is_empty() {
                    merged.server.version = server.version;
                }
            }
        }
    }
    match merged {
        Some(mut merged) => {
            merged.failures = failures;
            Ok(merged)
        }
        None => Err(StormTestError::NoResult(failures)),
    }
}

/// Holds what came of a storm against its thresholds.
pub(super) fn judge(
    scenario: &StormScenario,
    storm: &LoadRun,
    run: &str,
    merged: MergedStorm,
    done: Vec<RigEventRecord>,
) -> ScenarioResult {
    let mut result = merged.storm;
    let phase_calls = std::mem::take(&mut result.phase_calls);
    let done = complete_events(scenario, &result, done);
    let mut own = agent_checks(scenario, &result, &merged.gaps, &merged.failures);
    let agents_kept_up = own.iter().all(|check| check.pass);
    // What agents do themselves is in the storm's own figures.
    let on_the_rig = done.iter().take(scenario.events.len());
    own.extend(on_the_rig.map(|event| fault_of(scenario, &result, event)));
    let faults: Vec<String> = own
        .iter()
        .filter(|check| !check.pass)
        .map(|check| check.detail.clone())
        .collect();
    let invalid = (!faults.is_empty()).then(|| faults.join("; "));
    let mut checks = own;
    checks.push(Check::new(
        "the storm ran to its end",
        !result.cut_short,
        match result.cut_short {
            true => format!(
                "stopped, or over its deadline, after {}",
                time(std::time::Duration::from_millis(result.elapsed_ms))
            ),
            false => "all phases".to_owned(),
        },
    ));
    checks.extend(checks::thresholds(scenario, &result));
    checks.extend(event_checks(scenario, &done));
    let mut notes = vec![OPEN_LOOP.to_owned()];
    if invalid.is_some() {
        let mut agents = result.drivers.values();
        let why = if agents_kept_up {
            EVENT_MISSED
        } else if !merged.gaps.is_empty() || !merged.failures.is_empty() {
            AGENTS_GONE
        } else if agents.all(|agent| agent.cpu_share() < SPARE_CPU) {
            AGENTS_HELD_UP
        } else {
            AGENTS_LATE
        };
        notes.insert(0, why.to_owned());
    }
    let names = scenario.phase_names();
    let phases = result.phases.iter().map(|(index, phase)| StormPhaseSpan {
        name: names.get(*index).cloned().unwrap_or_default(),
        begin_ms: phase.begin_ms,
        end_ms: phase.end_ms,
        calls: phase_calls.of(*index).map_or_else(BTreeMap::new, |calls| {
            let summary = |(call, tally): (&ClientCall, _)| (*call, PhaseCallSummary::from(tally));
            calls.iter().map(summary).collect()
        }),
    });
    let started = moment(result.started_ms);
    ScenarioResult {
        format: RESULT_FORMAT,
        run: run.to_owned(),
        environment: storm.environment.clone(),
        scenario: scenario.name.clone(),
        title: scenario.title.clone(),
        definition: Some(storm.scenario.clone()),
        users: scenario.arriving_users(),
        agents: merged.agents,
        started,
        finished: moment(result.started_ms.saturating_add(result.elapsed_ms)),
        server: merged.server,
        passed: checks.iter().all(|check| check.pass),
        requests: result.calls.values().map(|tally| tally.count).sum(),
        errors: result.calls.values().map(|tally| tally.failed()).sum(),
        actions: Vec::new(),
        checks,
        notes,
        storm: Some(Box::new(StormFigures {
            phases: phases.collect(),
            gaps: merged.gaps,
            events: done,
            invalid,
            logins_recovered_ms: logins_recovered(&result),
            storm: result,
            hosts: Vec::new(),
            forecast: None,
        })),
    }
}

/// What has to hold of the agents for the figures to be the server's.
fn agent_checks(
    scenario: &StormScenario,
    result: &StormResult,
    gaps: &[AgentGap],
    failures: &[String],
) -> Vec<Check> {
    let mut checks = Vec::new();
    for failure in failures {
        checks.push(Check::fail("every agent has a result", failure.clone()));
    }
    let gone: Vec<String> = gaps
        .iter()
        .map(|gap| {
            format!(
                "{} did not work from {} to {}, {} users did not come and those who were there are gone: {}",
                gap.agent,
                time(std::time::Duration::from_millis(gap.from_ms)),
                time(std::time::Duration::from_millis(gap.to_ms)),
                gap.lost_users,
                gap.reason,
            )
        })
        .collect();
    checks.push(Check::new(
        "no agent was interrupted",
        gone.is_empty(),
        match gone.is_empty() {
            true => "none".to_owned(),
            false => gone.join("; "),
        },
    ));
    let limit = scenario.thresholds.start_lag_p99;
    let mut lag = TimeHistogram::coarse();
    for second in &result.seconds {
        // Seconds of one agent were merged before: what fails here has failed there.
        let _ = lag.merge(&second.start_lag);
    }
    let slow: Vec<String> = result
        .drivers
        .values()
        .filter(|driver| !driver.is_valid())
        .map(|driver| {
            format!(
                "{} was too slow in {} of {} s (1 % of them may be), with {:.0} % of its processors in use",
                driver.agent,
                driver.invalid_seconds,
                driver.seconds,
                100.0 * driver.cpu_share()
            )
        })
        .collect();
    let lag = lag.quantile(0.99);
    let kept = slow.is_empty() && lag <= limit.unsigned_abs();
    let mut detail = format!("99th percentile {:.1} ms late", lag.as_secs_f64() * 1000.0);
    for agent in slow {
        detail.push_str("; ");
        detail.push_str(&agent);
    }
    checks.push(Check::new(start_lag_name(limit), kept, detail));
    checks
}

/// The name of a class of errors, as stored results have it.
#[must_use]
pub fn error_name(class: StormErrorClass) -> String {
    let name = match class {
        StormErrorClass::Connect => "connect",
        StormErrorClass::Certificate => "certificate",
        StormErrorClass::Timeout => "timeout",
        StormErrorClass::TooManyRequests => "too-many-requests",
        StormErrorClass::ServerError => "server-error",
        StormErrorClass::Unauthorized => "unauthorized",
        StormErrorClass::Refused => "refused",
        StormErrorClass::Protocol => "protocol",
        StormErrorClass::NotSent => "not-sent",
    };
    name.to_owned()
}

fn moment(ms: u64) -> Timestamp {
    let ms = i64::try_from(ms).unwrap_or(i64::MAX);
    Timestamp::from_millisecond(ms).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use loadrig_storm::{DriverHealth, PhaseTally, PhaseTime};

    use super::*;
    use crate::loadtest::Scenario;
    use crate::loadtest::storm::wire::StormGap;

    fn login_storm() -> StormScenario {
        match Scenario::find("login-storm") {
            Ok(Scenario::Storm(storm)) => *storm,
            other => panic!("{other:?}"),
        }
    }

    fn driver(invalid_seconds: u64) -> DriverHealth {
        DriverHealth {
            agent: "agent-1".into(),
            cpu_ms: 1_000,
            elapsed_ms: 100_000,
            processors: 2,
            peak_memory_kib: 1,
            peak_sockets: 1,
            timer_lag: TimeHistogram::new(),
            invalid_seconds,
            seconds: 100,
        }
    }

    /// One in which everybody got in at once, and everything was measured.
    fn good(scenario: &StormScenario) -> StormResult {
        let users = scenario.arriving_users();
        let mut result = StormResult::new(1_000_000);
        result.elapsed_ms = 100_000;
        result.users.offered = u64::from(users);
        result.users.logged_in = u64::from(users);
        result.last.logged_in_ms = Some(60_000);
        result.last.usable_ms = Some(61_000);
        result.timings.login.record(Duration::from_millis(80));
        for _ in 0..users {
            result.timings.usable.record(Duration::from_millis(90));
        }
        for call in ["users-me", "login"] {
            let call = loadrig_storm::ClientCall::ALL
                .iter()
                .find(|known| known.as_str() == call)
                .expect("a call");
            let tally = result.calls.entry(*call).or_default();
            tally.count = 10_000;
            tally.response.record(Duration::from_millis(70));
        }
        let span = |begin_ms, end_ms| PhaseTime { begin_ms, end_ms };
        result.phases = BTreeMap::from([(0, span(0, 50_000)), (1, span(50_000, 70_000))]);
        result.drivers = BTreeMap::from([("agent-1".into(), driver(0))]);
        result
    }

    fn judged(result: StormResult, gaps: Vec<StormGap>) -> ScenarioResult {
        let scenario = login_storm();
        let storm = LoadRun {
            run: "r1".into(),
            environment: "demo".into(),
            agents: vec!["agent-1".into()],
            start_ms: 1_000_000,
            deadline_ms: 1,
            scenario: serde_json::to_value(&scenario).unwrap(),
        };
        let outcome = StormOutcome::Done {
            result: Box::new(result),
            gaps,
            server: ServerInfo::default(),
        };
        let merged = merge(vec![("agent-1".into(), Ok(outcome))]).unwrap();
        judge(&scenario, &storm, "r2", merged, Vec::new())
    }

    fn failed(result: &ScenarioResult) -> Vec<&str> {
        let failed = result.checks.iter().filter(|check| !check.pass);
        failed.map(|check| check.name.as_str()).collect()
    }

    #[test]
    fn a_storm_in_which_everybody_gets_in_passes() {
        let result = judged(good(&login_storm()), Vec::new());
        assert_eq!(failed(&result), [""; 0]);
        let figures = result.storm.as_ref().unwrap();
        assert_eq!(figures.phases[0].name, "storm");
        assert_eq!(figures.invalid, None);
        let text = serde_json::to_string(&result).unwrap();
        assert_eq!(
            serde_json::from_str::<ScenarioResult>(&text).unwrap(),
            result
        );
    }

    #[test]
    fn each_phase_has_the_calls_that_were_to_begin_in_it() {
        let mut storm = good(&login_storm());
        let mut login = PhaseTally {
            count: 100,
            failed: 1,
            ..PhaseTally::default()
        };
        for ms in 1..=99 {
            login.response.record(Duration::from_millis(ms));
        }
        let refused = PhaseTally {
            count: 5,
            failed: 5,
            ..PhaseTally::default()
        };
        let calls = serde_json::json!({"1": {"login": login, "users-me": refused}});
        storm.phase_calls = serde_json::from_value(calls).unwrap();
        let result = judged(storm, Vec::new());
        let phases = &result.storm.as_ref().unwrap().phases;
        assert!(phases[0].calls.is_empty());
        let login = phases[1].calls[&ClientCall::Login];
        assert_eq!((login.count, login.failed), (100, 1));
        let times = login.times.unwrap();
        // Two significant digits.
        let near = |ms: f64, expected: f64| (ms / expected - 1.0).abs() < 0.011;
        assert!(
            near(times.p50_ms, 50.0) && near(times.p95_ms, 95.0),
            "{times:?}"
        );
        assert!(
            near(times.p99_ms, 99.0) && near(times.max_ms, 99.0),
            "{times:?}"
        );
        let refused = phases[1].calls[&ClientCall::UsersMe];
        assert_eq!((refused.failed, refused.times), (5, None));
        let text = serde_json::to_string(&result).unwrap();
        assert!(
            text.contains(r#""login":{"count":100,"failed":1,"times":{"p50_ms":"#),
            "{text}"
        );
        assert_eq!(
            serde_json::from_str::<ScenarioResult>(&text).unwrap(),
            result
        );
    }

    #[test]
    fn users_who_stay_outside_and_errors_miss_thresholds() {
        let mut storm = good(&login_storm());
        storm.users.logged_in -= 1;
        storm.last.logged_in_ms = Some(3_000_000);
        for tally in storm.calls.values_mut() {
            tally.errors.insert(StormErrorClass::ServerError, 50);
        }
        let result = judged(storm, Vec::new());
        assert_eq!(
            failed(&result),
            [
                "at least 100 % of the users get in",
                "the last user is in within 17m",
                "at most 0.1 % of the calls fail, logins apart"
            ]
        );
        assert_eq!(
            result.storm.unwrap().invalid,
            None,
            "the server's own doing"
        );
    }

    #[test]
    fn the_last_who_got_in_is_not_the_last_user_while_others_are_missing() {
        let mut storm = good(&login_storm());
        storm.users.offered += 1;
        let result = judged(storm, Vec::new());
        let missed = failed(&result);
        assert!(
            missed.contains(&"the last user is in within 17m"),
            "{missed:?}"
        );
        assert!(missed.contains(&"the last user is able to read and write within 18m"));
        let detail = result
            .checks
            .iter()
            .find(|check| !check.pass && check.name.contains("last user is in"));
        assert_eq!(
            detail.unwrap().detail,
            "1 never were; the last of the other 15000 after 60.0 s"
        );
    }

    #[test]
    fn what_was_never_measured_misses_its_threshold() {
        let mut storm = good(&login_storm());
        storm.timings.login = TimeHistogram::new();
        storm.calls.clear();
        storm.last.usable_ms = None;
        let result = judged(storm, Vec::new());
        let missed = failed(&result);
        assert!(missed.contains(&"login p99 at most 1m"), "{missed:?}");
        assert!(missed.contains(&"other calls p95 at most 500ms"));
        assert!(missed.contains(&"the last user is able to read and write within 18m"));
        assert!(missed.contains(&"at most 0.1 % of the calls fail, logins apart"));
    }

    #[test]
    fn agents_that_were_too_slow_or_away_are_not_held_against_the_server() {
        let mut storm = good(&login_storm());
        storm.drivers = BTreeMap::from([("agent-1".into(), driver(2))]);
        let result = judged(storm, Vec::new());
        assert_eq!(failed(&result), ["agents start calls at most 10ms late"]);
        let invalid = result.storm.as_ref().unwrap().invalid.as_deref();
        assert!(invalid.is_some_and(|why| why.contains("agent-1 was too slow in 2 of 100 s")));
        assert!(result.notes[0].contains("held them up"), "one percent");
        let busy = DriverHealth {
            cpu_ms: 150_000,
            ..driver(2)
        };
        let mut storm = good(&login_storm());
        storm.drivers = BTreeMap::from([("agent-1".into(), busy)]);
        assert!(judged(storm, Vec::new()).notes[0].contains("more hosts"));

        let gap = StormGap {
            from_ms: 5_000,
            to_ms: 9_000,
            reason: "restarted".into(),
            lost_users: 7,
        };
        let result = judged(good(&login_storm()), vec![gap]);
        assert_eq!(failed(&result), ["no agent was interrupted"]);
        assert!(result.notes[0].contains("journalctl"));
        assert!(result.storm.unwrap().invalid.is_some());
    }

    #[test]
    fn a_storm_that_was_stopped_has_not_passed() {
        let mut storm = good(&login_storm());
        storm.cut_short = true;
        assert_eq!(
            failed(&judged(storm, Vec::new())),
            ["the storm ran to its end"]
        );
    }

    #[test]
    fn an_agent_without_a_result_is_named() {
        let failed = |reason: &str| {
            Ok(StormOutcome::Failed {
                reason: reason.into(),
            })
        };
        let error = merge(vec![
            ("agent-1".into(), failed("no address")),
            ("agent-2".into(), Err("gone".into())),
        ]);
        let Err(error) = error else {
            panic!("there is no result");
        };
        assert_eq!(
            error.to_string(),
            "no agent came to a result: agent-1: no address; agent-2: gone"
        );
    }
}
