//! The websocket connections of this node and what goes out on them. It may
//! not know sockets, HTTP or the other nodes: an event comes in, and goes to
//! the queues of the connections that it is for.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::sync::mpsc;
use tracing::warn;

/// Events that may wait for one connection; a fuller one is closed.
const QUEUE: usize = 256;

/// Whom an event is for. Empty fields do not restrict.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Broadcast {
    pub omit_users: Option<HashMap<String, bool>>,
    pub user_id: String,
    pub channel_id: String,
    pub team_id: String,
    pub connection_id: String,
    pub omit_connection_id: String,
}

/// Something that happened.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct HubEvent {
    pub event: String,
    pub data: Map<String, Value>,
    pub broadcast: Broadcast,
}

/// An event whose text is made once for all its connections.
#[derive(Debug)]
pub(crate) struct Encoded {
    /// The JSON object without its closing brace and number.
    head: String,
}

impl Encoded {
    /// The text of an event.
    pub(crate) fn new(event: &HubEvent) -> Self {
        let mut head = serde_json::to_string(event).unwrap_or_default();
        head.pop();
        Self { head }
    }

    /// The text with the number that the event has on one connection.
    pub(crate) fn numbered(&self, seq: i64) -> String {
        format!("{},\"seq\":{seq}}}", self.head)
    }
}

/// A registered connection. It ends when dropped.
#[derive(Debug)]
pub(crate) struct Registration {
    hub: Hub,
    user_id: String,
    connection_id: String,
    /// What is to be sent; closed when the hub gives the connection up.
    pub events: mpsc::Receiver<Arc<Encoded>>,
}

impl Registration {
    /// Notes whether there is a client at the other end.
    pub(crate) fn set_active(&self, active: bool) {
        let mut hub = self.hub.lock();
        let user = hub.users.get_mut(&self.user_id);
        let found = user.and_then(|user| user.connections.get_mut(&self.connection_id));
        if let Some(connection) = found {
            connection.active = active;
        }
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.hub.remove(&self.user_id, &self.connection_id);
    }
}

/// The connections of this node.
#[derive(Debug, Clone, Default)]
pub(crate) struct Hub {
    inner: Arc<Mutex<HubState>>,
}

#[derive(Debug, Default)]
struct HubState {
    users: HashMap<String, ConnectedClient>,
    /// Connected users of each channel.
    channels: HashMap<String, HashSet<String>>,
    closed: bool,
}

#[derive(Debug, Default)]
struct ConnectedClient {
    connections: HashMap<String, ConnectionQueue>,
    channels: HashSet<String>,
}

#[derive(Debug)]
struct ConnectionQueue {
    events: mpsc::Sender<Arc<Encoded>>,
    /// Whether there is a client at the other end.
    active: bool,
}

impl Hub {
    /// Registers a connection. From now on its user's membership changes are
    /// followed; [`Hub::set_channels`] adds those that were there before.
    pub(crate) fn register(&self, user_id: &str, connection_id: &str) -> Registration {
        let (sender, events) = mpsc::channel(QUEUE);
        let mut inner = self.lock();
        if !inner.closed {
            let user = inner.users.entry(user_id.to_owned()).or_default();
            let queue = ConnectionQueue {
                events: sender,
                active: true,
            };
            user.connections.insert(connection_id.to_owned(), queue);
        }
        Registration {
            hub: self.clone(),
            user_id: user_id.to_owned(),
            connection_id: connection_id.to_owned(),
            events,
        }
    }

    /// Adds channels that a connected user is in.
    pub(crate) fn set_channels(&self, user_id: &str, channel_ids: Vec<String>) {
        let mut guard = self.lock();
        let inner = &mut *guard;
        let Some(user) = inner.users.get_mut(user_id) else {
            return;
        };
        for channel_id in channel_ids {
            inner
                .channels
                .entry(channel_id.clone())
                .or_default()
                .insert(user_id.to_owned());
            user.channels.insert(channel_id);
        }
    }

    /// Takes a connected user out of a channel.
    pub(crate) fn leave_channel(&self, user_id: &str, channel_id: &str) {
        let mut guard = self.lock();
        let inner = &mut *guard;
        if let Some(user) = inner.users.get_mut(user_id) {
            user.channels.remove(channel_id);
        }
        if let Some(members) = inner.channels.get_mut(channel_id) {
            members.remove(user_id);
            if members.is_empty() {
                inner.channels.remove(channel_id);
            }
        }
    }

