//! Which posts are on their way to which websockets, and when they got there.
//!
//! Knows tokens and socket numbers only: nothing of HTTP or of the websocket protocol.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

/// A websocket, by its number within the agent.
pub(super) type SocketId = usize;

/// A post's way: when it was sent, who still has to receive it, who did when.
#[derive(Debug)]
struct Flight {
    sent: Instant,
    missing: BTreeSet<SocketId>,
    arrived: BTreeMap<SocketId, Duration>,
}

/// Posts on their way, by the token that opens their message.
#[derive(Debug, Default)]
pub(super) struct Deliveries {
    flights: Mutex<BTreeMap<String, Flight>>,
    landed: Notify,
}

impl Deliveries {
    /// A post with this token is about to be sent and should reach these sockets.
    pub(super) fn expect(&self, token: &str, sockets: impl IntoIterator<Item = SocketId>) {
        let flight = Flight {
            sent: Instant::now(),
            missing: sockets.into_iter().collect(),
            arrived: BTreeMap::new(),
        };
        self.lock().insert(token.to_owned(), flight);
    }

    /// The post was refused: nobody waits for it.
    pub(super) fn forget(&self, token: &str) {
        self.lock().remove(token);
        self.landed.notify_waiters();
    }

    /// A socket brought the post; the time it took when it was expected there.
    pub(super) fn received(&self, token: &str, socket: SocketId) -> Option<Duration> {
        let mut flights = self.lock();
        let flight = flights.get_mut(token)?;
        if !flight.missing.remove(&socket) {
            return None;
        }
        let took = flight.sent.elapsed();
        flight.arrived.insert(socket, took);
        let all_here = flights.values().all(|flight| flight.missing.is_empty());
        drop(flights);
        if all_here {
            self.landed.notify_waiters();
        }
        Some(took)
    }

    /// Waits until every post reached everybody, at most this long; the number of
    /// deliveries that are missing then. Nobody waits for those any longer.
    pub(super) async fn settle(&self, within: Duration) -> usize {
        let all_here = async {
            loop {
                // Registered before looking, so that no wake-up falls in between.
                let landed = self.landed.notified();
                tokio::pin!(landed);
                landed.as_mut().enable();
                if self.missing() == 0 {
                    return;
                }
                landed.await;
            }
        };
        // Running out of time is an outcome here: the caller counts what is missing.
        let _ = tokio::time::timeout(within, all_here).await;
        let mut flights = self.lock();
        flights
            .values_mut()
            .map(|flight| std::mem::take(&mut flight.missing).len())
            .sum()
    }

    /// Who received the post, and how long after it was sent.
    pub(super) fn arrivals(&self, token: &str) -> BTreeMap<SocketId, Duration> {
        self.lock()
            .get(token)
            .map(|flight| flight.arrived.clone())
            .unwrap_or_default()
    }

    /// Forgets everything, so that the next step starts afresh.
    pub(super) fn clear(&self) {
        self.lock().clear();
    }

    fn missing(&self) -> usize {
        self.lock()
            .values()
            .map(|flight| flight.missing.len())
            .sum()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Flight>> {
        self.flights.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn settles_as_soon_as_everybody_has_every_post() {
        let deliveries = Deliveries::default();
        deliveries.expect("a", [1, 2]);
        assert!(deliveries.received("a", 1).is_some());
        assert!(deliveries.received("a", 2).is_some());
        assert_eq!(deliveries.settle(Duration::from_mins(1)).await, 0);
        assert_eq!(deliveries.arrivals("a").len(), 2);
    }

    #[tokio::test]
    async fn posts_missing_after_the_wait_are_counted() {
        let deliveries = Deliveries::default();
        deliveries.expect("a", [1, 2]);
        deliveries.received("a", 2);
        assert_eq!(deliveries.settle(Duration::ZERO).await, 1);
        // Counted once: the next step must not wait for it again.
        assert_eq!(deliveries.settle(Duration::from_mins(1)).await, 0);
    }

    #[tokio::test]
    async fn a_refused_post_is_waited_for_no_longer() {
        let deliveries = Deliveries::default();
        deliveries.expect("a", [1]);
        deliveries.forget("a");
        assert_eq!(deliveries.settle(Duration::from_mins(1)).await, 0);
    }

    #[test]
    fn duplicate_and_unknown_posts_are_not_counted() {
        let deliveries = Deliveries::default();
        deliveries.expect("a", [1]);
        assert!(deliveries.received("a", 7).is_none());
        assert!(deliveries.received("b", 1).is_none());
        assert!(deliveries.received("a", 1).is_some());
        assert!(deliveries.received("a", 1).is_none());
    }
}
