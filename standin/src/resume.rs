//! Websockets whose clients have gone and may come back. Their events go on queueing for five
//! minutes, and the last ones that were sent are kept: a client that returns to this node with
//! its connection's id and the number of the event that it expects gets what it has missed. It
//! may not know sockets.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::hub::{Encoded, Registration};

/// Events that are kept after they were sent.
const KEPT: usize = 128;

/// The numbered events of one connection.
#[derive(Debug, Default)]
pub(crate) struct SentEvents {
    /// Number of the next event.
    next: i64,
    /// The last events that were sent, the oldest first.
    events: VecDeque<Arc<Encoded>>,
}

impl SentEvents {
    /// Numbers an event that is about to be sent, and returns its text.
    pub(crate) fn push(&mut self, event: Arc<Encoded>) -> String {
        let text = event.numbered(self.next);
        self.next += 1;
        if self.events.len() == KEPT {
            self.events.pop_front();
        }
        self.events.push_back(event);
        text
    }

    /// The texts of the events from number `first` on; nothing if they are not all kept.
    pub(crate) fn since(&self, first: i64) -> Option<Vec<String>> {
        let missed = usize::try_from(self.next.checked_sub(first)?).ok()?;
        let from = self.events.len().checked_sub(missed)?;
        let missed = self.events.iter().skip(from);
        Some(
            missed
                .zip(first..)
                .map(|(event, seq)| event.numbered(seq))
                .collect(),
        )
    }
}

/// A connection without a client.
#[derive(Debug)]
pub(crate) struct LostConnection {
    pub registration: Registration,
    pub sent: SentEvents,
}

/// The connections that wait for their clients, by their ids.
#[derive(Debug, Default)]
pub(crate) struct LostConnections(Mutex<HashMap<String, (String, LostConnection)>>);

impl LostConnections {
    /// Keeps a connection of a user.
    pub(crate) fn keep(&self, connection_id: &str, user_id: &str, lost: LostConnection) {
        let entry = (user_id.to_owned(), lost);
        self.lock().insert(connection_id.to_owned(), entry);
    }

    /// Hands a connection back to its user.
    pub(crate) fn take(&self, connection_id: &str, user_id: &str) -> Option<LostConnection> {
        let mut kept = self.lock();
        if kept.get(connection_id)?.0 != user_id {
            return None;
        }
        kept.remove(connection_id).map(|(_, lost)| lost)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, (String, LostConnection)>> {
        // No code panics between two changes that belong together.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::HubEvent;

    #[test]
    fn missed_events_are_sent_again_under_their_numbers() {
        let mut sent = SentEvents::default();
        for _ in 0..200 {
            sent.push(Arc::new(Encoded::new(&HubEvent::default())));
        }
        assert_eq!(sent.since(200), Some(Vec::new()));
        let missed = sent.since(198).expect("kept");
        assert_eq!(missed.len(), 2);
        assert!(missed[0].ends_with("\"seq\":198}"), "{}", missed[0]);
        assert_eq!(sent.since(72).map(|missed| missed.len()), Some(128));
        assert_eq!(sent.since(71), None);
        assert_eq!(sent.since(201), None);
    }
}
