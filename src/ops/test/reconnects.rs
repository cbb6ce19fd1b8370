//! When clients are to be expected back after a loss.

use forecast::{BrokenSockets, Range, forecast_reconnects};

use crate::loadtest::storm::{ReconnectExpectation, RigEventRecord};
use crate::loadtest::{EventAction, ScenarioEvent, StormScenario};
use crate::spec::{Role, Spec};

/// Simulations of each loss.
const RUNS: u32 = 200;
/// Clients that are simulated at the most: the last of more comes hardly later.
const MOST_CLIENTS: u32 = 16_000;

/// What was to be expected of an event, from the pauses of the web client alone: on a rig that answers
/// at once. None of one that breaks no websockets, or at no single moment.
pub(super) fn expected_reconnects(
    spec: &Spec,
    scenario: &StormScenario,
    event: &ScenarioEvent,
    record: &RigEventRecord,
) -> Option<ReconnectExpectation> {
    let role = match event.what {
        EventAction::LoseNode(_) => Role::App,
        EventAction::LoseProxy(_) => Role::Proxy,
        EventAction::RollingRestart(_) | EventAction::FailOverDatabase(_) => return None,
    };
    let hosts = spec.count(role).max(1);
    // Other nodes take over at once. A client knows one proxy, which stays its own.
    let waits_for_it = hosts == 1 || role == Role::Proxy;
    let down_ms = record.end_ms?.saturating_sub(record.begin_ms?);
    let broken = BrokenSockets {
        clients: (scenario.arriving_users() / hosts).clamp(1, MOST_CLIENTS),
        over: 0.0,
        outage: match waits_for_it {
            true => down_ms as f64 / 1000.0,
            false => 0.0,
        },
        calls: 0.0,
    };
    let forecast = forecast_reconnects(&broken, RUNS, scenario.seed)?;
    let ms = |range: Range| {
        let ms = |seconds: f64| (seconds * 1000.0).round() as u64;
        (ms(range.low), ms(range.median), ms(range.high))
    };
    Some(ReconnectExpectation {
        connected_p99_ms: ms(forecast.connected_p99),
        connected_last_ms: ms(forecast.connected_last),
        caught_up_p99_ms: ms(forecast.caught_up_p99),
        caught_up_last_ms: ms(forecast.caught_up_last),
    })
}
