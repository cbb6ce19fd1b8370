//! How long a rig needs from an event until it is as before, from what happened second by second.

use loadrig_storm::{StormSecond, WebsocketCounts};
use serde::{Deserialize, Serialize};

/// What an event did to clients, and how long it lasted. Agents count by the second, so times are
/// to the end of the second in which something was reached.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EventRecovery {
    /// Users who lost their live websocket.
    pub lost: u64,
    /// Until they had one again.
    pub connected: ReturnTimes,
    /// Until all that they had missed was asked for and answered.
    pub caught_up: ReturnTimes,
    /// Calls that failed.
    pub failed_calls: u64,
    /// Milliseconds until no more of the calls of any second failed than the scenario allows.
    /// None while it was not so before the end, or before the next event.
    pub errors_ms: Option<u64>,
}

/// When those who lost a websocket were back, milliseconds from the event. None where they were not
/// before the end, or before the next event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReturnTimes {
    /// 99 % of them.
    pub p99_ms: Option<u64>,
    /// The last one.
    pub last_ms: Option<u64>,
    /// How many were not.
    pub missing: u64,
}

/// The stretch of a storm in which an event shows, milliseconds from the start of the storm.
#[derive(Clone, Copy, Debug)]
pub(super) struct EventWindow {
    /// When it was done.
    pub(super) begin_ms: u64,
    /// When the next one was, if there is one.
    pub(super) next_ms: Option<u64>,
}

impl EventRecovery {
    /// What an event did, from the seconds of a whole storm. A second in which more than
    /// `error_percent` of the calls failed is one in which the rig was disturbed.
    pub(super) fn of(seconds: &[StormSecond], window: EventWindow, error_percent: f64) -> Self {
        let first = index(window.begin_ms);
        let end = window.next_ms.map_or(seconds.len(), index);
        let seconds = seconds.get(first..end.min(seconds.len())).unwrap_or(&[]);
        // The second in which it was done began before it.
        let since = |second: usize| ((first + second + 1) as u64 * 1000) - window.begin_ms;
        let lost = seconds.iter().map(|second| second.websockets.users_lost);
        let disturbed = seconds.iter().rposition(|second| {
            let failed: u64 = second.errors.values().sum();
            failed as f64 * 100.0 > second.calls as f64 * error_percent
        });
        let errors_ms = match disturbed {
            Some(last) if last + 1 == seconds.len() => None,
            Some(last) => Some(since(last)),
            None => Some(0),
        };
        Self {
            lost: lost.sum(),
            connected: returned(seconds, since, |it| (it.users_lost, it.users_back)),
            caught_up: returned(seconds, since, |it| (it.users_behind, it.users_caught_up)),
            failed_calls: seconds
                .iter()
                .flat_map(|second| second.errors.values())
                .sum(),
            errors_ms,
        }
    }
}

fn index(ms: u64) -> usize {
    usize::try_from(ms / 1000).unwrap_or(usize::MAX)
}

/// From when on no more than a hundredth, and nobody, was away: not the first moment at which it was
/// so, since some may have been lost after others were back.
fn returned(
    seconds: &[StormSecond],
    since: impl Fn(usize) -> u64,
    counts: impl Fn(&WebsocketCounts) -> (u64, u64),
) -> ReturnTimes {
    let all: u64 = seconds.iter().map(|it| counts(&it.websockets).0).sum();
    if all == 0 {
        return ReturnTimes::default();
    }
    let mut away = 0_u64;
    let away: Vec<u64> = seconds
        .iter()
        .map(|second| {
            let (lost, back) = counts(&second.websockets);
            away = (away + lost).saturating_sub(back);
            away
        })
        .collect();
    let from_when = |most: u64| {
        let last = away.iter().rposition(|away| *away > most);
        // What is lost and back within a second is away at the end of none.
        let back = last.map_or(0, |last| last + 1);
        (back < away.len()).then(|| since(back))
    };
    ReturnTimes {
        p99_ms: from_when(all / 100),
        last_ms: from_when(0),
        missing: away.last().copied().unwrap_or(0),
    }
}

