//! Where clients count: one place for each thread of the runtime, so that they seldom wait for each
//! other. What is read is always the sum.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::call::ClientCall;
use crate::histogram::TimeHistogramError;
use crate::phase_calls::{PhaseCalls, PhaseStarts};
use crate::result::{CallTally, LastUser, StormErrorClass, StormResult, StormSecond, StormTimings};

thread_local! {
    static SHARD: usize = {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        NEXT.fetch_add(1, Ordering::Relaxed)
    };
}

/// How a call ended.
#[derive(Clone, Debug)]
pub(crate) enum CallEnd<'a> {
    /// As asked.
    Done,
    /// Not as asked.
    Failed(StormErrorClass, &'a str),
    /// The storm ended first.
    UnderWay,
}

/// The moments of one call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CallTimes {
    /// When it was to begin.
    pub(crate) intended: Instant,
    /// When it did, if a timer started it.
    pub(crate) begun: Option<Instant>,
    /// When the first byte was written.
    pub(crate) written: Option<Instant>,
    /// When it was over.
    pub(crate) ended: Instant,
}

/// What a thread counts.
#[derive(Debug, Default)]
pub(crate) struct Shard {
    calls: Vec<Option<Box<CallTally>>>,
    /// Calls of the second that goes on, by phase: kept apart for a second alone, a thread has
    /// little of it.
    phase_calls: PhaseCalls,
    starts: PhaseStarts,
    /// The second that goes on.
    pub(crate) second: StormSecond,
    /// How long users took.
    pub(crate) timings: StormTimings,
    /// When the last of them was where.
    pub(crate) last: LastUser,
}

impl Shard {
    fn call(&mut self, call: ClientCall, times: &CallTimes, end: &CallEnd<'_>) {
        let index = call as usize;
        if self.calls.len() <= index {
            self.calls.resize_with(ClientCall::ALL.len(), || None);
        }
        let tally = self.calls[index].get_or_insert_default();
        tally.count += 1;
        self.second.calls += 1;
        let response = times.ended.saturating_duration_since(times.intended);
        let phase = self.starts.phase_at(times.intended);
        let mut of_phase = phase.map(|phase| self.phase_calls.tally(phase, call));
        if let Some(of_phase) = &mut of_phase {
            of_phase.count += 1;
            of_phase.failed += u64::from(matches!(end, CallEnd::Failed(..)));
        }
        let counts = match end {
            CallEnd::Done | CallEnd::UnderWay => true,
            CallEnd::Failed(class, text) => {
                tally.fail(*class, text);
                *self.second.errors.entry(*class).or_default() += 1;
                *class == StormErrorClass::Timeout
            }
        };
        if counts {
            tally.response.record(response);
            if let Some(of_phase) = of_phase {
                of_phase.response.record(response);
            }
            let second = match call {
                ClientCall::Login => &mut self.second.login,
                _ => &mut self.second.others,
            };
            second.record(response);
            if let Some(written) = times.written {
                let service = times.ended.saturating_duration_since(written);
                tally.service.record(service);
            }
        }
        if let Some(begun) = times.begun {
            let lag = begun.saturating_duration_since(times.intended);
            tally.start_lag.record(lag);
            self.second.start_lag.record(lag);
        }
    }
}

/// Where all clients of a storm count.
#[derive(Debug)]
pub(crate) struct StormRecorder {
    began: Instant,
    shards: Vec<Mutex<Shard>>,
    on_the_way: AtomicI64,
    is_over: AtomicBool,
}

impl StormRecorder {
    pub(crate) fn new(began: Instant, threads: usize) -> Self {
        Self {
            began,
            shards: (0..threads.max(1)).map(|_| Mutex::default()).collect(),
            on_the_way: AtomicI64::new(0),
            is_over: AtomicBool::new(false),
        }
    }

    /// Counts in the place of this thread.
    pub(crate) fn count(&self, change: impl FnOnce(&mut Shard)) {
        let index = SHARD.with(|shard| *shard) % self.shards.len();
        change(&mut lock(&self.shards[index]));
    }

    /// Counts a call.
    pub(crate) fn call(&self, call: ClientCall, times: &CallTimes, end: &CallEnd<'_>) {
        self.count(|shard| shard.call(call, times, end));
    }

    /// Calls that are to begin from this moment on belong to a phase.
    pub(crate) fn begin_phase(&self, phase: usize, at: Instant) {
        for shard in &self.shards {
            lock(shard).starts.begin(phase, at);
        }
    }

    /// Milliseconds from the start of the storm until a moment.
    pub(crate) fn ms(&self, at: Instant) -> u64 {
        millis(at.saturating_duration_since(self.began))
    }

    /// One more user is on the way to where it has to come, or one less.
    pub(crate) fn on_the_way(&self, more: i64) {
        self.on_the_way.fetch_add(more, Ordering::Relaxed);
    }

    /// From now on users go because the storm is over.
    pub(crate) fn end(&self) {
        self.is_over.store(true, Ordering::Relaxed);
    }

    /// Whether users go because the storm is over.
    pub(crate) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    /// How many users are on the way.
    pub(crate) fn travellers(&self) -> i64 {
        self.on_the_way.load(Ordering::Relaxed)
    }

    /// Takes what was counted since the last time.
    pub(crate) fn take_second(&self) -> Result<StormSecond, TimeHistogramError> {
        let mut sum = StormSecond::default();
        for shard in &self.shards {
            let second = std::mem::take(&mut lock(shard).second);
            sum.merge(&second)?;
        }
        Ok(sum)
    }

    /// Adds what was counted of each phase since the last time.
    pub(crate) fn take_phase_calls(&self, sum: &mut PhaseCalls) -> Result<(), TimeHistogramError> {
        for shard in &self.shards {
            let calls = std::mem::take(&mut lock(shard).phase_calls);
            sum.merge(&calls)?;
        }
        Ok(())
    }

    /// Adds what was counted of one kind of call.
    pub(crate) fn take_call(
        &self,
        call: ClientCall,
        sum: &mut CallTally,
    ) -> Result<(), TimeHistogramError> {
        for shard in &self.shards {
            let mut shard = lock(shard);
            let tally = shard.calls.get_mut(call as usize).and_then(Option::take);
            if let Some(tally) = tally {
                sum.merge(&tally)?;
            }
        }
        Ok(())
    }

    /// Adds what was counted since the start of the storm.
    pub(crate) fn add_totals(&self, result: &mut StormResult) -> Result<(), TimeHistogramError> {
        for shard in &self.shards {
            let shard = lock(shard);
            result.timings.merge(&shard.timings)?;
            result.last.latest(&shard.last);
            for (call, tally) in ClientCall::ALL.iter().zip(&shard.calls) {
                if let Some(tally) = tally {
                    result.merge_call(*call, tally)?;
                }
            }
        }
        Ok(())
    }
}

/// Whole milliseconds.
pub(crate) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Takes a lock; what a panicking thread leaves behind are counts like any other.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
