//! Whose websockets an event breaks, and when they are accepted again: what a forecast of reconnects
//! starts from.

use forecast::{BrokenSockets, ReconnectForecast, forecast_reconnects};

use crate::loadtest::EventAction;
use crate::spec::{Role, Spec};

/// Clients of all simulations of a loss together that are worth simulating.
const PLAYED_CLIENTS: u32 = 800_000;
/// Simulations of a loss, at the least and at the most.
const RUNS: (u32, u32) = (50, 200);
/// Clients that are simulated at the most: the last of more comes hardly later.
const MOST_CLIENTS: u32 = 16_000;

/// What to expect of waves of clients whose websockets break, with counts of all of them; none without
/// clients.
pub(in crate::ops) fn forecast_waves(
    waves: &[BrokenSockets],
    seed: u64,
) -> Option<ReconnectForecast> {
    let all: u64 = waves.iter().map(|wave| u64::from(wave.clients)).sum();
    let each = (all as f64 / f64::from(MOST_CLIENTS)).max(1.0);
    let fewer: Vec<BrokenSockets> = waves
        .iter()
        .map(|wave| BrokenSockets {
            clients: (f64::from(wave.clients) / each).ceil() as u32,
            ..*wave
        })
        .collect();
    let played: u32 = fewer.iter().map(|wave| wave.clients).sum();
    let runs = (PLAYED_CLIENTS / played.max(1)).clamp(RUNS.0, RUNS.1);
    let mut forecast = forecast_reconnects(&fewer, runs, seed)?;
    for (_, count) in forecast.away.iter_mut().chain(&mut forecast.behind) {
        count.low *= each;
        count.median *= each;
        count.high *= each;
    }
    Some(forecast)
}

/// Whether clients that an event concerns have nobody else to connect to, and wait until it is over.
pub(in crate::ops) fn waits_until_over(spec: &Spec, what: EventAction) -> bool {
    match what {
        EventAction::LoseNode(_) | EventAction::RollingRestart(_) => spec.count(Role::App) <= 1,
        // A client knows one proxy, which stays its own. Every node needs the database.
        EventAction::LoseProxy(_) | EventAction::FailOverDatabase(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counts_of_many_are_those_of_all() {
        let many = [BrokenSockets::at_once(150_000)];
        let forecast = forecast_waves(&many, 1).unwrap();
        let all = forecast.away[0].1.median;
        assert!((all - 150_000.0).abs() < 10.0, "{all}");
        assert!(forecast.connected_last.high <= 5.0);
        assert_eq!(forecast_waves(&[], 1), None);
    }
}
