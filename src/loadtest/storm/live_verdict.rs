//! What the verdict of a storm would be, by what agents say while it goes on.

use std::time::Duration;

use jiff::SignedDuration;
use loadrig_storm::{StormSample, TimeHistogram, is_driver_valid};
use tokio::sync::watch;

use super::checks::{
    IN, OTHER_CALLS, USABLE, call_checks, error_rate_name, last_user_name, start_lag_name,
    users_in_name,
};
use super::outlook::StormOutlook;
use crate::events::{LiveVerdict, TimeLeft};
use crate::loadtest::scenario::StormScenario;
use crate::loadtest::tally::percent;

/// Holds a storm that goes on against its thresholds, second by second.
pub(super) struct LiveThresholds {
    scenario: StormScenario,
    outlook: watch::Receiver<Option<StormOutlook>>,
    /// Users who come in all phases together.
    users: u64,
    /// All calls but logins, so far.
    others: TimeHistogram,
    /// The agents' lateness so far.
    start_lag: TimeHistogram,
    /// When the phase was first seen from whose start the last user counts, and who was in then.
    measured: Option<(u64, u64)>,
    /// When each phase so far was first seen.
    begun: Vec<u64>,
    logged_in: LastSeen,
    usable: LastSeen,
}

/// How many users came so far, and the second in which that grew last.
#[derive(Clone, Copy, Default)]
struct LastSeen {
    users: u64,
    second: u64,
}

impl LastSeen {
    fn see(&mut self, users: u64, second: u64) {
        if users > self.users {
            *self = Self { users, second };
        }
    }
}

impl LiveThresholds {
    pub(super) fn new(
        scenario: &StormScenario,
        outlook: watch::Receiver<Option<StormOutlook>>,
    ) -> Self {
        Self {
            users: u64::from(scenario.arriving_users()),
            scenario: scenario.clone(),
            outlook,
            others: TimeHistogram::coarse(),
            start_lag: TimeHistogram::coarse(),
            measured: None,
            begun: Vec::new(),
            logged_in: LastSeen::default(),
            usable: LastSeen::default(),
        }
    }

    /// Takes what all agents say of a second; how long it still takes, and the verdict by then.
    pub(super) fn see(
        &mut self,
        second: u64,
        sum: &StormSample,
    ) -> (Option<TimeLeft>, LiveVerdict) {
        // A histogram that does not fit is missing here, and an error of the result.
        let _ = self.others.merge(&sum.others);
        let _ = self.start_lag.merge(&sum.start_lag);
        if self.measured.is_none()
            && self
                .scenario
                .measured_phase()
                .is_some_and(|phase| sum.phase >= phase)
        {
            self.measured = Some((second, self.logged_in.users));
        }
        // One that is over within a second was not seen.
        while self.begun.len() <= sum.phase {
            self.begun.push(second);
        }
        self.logged_in.see(sum.users.logged_in, second);
        self.usable.see(sum.users.usable, second);
        let left = self.last_in(second);
        let all = left.into_iter().chain(self.last_back(second));
        let latest = all.max_by(|a, b| a.median_s.total_cmp(&b.median_s));
        (latest, self.verdict(second, sum, left))
    }

    /// How long it takes until the last has caught up who lost a websocket, if any is away by the forecast.
    fn last_back(&self, second: u64) -> Option<TimeLeft> {
        let outlook = self.outlook.borrow();
        let left = outlook.as_ref()?.returns.iter().filter_map(|one| {
            let begun = self.begun.get(one.phase)?;
            one.time_left(second.saturating_sub(*begun) as f64)
        });
        left.max_by(|a, b| a.median_s.total_cmp(&b.median_s))
    }

    /// How long it takes until the last user is in.
    fn last_in(&self, second: u64) -> Option<TimeLeft> {
        let outlook = self.outlook.borrow();
        let outlook = outlook.as_ref()?.logins.as_ref()?;
        Some(match self.measured {
            Some((_, before)) => outlook.time_left(self.logged_in.users.saturating_sub(before)),
            None => {
                let begins = self.scenario.measured_from().as_secs_f64();
                outlook.time_left_before((begins - second as f64).max(0.0))
            }
        })
    }

