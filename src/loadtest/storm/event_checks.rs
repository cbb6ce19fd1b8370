//! Whether the rig was treated as the scenario says, and how long it needed to be as before.

use std::time::Duration;

use jiff::SignedDuration;
use loadrig_storm::StormResult;

use super::checks::time;
use super::figures::RigEventRecord;
use super::recovery::{EventRecovery, EventWindow, ReturnTimes};
use crate::loadtest::scenario::{ReturnThresholds, StormDisturbance, StormScenario};
use crate::loadtest::wire::Check;

/// An event that comes so much earlier or later meets another storm. Clocks of hosts differ by
/// less, and a connection over SSH takes less.
const PUNCTUAL_MS: u64 = 5_000;

/// Completes what hosts wrote down: when each event was to come in the phases as they came, the phases
/// in which agents broke websockets, and what all of that did to clients.
pub(super) fn complete_events(
    scenario: &StormScenario,
    storm: &StormResult,
    mut done: Vec<RigEventRecord>,
) -> Vec<RigEventRecord> {
    let names = scenario.phase_names();
    for (record, event) in done.iter_mut().zip(&scenario.events) {
        let phase = names.iter().position(|name| *name == event.phase);
        let phase = phase.and_then(|index| storm.phases.get(&index));
        let at = u64::try_from(event.at.as_millis()).unwrap_or(0);
        if let Some(phase) = phase {
            record.planned_ms = phase.begin_ms + at;
        }
    }
    done.extend(drops(scenario, storm));
    let begins: Vec<u64> = done.iter().filter_map(|event| event.begin_ms).collect();
    for record in &mut done {
        record.recovery = record.begin_ms.map(|begin_ms| {
            let window = EventWindow {
                begin_ms,
                next_ms: begins.iter().copied().filter(|next| *next > begin_ms).min(),
            };
            let percent = scenario.thresholds.recovery.error_rate_percent;
            EventRecovery::of(&storm.seconds, window, percent)
        });
    }
    done
}

/// The phases in which agents broke websockets, as far as the storm came.
fn drops(scenario: &StormScenario, storm: &StormResult) -> Vec<RigEventRecord> {
    let names = scenario.phase_names();
    let record = |disturbance: StormDisturbance| {
        let StormDisturbance::Drop { index, drop } = disturbance else {
            return None;
        };
        let phase = storm.phases.get(&index)?;
        let which = match drop.share >= 1.0 {
            true => "all websockets".to_owned(),
            false => format!("{:.0} % of the websockets", drop.share * 100.0),
        };
        let within = match drop.over.is_zero() {
            true => "at once".to_owned(),
            false => format!("within {:#}", drop.over),
        };
        Some(RigEventRecord {
            action: names.get(index)?.clone(),
            text: format!("the agents break {which} {within}"),
            planned_ms: phase.begin_ms,
            begin_ms: Some(phase.begin_ms),
            end_ms: Some(phase.end_ms),
            failure: None,
            recovery: None,
            expected: None,
            expected_errors_ms: None,
        })
    };
    let disturbances = scenario.disturbances().into_iter();
    disturbances.filter_map(record).collect()
}

/// Whether an event was done as the scenario says. If not, the figures are not those of the scenario.
pub(super) fn fault_of(
    scenario: &StormScenario,
    storm: &StormResult,
    event: &RigEventRecord,
) -> Check {
    let name = format!("`{}` is carried out as planned", event.action);
    let ms = |ms: u64| time(Duration::from_millis(ms));
    let Some(begin) = event.begin_ms else {
        let why = match &event.failure {
            Some(failure) => failure,
            None if event.planned_ms >= storm.elapsed_ms => "the storm was over before",
            None => "nobody followed the storm when it was to come",
        };
        return Check::fail(name, format!("{}: not done: {why}", event.text));
    };
    let off = begin.abs_diff(event.planned_ms);
    if off > PUNCTUAL_MS {
        let side = if begin > event.planned_ms {
            "later"
        } else {
            "earlier"
        };
        let detail = format!("{}: {} {side} than planned", event.text, ms(off));
        return Check::fail(name, detail);
    }
    let is_loss = scenario
        .events
        .iter()
        .any(|known| known.what.name() == event.action && known.what.loss().is_some());
    let outlasts = !is_loss
        && event.failure.is_none()
        && event.end_ms.is_none_or(|end| end > storm.elapsed_ms);
    if outlasts {
        let detail = format!("{}: the storm ended before it was over", event.text);
        return Check::fail(name, detail);
    }
    Check::new(name, true, format!("{}, at {}", event.text, ms(begin)))
}

