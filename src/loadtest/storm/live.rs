//! What all agents say of the same second, as one sample.

use std::collections::BTreeMap;

use jiff::Timestamp;
use loadrig_storm::{StormSample, TimeHistogram};
use tokio::sync::watch;

use super::live_verdict::LiveThresholds;
use super::outlook::StormOutlook;
use crate::events::StormMoment;
use crate::loadtest::scenario::StormScenario;

/// So many seconds an agent may be behind the others before its line is not waited for.
const BEHIND: u64 = 5;
/// A second that is told so much later than it was, milliseconds, is past: what hosts do now is not what they
/// did then. Agents go by their own clocks.
const PAST_MS: u64 = 10_000;

/// What is known of a storm that goes on beside what its agents say.
#[derive(Debug)]
pub struct LiveSources {
    /// What was forecast of it, as soon as that is known.
    pub outlook: watch::Receiver<Option<StormOutlook>>,
    /// Share of its processors that each host has in use, 0 to 1.
    pub cpu: watch::Receiver<BTreeMap<String, f64>>,
}

impl Default for LiveSources {
    /// Nothing else is known.
    fn default() -> Self {
        Self {
            outlook: watch::channel(None).1,
            cpu: watch::channel(BTreeMap::new()).1,
        }
    }
}

/// Puts samples of agents together, second by second.
pub(super) struct LiveSamples {
    phases: Vec<String>,
    thresholds: LiveThresholds,
    cpu: watch::Receiver<BTreeMap<String, f64>>,
    /// When the storm began, milliseconds since 1970.
    start_ms: u64,
    /// Nobody has changed the pace of arrivals so far.
    is_as_planned: bool,
    /// What each agent said last.
    last: Vec<Option<StormSample>>,
    /// What was said of seconds that are not complete, by agent.
    open: BTreeMap<u64, BTreeMap<usize, StormSample>>,
    /// The second that was told last, with the users offered and in by then.
    told: Option<(u64, u64, u64)>,
}

impl LiveSamples {
    /// Of a storm that began at `start_ms`, milliseconds since 1970.
    pub(super) fn new(
        agents: usize,
        scenario: &StormScenario,
        start_ms: u64,
        sources: LiveSources,
    ) -> Self {
        Self {
            phases: scenario.phase_names(),
            thresholds: LiveThresholds::new(scenario, sources.outlook),
            cpu: sources.cpu,
            start_ms,
            is_as_planned: true,
            last: vec![None; agents],
            open: BTreeMap::new(),
            told: None,
        }
    }

    /// Takes a sample; gives those of seconds that are complete by now.
    pub(super) fn add(&mut self, agent: usize, sample: StormSample) -> Vec<StormMoment> {
        let second = (sample.at_ms + 500) / 1000;
        // Of a second that was told without it: its counts are in the next.
        if self.told.is_none_or(|(told, ..)| second > told) {
            self.open.entry(second).or_default().insert(agent, sample);
        }
        let newest = self.open.keys().next_back().copied().unwrap_or(0);
        let mut told = Vec::new();
        while let Some(entry) = self.open.first_entry() {
            let is_complete = entry.get().len() == self.last.len();
            if !is_complete && entry.key() + BEHIND > newest {
                break;
            }
            let (second, samples) = entry.remove_entry();
            told.extend(self.tell(second, samples));
        }
        told
    }

    /// What is left when no more comes.
    pub(super) fn finish(&mut self) -> Vec<StormMoment> {
        let open = std::mem::take(&mut self.open);
        open.into_iter()
            .filter_map(|(second, samples)| self.tell(second, samples))
            .collect()
    }

