//! A price of password checks in time, for rigs of several nodes on one small machine: a check that
//! sleeps holds the lock or a processor for as long as one that computes, and leaves the machine's
//! processors to the other nodes. It may not know users or the database.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_lc_rs::digest;
use tokio::sync::Semaphore;
use tokio::time::Instant;

/// For how long a check has a processor until the next one gets it, like a thread.
const SLICE: Duration = Duration::from_millis(10);

/// What a check takes by the clock.
#[derive(Debug)]
pub(crate) struct TimedCheck {
    time: Duration,
    /// The processors that checks have in turn; waiting ones are served in order.
    processors: Semaphore,
    /// Digests of passwords that were found right, each with its hash: of accounts that share both the
    /// first one alone is computed.
    proved: Mutex<HashSet<Vec<u8>>>,
}

impl TimedCheck {
    /// Checks that take `time` of one of so many processors.
    pub(crate) fn new(time: Duration, processors: usize) -> Self {
        Self {
            time,
            processors: Semaphore::new(processors.clamp(1, Semaphore::MAX_PERMITS)),
            proved: Mutex::default(),
        }
    }

    /// Whether `password` was found to be the one behind `stored` before.
    pub(crate) fn is_proved(&self, password: &str, stored: &str) -> bool {
        let proved = self.proved.lock().unwrap_or_else(PoisonError::into_inner);
        proved.contains(&pair(password, stored))
    }

    /// Remembers that `password` is the one behind `stored`.
    pub(crate) fn prove(&self, password: &str, stored: &str) {
        let mut proved = self.proved.lock().unwrap_or_else(PoisonError::into_inner);
        proved.insert(pair(password, stored));
    }

    /// What a check takes.
    pub(crate) fn time(&self) -> Duration {
        self.time
    }

    /// Waits until a check has had its time. A timer that is late counts as time that was had.
    pub(crate) async fn spend(&self) {
        let mut left = self.time;
        while !left.is_zero() {
            // The semaphore is never closed: without a permit there would be no error to tell.
            let _processor = self.processors.acquire().await;
            let began = Instant::now();
            tokio::time::sleep(left.min(SLICE)).await;
            left = left.saturating_sub(began.elapsed());
        }
    }
}

/// A digest of both; a hash has no line break.
fn pair(password: &str, stored: &str) -> Vec<u8> {
    let both = format!("{stored}\n{password}");
    let digest = digest::digest(&digest::SHA256, both.as_bytes());
    digest.as_ref().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn checks_share_processors() {
        let check = TimedCheck::new(Duration::from_millis(60), 2);
        let took = async || {
            let began = Instant::now();
            check.spend().await;
            began.elapsed().as_millis()
        };
        assert!((60..63).contains(&took().await));
        // Four on two processors: each has half of one, so the first is done shortly before the last.
        let four = futures::future::join_all((0..4).map(|_| took())).await;
        assert!(four.iter().all(|ms| (110..140).contains(ms)), "{four:?}");
        assert!(four.iter().any(|ms| *ms >= 120), "{four:?}");
    }
}
