//! Results of an agent that was interrupted: what it did before and after is put together.

use crate::call::ClientCall;
use crate::histogram::TimeHistogramError;
use crate::result::{
    DriverHealth, LastUser, MergeError, StormErrorClass, StormResult, StormSecond,
};

impl StormResult {
    /// Adds what the same agent did after it was interrupted: `later` began `at_ms` after the
    /// start, and `lost` users were to arrive meanwhile, whom nobody sent. Whoever was on the way
    /// before is not in, and every websocket from then is closed.
    ///
    /// # Errors
    /// When the other is of another version or unreadable.
    pub fn resume(&mut self, later: &Self, at_ms: u64, lost: u64) -> Result<(), MergeError> {
        if later.format != self.format {
            return Err(MergeError::Format {
                theirs: later.format,
            });
        }
        let at = (at_ms / 1000) as usize;
        let gauges = self.gauges().last().copied().unwrap_or_default();
        if self.seconds.len() < at + later.seconds.len().max(1) {
            let length = at + later.seconds.len().max(1);
            self.seconds.resize_with(length, StormSecond::default);
        }
        for (ours, theirs) in self.seconds.iter_mut().skip(at).zip(&later.seconds) {
            ours.merge(theirs)?;
        }
        if let Some(second) = self.seconds.get_mut(at) {
            second.users.offered += lost;
            second.users.never += lost + gauges.waiting;
            second.websockets.dropped += gauges.websockets;
        }
        self.users.offered += lost;
        self.users.never += lost;
        self.websockets.dropped += gauges.websockets;
        let login = self.calls.entry(ClientCall::Login).or_default();
        login.count += lost;
        for _ in 0..lost {
            login.fail(StormErrorClass::NotSent, "the agent was interrupted");
        }
        self.elapsed_ms = self.elapsed_ms.max(at_ms + later.elapsed_ms);
        self.cut_short = later.cut_short;
        for (call, theirs) in &later.calls {
            self.calls.entry(*call).or_default().merge(theirs)?;
        }
        self.users.add(&later.users);
        self.attempts.add(&later.attempts);
        self.websockets.add(&later.websockets);
        self.timings.merge(&later.timings)?;
        self.last.latest(&later.last.after(at_ms));
        self.join_phases(&later.phases, at_ms);
        self.phase_calls.merge(&later.phase_calls)?;
        self.join_rates(&later.rates, at_ms);
        for (agent, theirs) in &later.drivers {
            match self.drivers.get_mut(agent) {
                Some(ours) => ours.resume(theirs)?,
                None => {
                    self.drivers.insert(agent.clone(), theirs.clone());
                }
            }
        }
        Ok(())
    }
}

impl LastUser {
    /// The same with a start that was so many milliseconds earlier.
    fn after(self, ms: u64) -> Self {
        let later = |at: Option<u64>| at.map(|at| at + ms);
        Self {
            logged_in_ms: later(self.logged_in_ms),
            usable_ms: later(self.usable_ms),
            live_ms: later(self.live_ms),
            caught_up_ms: later(self.caught_up_ms),
        }
    }
}

impl DriverHealth {
    /// Adds what the same agent needed after it was interrupted.
    fn resume(&mut self, later: &Self) -> Result<(), TimeHistogramError> {
        self.cpu_ms += later.cpu_ms;
        self.elapsed_ms += later.elapsed_ms;
        self.peak_memory_kib = self.peak_memory_kib.max(later.peak_memory_kib);
        self.peak_sockets = self.peak_sockets.max(later.peak_sockets);
        self.timer_lag.merge(&later.timer_lag)?;
        self.invalid_seconds += later.invalid_seconds;
        self.seconds += later.seconds;
        Ok(())
    }
}
