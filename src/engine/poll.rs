//! One poller for each kind of resource, shared by every step that waits for one of them.
//!
//! Thirty instances that boot are watched by one list call, not by thirty: EC2 allows 20
//! filtered describe calls in a second for the whole account and region
//! (<https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html>).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::blueprint::Kind;
use crate::plan::Observed;

use crate::engine::cloud::{Cloud, CloudError, FailureClass};

/// The answer to one list call.
struct Listing {
    /// When the call began.
    at: Instant,
    found: Arc<Vec<Observed>>,
}

type Rounds = BTreeMap<Kind, Arc<tokio::sync::Mutex<Option<Listing>>>>;

/// The shared pollers of one environment.
pub struct Poller<C> {
    cloud: Arc<C>,
    environment: String,
    rounds: Mutex<Rounds>,
}

impl<C: Cloud> Poller<C> {
    /// What it means that a resource failed or went while it was waited for.
    pub(super) fn class_of_failed(&self, seen: &Observed) -> FailureClass {
        self.cloud.class_of_failed(seen)
    }

    /// Pollers that have called nothing yet.
    #[must_use]
    pub fn new(cloud: Arc<C>, environment: &str) -> Self {
        Self {
            cloud,
            environment: environment.to_owned(),
            rounds: Mutex::default(),
        }
    }

    /// Everything of a kind, as listed by a call that began after `since`: the answer to another
    /// step's call where there is one, else to a new one. Also returns when that call began.
    ///
    /// The answer to a call that began earlier does not do: it may show the state from before
    /// the change that the step is waiting for.
    pub(super) async fn list_since(
        &self,
        kind: Kind,
        since: Instant,
    ) -> Result<(Instant, Arc<Vec<Observed>>), CloudError> {
        let cell = Arc::clone(
            self.rounds
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .entry(kind)
                .or_default(),
        );
        // Whoever waits here for another's call then uses its answer.
        let mut round = cell.lock().await;
        if let Some(round) = round.as_ref().filter(|round| round.at > since) {
            return Ok((round.at, Arc::clone(&round.found)));
        }
        let at = Instant::now();
        let found = Arc::new(self.cloud.list(&self.environment, kind).await?);
        *round = Some(Listing {
            at,
            found: Arc::clone(&found),
        });
        Ok((at, found))
    }
}

/// When to list again: soon at first, then in proportion to the time that has passed, and
/// often around the time at which the kind usually is ready.
///
/// What is ready after a second is so seen within a quarter of one, and what takes long is
/// noticed within a twentieth of its time, at most ten seconds late.
pub(super) struct Cadence {
    started: Instant,
    typical: Duration,
}

impl Cadence {
    pub(super) fn of(kind: Kind) -> Self {
        Self {
            started: Instant::now(),
            typical: Duration::from_secs(kind.info().typical_seconds),
        }
    }

    pub(super) async fn pause(&self) {
        sleep(self.next()).await;
    }

    fn next(&self) -> Duration {
        let elapsed = self.started.elapsed();
        let due = elapsed > self.typical.mul_f64(0.6) && elapsed < self.typical.mul_f64(1.5);
        let longest = Duration::from_secs(if due { 3 } else { 10 });
        (elapsed / 20).clamp(Duration::from_millis(200), longest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn polling_is_frequent_at_first_and_around_the_usual_time() {
        let cadence = Cadence::of(Kind::Database);
        assert_eq!(cadence.next(), Duration::from_millis(200));
        sleep(Duration::from_secs(100)).await;
        assert_eq!(cadence.next(), Duration::from_secs(5));
        sleep(Duration::from_secs(350)).await;
        assert_eq!(cadence.next(), Duration::from_secs(3));
        sleep(Duration::from_secs(1000)).await;
        assert_eq!(cadence.next(), Duration::from_secs(10));
    }
}
