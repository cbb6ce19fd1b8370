//! Keeps what was counted in each second, and makes samples, checkpoints and results of it.

use std::collections::BTreeMap;
use std::time::Instant;

use crate::call::ClientCall;
use crate::histogram::TimeHistogramError;
use crate::line::StormSample;
use crate::pace::RateChange;
use crate::phase_calls::PhaseCalls;
use crate::position::StormPosition;
use crate::recorder::{StormRecorder, millis};
use crate::result::{
    DriverHealth, ErrorCounts, LoginAttempts, PhaseTime, StormErrorClass, StormResult, StormSecond,
    UserCounts, WebsocketCounts,
};

/// Keeps the seconds, and makes samples of them.
pub(crate) struct SecondKeeper {
    began: Instant,
    /// Seconds from one sample to the next.
    every: u64,
    seconds: Vec<StormSecond>,
    phase_calls: PhaseCalls,
    users: UserCounts,
    attempts: LoginAttempts,
    websockets: WebsocketCounts,
    calls: u64,
    errors: ErrorCounts,
    /// Since the last sample.
    recent: StormSecond,
    /// What was said of the pace of arrivals.
    pub(crate) rates: Vec<RateChange>,
}

impl SecondKeeper {
    pub(crate) fn new(began: Instant, every_ms: u64) -> Self {
        Self {
            began,
            every: every_ms.div_ceil(1000).max(1),
            seconds: Vec::new(),
            phase_calls: PhaseCalls::default(),
            users: UserCounts::default(),
            attempts: LoginAttempts::default(),
            websockets: WebsocketCounts::default(),
            calls: 0,
            errors: ErrorCounts::new(),
            recent: StormSecond::default(),
            rates: Vec::new(),
        }
    }

    /// Keeps a second, which the recorder has just given; gives a sample when one is due.
    pub(crate) fn keep(
        &mut self,
        recorder: &StormRecorder,
        second: StormSecond,
        position: &StormPosition,
        invalid_seconds: u64,
    ) -> Result<Option<StormSample>, TimeHistogramError> {
        recorder.take_phase_calls(&mut self.phase_calls)?;
        self.users.add(&second.users);
        self.attempts.add(&second.attempts);
        self.websockets.add(&second.websockets);
        self.calls += second.calls;
        for (class, count) in &second.errors {
            *self.errors.entry(*class).or_default() += count;
        }
        self.recent.merge(&second)?;
        self.seconds.push(second);
        if !(self.seconds.len() as u64).is_multiple_of(self.every) {
            return Ok(None);
        }
        let recent = std::mem::take(&mut self.recent);
        let users = self.users;
        Ok(Some(StormSample {
            at_ms: millis(self.began.elapsed()),
            phase: position.phase,
            users,
            waiting: users.offered.saturating_sub(users.logged_in + users.never),
            websockets: self
                .websockets
                .connected
                .saturating_sub(self.websockets.dropped),
            attempts: self.attempts,
            calls: self.calls,
            errors: self.errors.clone(),
            login: recent.login,
            others: recent.others,
            start_lag: recent.start_lag,
            invalid_seconds,
            rate: position.rate,
        }))
    }

    /// Whether another checkpoint is due.
    pub(crate) fn is_checkpoint(&self, every_ms: Option<u64>) -> bool {
        let every = every_ms.map(|ms| ms.div_ceil(1000).max(1));
        every.is_some_and(|every| (self.seconds.len() as u64).is_multiple_of(every))
    }

    /// What came of the storm until now, as if it ended here.
    pub(crate) fn result(
        &self,
        recorder: &StormRecorder,
        phases: BTreeMap<usize, PhaseTime>,
        driver: DriverHealth,
        started_ms: u64,
        cut_short: bool,
    ) -> Result<StormResult, TimeHistogramError> {
        let mut users = self.users;
        users.never = users.offered - users.logged_in;
        let mut result = StormResult {
            elapsed_ms: recorder.ms(Instant::now()),
            cut_short,
            users,
            attempts: self.attempts,
            websockets: self.websockets,
            seconds: self.seconds.clone(),
            phases,
            phase_calls: self.phase_calls.clone(),
            rates: self.rates.clone(),
            drivers: BTreeMap::from([(driver.agent.clone(), driver)]),
            ..StormResult::new(started_ms)
        };
        recorder.add_totals(&mut result)?;
        let unsent = users.offered.saturating_sub(users.started);
        if unsent > 0 {
            let login = result.calls.entry(ClientCall::Login).or_default();
            login.count += unsent;
            let text = "the storm ended first";
            for _ in 0..unsent {
                login.fail(StormErrorClass::NotSent, text);
            }
        }
        Ok(result)
    }
}
