//! What all handlers share: the configuration and the parts of the server, and
//! the steps that more than one of them takes. It may not know HTTP.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

use serde_json::{Map, Value, json};
use tracing::warn;

use crate::cache::TimedCache;
use crate::cluster::{Cluster, Message};
use crate::config::Config;
use crate::db::{ChannelRole, DbError, Store};
use crate::error::{AppError, OrInternal, chain};
use crate::faults::FaultLog;
use crate::filestore::FileStore;
use crate::hub::{Broadcast, Hub, HubEvent};
use crate::id::now_ms;
use crate::licensing::Licensing;
use crate::metrics::Metrics;
use crate::model::{Channel, UserSession, UserStatus, VERSION};
use crate::password::PasswordChecks;
use crate::presence::PresenceLog;
use crate::resume::LostConnections;
use crate::search::SearchClient;
use crate::settings::ConfigStore;

/// The server.
pub(crate) type App = Arc<Server>;

/// The parts of the server.
#[derive(Debug)]
pub(crate) struct Server {
    pub settings: ConfigStore,
    pub hostname: String,
    pub store: Store,
    pub files: FileStore,
    pub search: SearchClient,
    pub hub: Hub,
    pub cluster: Cluster,
    pub metrics: Arc<Metrics>,
    pub licensing: Licensing,
    pub sessions: TimedCache<UserSession>,
    /// Ids of the channels that a user is in.
    pub memberships: TimedCache<Arc<HashSet<String>>>,
    /// Ids of posts by what clients call them; empty while a post is being written.
    pub pending_posts: TimedCache<String>,
    pub passwords: PasswordChecks,
    /// What is wrong with the database and the file store, as far as probes have found.
    pub faults: FaultLog,
    pub presence: PresenceLog,
    /// Websockets whose clients may come back.
    pub lost_connections: LostConnections,
}

impl Server {
    /// The configuration that applies now.
    pub(crate) fn config(&self) -> Arc<Config> {
        Arc::clone(&self.settings.current().config)
    }

    /// Value of the `X-Version-Id` header: version, build, configuration,
    /// license.
    pub(crate) fn version_id(&self) -> String {
        format!(
            "{VERSION}.{VERSION}.{}.{}",
            self.settings.current().hash,
            self.licensing.is_licensed()
        )
    }

    /// Sends an event to the websockets of every node.
    pub(crate) fn publish(&self, event: &HubEvent) {
        self.metrics.count_broadcast(&event.event);
        self.hub.deliver(event);
        self.cluster.send(&Message::Event(event.clone()));
    }

    /// Sends an event to one user's websockets.
    pub(crate) fn publish_to_user(&self, event: &str, user_id: &str, data: Value) {
        self.publish(&HubEvent {
            event: event.to_owned(),
            data: object(data),
            broadcast: Broadcast {
                user_id: user_id.to_owned(),
                ..Broadcast::default()
            },
        });
    }

    /// Sends an event to the websockets of a channel's members.
    pub(crate) fn publish_to_channel(&self, event: &str, channel_id: &str, data: Value) {
        self.publish(&HubEvent {
            event: event.to_owned(),
            data: object(data),
            broadcast: Broadcast {
                channel_id: channel_id.to_owned(),
                ..Broadcast::default()
            },
        });
    }

    /// Acts on what another node says.
    pub(crate) async fn receive(&self, message: Message) {
        match message {
            Message::Event(event) => self.hub.deliver(&event),
            Message::Joined {
                user_id,
                channel_id,
            } => {
                self.memberships.remove(&user_id);
                self.hub.set_channels(&user_id, vec![channel_id]);
            }
            Message::Left {
                user_id,
                channel_id,
            } => {
                self.memberships.remove(&user_id);
                self.hub.leave_channel(&user_id, &channel_id);
            }
            Message::TeamsChanged { user_id } => self.forget_sessions_of(&user_id),
            Message::SessionEnded { token } => self.sessions.remove(&token),
            Message::ConfigChanged => {
                if let Err(error) = self.settings.reload().await {
                    warn!(error = chain(&error), "changed configuration is not read");
                }
                self.announce_config();
            }
            Message::LicenseChanged => {
                if let Err(error) = self.load_license().await {
                    warn!(error = chain(&error), "changed license is not read");
                }
            }
            Message::Node(node) => self.cluster.update_peer(node),
        }
    }

