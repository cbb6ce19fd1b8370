//! What is forecast of a storm on a rig, to be held beside it as it goes on, and to be drawn over what was
//! measured.

use forecast::Range;
use loadrig_storm::StormResult;

use crate::events::TimeLeft;
use crate::loadtest::StormScenario;
use crate::loadtest::storm::{LoginOutlook, ReturnOutlook, StormExpectation, StormOutlook};
use crate::ops::predict::{PredictedReturn, StormForecast, predict_returns};
use crate::spec::Spec;

/// When the last user was seen to get in; none if that was not in every storm that was simulated.
fn known_last(forecast: &StormForecast) -> Option<Range> {
    forecast.last_in.filter(is_finite)
}

fn is_finite(range: &Range) -> bool {
    [range.low, range.median, range.high]
        .iter()
        .all(|seconds| seconds.is_finite())
}

fn time_left(range: Range) -> TimeLeft {
    TimeLeft {
        low_s: range.low,
        median_s: range.median,
        high_s: range.high,
    }
}

/// What is held beside a storm as it goes on. Of events that last for as long as nobody knows beforehand
/// nothing is said.
pub(super) fn outlook_of(
    spec: &Spec,
    scenario: &StormScenario,
    forecast: Option<&StormForecast>,
) -> StormOutlook {
    let returns = predict_returns(spec, scenario, None);
    let returns = returns.map(|it| it.returns).unwrap_or_default();
    let known = returns.iter().filter(|one| !one.is_assumed);
    StormOutlook {
        logins: forecast.and_then(logins),
        returns: known.map(|one| return_outlook(scenario, one)).collect(),
    }
}

fn return_outlook(scenario: &StormScenario, one: &PredictedReturn) -> ReturnOutlook {
    ReturnOutlook {
        phase: one.phase,
        // Those of the scenario come first, in its order.
        at_s: one
            .number
            .and_then(|number| scenario.events.get(number))
            .map_or(0.0, |event| event.at.as_secs_f64()),
        last: time_left(one.caught_up_last),
    }
}

fn logins(forecast: &StormForecast) -> Option<LoginOutlook> {
    // The last one who gets in before a collapse is not the end of it.
    if forecast.collapsed > 0.0 {
        return None;
    }
    Some(LoginOutlook {
        users: u64::from(forecast.users),
        every_s: forecast.curve.every,
        users_in: forecast
            .curve
            .users_in
            .iter()
            .map(|in_by_then| in_by_then.median)
            .collect(),
        last_in: time_left(known_last(forecast)?),
    })
}

/// The forecast, to be drawn over what was measured; nothing if its phase was not reached, or users came
/// other than planned.
pub(super) fn expectation(
    forecast: &StormForecast,
    scenario: &StormScenario,
    storm: &StormResult,
) -> Option<StormExpectation> {
    if !storm.pace().is_empty() {
        return None;
    }
    // The forecast counts from its phase, which others may come before.
    let phase = storm.phases.get(&scenario.measured_phase()?)?;
    let begin = phase.begin_ms as f64 / 1000.0;
    let from_start = |range: Range| (begin + range.low, begin + range.median, begin + range.high);
    Some(StormExpectation {
        users_in: (1_u32..)
            .zip(&forecast.curve.users_in)
            .map(|(point, users)| {
                let at = begin + f64::from(point) * forecast.curve.every;
                (at, users.low, users.high)
            })
            .collect(),
        last_in: known_last(forecast).map(from_start),
        recovered: Some(forecast.recovered).filter(is_finite).map(from_start),
        collapsed: forecast.collapsed,
    })
}

#[cfg(test)]
mod tests {
    use loadrig_storm::PhaseTime;

    use super::*;
    use crate::loadtest::Scenario;
    use crate::ops::predict::forecast_storm;
    use crate::spec::Library;

    fn spec() -> Spec {
        let library = Library::new(Some("no-such-directory".into()));
        let text = "architecture: 15k\nmattermost: {release: 11.7.9, license_env: L}\n";
        let spec = library.load_text("test", text);
        spec.unwrap_or_else(|errors| panic!("{errors}"))
    }

    fn scenario(name: &str) -> StormScenario {
        match Scenario::find(name) {
            Ok(Scenario::Storm(storm)) => *storm,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn users_who_come_without_a_storm_are_forecast_too() {
        let (spec, scenario) = (spec(), scenario("reconnect-storm"));
        // 10 per second, which the gate holds back a little: 9.3 per second go through.
        let forecast = forecast_storm(&spec, &scenario).unwrap();
        assert_eq!(forecast.users, 15_000);
        let outlook = outlook_of(&spec, &scenario, Some(&forecast));
        let last = outlook.logins.unwrap().last_in;
        assert!((1_500.0..1_800.0).contains(&last.median_s), "{last:?}");
        let [back] = outlook.returns.as_slice() else {
            panic!("{:?}", outlook.returns);
        };
        assert_eq!((back.phase, back.at_s), (2, 0.0));
        assert!(back.last.high_s <= 9.0 && back.last.low_s > 8.0, "{back:?}");
        let mut storm = StormResult::new(1_000_000);
        assert_eq!(expectation(&forecast, &scenario, &storm), None);
        let phase = PhaseTime {
            begin_ms: 4_000,
            end_ms: 1_504_000,
        };
        storm.phases.insert(0, phase);
        let drawn = expectation(&forecast, &scenario, &storm).unwrap();
        assert!((drawn.last_in.unwrap().1 - last.median_s - 4.0).abs() < 1e-6);
        assert!(drawn.recovered.unwrap().1 >= drawn.last_in.unwrap().1);
    }

    #[test]
    fn nothing_is_said_of_how_long_a_collapse_takes() {
        let mut spec = spec();
        spec.login_gate = crate::spec::GateSetting::Off;
        let scenario = scenario("login-storm");
        let forecast = forecast_storm(&spec, &scenario).unwrap();
        assert!(forecast.collapsed > 0.9, "{}", forecast.collapsed);
        assert_eq!(outlook_of(&spec, &scenario, Some(&forecast)).logins, None);
    }

    #[test]
    fn nothing_is_said_of_how_long_a_failover_takes() {
        let (spec, failover) = (spec(), scenario("database-failover"));
        assert_eq!(outlook_of(&spec, &failover, None), StormOutlook::default());
        let lost = outlook_of(&spec, &scenario("node-loss"), None);
        assert_eq!((lost.returns[0].phase, lost.returns.len()), (2, 1));
    }
}
