//! When clients were to be expected back from what broke their websockets, held beside what was
//! measured.
//!
//! A forecast knows the web client's own pauses, and takes from the run what no forecast can know: how
//! many websockets broke and, where that is no single moment, when; for how long nobody else accepted
//! them; and how long a call took before. It does not know how fast the server is while all of them come
//! back: what takes longer is the rig's doing.

use forecast::{BrokenSockets, Range};
use loadrig_storm::{StormResult, StormSecond, TimeHistogram};

use crate::loadtest::storm::{ReconnectExpectation, RigEventRecord};
use crate::loadtest::{EventAction, StormDisturbance, StormScenario};
use crate::ops::predict::{forecast_waves, waits_until_over};
use crate::spec::Spec;

/// Seconds before an event from which it is known how long a call takes.
const BEFORE: usize = 60;

/// Adds to each record of a result what was to be expected of it.
pub(super) fn expect_returns(
    spec: &Spec,
    scenario: &StormScenario,
    storm: &StormResult,
    records: &mut [RigEventRecord],
) {
    let begins: Vec<u64> = records.iter().filter_map(|it| it.begin_ms).collect();
    for (record, disturbance) in records.iter_mut().zip(scenario.disturbances()) {
        let Some(begin_ms) = record.begin_ms else {
            continue;
        };
        let measured = MeasuredLoss {
            begin_ms,
            over_ms: record.end_ms.map(|end| end.saturating_sub(begin_ms)),
            lost: record.recovery.as_ref().map_or(0, |seen| seen.lost),
            next_ms: begins.iter().copied().filter(|next| *next > begin_ms).min(),
            storm,
        };
        if let StormDisturbance::Event { what, .. } = disturbance
            && waits_until_over(spec, what)
        {
            record.expected_errors_ms = measured.over_ms;
        }
        record.expected = measured.expectation(spec, disturbance, scenario.seed);
    }
}

/// What a run says of a loss.
struct MeasuredLoss<'a> {
    begin_ms: u64,
    /// For how long it went on; none if it was not over.
    over_ms: Option<u64>,
    /// Users who lost their websocket.
    lost: u64,
    /// When the next one came.
    next_ms: Option<u64>,
    storm: &'a StormResult,
}

impl MeasuredLoss<'_> {
    /// None where nobody lost a websocket, or where it was not over that clients wait for.
    fn expectation(
        &self,
        spec: &Spec,
        disturbance: StormDisturbance,
        seed: u64,
    ) -> Option<ReconnectExpectation> {
        let over = self.over_ms.map(seconds);
        let lost = u32::try_from(self.lost).unwrap_or(u32::MAX);
        let at_once = BrokenSockets {
            calls: self.call_before(),
            ..BrokenSockets::at_once(lost)
        };
        let (waves, basis) = match disturbance {
            StormDisturbance::Drop { drop, .. } => {
                let wave = BrokenSockets {
                    over: drop.over.as_secs_f64(),
                    ..at_once
                };
                (vec![wave], "the server accepts them at once".to_owned())
            }
            StormDisturbance::Event { what, .. } => {
                let accepted = match waits_until_over(spec, what) {
                    true => over?,
                    false => 0.0,
                };
                let (moments, waves) = match what {
                    EventAction::LoseNode(_) | EventAction::LoseProxy(_) => ("", vec![at_once]),
                    EventAction::RollingRestart(_) | EventAction::FailOverDatabase(_) => {
                        ("they break when they did; ", self.waves(at_once))
                    }
                };
                let wave = |wave: &BrokenSockets| BrokenSockets { accepted, ..*wave };
                let basis = match accepted > 0.0 {
                    true => format!("nobody accepts them for {accepted:.1} s, as measured"),
                    false => "other nodes accept them at once".to_owned(),
                };
                (
                    waves.iter().map(wave).collect(),
                    format!("{moments}{basis}"),
                )
            }
        };
        let forecast = forecast_waves(&waves, seed)?;
        let ms = |range: Range| {
            let ms = |seconds: f64| (seconds * 1000.0).round() as u64;
            (ms(range.low), ms(range.median), ms(range.high))
        };
        let begin = seconds(self.begin_ms);
        let band = |curve: &[(f64, Range)]| {
            let points = curve.iter();
            points
                .map(|(at, users)| (begin + at, users.low, users.high))
                .collect()
        };
        Some(ReconnectExpectation {
            basis,
            connected_p99_ms: ms(forecast.connected_p99),
            connected_last_ms: ms(forecast.connected_last),
            caught_up_p99_ms: ms(forecast.caught_up_p99),
            caught_up_last_ms: ms(forecast.caught_up_last),
            away: band(&forecast.away),
            behind: band(&forecast.behind),
        })
    }

    /// The seconds in which websockets broke, each a wave.
    fn waves(&self, at_once: BrokenSockets) -> Vec<BrokenSockets> {
        let end = self.next_ms.map_or(usize::MAX, index);
        let begin = seconds(self.begin_ms);
        let numbered = self.storm.seconds.iter().enumerate();
        numbered
            .take(end)
            .skip(index(self.begin_ms))
            .filter(|(_, second)| second.websockets.users_lost > 0)
            .map(|(number, second)| {
                // The second in which the event came began before it.
                let from = (number as f64 - begin).max(0.0);
                BrokenSockets {
                    clients: u32::try_from(second.websockets.users_lost).unwrap_or(u32::MAX),
                    at: from,
                    over: number as f64 + 1.0 - begin - from,
                    ..at_once
                }
            })
            .collect()
    }

    /// Seconds that a call took in the minute before, the median; nothing where there was none.
    fn call_before(&self) -> f64 {
        let end = index(self.begin_ms).min(self.storm.seconds.len());
        let before: &[StormSecond] = &self.storm.seconds[end.saturating_sub(BEFORE)..end];
        let mut all = TimeHistogram::coarse();
        for second in before {
            // Seconds of one agent were merged before: what fails here has failed there.
            let _ = all.merge(&second.others);
        }
        match all.count() {
            0 => 0.0,
            _ => all.quantile(0.5).as_secs_f64(),
        }
    }
}