/// Holds what came of events against the thresholds.
pub(super) fn event_checks(scenario: &StormScenario, done: &[RigEventRecord]) -> Vec<Check> {
    let limits = &scenario.thresholds.recovery;
    let mut checks = Vec::new();
    for event in done {
        let Some(seen) = &event.recovery else {
            continue;
        };
        if let Some(failure) = &event.failure {
            let name = format!("`{}` comes to its end", event.action);
            checks.push(Check::fail(name, failure.clone()));
        }
        let mut returns = |what: &str, limits: &ReturnThresholds, seen: &EventReturn| {
            let pairs = [
                ("99 %", limits.p99, seen.times.p99_ms),
                ("all", limits.last, seen.times.last_ms),
            ];
            for (share, limit, ms) in pairs {
                if let Some(limit) = limit {
                    let name = format!("after `{}` {share} {what} within {limit:#}", event.action);
                    checks.push(seen.check(name, limit, ms));
                }
            }
        };
        let lost = seen.lost;
        let connected = EventReturn {
            lost,
            times: seen.connected,
        };
        returns("are connected again", &limits.connected, &connected);
        let caught_up = EventReturn {
            lost,
            times: seen.caught_up,
        };
        returns("have caught up", &limits.caught_up, &caught_up);
        if let Some(limit) = limits.errors {
            let percent = limits.error_rate_percent;
            let name = format!(
                "after `{}` no more than {percent} % of the calls fail within {limit:#}",
                event.action
            );
            let failed = seen.failed_calls;
            checks.push(match seen.errors_ms.map(Duration::from_millis) {
                Some(took) => Check::new(
                    name,
                    took <= limit.unsigned_abs(),
                    format!("{}; {failed} calls failed", time(took)),
                ),
                None => Check::fail(name, format!("more failed until the end; {failed} in all")),
            });
        }
    }
    checks
}

/// Those who lost a websocket, and when they were back.
struct EventReturn {
    lost: u64,
    times: ReturnTimes,
}