    fn verdict(&self, second: u64, sum: &StormSample, left: Option<TimeLeft>) -> LiveVerdict {
        let limits = &self.scenario.thresholds;
        let mut missed = Vec::new();
        if let Some(least) = limits.users_in_percent {
            let possible = self.users.saturating_sub(sum.users.never);
            if percent(possible, self.users) < least {
                missed.push(users_in_name(least));
            }
        }
        let never = sum.users.never > 0;
        for (what, limit, seen, left) in [
            (IN, limits.last_user_in, self.logged_in, left),
            (USABLE, limits.last_user_usable, self.usable, None),
        ] {
            if let Some(limit) = limit
                && (never || self.last_user_is_late(seen, second, limit, left))
            {
                missed.push(last_user_name(what, limit));
            }
        }
        if let Some(limit) = limits.calls.others
            && self.others.count() > 0
        {
            let checks = call_checks(OTHER_CALLS, &limit, &self.others);
            missed.extend(checks.filter(|check| !check.pass).map(|check| check.name));
        }
        if let Some(most) = limits.error_rate_percent {
            let (failed, all) = others_failed(sum);
            if percent(failed, all) > most {
                missed.push(error_rate_name(most));
            }
        }
        let lag = limits.start_lag_p99;
        let slow = !is_driver_valid(sum.invalid_seconds, second);
        if slow || self.start_lag.quantile(0.99) > lag.unsigned_abs() {
            missed.push(start_lag_name(lag));
        }
        LiveVerdict {
            missed,
            open: self.open(),
        }
    }

    /// Whether the last user came too late, or cannot come in time any more.
    fn last_user_is_late(
        &self,
        seen: LastSeen,
        second: u64,
        limit: SignedDuration,
        left: Option<TimeLeft>,
    ) -> bool {
        let Some((from, _)) = self.measured else {
            return false;
        };
        let at = match seen.users >= self.users {
            true => seen.second,
            false => second,
        };
        let took = Duration::from_secs(at.saturating_sub(from));
        let more = left.map_or(0.0, |left| left.median_s);
        took.as_secs_f64() + more > limit.as_secs_f64()
    }

    /// Thresholds of which agents say nothing before the end.
    fn open(&self) -> usize {
        let limits = &self.scenario.thresholds;
        let login = limits.login;
        let recovery = limits.recovery;
        let returns = [
            limits.reconnected,
            limits.caught_up,
            recovery.connected,
            recovery.caught_up,
        ];
        let returns = returns
            .into_iter()
            .flat_map(|limit| [limit.p99, limit.last]);
        let times = [login.p50, login.p95, login.p99, login.max, recovery.errors];
        let calls = limits.calls.by_call.values();
        let calls = calls.flat_map(|limit| [limit.p95, limit.p99]);
        times
            .into_iter()
            .chain(returns)
            .chain(calls)
            .flatten()
            .count()
    }
}

