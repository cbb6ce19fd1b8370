//! Times work, repeatedly, on one thread or several.

use std::sync::Barrier;
use std::time::Instant;

use serde::{Deserialize, Serialize};

/// What repetitions of the same work took, seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RepeatTiming {
    /// The fastest: what it takes when nothing else has the processor.
    pub fastest: f64,
    /// Half of them took no longer.
    pub median: f64,
    /// The slowest.
    pub slowest: f64,
    /// How many there were, on all threads together.
    pub repetitions: usize,
}

impl RepeatTiming {
    /// Of times, which need no order. All are zero without any.
    pub(crate) fn of(mut seconds: Vec<f64>) -> Self {
        seconds.sort_by(f64::total_cmp);
        let at = |index: usize| seconds.get(index).copied().unwrap_or_default();
        Self {
            fastest: at(0),
            median: at(seconds.len() / 2),
            slowest: at(seconds.len().saturating_sub(1)),
            repetitions: seconds.len(),
        }
    }

    /// The same with each time changed; the change keeps their order.
    pub(crate) fn map(self, change: impl Fn(f64) -> f64) -> Self {
        Self {
            fastest: change(self.fastest),
            median: change(self.median),
            slowest: change(self.slowest),
            repetitions: self.repetitions,
        }
    }
}

/// Times work on so many threads at once, each of which repeats it.
pub(crate) fn repeat(threads: usize, repetitions: usize, work: impl Fn() + Sync) -> RepeatTiming {
    let start = Barrier::new(threads);
    let seconds = std::thread::scope(|scope| {
        let spawn = |_| {
            scope.spawn(|| {
                start.wait();
                let time = |_| {
                    let since = Instant::now();
                    work();
                    since.elapsed().as_secs_f64()
                };
                (0..repetitions).map(time).collect::<Vec<f64>>()
            })
        };
        let running: Vec<_> = (0..threads).map(spawn).collect();
        let ended = running.into_iter().filter_map(|thread| thread.join().ok());
        ended.flatten().collect()
    });
    RepeatTiming::of(seconds)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn every_thread_repeats_the_work() {
        let done = AtomicUsize::new(0);
        let timing = repeat(3, 5, || {
            done.fetch_add(1, Ordering::Relaxed);
        });
        assert_eq!(done.into_inner(), 15);
        assert_eq!(timing.repetitions, 15);
        assert!(timing.fastest <= timing.median && timing.median <= timing.slowest);
    }

    #[test]
    fn a_timing_has_the_ends_and_the_middle() {
        let timing = RepeatTiming::of(vec![3.0, 1.0, 2.0]);
        let expected = RepeatTiming {
            fastest: 1.0,
            median: 2.0,
            slowest: 3.0,
            repetitions: 3,
        };
        assert_eq!(timing, expected);
        assert_eq!(RepeatTiming::of(Vec::new()), RepeatTiming::default());
        assert!((timing.map(|s| s * 2.0).slowest - 6.0).abs() < 1e-9);
    }
}