    fn tell(&mut self, second: u64, samples: BTreeMap<usize, StormSample>) -> Option<StormMoment> {
        let agents = samples.len();
        for (agent, sample) in samples {
            if let Some(last) = self.last.get_mut(agent) {
                *last = Some(sample);
            }
        }
        let mut sum: Option<StormSample> = None;
        for sample in self.last.iter_mut().flatten() {
            match &mut sum {
                None => sum = Some(sample.clone()),
                // One that cannot be merged is missing from the line on the screen, not from the result.
                Some(sum) => {
                    let _ = sum.merge(sample);
                }
            }
            // Counts hold until the agent says more; times are of one second.
            sample.login = TimeHistogram::coarse();
            sample.others = TimeHistogram::coarse();
            sample.start_lag = TimeHistogram::coarse();
        }
        let sum = sum?;
        let (before, offered, users_in) = self.told.unwrap_or((0, 0, 0));
        let seconds = second.saturating_sub(before).max(1) as f64;
        let rate = |now: u64, then: u64| now.saturating_sub(then) as f64 / seconds;
        self.told = Some((second, sum.users.offered, sum.users.logged_in));
        let is_now_as_planned = sum.rate.total_cmp(&1.0).is_eq();
        self.is_as_planned &= is_now_as_planned;
        let (time_left, verdict) = self.thresholds.see(second, &sum);
        let told_ms = u64::try_from(Timestamp::now().as_millisecond()).unwrap_or(0);
        let is_past = told_ms > self.start_ms + second * 1000 + PAST_MS;
        let ms = |times: &TimeHistogram, share: f64| {
            (times.count() > 0).then(|| times.quantile(share).as_secs_f64() * 1000.0)
        };
        Some(StormMoment {
            second,
            phase: self.phases.get(sum.phase).cloned().unwrap_or_default(),
            agents: agents as u64,
            offered: sum.users.offered,
            offered_per_second: rate(sum.users.offered, offered),
            users_in: sum.users.logged_in,
            achieved_per_second: rate(sum.users.logged_in, users_in),
            waiting: sum.waiting,
            usable: sum.users.usable,
            websockets: sum.websockets,
            attempts: sum.attempts.made,
            refused: sum.attempts.refused,
            abandoned: sum.attempts.abandoned,
            calls: sum.calls,
            errors: sum
                .errors
                .iter()
                .map(|(class, count)| (super::verdict::error_name(*class), *count))
                .collect(),
            login_p50_ms: ms(&sum.login, 0.5),
            login_p95_ms: ms(&sum.login, 0.95),
            login_p99_ms: ms(&sum.login, 0.99),
            others_p50_ms: ms(&sum.others, 0.5),
            others_p95_ms: ms(&sum.others, 0.95),
            others_p99_ms: ms(&sum.others, 0.99),
            start_lag_p99_ms: ms(&sum.start_lag, 0.99),
            cpu: match is_past {
                true => BTreeMap::new(),
                false => self.cpu.borrow().clone(),
            },
            pace: (!is_now_as_planned).then_some(sum.rate),
            // The forecast is of users who come as planned.
            time_left: time_left.filter(|_| self.is_as_planned),
            verdict,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::loadtest::scenario::Scenario;

    fn live(agents: usize) -> LiveSamples {
        let Ok(Scenario::Storm(storm)) = Scenario::find("login-storm") else {
            panic!("no storm");
        };
        let now = u64::try_from(Timestamp::now().as_millisecond()).unwrap();
        LiveSamples::new(agents, &storm, now, LiveSources::default())
    }

    fn sample(at_ms: u64, offered: u64, logged_in: u64, login_ms: u64) -> StormSample {
        let mut sample: StormSample = serde_json::from_value(serde_json::json!({
            "at_ms": at_ms, "phase": 0,
            "users": {"offered": offered, "started": offered, "logged_in": logged_in,
                      "usable": 0, "live": 0, "never": 0},
            "waiting": offered - logged_in, "websockets": 0,
            "attempts": {"made": offered, "abandoned": 0, "refused": 0, "failed": 0},
            "calls": 1, "errors": {"timeout": 1}, "login": "", "others": "", "start_lag": "",
        }))
        .unwrap();
        sample.login.record(Duration::from_millis(login_ms));
        sample
    }

    #[test]
    fn a_second_is_told_when_all_agents_have_told_it() {
        let mut live = live(2);
        assert_eq!(live.add(0, sample(1_001, 10, 4, 100)), []);
        let told = live.add(1, sample(1_020, 20, 6, 300));
        let [moment] = told.as_slice() else {
            panic!("{told:?}");
        };
        assert_eq!(
            (moment.offered, moment.users_in, moment.waiting),
            (30, 10, 20)
        );
        assert!((moment.offered_per_second - 30.0).abs() < 0.01);
        assert_eq!(moment.phase, "storm");
        assert_eq!(moment.errors["timeout"], 2);
        assert!(moment.login_p99_ms > Some(290.0));
        // Counts are of the whole storm, rates and times of one second.
        live.add(0, sample(2_002, 15, 9, 100));
        let told = live.add(1, sample(2_010, 25, 11, 110));
        assert!((told[0].achieved_per_second - 10.0).abs() < 0.01);
        assert!(told[0].login_p99_ms < Some(120.0));
    }

    #[test]
    fn seconds_that_are_past_say_nothing_of_what_hosts_do_now() {
        let mut live = live(1);
        live.cpu = watch::channel(BTreeMap::from([("app-1".to_owned(), 0.5)])).1;
        let told = live.add(0, sample(1_000, 10, 5, 1));
        assert_eq!(told[0].cpu.get("app-1"), Some(&0.5));
        live.start_ms -= 60_000;
        let told = live.add(0, sample(2_000, 10, 5, 1));
        assert!(told[0].cpu.is_empty());
        let told = live.add(0, sample(60_000, 10, 5, 1));
        assert_eq!(told[0].cpu.get("app-1"), Some(&0.5));
    }

    #[test]
    fn a_pace_that_was_changed_is_told_as_long_as_it_lasts() {
        let mut live = live(1);
        assert_eq!(live.add(0, sample(1_000, 10, 5, 1))[0].pace, None);
        let mut held = sample(2_000, 10, 5, 1);
        held.rate = 0.0;
        assert_eq!(live.add(0, held)[0].pace, Some(0.0));
        assert_eq!(live.add(0, sample(3_000, 10, 5, 1))[0].pace, None);
        assert!(!live.is_as_planned);
    }

    #[test]
    fn an_agent_that_falls_silent_is_not_waited_for() {
        let mut live = live(2);
        live.add(0, sample(1_000, 10, 5, 1));
        live.add(1, sample(1_000, 10, 5, 1));
        let mut told = Vec::new();
        for second in 2..9 {
            told.extend(live.add(0, sample(second * 1000, 10 + second, 5, 1)));
        }
        assert_eq!(
            told.first().map(|moment| (moment.second, moment.agents)),
            Some((2, 1))
        );
        assert_eq!(told[0].offered, 22, "with what the other one said last");
        // What comes late of a second that was told is in the next.
        assert!(live.add(1, sample(2_000, 11, 5, 1)).is_empty());
        assert_eq!(live.finish().last().map(|moment| moment.second), Some(8));
    }
}