    /// Whether a user has a connection to this node with a client at its other end.
    pub(crate) fn is_connected(&self, user_id: &str) -> bool {
        let hub = self.lock();
        let user = hub.users.get(user_id);
        user.is_some_and(|user| user.connections.values().any(|one| one.active))
    }

    /// Whether the connections have been ended for a stop of the server.
    pub(crate) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// Hands an event to the connections of this node that it is for.
    pub(crate) fn deliver(&self, event: &HubEvent) {
        let mut guard = self.lock();
        let targets: Vec<String> = {
            let to = &event.broadcast;
            if !to.user_id.is_empty() {
                vec![to.user_id.clone()]
            } else if !to.channel_id.is_empty() {
                guard
                    .channels
                    .get(&to.channel_id)
                    .into_iter()
                    .flatten()
                    .cloned()
                    .collect()
            } else {
                guard.users.keys().cloned().collect()
            }
        };
        let encoded = Arc::new(Encoded::new(event));
        let omitted = |user: &str| {
            event
                .broadcast
                .omit_users
                .as_ref()
                .is_some_and(|omit| omit.contains_key(user))
        };
        for user_id in targets.iter().filter(|user| !omitted(user)) {
            let Some(user) = guard.users.get_mut(user_id) else {
                continue;
            };
            user.connections.retain(|connection, queue| {
                if *connection == event.broadcast.omit_connection_id {
                    return true;
                }
                let sent = queue.events.try_send(Arc::clone(&encoded));
                if sent.is_err() {
                    warn!(user_id, connection, "websocket.full");
                }
                sent.is_ok()
            });
        }
    }

    /// Ends every connection, for a stop of the server.
    pub(crate) fn close(&self) {
        let mut inner = self.lock();
        *inner = HubState {
            closed: true,
            ..HubState::default()
        };
    }

    fn remove(&self, user_id: &str, connection_id: &str) {
        let mut guard = self.lock();
        let inner = &mut *guard;
        let Some(user) = inner.users.get_mut(user_id) else {
            return;
        };
        user.connections.remove(connection_id);
        if !user.connections.is_empty() {
            return;
        }
        let Some(user) = inner.users.remove(user_id) else {
            return;
        };
        for channel_id in user.channels {
            if let Some(members) = inner.channels.get_mut(&channel_id) {
                members.remove(user_id);
                if members.is_empty() {
                    inner.channels.remove(&channel_id);
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HubState> {
        // Nothing in here panics between two changes that belong together.
        self.inner
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_channel(channel_id: &str) -> HubEvent {
        HubEvent {
            event: "posted".to_owned(),
            broadcast: Broadcast {
                channel_id: channel_id.to_owned(),
                ..Broadcast::default()
            },
            ..HubEvent::default()
        }
    }

    #[test]
    fn channel_event_reaches_its_members_alone() {
        let hub = Hub::default();
        let mut ann = hub.register("ann", "c1");
        let mut bob = hub.register("bob", "c2");
        hub.set_channels("ann", vec!["town".to_owned()]);
        hub.deliver(&in_channel("town"));
        let text = ann.events.try_recv().expect("an event").numbered(7);
        let event: Value = serde_json::from_str(&text).expect("json");
        assert_eq!(
            (&event["event"], &event["seq"]),
            (&"posted".into(), &7.into())
        );
        assert!(bob.events.try_recv().is_err());
    }

    #[test]
    fn user_event_reaches_each_connection_of_the_user() {
        let hub = Hub::default();
        let mut registrations = [hub.register("ann", "c1"), hub.register("ann", "c2")];
        let mut event = in_channel("");
        event.broadcast.user_id = "ann".to_owned();
        hub.deliver(&event);
        assert!(
            registrations
                .iter_mut()
                .all(|r| r.events.try_recv().is_ok())
        );
    }

    #[test]
    fn connection_with_a_full_queue_is_closed() {
        let hub = Hub::default();
        let mut ann = hub.register("ann", "c1");
        for _ in 0..=QUEUE {
            hub.deliver(&in_channel(""));
        }
        for _ in 0..QUEUE {
            ann.events.try_recv().expect("queued");
        }
        assert_eq!(
            ann.events.try_recv().err(),
            Some(mpsc::error::TryRecvError::Disconnected)
        );
    }

    #[test]
    fn a_dropped_registration_is_removed() {
        let hub = Hub::default();
        let ann = hub.register("ann", "c1");
        hub.set_channels("ann", vec!["town".to_owned()]);
        drop(ann);
        let inner = hub.lock();
        assert!(inner.users.is_empty() && inner.channels.is_empty());
    }
}
