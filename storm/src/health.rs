//! How the driver itself fares: a driver that is too slow measures itself and not the server.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;

use crate::histogram::TimeHistogram;
use crate::recorder::{lock, millis};
use crate::result::{DriverHealth, StormSecond};

/// Distance of the samples of the runtime's timer.
const SAMPLE: Duration = Duration::from_millis(10);
/// A call that begins later than this is late.
const LATEST: Duration = Duration::from_millis(10);
/// Share of a second's calls that may be late.
const LATE_SHARE: f64 = 0.01;
/// So many may be late in any second: of three calls one is a third.
const LATE_CALLS: u64 = 2;
/// Share of the processors in use above which a second does not count.
const BUSIEST: f64 = 0.9;
/// Every so many seconds open files are counted, which takes time with many of them.
const COUNT_FILES: u64 = 10;
/// Clock ticks of `/proc` in a second: the same on every architecture of Linux that we build for.
const TICKS: u64 = 100;

/// Watches the driver while it works.
pub(crate) struct DriverProbe {
    health: DriverHealth,
    began: Instant,
    cpu_at_start: u64,
    cpu_last: (Instant, u64),
    lag: Arc<Mutex<TimeHistogram>>,
    sampler: JoinHandle<()>,
}

impl DriverProbe {
    pub(crate) fn start(agent: String) -> Self {
        let lag = Arc::new(Mutex::new(TimeHistogram::new()));
        let kept = Arc::clone(&lag);
        let sampler = tokio::spawn(async move {
            loop {
                let due = Instant::now() + SAMPLE;
                tokio::time::sleep_until(due.into()).await;
                lock(&kept).record(due.elapsed());
            }
        });
        let (now, cpu) = (Instant::now(), cpu_ms());
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            health: DriverHealth {
                agent,
                cpu_ms: 0,
                elapsed_ms: 0,
                processors: u32::try_from(processors).unwrap_or(1),
                peak_memory_kib: 0,
                peak_sockets: 0,
                timer_lag: TimeHistogram::new(),
                invalid_seconds: 0,
                seconds: 0,
            },
            began: now,
            cpu_at_start: cpu,
            cpu_last: (now, cpu),
            lag,
            sampler,
        }
    }

    /// Judges a second.
    pub(crate) fn second(&mut self, second: &StormSecond) {
        let (now, cpu) = (Instant::now(), cpu_ms());
        let (then, used) = self.cpu_last;
        self.cpu_last = (now, cpu);
        let possible = millis(now - then) * u64::from(self.health.processors);
        let busy = cpu.saturating_sub(used) as f64 / possible.max(1) as f64;
        if busy > BUSIEST || is_late(&second.start_lag) {
            self.health.invalid_seconds += 1;
        }
        if self.health.seconds.is_multiple_of(COUNT_FILES) {
            self.count_files();
        }
        self.health.seconds += 1;
    }

    /// Seconds that did not count, and all, so far.
    pub(crate) fn seconds(&self) -> (u64, u64) {
        (self.health.invalid_seconds, self.health.seconds)
    }

    fn count_files(&mut self) {
        let open = std::fs::read_dir("/proc/self/fd").map_or(0, |files| files.count() as u64);
        self.health.peak_sockets = self.health.peak_sockets.max(open);
    }

    /// How the driver has fared so far.
    pub(crate) fn health(&mut self) -> DriverHealth {
        self.count_files();
        self.health.cpu_ms = cpu_ms().saturating_sub(self.cpu_at_start);
        self.health.elapsed_ms = millis(self.began.elapsed());
        self.health.peak_memory_kib = peak_memory_kib();
        self.health.timer_lag = lock(&self.lag).clone();
        self.health.clone()
    }
}

impl Drop for DriverProbe {
    fn drop(&mut self) {
        self.sampler.abort();
    }
}

/// Whether too many calls of a second began late.
fn is_late(lag: &TimeHistogram) -> bool {
    let late = lag.count_above(LATEST);
    late > LATE_CALLS && late as f64 > LATE_SHARE * lag.count() as f64
}

/// CPU time of this process, milliseconds; zero where there is no `/proc`.
fn cpu_ms() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name of the program, in brackets, may hold anything.
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    let ticks: u64 = fields
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<u64>().ok())
        .sum();
    ticks * 1000 / TICKS
}

/// Most memory that this process had resident, KiB; zero where there is no `/proc`.
fn peak_memory_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_late_calls_are_no_slow_driver() {
        let lag = |prompt: u64, late: u64| {
            let mut lag = TimeHistogram::coarse();
            for _ in 0..prompt {
                lag.record(Duration::from_millis(1));
            }
            for _ in 0..late {
                lag.record(Duration::from_millis(40));
            }
            lag
        };
        assert!(!is_late(&lag(1, 2)), "two of three");
        assert!(is_late(&lag(1, 3)));
        assert!(is_late(&lag(200, 3)), "1.5 %");
        assert!(!is_late(&lag(400, 3)), "0.7 %");
    }
}