fn index(ms: u64) -> usize {
    usize::try_from(ms / 1000).unwrap_or(usize::MAX)
}

fn seconds(ms: u64) -> f64 {
    ms as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use loadrig_storm::WebsocketCounts;

    use super::*;
    use crate::loadtest::Scenario;
    use crate::loadtest::storm::EventRecovery;
    use crate::spec::Library;

    fn spec(nodes: u32) -> Spec {
        let library = Library::new(Some("no-such-directory".into()));
        let text = format!("architecture: 1k\nsizes: {{nodes: {{app: {{count: {nodes}}}}}}}\n");
        let spec = library.load_text("test", &text);
        spec.unwrap_or_else(|errors| panic!("{errors}"))
    }

    /// What is expected of the one event or drop of a scenario that begins 10.5 s after the start, over
    /// 20 s later; websockets break in the given seconds.
    fn expected(nodes: u32, scenario: &str, lost: &[(usize, u64)]) -> RigEventRecord {
        let Ok(Scenario::Storm(scenario)) = Scenario::find(scenario) else {
            panic!("{scenario}");
        };
        let mut storm = StormResult::new(1_000_000);
        storm.seconds = vec![StormSecond::default(); 60];
        storm.seconds[9].others.record(Duration::from_millis(250));
        for (second, users_lost) in lost {
            storm.seconds[*second].websockets = WebsocketCounts {
                users_lost: *users_lost,
                ..WebsocketCounts::default()
            };
        }
        let mut record = RigEventRecord {
            action: String::new(),
            text: String::new(),
            planned_ms: 10_000,
            begin_ms: Some(10_500),
            end_ms: Some(30_500),
            failure: None,
            recovery: Some(EventRecovery {
                lost: lost.iter().map(|it| it.1).sum(),
                connected: Default::default(),
                caught_up: Default::default(),
                failed_calls: 0,
                errors_ms: None,
            }),
            expected: None,
            expected_errors_ms: None,
        };
        let records = std::slice::from_mut(&mut record);
        expect_returns(&spec(nodes), &scenario, &storm, records);
        record
    }

    fn last(record: &RigEventRecord) -> (u64, u64, u64) {
        record
            .expected
            .as_ref()
            .expect("a forecast")
            .connected_last_ms
    }

    #[test]
    fn who_lost_a_node_moves_to_the_others_at_once() {
        let lost = expected(2, "node-loss", &[(10, 500)]);
        let (low, _, high) = last(&lost);
        assert!(low > 4_900 && high <= 5_000, "{lost:?}");
        assert_eq!(lost.expected_errors_ms, None, "the other node answers");
        let expected = lost.expected.unwrap();
        assert_eq!(expected.basis, "other nodes accept them at once");
        // The last call comes 3 s later, and takes what calls took before.
        let behind = expected.caught_up_last_ms.1 - expected.connected_last_ms.1;
        assert!((3_240..3_260).contains(&behind), "{behind}");
        let (at, least, most) = expected.away[0];
        assert!((at - 10.5).abs() < 1e-9 && least >= 500.0 && most <= 500.0);
    }

    #[test]
    fn who_has_no_other_node_waits_until_it_is_back() {
        for scenario in ["node-loss", "rolling-restart", "database-failover"] {
            let lost = expected(1, scenario, &[(10, 500)]);
            let (low, _, high) = last(&lost);
            assert!(low >= 20_000 && high <= 25_000, "{scenario}: {lost:?}");
            assert_eq!(lost.expected_errors_ms, Some(20_000));
            let basis = lost.expected.unwrap().basis;
            assert!(
                basis.contains("nobody accepts them for 20.0 s, as measured"),
                "{basis}"
            );
        }
    }

    #[test]
    fn each_wave_of_a_rolling_restart_counts_from_when_it_came() {
        let restarted = expected(3, "rolling-restart", &[(12, 100), (20, 300), (28, 300)]);
        let (low, _, high) = last(&restarted);
        // 17.5 to 18.5 s after the start of it, and a pause.
        assert!(low > 21_500 && high <= 23_500, "{restarted:?}");
        assert_eq!(restarted.expected_errors_ms, None);
    }

    #[test]
    fn a_drop_is_accepted_at_once_and_a_failover_without_a_loss_has_no_return() {
        let dropped = expected(1, "reconnect-storm", &[(10, 400), (11, 400)]);
        let (low, _, high) = last(&dropped);
        assert!(low > 5_400 && high <= 6_000, "{dropped:?}");
        assert_eq!(dropped.expected_errors_ms, None);
        let kept = expected(2, "database-failover", &[]);
        assert_eq!(
            (kept.expected, kept.expected_errors_ms),
            (None, Some(20_000))
        );
    }
}
