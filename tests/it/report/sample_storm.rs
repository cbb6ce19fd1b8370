//! A storm that nobody drove: 15,000 users arrive in 15 minutes, 12.5 get in per second.

use std::time::Duration;

use loadrig::loadtest::storm::{
    AgentGap, EventRecovery, PhaseCallSummary, PhaseCallTimes, ReconnectExpectation, ReturnTimes,
    RigEventRecord, StormExpectation, StormFigures, StormPhaseSpan,
};
use loadrig::loadtest::{Check, HostPoint, HostSeries};
use loadrig::report::Report;
use loadrig_storm::{
    CallTally, ClientCall, DriverHealth, LoginAttempts, STORM_FORMAT, StormErrorClass, StormResult,
    StormSecond, StormTimings, TimeHistogram, UserCounts, WebsocketCounts,
};

use super::sample_report;

const SECONDS: u64 = 1320;
const ARRIVE_FOR: u64 = 900;

/// The demo's report with a storm in place of the smoke test.
pub fn storm() -> Report {
    let mut report = sample_report::demo();
    let result = report.scenarios.first_mut().unwrap();
    let figures = figures();
    result.scenario = "login-storm".into();
    result.title = "Login storm".into();
    result.definition = None;
    result.users = 15_000;
    result.passed = false;
    result.requests = figures.storm.calls.values().map(|call| call.count).sum();
    result.errors = figures.storm.errors().values().sum();
    result.actions = Vec::new();
    result.checks = vec![
        Check::pass("users logged in at least 100 %", "15,000 of 15,000"),
        Check::fail("last user logged in within 16m", "after 20 m 00 s"),
    ];
    result.notes = vec!["Open model: users arrive whether or not the server answers.".into()];
    result.storm = Some(Box::new(figures));
    report
}

fn figures() -> StormFigures {
    StormFigures {
        storm: result(),
        phases: vec![
            StormPhaseSpan {
                calls: [
                    (ClientCall::Login, in_phase(14_200, 2_100, Some(240_000.0))),
                    (ClientCall::UsersMe, in_phase(410_000, 0, Some(61.0))),
                ]
                .into(),
                ..span("storm", 0, ARRIVE_FOR)
            },
            StormPhaseSpan {
                calls: [(ClientCall::Login, in_phase(3_300, 3_300, None))].into(),
                ..span("drain", ARRIVE_FOR, SECONDS)
            },
        ],
        gaps: vec![AgentGap {
            agent: "agent-1".into(),
            from_ms: 400_000,
            to_ms: 403_000,
            reason: "its program was ended by signal 9".into(),
            lost_users: 50,
        }],
        events: vec![lost_node()],
        invalid: None,
        logins_recovered_ms: Some(1_200_000),
        hosts: vec![host("app-1", 2.4), host("app-2", 2.6), host("proxy-1", 0.4)],
        forecast: Some(StormExpectation {
            users_in: (0..=SECONDS / 10)
                .map(|ten| {
                    let seconds = (ten * 10) as f64;
                    let least = (seconds * 11.6).min(15_000.0);
                    (seconds, least, (seconds * 13.4).min(15_000.0))
                })
                .collect(),
            last_in: Some((1120.0, 1200.0, 1290.0)),
            recovered: Some((1121.0, 1201.0, 1291.0)),
            collapsed: 0.0,
        }),
    }
}

/// A node that was killed while users came.
fn lost_node() -> RigEventRecord {
    let returned = |p99_ms, last_ms| ReturnTimes {
        p99_ms,
        last_ms,
        missing: u64::from(last_ms.is_none()),
    };
    RigEventRecord {
        action: "lose-node".into(),
        text: "mattermost of app-1 is killed and stays down for 1m".into(),
        planned_ms: 600_000,
        begin_ms: Some(600_120),
        end_ms: Some(661_900),
        failure: None,
        recovery: Some(EventRecovery {
            lost: 4_200,
            connected: returned(Some(7_880), Some(192_880)),
            caught_up: returned(Some(9_880), None),
            failed_calls: 312,
            errors_ms: Some(10_880),
        }),
        expected_errors_ms: None,
        expected: Some(ReconnectExpectation {
            basis: "other nodes accept them at once".into(),
            away: back_from(600.1, 605.1),
            behind: back_from(603.1, 608.1),
            connected_p99_ms: (4_970, 4_980, 4_990),
            connected_last_ms: (4_990, 5_000, 5_000),
            caught_up_p99_ms: (7_970, 7_980, 7_990),
            caught_up_last_ms: (7_990, 8_000, 8_000),
        }),
    }
}

/// From all who lost a websocket to nobody, within these seconds.
fn back_from(begin: f64, end: f64) -> Vec<(f64, f64, f64)> {
    let share = |part: f64| (begin + (end - begin) * part, 4_200.0 * (1.0 - part));
    (0..=4)
        .map(|part| share(f64::from(part) / 4.0))
        .map(|(at, users)| (at, users, users * 1.05))
        .collect()
}

fn span(name: &str, begin: u64, end: u64) -> StormPhaseSpan {
    StormPhaseSpan {
        name: name.into(),
        begin_ms: begin * 1000,
        end_ms: end * 1000,
        calls: std::collections::BTreeMap::new(),
    }
}

