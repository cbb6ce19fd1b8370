//! How long clients need that lose their websockets, all at once or one wave after the other: the
//! pauses of Mattermost's web client, played client by client.

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

/// Points of a curve of those who are away, besides the first.
const CURVE: u32 = 120;
/// A curve goes on for so many times as long as the first return that was played.
const BEYOND: f64 = 1.05;

/// A wave of clients whose websockets break. A client that is in two of them breaks twice.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BrokenSockets {
    /// How many.
    pub clients: u32,
    /// Seconds from the event until they begin to break.
    pub at: f64,
    /// Seconds within which they break, at random.
    pub over: f64,
    /// Seconds from the event until a connection is accepted again; attempts before are refused at once.
    /// Zero where another node or proxy accepts them.
    pub accepted: f64,
    /// Seconds that the calls after a connection take.
    pub calls: f64,
}

impl BrokenSockets {
    /// Clients whose websockets break at the event itself, and are accepted by others at once.
    #[must_use]
    pub fn at_once(clients: u32) -> Self {
        Self {
            clients,
            at: 0.0,
            over: 0.0,
            accepted: 0.0,
            calls: 0.0,
        }
    }
}

/// The waves of a rolling restart: each node's clients break when it stops, and are spread over the
/// others, the nodes in turn; so those who moved to a node that is still to be restarted break again.
/// `every` is the time in seconds from the stop of one node to that of the next. A single node has
/// nobody to move its clients to, who are accepted again after that time.
#[must_use]
pub fn rolling_restart(clients: u32, nodes: u32, every: f64) -> Vec<BrokenSockets> {
    let nodes = nodes.max(1);
    let mut held = vec![f64::from(clients) / f64::from(nodes); nodes as usize];
    let others = f64::from(nodes - 1).max(1.0);
    (0..nodes)
        .map(|node| {
            let at = f64::from(node) * every;
            let index = node as usize;
            let lost = held.get(index).copied().unwrap_or_default();
            for (other, holds) in held.iter_mut().enumerate() {
                *holds = match other == index {
                    true => 0.0,
                    false => *holds + lost / others,
                };
            }
            BrokenSockets {
                at,
                accepted: if nodes == 1 { every } else { 0.0 },
                ..BrokenSockets::at_once(lost.round() as u32)
            }
        })
        .collect()
}

/// Seconds from the event. Who is away counts among all losses together: 99 % are back when no more than
/// a hundredth of them is away, for good.
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
#[derive(Clone, Debug, PartialEq)]
pub struct ReconnectForecast {
    /// Seconds until 99 % are connected again.
    pub connected_p99: Range,
    /// Until the last one is.
    pub connected_last: Range,
    /// Until 99 % have caught up.
    pub caught_up_p99: Range,
    /// Until the last one has.
    pub caught_up_last: Range,
    /// How many have no connection: seconds, and the interval, from the event until all are back.
    pub away: Vec<(f64, Range)>,
    /// How many have not caught up.
    pub behind: Vec<(f64, Range)>,
}

/// Plays the return of all clients once; the same seed gives the same. None without clients.
#[must_use]
pub fn simulate_reconnects(waves: &[BrokenSockets], seed: u64) -> Option<Reconnects> {
    Returns::play(waves, seed).reconnects()
}

/// Plays `runs` of them. None without clients.
#[must_use]
pub fn forecast_reconnects(
    waves: &[BrokenSockets],
    runs: u32,
    seed: u64,
) -> Option<ReconnectForecast> {
    let mut every = 0.0;
    let mut played = Vec::new();
    let mut away = vec![Vec::new(); CURVE as usize + 1];
    let mut behind = away.clone();
    for run in 0..runs.max(1) {
        let returns = Returns::play(waves, seed.wrapping_add(u64::from(run)));
        let reconnects = returns.reconnects()?;
        if run == 0 {
            every = reconnects.caught_up_last * BEYOND / f64::from(CURVE);
        }
        for (point, (away, behind)) in (0_u32..).zip(away.iter_mut().zip(&mut behind)) {
            let at = f64::from(point) * every;
            away.push(returns.away(&returns.connected, at));
            behind.push(returns.away(&returns.caught_up, at));
        }
        played.push(reconnects);
    }
    let range = |of: fn(&Reconnects) -> f64| Range::of(played.iter().map(of).collect());
    let curve = |counts: Vec<Vec<f64>>| {
        let at = (0_u32..).map(|point| f64::from(point) * every);
        at.zip(counts.into_iter().map(Range::of)).collect()
    };
    Some(ReconnectForecast {
        connected_p99: range(|one| one.connected_p99),
        connected_last: range(|one| one.connected_last),
        caught_up_p99: range(|one| one.caught_up_p99),
        caught_up_last: range(|one| one.caught_up_last),
        away: curve(away),
        behind: curve(behind),
    })
}

/// When clients lost their websockets, were connected again, and had caught up: each sorted.
struct Returns {
    lost: Vec<f64>,
    connected: Vec<f64>,
    caught_up: Vec<f64>,
}

