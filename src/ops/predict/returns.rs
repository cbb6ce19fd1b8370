//! When clients come back from what a scenario does to their websockets, before anything is built.
//!
//! A bound: the web client's own pauses, on a rig that accepts and answers at once.

use forecast::{BrokenSockets, Range, rolling_restart};
use jiff::SignedDuration;
use serde::Serialize;

use crate::loadtest::{EventAction, StormDisturbance, StormScenario};
use crate::ops::error::PredictError;
use crate::spec::{Role, Spec};

use super::waves::{forecast_waves, waits_until_over};

/// How long something is away where neither the scenario nor anybody says.
const ASSUMED: f64 = 30.0;

/// When the users of a scenario are back.
#[derive(Clone, Debug, Serialize)]
pub struct ReturnPrediction {
    /// Name of the environment, or of the size.
    pub environment: String,
    /// The scenario.
    pub scenario: String,
    /// Users who come.
    pub users: u32,
    /// What breaks websockets, the scenario's events first.
    pub returns: Vec<PredictedReturn>,
}

/// When clients are back that lose their websockets. Seconds from the event; intervals hold nine of ten
/// losses.
#[derive(Clone, Debug, Serialize)]
pub struct PredictedReturn {
    /// The event, as the scenario names it, or the phase.
    pub event: String,
    /// Index of its phase.
    #[serde(skip)]
    pub(in crate::ops) phase: usize,
    /// Which of the scenario's events it is; none of a phase.
    #[serde(skip)]
    pub(in crate::ops) number: Option<usize>,
    /// What was taken for granted.
    pub basis: String,
    /// Websockets that break; those of one client may break more than once.
    pub lost: u32,
    /// Seconds for which nobody accepts them, or of a rolling restart from one node to the next.
    pub outage: f64,
    /// Whether nobody said how long that is.
    pub is_assumed: bool,
    /// Until 99 % are connected again.
    pub connected_p99: Range,
    /// Until the last one is.
    pub connected_last: Range,
    /// Until 99 % have caught up.
    pub caught_up_p99: Range,
    /// Until the last one has.
    pub caught_up_last: Range,
}

/// Predicts when users are back from each event of a scenario and each phase `drop`. `outage` takes the
/// place of what the scenario says.
///
/// # Errors
/// When an outage is given that concerns nothing.
pub fn predict_returns(
    spec: &Spec,
    scenario: &StormScenario,
    outage: Option<SignedDuration>,
) -> Result<ReturnPrediction, PredictError> {
    let disturbances = scenario.disturbances();
    if outage.is_some() && disturbances.is_empty() {
        return Err(PredictError::NoOutage {
            scenario: scenario.name.clone(),
        });
    }
    let names = scenario.phase_names();
    let arrivals = scenario.arrivals();
    let outage = outage.map(|outage| outage.as_secs_f64());
    let returned = |(number, disturbance): (usize, &StormDisturbance)| {
        let (phase, event, loss) = match *disturbance {
            StormDisturbance::Event { index, what } => {
                let users = arrivals.iter().take(index + 1).sum();
                (index, what.name(), of_event(spec, what, users, outage))
            }
            StormDisturbance::Drop { index, drop } => {
                let users: u32 = arrivals.iter().take(index).sum();
                let outage = outage.unwrap_or(0.0);
                let lost = (f64::from(users) * drop.share).round() as u32;
                let wave = BrokenSockets {
                    over: drop.over.as_secs_f64(),
                    accepted: outage,
                    ..BrokenSockets::at_once(lost)
                };
                let basis = format!(
                    "{:.0} % of the websockets break within {:#}",
                    drop.share * 100.0,
                    drop.over
                );
                let loss = AssumedLoss {
                    waves: vec![wave],
                    basis,
                    outage,
                    is_assumed: false,
                };
                (index, names.get(index).map_or("drop", String::as_str), loss)
            }
        };
        let forecast = forecast_waves(&loss.waves, scenario.seed)?;
        Some(PredictedReturn {
            event: event.to_owned(),
            phase,
            number: matches!(disturbance, StormDisturbance::Event { .. }).then_some(number),
            basis: loss.basis,
            lost: loss.waves.iter().map(|wave| wave.clients).sum(),
            outage: loss.outage,
            is_assumed: loss.is_assumed,
            connected_p99: forecast.connected_p99,
            connected_last: forecast.connected_last,
            caught_up_p99: forecast.caught_up_p99,
            caught_up_last: forecast.caught_up_last,
        })
    };
    Ok(ReturnPrediction {
        environment: spec.argument().to_owned(),
        scenario: scenario.name.clone(),
        users: scenario.arriving_users(),
        returns: disturbances
            .iter()
            .enumerate()
            .filter_map(returned)
            .collect(),
    })
}

/// What is taken for granted of a loss.
struct AssumedLoss {
    waves: Vec<BrokenSockets>,
    basis: String,
    outage: f64,
    is_assumed: bool,
}

fn of_event(spec: &Spec, what: EventAction, users: u32, outage: Option<f64>) -> AssumedLoss {
    let said = what.loss().and_then(|loss| loss.down);
    let said = outage.or(said.map(|down| down.as_secs_f64()));
    let waits = waits_until_over(spec, what);
    let nodes = spec.count(Role::App).max(1);
    let proxies = spec.count(Role::Proxy).max(1);
    let away = said.unwrap_or(ASSUMED);
    let accepted = if waits { away } else { 0.0 };
    let wave = |lost: u32| {
        vec![BrokenSockets {
            accepted,
            ..BrokenSockets::at_once(lost)
        }]
    };
    let (waves, basis) = match what {
        EventAction::LoseNode(_) if waits => (wave(users), "there is no other node".to_owned()),
        EventAction::LoseNode(_) => (
            wave(users.div_ceil(nodes)),
            match nodes - 1 {
                1 => "the other node accepts them at once".to_owned(),
                others => format!("the {others} other nodes accept them at once"),
            },
        ),
        EventAction::LoseProxy(_) => (
            wave(users.div_ceil(proxies)),
            format!("each client knows one of {proxies} proxies"),
        ),
        EventAction::RollingRestart(_) => (
            rolling_restart(users, nodes, away),
            match nodes {
                1 => "there is no other node".to_owned(),
                _ => format!("{nodes} nodes are restarted one by one"),
            },
        ),
        EventAction::FailOverDatabase(_) => (
            wave(users),
            "the worst case: nodes drop every websocket until the database is back; those that keep \
             theirs lose none, and calls fail for as long"
                .to_owned(),
        ),
    };
    let concerns = waits || matches!(what, EventAction::RollingRestart(_));
    AssumedLoss {
        waves,
        basis,
        outage: if concerns { away } else { 0.0 },
        is_assumed: concerns && said.is_none(),
    }
}
