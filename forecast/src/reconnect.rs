//! How long clients need that lose their websocket all at once: the pauses of Mattermost's web client,
//! played client by client.

use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::forecast::Range;

/// Constants of the web client (`websocket.ts` of 10.11 to 11.9): seconds.
const LEAST: f64 = 3.0;
const MOST: f64 = 300.0;
const JITTER: f64 = 2.0;
/// Failures in a row, the loss of the connection being the first, up to which the pause is the least.
const STEADY_FAILURES: u32 = 7;
/// From the new connection until the client asks for the status of the people that it shows: the last
/// call of those that follow. A client whose stream of events begins anew asks for all of it at the
/// server's first word, and is no later.
const STATUS_POLL: f64 = 3.0;

/// Clients whose websockets break.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BrokenSockets {
    /// How many.
    pub clients: u32,
    /// Seconds within which they break, at random.
    pub over: f64,
    /// Seconds from the first break until a connection is accepted again; attempts before are refused
    /// at once. Zero where another node or proxy accepts them.
    pub outage: f64,
    /// Seconds that the calls after a connection take.
    pub calls: f64,
}

/// Seconds from the first break.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reconnects {
    /// Until 99 % are connected again.
    pub connected_p99: f64,
    /// Until the last one is.
    pub connected_last: f64,
    /// Until 99 % have caught up.
    pub caught_up_p99: f64,
    /// Until the last one has.
    pub caught_up_last: f64,
}

/// What to expect of reconnects: medians, with the intervals that hold nine of ten.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ReconnectForecast {
    /// Seconds until 99 % are connected again.
    pub connected_p99: Range,
    /// Until the last one is.
    pub connected_last: Range,
    /// Until 99 % have caught up.
    pub caught_up_p99: Range,
    /// Until the last one has.
    pub caught_up_last: Range,
}

/// Plays the return of all clients once; the same seed gives the same. None without clients.
#[must_use]
pub fn simulate_reconnects(broken: &BrokenSockets, seed: u64) -> Option<Reconnects> {
    let mut rng = SmallRng::seed_from_u64(seed);
    let mut connected: Vec<f64> = (0..broken.clients)
        .map(|_| {
            let mut now = broken.over * rng.random::<f64>();
            let mut failures = 1_u32;
            loop {
                now += pause(failures) + JITTER * rng.random::<f64>();
                if now >= broken.outage {
                    return now;
                }
                failures += 1;
            }
        })
        .collect();
    connected.sort_by(f64::total_cmp);
    let last = *connected.last()?;
    let p99 = *connected.get((connected.len() * 99).div_ceil(100) - 1)?;
    let behind = STATUS_POLL + broken.calls;
    Some(Reconnects {
        connected_p99: p99,
        connected_last: last,
        caught_up_p99: p99 + behind,
        caught_up_last: last + behind,
    })
}

/// Plays `runs` of them. None without clients.
#[must_use]
pub fn forecast_reconnects(
    broken: &BrokenSockets,
    runs: u32,
    seed: u64,
) -> Option<ReconnectForecast> {
    let played: Option<Vec<Reconnects>> = (0..runs.max(1))
        .map(|run| simulate_reconnects(broken, seed.wrapping_add(u64::from(run))))
        .collect();
    let played = played?;
    let range = |of: fn(&Reconnects) -> f64| Range::of(played.iter().map(of).collect());
    Some(ReconnectForecast {
        connected_p99: range(|one| one.connected_p99),
        connected_last: range(|one| one.connected_last),
        caught_up_p99: range(|one| one.caught_up_p99),
        caught_up_last: range(|one| one.caught_up_last),
    })
}

/// The pause before the next attempt, without jitter.
fn pause(failures: u32) -> f64 {
    if failures > STEADY_FAILURES {
        let failures = f64::from(failures);
        (LEAST * failures * failures).min(MOST)
    } else {
        LEAST
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken(clients: u32, over: f64, outage: f64) -> BrokenSockets {
        BrokenSockets {
            clients,
            over,
            outage,
            calls: 0.2,
        }
    }

    #[test]
    fn without_an_outage_all_are_back_after_one_pause() {
        let seen = simulate_reconnects(&broken(15_000, 0.0, 0.0), 1).unwrap();
        // 3 s, and up to 2 s that are equally likely.
        assert!((seen.connected_p99 - 4.98).abs() < 0.01, "{seen:?}");
        assert!(seen.connected_last <= 5.0 && seen.connected_last > 4.99);
        assert!((seen.caught_up_last - seen.connected_last - 3.2).abs() < 1e-9);
        // Those who lose it later come later.
        let spread = simulate_reconnects(&broken(15_000, 10.0, 0.0), 1).unwrap();
        assert!(spread.connected_last > 14.0 && spread.connected_last <= 15.0);
    }

    #[test]
    fn an_outage_of_seconds_costs_at_most_another_pause() {
        for outage in [4.0, 9.0, 15.0] {
            let seen = simulate_reconnects(&broken(1_000, 0.0, outage), 1).unwrap();
            assert!(seen.connected_p99 >= outage);
            assert!(seen.connected_last <= outage + 5.0, "{outage}: {seen:?}");
        }
    }

    #[test]
    fn after_the_seventh_failure_they_fall_off_a_cliff() {
        // The sum of seven pauses is 21 to 35 s. Who is refused then waits for 192 s more.
        let seen = simulate_reconnects(&broken(1_000, 0.0, 36.0), 1).unwrap();
        assert!(
            (192.0 + 21.0..=194.0 + 35.0).contains(&seen.connected_p99),
            "{seen:?}"
        );
        let mean = 7.0 * 4.0 + 193.0;
        assert!((seen.connected_p99 - mean).abs() < 5.0, "{seen:?}");
    }

    #[test]
    fn the_forecast_holds_what_is_played() {
        let broken = broken(300, 1.0, 6.0);
        let forecast = forecast_reconnects(&broken, 200, 1).unwrap();
        let within = (1_000..1_200).filter(|seed| {
            let seen = simulate_reconnects(&broken, *seed).unwrap();
            let range = forecast.connected_last;
            (range.low..=range.high).contains(&seen.connected_last)
        });
        let within = within.count();
        assert!((165..=195).contains(&within), "{within} of 200");
        let nobody = BrokenSockets {
            clients: 0,
            ..broken
        };
        assert_eq!(forecast_reconnects(&nobody, 3, 1), None);
    }
}