impl Returns {
    fn play(waves: &[BrokenSockets], seed: u64) -> Self {
        let mut rng = SmallRng::seed_from_u64(seed);
        let mut returns = Self {
            lost: Vec::new(),
            connected: Vec::new(),
            caught_up: Vec::new(),
        };
        for wave in waves {
            for _ in 0..wave.clients {
                let lost = wave.at + wave.over * rng.random::<f64>();
                let mut now = lost;
                let mut failures = 1_u32;
                loop {
                    now += pause(failures) + JITTER * rng.random::<f64>();
                    if now >= wave.accepted {
                        break;
                    }
                    failures += 1;
                }
                returns.lost.push(lost);
                returns.connected.push(now);
                returns.caught_up.push(now + STATUS_POLL + wave.calls);
            }
        }
        for times in [
            &mut returns.lost,
            &mut returns.connected,
            &mut returns.caught_up,
        ] {
            times.sort_by(f64::total_cmp);
        }
        returns
    }

    fn reconnects(&self) -> Option<Reconnects> {
        Some(Reconnects {
            connected_p99: self.p99(&self.connected)?,
            connected_last: *self.connected.last()?,
            caught_up_p99: self.p99(&self.caught_up)?,
            caught_up_last: *self.caught_up.last()?,
        })
    }

    /// From when on no more than a hundredth of all losses is away: not the first moment at which it is
    /// so, since others may break after it.
    fn p99(&self, back: &[f64]) -> Option<f64> {
        let most = self.lost.len() / 100;
        let is_too_much = |(index, at): (usize, &f64)| {
            let lost = self.lost.partition_point(|lost| lost <= at);
            lost > index + most
        };
        let last = back.iter().enumerate().rposition(is_too_much)?;
        back.get(last).copied()
    }

    /// How many are away at a moment.
    fn away(&self, back: &[f64], at: f64) -> f64 {
        let lost = self.lost.partition_point(|lost| *lost <= at);
        let back = back.partition_point(|back| *back <= at);
        lost.saturating_sub(back) as f64
    }
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

    fn broken(clients: u32, over: f64, accepted: f64) -> [BrokenSockets; 1] {
        [BrokenSockets {
            over,
            accepted,
            calls: 0.2,
            ..BrokenSockets::at_once(clients)
        }]
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
        assert_eq!(forecast_reconnects(&[], 3, 1), None);
        assert_eq!(
            forecast_reconnects(&[BrokenSockets::at_once(0)], 3, 1),
            None
        );
    }

    #[test]
    fn a_curve_falls_from_all_to_nobody() {
        let forecast = forecast_reconnects(&broken(300, 0.0, 0.0), 50, 1).unwrap();
        let (at, all) = forecast.away[0];
        assert!(at.abs() < 1e-9 && all.low >= 300.0, "{all:?}");
        // Half of the jitter is over, and half of them are back.
        let half = forecast.away.iter().find(|(at, _)| *at >= 4.0).unwrap().1;
        assert!(half.low < half.high && (130.0..170.0).contains(&half.median));
        let end = forecast.behind.last().unwrap();
        assert!(end.0 > 8.0 && end.1.high.abs() < 1e-9, "{end:?}");
        let behind = forecast.behind.iter().find(|(at, _)| *at >= 6.0).unwrap().1;
        assert!(behind.low >= 300.0, "the last call comes after 3 s more");
    }

    #[test]
    fn those_who_moved_to_a_node_that_is_restarted_later_break_again() {
        let waves = rolling_restart(900, 3, 20.0);
        let each: Vec<_> = waves.iter().map(|wave| (wave.clients, wave.at)).collect();
        // 300 move to the two others, 450 of one of those to the last one and to the first.
        assert_eq!(each, [(300, 0.0), (450, 20.0), (675, 40.0)]);
        let seen = simulate_reconnects(&waves, 1).unwrap();
        // Of 1425 losses 14 may be away, which the last wave decides.
        assert!(
            seen.connected_p99 > 44.9 && seen.connected_last <= 45.0,
            "{seen:?}"
        );
        // Whoever is alone is away for as long as its restart takes, and the clients for a pause more.
        let alone = rolling_restart(900, 1, 20.0);
        assert_eq!((alone[0].clients, alone[0].accepted), (900, 20.0));
        let seen = simulate_reconnects(&alone, 1).unwrap();
        assert!((20.0..=25.0).contains(&seen.connected_last), "{seen:?}");
    }

    #[test]
    fn a_late_wave_of_a_few_does_not_move_the_99_percent() {
        let late = BrokenSockets {
            at: 60.0,
            ..BrokenSockets::at_once(5)
        };
        let seen = simulate_reconnects(&[BrokenSockets::at_once(1_000), late], 1).unwrap();
        assert!(
            seen.connected_p99 < 5.0 && seen.connected_last > 63.0,
            "{seen:?}"
        );
    }
}