impl EventReturn {
    fn check(&self, name: String, limit: SignedDuration, ms: Option<u64>) -> Check {
        let lost = self.lost;
        match ms.map(Duration::from_millis) {
            Some(took) => Check::new(
                name,
                took <= limit.unsigned_abs(),
                format!("{}; {lost} had lost their websocket", time(took)),
            ),
            None if lost == 0 => Check::fail(name, "nobody lost a websocket: nothing was measured"),
            None => Check::fail(
                name,
                format!("{} of {lost} were not by the end", self.times.missing),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use loadrig_storm::{PhaseTime, StormErrorClass, StormSecond, WebsocketCounts};

    use super::*;
    use crate::loadtest::Scenario;

    fn scenario(name: &str) -> StormScenario {
        match Scenario::find(name) {
            Ok(Scenario::Storm(storm)) => *storm,
            other => panic!("{other:?}"),
        }
    }

    /// One whose third phase begins after 10 s, with 100 users who lose their websocket then and are
    /// back after 5 s.
    fn storm() -> StormResult {
        let mut storm = StormResult::new(1_000_000);
        storm.elapsed_ms = 40_000;
        storm.seconds = vec![StormSecond::default(); 40];
        storm.seconds[10].websockets = WebsocketCounts {
            users_lost: 100,
            users_behind: 100,
            ..WebsocketCounts::default()
        };
        storm.seconds[10].calls = 10;
        storm.seconds[10].errors.insert(StormErrorClass::Connect, 9);
        storm.seconds[15].websockets = WebsocketCounts {
            users_back: 100,
            users_caught_up: 100,
            ..WebsocketCounts::default()
        };
        let phase = PhaseTime {
            begin_ms: 10_000,
            end_ms: 30_000,
        };
        storm.phases.insert(2, phase);
        storm
    }

    fn record(action: &str, begin_ms: Option<u64>, end_ms: Option<u64>) -> RigEventRecord {
        RigEventRecord {
            action: action.to_owned(),
            text: "it is done".to_owned(),
            planned_ms: 0,
            begin_ms,
            end_ms,
            failure: None,
            recovery: None,
            expected: None,
            expected_errors_ms: None,
        }
    }

    fn fault(name: &str, event: RigEventRecord) -> (bool, String) {
        let scenario = scenario(name);
        let done = complete_events(&scenario, &storm(), vec![event]);
        let check = fault_of(&scenario, &storm(), &done[0]);
        (check.pass, check.detail)
    }

    #[test]
    fn a_loss_is_held_to_its_thresholds() {
        let scenario = scenario("node-loss");
        let event = record("lose-node", Some(10_200), None);
        let mut done = complete_events(&scenario, &storm(), vec![event]);
        assert_eq!(done[0].planned_ms, 10_000);
        let checks = event_checks(&scenario, &done);
        let told: Vec<_> = checks.iter().map(|it| (it.pass, &*it.detail)).collect();
        assert_eq!(
            told,
            [
                (true, "5800 ms; 100 had lost their websocket"),
                (true, "5800 ms; 100 had lost their websocket"),
                (true, "5800 ms; 100 had lost their websocket"),
                (true, "5800 ms; 100 had lost their websocket"),
                (true, "800 ms; 9 calls failed"),
            ]
        );
        assert!(fault("node-loss", done.remove(0)).0);
    }

    #[test]
    fn what_was_not_measured_misses_its_threshold() {
        let scenario = scenario("node-loss");
        let event = record("lose-node", Some(20_000), None);
        let done = complete_events(&scenario, &storm(), vec![event]);
        let checks = event_checks(&scenario, &done);
        let missed: Vec<_> = checks.iter().filter(|it| !it.pass).collect();
        assert_eq!(missed.len(), 4, "{checks:?}");
        assert!(missed[0].detail.contains("nobody lost a websocket"));
    }

    #[test]
    fn an_event_that_was_not_done_as_written_is_a_fault() {
        let (pass, why) = fault("node-loss", record("lose-node", None, None));
        assert!(!pass && why.contains("nobody followed the storm"), "{why}");
        let (pass, why) = fault("node-loss", record("lose-node", Some(15_100), None));
        assert!(!pass && why.contains("5100 ms later than planned"), "{why}");
        let (pass, why) = fault(
            "rolling-restart",
            record("rolling-restart", Some(10_000), None),
        );
        assert!(!pass && why.contains("ended before it was over"), "{why}");
        let late = record("rolling-restart", Some(10_000), Some(40_001));
        assert!(!fault("rolling-restart", late).0);
        let done = record("rolling-restart", Some(10_000), Some(30_000));
        assert!(fault("rolling-restart", done).0);
    }

    #[test]
    fn websockets_that_agents_broke_are_held_to_the_same_thresholds() {
        let scenario = scenario("reconnect-storm");
        let done = complete_events(&scenario, &storm(), Vec::new());
        let [drop] = done.as_slice() else {
            panic!("{done:?}");
        };
        assert_eq!(drop.text, "the agents break all websockets within 1s");
        assert_eq!(
            (&*drop.action, drop.begin_ms, drop.end_ms),
            ("drop", Some(10_000), Some(30_000))
        );
        let told: Vec<_> = event_checks(&scenario, &done)
            .into_iter()
            .map(|check| (check.name, check.pass, check.detail))
            .collect();
        let lost = "6000 ms; 100 had lost their websocket";
        let told: Vec<_> = told.iter().map(|it| (&*it.0, it.1, &*it.2)).collect();
        assert_eq!(
            told,
            [
                (
                    "after `drop` 99 % are connected again within 20s",
                    true,
                    lost
                ),
                ("after `drop` all are connected again within 2m", true, lost),
                ("after `drop` 99 % have caught up within 30s", true, lost),
                ("after `drop` all have caught up within 3m", true, lost),
                (
                    "after `drop` no more than 1 % of the calls fail within 30s",
                    true,
                    "1000 ms; 9 calls failed"
                ),
            ]
        );
        // A storm that was stopped before has not broken any.
        let mut stopped = storm();
        stopped.phases.clear();
        assert_eq!(complete_events(&scenario, &stopped, Vec::new()), []);
    }

    #[test]
    fn a_node_that_does_not_come_back_is_the_rigs_doing() {
        let scenario = scenario("rolling-restart");
        let mut event = record("rolling-restart", Some(10_000), None);
        event.failure = Some("app-2 does not answer".to_owned());
        assert!(fault("rolling-restart", event.clone()).0);
        let done = complete_events(&scenario, &storm(), vec![event]);
        let checks = event_checks(&scenario, &done);
        assert!(!checks[0].pass);
        assert_eq!(checks[0].detail, "app-2 does not answer");
    }
}