/// Calls that failed, and all, logins apart. Agents count errors of all calls together, and how
/// attempts to log in ended.
fn others_failed(sum: &StormSample) -> (u64, u64) {
    let attempts = sum.attempts;
    let failed_logins = attempts.abandoned + attempts.refused + attempts.failed;
    let failed: u64 = sum.errors.values().sum();
    let logins = failed_logins + sum.users.logged_in;
    (
        failed.saturating_sub(failed_logins),
        sum.calls.saturating_sub(logins),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::loadtest::scenario::Scenario;
    use crate::loadtest::storm::outlook::{LoginOutlook, ReturnOutlook};

    fn scenario(thresholds: &str) -> StormScenario {
        let text = format!(
            "engine: storm\nname: small\ntitle: A\ndescription: b\nusers: 100\ndeadline: 2m\n\
             phases:\n- hold: {{for: 10s}}\n- storm: {{over: 30s}}\n- drain: {{at_most: 1m}}\n\
             thresholds: {{{thresholds}}}\n"
        );
        match Scenario::parse("small.yaml", &text) {
            Ok(Scenario::Storm(storm)) => *storm,
            other => panic!("{other:?}"),
        }
    }

    fn live(scenario: &StormScenario, logins: Option<LoginOutlook>) -> LiveThresholds {
        let outlook = StormOutlook {
            logins,
            returns: vec![ReturnOutlook {
                phase: 2,
                at_s: 20.0,
                last: TimeLeft {
                    low_s: 7.0,
                    median_s: 8.0,
                    high_s: 9.0,
                },
            }],
        };
        LiveThresholds::new(scenario, watch::channel(Some(outlook)).1)
    }

    fn sample(phase: usize, logged_in: u64, never: u64) -> StormSample {
        serde_json::from_value(json!({
            "at_ms": 0, "phase": phase,
            "users": {"offered": 100, "started": 100, "logged_in": logged_in,
                      "usable": logged_in, "live": 0, "never": never},
            "waiting": 0, "websockets": 0,
            "attempts": {"made": 200, "abandoned": 10, "refused": 30, "failed": 0},
            "calls": 240, "errors": {"timeout": 10, "too-many-requests": 30, "server-error": 1},
            "login": "", "others": "", "start_lag": "",
        }))
        .unwrap()
    }

    fn outlook() -> LoginOutlook {
        LoginOutlook {
            users: 100,
            every_s: 10.0,
            users_in: vec![20.0, 40.0, 60.0, 80.0, 100.0],
            last_in: TimeLeft {
                low_s: 40.0,
                median_s: 50.0,
                high_s: 60.0,
            },
        }
    }

    fn seconds_left(low_s: f64, median_s: f64, high_s: f64) -> Option<TimeLeft> {
        Some(TimeLeft {
            low_s,
            median_s,
            high_s,
        })
    }

    #[test]
    fn a_storm_that_is_behind_its_forecast_is_going_to_miss_its_time() {
        let scenario = scenario("last_user_in: 1m, login: {p99: 5s, max: 9s}");
        let mut live = live(&scenario, Some(outlook()));
        let (left, verdict) = live.see(4, &sample(0, 0, 0));
        assert_eq!(left, seconds_left(46.0, 56.0, 66.0), "it begins in 6 s");
        assert_eq!((verdict.would_pass(), verdict.open), (true, 2));
        live.see(10, &sample(1, 0, 0));
        let (left, verdict) = live.see(30, &sample(1, 40, 0));
        assert_eq!(left, seconds_left(20.0, 30.0, 40.0));
        assert!(verdict.would_pass());
        // Ten seconds later nobody more is in.
        let (left, verdict) = live.see(45, &sample(1, 40, 0));
        assert_eq!(left, seconds_left(20.0, 30.0, 40.0));
        assert_eq!(verdict.missed, ["the last user is in within 1m"]);
    }

    #[test]
    fn the_moment_of_the_last_user_counts_and_not_what_comes_after() {
        let scenario = scenario("last_user_in: 1m, last_user_usable: 1m");
        let mut live = live(&scenario, None);
        live.see(10, &sample(1, 0, 0));
        live.see(50, &sample(1, 100, 0));
        let (left, verdict) = live.see(100, &sample(2, 100, 0));
        assert_eq!(left, None);
        assert!(verdict.would_pass(), "{verdict:?}");
    }

    #[test]
    fn the_time_left_is_that_of_the_last_who_comes_back_while_any_is_away() {
        let mut live = live(&scenario(""), Some(outlook()));
        live.see(10, &sample(1, 0, 0));
        // The forecast of the logins is over; the third phase is seen at 50 s.
        let (left, _) = live.see(50, &sample(2, 100, 0));
        assert_eq!(left, seconds_left(0.0, 0.0, 0.0));
        let (left, _) = live.see(72, &sample(2, 100, 0));
        assert_eq!(
            left,
            seconds_left(5.0, 6.0, 7.0),
            "websockets broke at 70 s"
        );
        let (left, _) = live.see(79, &sample(2, 100, 0));
        assert_eq!(left, seconds_left(0.0, 0.0, 0.0));
    }

    #[test]
    fn users_who_gave_up_and_calls_that_fail_cannot_be_made_up_for() {
        let scenario =
            scenario("users_in_percent: 99.5, last_user_in: 1m, error_rate_percent: 0.5");
        let mut live = live(&scenario, None);
        let (_, verdict) = live.see(11, &sample(1, 90, 1));
        assert_eq!(
            verdict.missed,
            [
                "at least 99.5 % of the users get in",
                "the last user is in within 1m",
                // One of 110: 40 of the errors are logins, and 130 of the calls.
                "at most 0.5 % of the calls fail, logins apart",
            ]
        );
    }

    #[test]
    fn slow_calls_and_late_agents_are_missed_over_the_whole_storm() {
        let scenario = scenario("calls: {others: {p95: 100ms}}");
        let mut live = live(&scenario, None);
        let mut slow = sample(1, 0, 0);
        slow.others.record(Duration::from_secs(1));
        slow.start_lag.record(Duration::from_secs(1));
        let (_, verdict) = live.see(11, &slow);
        assert_eq!(
            verdict.missed,
            [
                "other calls p95 at most 100ms",
                "agents start calls at most 10ms late"
            ]
        );
        let mut quick = sample(1, 0, 0);
        for _ in 0..500 {
            quick.others.record(Duration::from_millis(1));
            quick.start_lag.record(Duration::from_millis(1));
        }
        let (_, verdict) = live.see(12, &quick);
        assert!(verdict.would_pass(), "{verdict:?}");
    }
}