/// Calls of a phase whose 95th percentile this is.
fn in_phase(count: u64, failed: u64, p95_ms: Option<f64>) -> PhaseCallSummary {
    PhaseCallSummary {
        count,
        failed,
        times: p95_ms.map(|p95_ms| PhaseCallTimes {
            p50_ms: p95_ms / 3.0,
            p95_ms,
            p99_ms: p95_ms * 1.5,
            max_ms: p95_ms * 2.0,
        }),
    }
}

fn host(name: &str, most: f64) -> HostSeries {
    let point = |second: u64| HostPoint {
        at_ms: i64::try_from(second * 1000).unwrap(),
        processors_used: if second < 1200 { most } else { most / 8.0 },
        server_processors: if second < 1200 {
            most - 0.2
        } else {
            most / 9.0
        },
        database_connections: if name.starts_with("app") { 40 } else { 0 },
        connections: u32::try_from(second.min(1200) * 6).unwrap(),
        logins_waiting: name.starts_with("app").then_some(3),
        logins_abandoned: name.starts_with("app").then_some(second / 100),
    };
    HostSeries {
        host: name.into(),
        processors: 4,
        points: (0..SECONDS).map(point).collect(),
    }
}

fn result() -> StormResult {
    let mut seconds = Vec::new();
    let (mut arrived, mut inside) = (0_u64, 0_u64);
    let mut login = CallTally::default();
    let mut timings = StormTimings::default();
    for second in 0..SECONDS {
        let offered = if second < ARRIVE_FOR {
            (15_000 * (second + 1) / ARRIVE_FOR) - (15_000 * second / ARRIVE_FOR)
        } else {
            0
        };
        arrived += offered;
        let possible = if second % 2 == 0 { 12 } else { 13 };
        let logged_in = possible.min(arrived - inside);
        inside += logged_in;
        let refused = (arrived - inside) / 400;
        let mut at = StormSecond {
            users: counts(offered, logged_in),
            attempts: LoginAttempts {
                made: logged_in + refused,
                refused,
                ..LoginAttempts::default()
            },
            calls: logged_in * 38 + refused,
            ..StormSecond::default()
        };
        at.websockets = node_lost(second);
        if refused > 0 {
            at.errors.insert(StormErrorClass::TooManyRequests, refused);
        }
        let wait = Duration::from_millis(180 + (arrived - inside) * 80);
        for _ in 0..logged_in {
            at.login.record(wait);
            at.others.record(Duration::from_millis(7 + second % 30));
            login.response.record(wait);
            timings.login.record(wait);
        }
        login.count += logged_in + refused;
        *login
            .errors
            .entry(StormErrorClass::TooManyRequests)
            .or_default() += refused;
        seconds.push(at);
    }
    let sum = |count: &dyn Fn(&StormSecond) -> u64| seconds.iter().map(count).sum::<u64>();
    let mut others = CallTally {
        count: inside * 37,
        ..CallTally::default()
    };
    for ms in 5..60 {
        others.response.record(Duration::from_millis(ms));
    }
    StormResult {
        format: STORM_FORMAT,
        started_ms: 1_790_000_000_000,
        elapsed_ms: SECONDS * 1000,
        cut_short: false,
        rates: Vec::new(),
        users: counts(arrived, inside),
        attempts: LoginAttempts {
            made: sum(&|second| second.attempts.made),
            refused: sum(&|second| second.attempts.refused),
            ..LoginAttempts::default()
        },
        calls: [(ClientCall::Login, login), (ClientCall::UsersMe, others)].into(),
        websockets: WebsocketCounts::default(),
        timings,
        last: loadrig_storm::LastUser {
            logged_in_ms: Some(1_200_000),
            usable_ms: Some(1_201_300),
            live_ms: Some(1_201_500),
            caught_up_ms: None,
        },
        phases: std::collections::BTreeMap::new(),
        phase_calls: loadrig_storm::PhaseCalls::default(),
        drivers: [("agent-1".to_owned(), driver())].into(),
        seconds,
    }
}

/// What the loss of a node did to websockets in a second.
fn node_lost(second: u64) -> WebsocketCounts {
    let (back, caught_up) = match second {
        603 | 604 => (2_000, 0),
        606 => (0, 2_000),
        607 => (158, 2_000),
        609 => (0, 158),
        792 => (42, 41),
        _ => (0, 0),
    };
    let lost = if second == 600 { 4_200 } else { 0 };
    WebsocketCounts {
        users_lost: lost,
        users_back: back,
        users_behind: lost,
        users_caught_up: caught_up,
        ..WebsocketCounts::default()
    }
}

fn counts(offered: u64, inside: u64) -> UserCounts {
    UserCounts {
        offered,
        started: offered,
        logged_in: inside,
        usable: inside,
        live: inside,
        never: 0,
    }
}

fn driver() -> DriverHealth {
    DriverHealth {
        agent: "agent-1".into(),
        cpu_ms: 400_000,
        elapsed_ms: SECONDS * 1000,
        processors: 2,
        peak_memory_kib: 310_000,
        peak_sockets: 15_300,
        timer_lag: TimeHistogram::new(),
        invalid_seconds: 0,
        seconds: SECONDS,
    }
}
