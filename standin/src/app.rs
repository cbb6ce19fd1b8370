//! What all handlers share: the configuration and the parts of the server, and
//! the steps that more than one of them takes. It may not know HTTP.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};
use tracing::{info, warn};

use crate::cluster::{Cluster, Message, NodeInfo};
use crate::config::Config;
use crate::db::{ChannelRole, DbError, Store};
use crate::error::{AppError, OrInternal, chain};
use crate::filestore::FileStore;
use crate::hub::{Broadcast, Hub, HubEvent};
use crate::id::now_ms;
use crate::metrics::Metrics;
use crate::model::UserSession;
use crate::password::LoginGuard;
use crate::search::SearchClient;
use crate::sessions::SessionCache;

/// How often the presence of an active user is written at most.
const STATUS_INTERVAL: Duration = Duration::from_mins(2);

/// The server.
pub(crate) type App = Arc<Server>;

/// The parts of the server.
#[derive(Debug)]
pub(crate) struct Server {
    pub config: Config,
    pub node: NodeInfo,
    pub store: Store,
    pub files: FileStore,
    pub search: SearchClient,
    pub hub: Hub,
    pub cluster: Cluster,
    pub metrics: Arc<Metrics>,
    pub sessions: SessionCache,
    pub login_guard: LoginGuard,
    /// What is wrong with the database and the file store, as far as probes have found.
    pub faults: FaultLog,
    /// When each user's presence was last written by this node.
    pub presence: Mutex<HashMap<String, Instant>>,
}

/// Faults of what the server depends on, by its name. Probes repeat; the log gets a line when a
/// fault begins, changes or ends.
#[derive(Debug, Default)]
pub(crate) struct FaultLog(Mutex<HashMap<&'static str, (String, u32)>>);

impl FaultLog {
    /// Takes the result of a probe.
    pub(crate) fn record(&self, name: &'static str, fault: Option<String>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match (fault, known.get_mut(name)) {
            (Some(fault), Some((text, count))) if *text == fault => *count += 1,
            (Some(fault), _) => {
                warn!(error = fault, "{name} is not healthy");
                known.insert(name, (fault, 1));
            }
            (None, Some((_, count))) => {
                info!(failed_probes = *count, "{name} is healthy again");
                known.remove(name);
            }
            (None, None) => {}
        }
    }
}

impl Server {
    /// Value of the `X-Version-Id` header: version, build, configuration,
    /// licence.
    pub(crate) fn version_id(&self) -> String {
        format!(
            "{0}.{0}.{1}.false",
            self.node.version, self.node.config_hash
        )
    }

    /// Sends an event to the websockets of every node.
    pub(crate) fn publish(&self, event: &HubEvent) {
        self.metrics.count_broadcast(&event.event);
        self.hub.deliver(event);
        self.cluster.send(&Message::Event(event.clone()));
    }

    /// Acts on what another node says.
    pub(crate) fn receive(&self, message: Message) {
        match message {
            Message::Event(event) => self.hub.deliver(&event),
            Message::Joined {
                user_id,
                channel_id,
            } => {
                self.hub.set_channels(&user_id, vec![channel_id]);
            }
            Message::SessionEnded { token } => self.sessions.remove(&token),
        }
    }

    /// The session behind a token, from the cache or the database.
    ///
    /// # Errors
    /// When there is none, it has expired, or the database does not answer.
    pub(crate) async fn session(&self, token: &str) -> Result<UserSession, AppError> {
        let now = Instant::now();
        let session = if let Some(session) = self.sessions.get(token, now) {
            self.metrics.session_cache_hits.inc();
            session
        } else {
            self.metrics.session_cache_misses.inc();
            // A failure of the database is no verdict on the session: a 401
            // would make clients log themselves out under load.
            let found = self
                .store
                .session(token)
                .await
                .or_internal("app.session.get.app_error")?;
            let session = found.ok_or_else(AppError::session_expired)?;
            self.sessions.put(session.clone(), now);
            session
        };
        if session.expires_at < now_ms() {
            return Err(AppError::session_expired());
        }
        Ok(session)
    }

    /// Adds a user to a channel and tells the websockets.
    ///
    /// # Errors
    /// When the writer fails.
    pub(crate) async fn join_channel(
        &self,
        channel_id: &str,
        team_id: &str,
        user_id: &str,
        role: ChannelRole,
    ) -> Result<(), DbError> {
        self.store
            .add_channel_member(channel_id, user_id, role, now_ms())
            .await?;
        self.hub.set_channels(user_id, vec![channel_id.to_owned()]);
        let (user_id, channel_id) = (user_id.to_owned(), channel_id.to_owned());
        let joined = Message::Joined {
            user_id: user_id.clone(),
            channel_id: channel_id.clone(),
        };
        self.cluster.send(&joined);
        self.publish(&HubEvent {
            event: "user_added".to_owned(),
            data: object(json!({"user_id": user_id, "team_id": team_id})),
            broadcast: Broadcast {
                channel_id,
                ..Broadcast::default()
            },
        });
        Ok(())
    }

    /// Refuses unless the session's user is in the team (or an administrator).
    ///
    /// # Errors
    /// When the user is not, or the database does not answer.
    pub(crate) async fn require_team(
        &self,
        session: &UserSession,
        team_id: &str,
    ) -> Result<(), AppError> {
        if session.is_admin() {
            return Ok(());
        }
        let member = self.store.team_member(team_id, &session.user_id).await;
        match member.or_internal("app.team.get_member.app_error")? {
            Some(_) => Ok(()),
            None => Err(AppError::forbidden()),
        }
    }

    /// Refuses unless the session's user is in the channel (or an
    /// administrator).
    ///
    /// # Errors
    /// When the user is not, or the database does not answer.
    pub(crate) async fn require_channel(
        &self,
        session: &UserSession,
        channel_id: &str,
    ) -> Result<(), AppError> {
        if session.is_admin() {
            return Ok(());
        }
        let member = self
            .store
            .channel_member(channel_id, &session.user_id)
            .await;
        match member.or_internal("app.channel.get_member.app_error")? {
            Some(_) => Ok(()),
            None => Err(AppError::forbidden()),
        }
    }

    /// Notes that a user is active, at most every two minutes per node. A
    /// failure is logged and no concern of the request.
    pub(crate) async fn set_online(&self, user_id: &str) {
        let now = Instant::now();
        {
            let mut presence = self
                .presence
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            let last = presence.get(user_id);
            if last.is_some_and(|last| now.duration_since(*last) < STATUS_INTERVAL) {
                return;
            }
            presence.insert(user_id.to_owned(), now);
        }
        if let Err(error) = self.store.set_status(user_id, "online", now_ms()).await {
            warn!(user_id, error = chain(&error), "presence is not written");
        }
    }
}

/// The members of a JSON object literal.
pub(crate) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_logged_once_and_then_counted() {
        let faults = FaultLog::default();
        for _ in 0..15 {
            faults.record("file store", Some("refused".to_owned()));
        }
        let known = faults.0.lock().unwrap();
        assert_eq!(known["file store"], ("refused".to_owned(), 15));
        drop(known);
        faults.record("file store", None);
        assert!(faults.0.lock().unwrap().is_empty());
    }
}
