//! What an agent says while it works, and what it is told.

use serde::{Deserialize, Serialize};

use crate::histogram::{TimeHistogram, TimeHistogramError};
use crate::position::StormPosition;
use crate::result::{ErrorCounts, LoginAttempts, StormResult, UserCounts};

/// A line of an agent's output.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StormLine {
    /// Where it stands.
    Sample(Box<StormSample>),
    /// What came of the storm so far, for whoever continues it should this agent be interrupted.
    Checkpoint(Box<StormCheckpoint>),
    /// What came of the storm; the last line.
    Result(Box<StormResult>),
}

/// What came of a storm so far, and where in its plan the agent is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StormCheckpoint {
    /// As if the storm had ended here.
    pub result: StormResult,
    /// Where the plan goes on.
    pub position: StormPosition,
}

/// Where an agent stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StormSample {
    /// Milliseconds from the start of the storm.
    pub at_ms: u64,
    /// Index of the phase.
    pub phase: usize,
    /// How far users came so far.
    pub users: UserCounts,
    /// Users who have arrived, are not in and have not given up.
    pub waiting: u64,
    /// Websockets that are open.
    pub websockets: u64,
    /// Attempts to log in so far.
    pub attempts: LoginAttempts,
    /// Calls so far.
    pub calls: u64,
    /// Those that failed so far.
    pub errors: ErrorCounts,
    /// Response times of logins since the last sample.
    pub login: TimeHistogram,
    /// Response times of all other calls since the last sample.
    pub others: TimeHistogram,
    /// The driver's lateness since the last sample.
    pub start_lag: TimeHistogram,
    /// Seconds so far in which the driver was too slow, of the agent that has most of them.
    #[serde(default)]
    pub invalid_seconds: u64,
    /// How many times as fast as planned users arrive, of the agent that was told last.
    #[serde(default = "planned_pace")]
    pub rate: f64,
}

fn planned_pace() -> f64 {
    1.0
}

impl StormSample {
    /// Makes a sample of an agent that took up its plan `at_ms` after the start one of the whole
    /// storm: `before` is what had come of it by then.
    pub fn follow(&mut self, before: &StormResult, at_ms: u64) {
        self.at_ms += at_ms;
        self.users.add(&before.users);
        self.attempts.add(&before.attempts);
        self.calls += before.calls.values().map(|tally| tally.count).sum::<u64>();
        for (class, count) in before.errors() {
            *self.errors.entry(class).or_default() += count;
        }
    }

    /// Adds another agent's sample of about the same moment.
    ///
    /// # Errors
    /// When a histogram of theirs does not fit.
    pub fn merge(&mut self, other: &Self) -> Result<(), TimeHistogramError> {
        self.at_ms = self.at_ms.max(other.at_ms);
        self.phase = self.phase.max(other.phase);
        self.users.add(&other.users);
        self.waiting += other.waiting;
        self.websockets += other.websockets;
        self.attempts.add(&other.attempts);
        self.calls += other.calls;
        for (class, count) in &other.errors {
            *self.errors.entry(*class).or_default() += count;
        }
        self.invalid_seconds = self.invalid_seconds.max(other.invalid_seconds);
        if other.rate.total_cmp(&1.0).is_ne() {
            self.rate = other.rate;
        }
        self.login.merge(&other.login)?;
        self.others.merge(&other.others)?;
        self.start_lag.merge(&other.start_lag)
    }
}

/// What an agent is told while it works.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StormControl {
    /// End now, and say what there is.
    Stop,
    /// From now on users arrive so many times as fast as planned: 0.5 half as fast, 0 not at all.
    Rate(f64),
}