#[cfg(test)]
mod tests {
    use loadrig_storm::StormErrorClass;

    use super::*;

    /// A second with users who were lost, back and caught up, of 100 calls so many failed.
    fn second(users_lost: u64, users_back: u64, users_caught_up: u64, failed: u64) -> StormSecond {
        let mut second = StormSecond {
            websockets: WebsocketCounts {
                users_lost,
                users_back,
                users_behind: users_lost,
                users_caught_up,
                ..WebsocketCounts::default()
            },
            calls: 100,
            ..StormSecond::default()
        };
        if failed > 0 {
            second.errors.insert(StormErrorClass::Connect, failed);
        }
        second
    }

    const QUIET: (u64, u64, u64, u64) = (0, 0, 0, 0);

    fn seconds(of: &[(u64, u64, u64, u64)]) -> Vec<StormSecond> {
        of.iter().map(|it| second(it.0, it.1, it.2, it.3)).collect()
    }

    fn window(begin_ms: u64) -> EventWindow {
        EventWindow {
            begin_ms,
            next_ms: None,
        }
    }

    #[test]
    fn times_count_from_the_event_to_the_end_of_the_second() {
        let seconds = seconds(&[
            QUIET,
            (200, 0, 0, 30),
            QUIET,
            (0, 150, 100, 0),
            (0, 48, 90, 2),
            (0, 2, 10, 0),
            QUIET,
        ]);
        let seen = EventRecovery::of(&seconds, window(1_400), 1.0);
        assert_eq!(seen.lost, 200);
        assert_eq!(seen.failed_calls, 32);
        assert_eq!(
            seen.connected,
            ReturnTimes {
                p99_ms: Some(3_600),
                last_ms: Some(4_600),
                missing: 0
            }
        );
        assert_eq!(seen.caught_up.p99_ms, Some(4_600));
        assert_eq!(seen.errors_ms, Some(3_600));
    }

    #[test]
    fn who_is_not_back_at_the_end_has_no_time() {
        let seconds = seconds(&[(100, 0, 0, 50), (0, 99, 99, 50)]);
        let seen = EventRecovery::of(&seconds, window(0), 1.0);
        assert_eq!(seen.connected.p99_ms, Some(2_000));
        assert_eq!((seen.connected.last_ms, seen.connected.missing), (None, 1));
        assert_eq!(seen.errors_ms, None);
    }

    #[test]
    fn a_second_wave_counts_and_the_next_event_ends_the_first() {
        let seconds = seconds(&[
            (10, 0, 0, 0),
            (0, 10, 10, 0),
            (10, 0, 0, 0),
            (0, 10, 10, 0),
            (50, 0, 0, 9),
            (0, 50, 50, 0),
        ]);
        let first = EventWindow {
            begin_ms: 500,
            next_ms: Some(4_000),
        };
        let seen = EventRecovery::of(&seconds, first, 1.0);
        assert_eq!((seen.lost, seen.failed_calls), (20, 0));
        assert_eq!(seen.connected.last_ms, Some(3_500));
        assert_eq!(seen.errors_ms, Some(0), "nothing failed");
        let second = EventRecovery::of(&seconds, window(4_000), 1.0);
        assert_eq!(second.connected.last_ms, Some(2_000));
    }

    #[test]
    fn an_event_that_costs_nobody_its_websocket_has_no_times_of_return() {
        let seconds = seconds(&[(0, 0, 0, 9), QUIET]);
        let seen = EventRecovery::of(&seconds, window(0), 1.0);
        assert_eq!(seen.connected, ReturnTimes::default());
        assert_eq!(seen.errors_ms, Some(1_000));
        assert_eq!(EventRecovery::of(&seconds, window(9_000), 1.0).lost, 0);
    }
}