    /// Reads the license that counts, and lets those parts of the server know that it unlocks.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn load_license(&self) -> Result<(), DbError> {
        let variable = std::env::var(crate::licensing::VARIABLE).ok();
        let file = self.config().service_settings.license_file_location.clone();
        self.licensing
            .load(&self.store, variable.as_deref(), &file)
            .await?;
        self.apply_license();
        Ok(())
    }

    /// Lets those parts of the server know that a license unlocks.
    pub(crate) fn apply_license(&self) {
        self.store
            .set_readers_unlocked(self.licensing.is_licensed());
        self.search.set_unlocked(
            self.licensing
                .has(mattermost_license::Feature::Elasticsearch),
        );
    }

    /// Tells the other nodes which configuration applies here.
    pub(crate) fn announce_config(&self) {
        self.cluster.set_config_hash(&self.settings.current().hash);
    }

    /// The session behind a token, from the cache or the database.
    ///
    /// # Errors
    /// When there is none, it has expired, or the database does not answer.
    pub(crate) async fn session(&self, token: &str) -> Result<UserSession, AppError> {
        let session = if let Some(session) = self.sessions.get(token, Instant::now()) {
            self.metrics.session_cache_hits.inc();
            session
        } else {
            self.metrics.session_cache_misses.inc();
            let ticket = self.sessions.begin(token);
            // A failure of the database is no verdict on the session: a 401
            // would make clients log themselves out under load.
            let found = self
                .store
                .session(token)
                .await
                .or_internal("app.session.get.app_error");
            let kept = found.as_ref().ok().cloned().flatten();
            self.sessions.fill(token, ticket, kept, Instant::now());
            found?.ok_or_else(AppError::session_expired)?
        };
        if session.expires_at < now_ms() {
            return Err(AppError::session_expired());
        }
        Ok(session)
    }

    /// Forgets what this node knows of a user's sessions: they hold the user's teams.
    pub(crate) fn forget_sessions_of(&self, user_id: &str) {
        self.sessions
            .remove_where(|session| session.user_id == user_id);
    }

    /// Ids of the channels that a user is in, from the cache or the database. As in Mattermost, a
    /// node that is not told of a change goes by what it knows for a quarter of an hour.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn channels_of(
        &self,
        user_id: &str,
    ) -> Result<Arc<HashSet<String>>, AppError> {
        if let Some(known) = self.memberships.get(user_id, Instant::now()) {
            return Ok(known);
        }
        let ticket = self.memberships.begin(user_id);
        let found = self.store.channel_ids_of_user(user_id).await;
        let found = found.or_internal("app.channel.get_channels.get.app_error");
        let found = found.map(|ids| Arc::new(ids.into_iter().collect::<HashSet<_>>()));
        let kept = found.as_ref().ok().cloned();
        self.memberships.fill(user_id, ticket, kept, Instant::now());
        found
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
        self.memberships.remove(user_id);
        self.hub.set_channels(user_id, vec![channel_id.to_owned()]);
        self.cluster.send(&Message::Joined {
            user_id: user_id.to_owned(),
            channel_id: channel_id.to_owned(),
        });
        let data = json!({"user_id": user_id, "team_id": team_id});
        self.publish_to_channel("user_added", channel_id, data);
        Ok(())
    }

    /// Takes a user out of a channel and tells the websockets.
    ///
    /// # Errors
    /// When the writer fails.
    pub(crate) async fn leave_channel(
        &self,
        channel_id: &str,
        user_id: &str,
        remover_id: &str,
    ) -> Result<(), DbError> {
        self.store
            .remove_channel_member(channel_id, user_id)
            .await?;
        let data = json!({"user_id": user_id, "remover_id": remover_id});
        self.publish_to_channel("user_removed", channel_id, data);
        let data = json!({"channel_id": channel_id, "remover_id": remover_id});
        self.publish_to_user("user_removed", user_id, data);
        self.memberships.remove(user_id);
        self.hub.leave_channel(user_id, channel_id);
        self.cluster.send(&Message::Left {
            user_id: user_id.to_owned(),
            channel_id: channel_id.to_owned(),
        });
        Ok(())
    }

    /// Refuses unless the session's user is in the team (or an administrator).
    ///
    /// # Errors
    /// When the user is not.
    pub(crate) fn require_team(
        &self,
        session: &UserSession,
        team_id: &str,
    ) -> Result<(), AppError> {
        if session.is_admin() || session.teams.iter().any(|id| id == team_id) {
            Ok(())
        } else {
            Err(AppError::forbidden())
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
        if session.is_admin()
            || self
                .channels_of(&session.user_id)
                .await?
                .contains(channel_id)
        {
            Ok(())
        } else {
            Err(AppError::forbidden())
        }
    }

    /// Refuses unless the session's user may read the channel: public ones are open to the whole
    /// team.
    ///
    /// # Errors
    /// When the user may not, or the database does not answer.
    pub(crate) async fn require_read(
        &self,
        session: &UserSession,
        channel: &Channel,
    ) -> Result<(), AppError> {
        if channel.kind == "O" && self.require_team(session, &channel.team_id).is_ok() {
            return Ok(());
        }
        self.require_channel(session, &channel.id).await
    }

    /// Notes that a user is active, at most every two minutes per node. A
    /// failure is logged and no concern of the request.
    pub(crate) async fn set_online(&self, user_id: &str) {
        self.set_presence(user_id, "online").await;
    }

    /// Notes a user's presence, which the user has not chosen.
    pub(crate) async fn set_presence(&self, user_id: &str, status: &str) {
        if !self.presence.is_due(user_id, status, Instant::now()) {
            return;
        }
        let status = UserStatus {
            user_id: user_id.to_owned(),
            status: status.to_owned(),
            last_activity_at: now_ms(),
            ..UserStatus::default()
        };
        match self.store.set_status(&status).await {
            Ok(kept) => self.announce_status(&kept),
            Err(error) => warn!(user_id, error = chain(&error), "presence is not written"),
        }
    }

    /// Tells a user's own websockets what others see; others ask.
    pub(crate) fn announce_status(&self, status: &UserStatus) {
        let data = json!({"user_id": status.user_id, "status": status.status});
        self.publish_to_user("status_change", &status.user_id, data);
    }
}

/// The members of a JSON object literal.
pub(crate) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}
