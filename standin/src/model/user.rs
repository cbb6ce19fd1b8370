//! Accounts, their sessions and their presence.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, Serializer};

use super::{VERSION, is_false, is_zero, is_zero_count};

/// Texts by name, as Mattermost keeps small settings.
pub(crate) type TextMap = BTreeMap<String, String>;

/// An account.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct User {
    pub id: String,
    #[serde(skip_serializing_if = "is_zero")]
    pub create_at: i64,
    #[serde(skip_serializing_if = "is_zero")]
    pub update_at: i64,
    pub delete_at: i64,
    pub username: String,
    /// Set to nothing where others see the account, absent where its owner does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_data: Option<String>,
    pub auth_service: String,
    pub email: String,
    #[serde(skip_serializing_if = "is_false")]
    pub email_verified: bool,
    pub nickname: String,
    pub first_name: String,
    pub last_name: String,
    pub position: String,
    pub roles: String,
    #[serde(skip_serializing_if = "TextMap::is_empty")]
    pub props: TextMap,
    #[serde(skip_serializing_if = "TextMap::is_empty")]
    pub notify_props: TextMap,
    #[serde(skip_serializing_if = "is_zero")]
    pub last_password_update: i64,
    #[serde(skip_serializing_if = "is_zero")]
    pub last_picture_update: i64,
    #[serde(skip_serializing_if = "is_zero_count")]
    pub failed_attempts: i32,
    pub locale: String,
    #[serde(serialize_with = "null_if_empty")]
    pub timezone: TextMap,
    /// Of another system, from which there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote_id: Option<String>,
    pub disable_welcome_email: bool,
}

impl User {
    /// The account as another user may see it.
    pub(crate) fn for_others(mut self, by_admin: bool) -> Self {
        self.email_verified = false;
        self.last_password_update = 0;
        self.auth_data = Some(String::new());
        if !by_admin {
            self.notify_props.clear();
            self.failed_attempts = 0;
        }
        self
    }

    /// One of whom the id alone is told.
    pub(crate) fn with_id(id: String) -> Self {
        Self {
            id,
            ..Self::default()
        }
    }

    /// The account as `session`'s user may see it.
    pub(crate) fn seen_by(self, session: &UserSession) -> Self {
        if self.id == session.user_id {
            self
        } else {
            self.for_others(session.is_admin())
        }
    }

    /// Changes with the account.
    pub(crate) fn etag(&self) -> String {
        format!("{VERSION}.{}.{}..0.true.true.0", self.id, self.update_at)
    }

    /// The timezone of an account whose owner has not chosen one.
    pub(crate) fn default_timezone() -> TextMap {
        text_map([
            ("automaticTimezone", ""),
            ("manualTimezone", ""),
            ("useAutomaticTimezone", "true"),
        ])
    }
}

fn null_if_empty<S: Serializer>(map: &TextMap, serializer: S) -> Result<S::Ok, S::Error> {
    (!map.is_empty()).then_some(map).serialize(serializer)
}

/// What a new account wants to be told of, and how.
pub(crate) fn default_user_notify_props() -> TextMap {
    text_map([
        ("channel", "true"),
        ("comments", "never"),
        ("desktop", "mention"),
        ("desktop_sound", "true"),
        ("desktop_threads", "all"),
        ("email", "true"),
        ("email_threads", "all"),
        ("first_name", "false"),
        ("mention_keys", ""),
        ("push", "mention"),
        ("push_status", "online"),
        ("push_threads", "all"),
    ])
}

pub(super) fn text_map<const N: usize>(pairs: [(&str, &str); N]) -> TextMap {
    pairs
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// One login.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct UserSession {
    pub id: String,
    pub token: String,
    pub create_at: i64,
    pub expires_at: i64,
    pub user_id: String,
    pub roles: String,
    /// What a request with the cookie has to repeat in `X-CSRF-Token`.
    pub csrf: String,
    /// The teams that the user was in when the session was read.
    pub teams: Vec<String>,
}

impl UserSession {
    /// Whether the account administers the system.
    pub(crate) fn is_admin(&self) -> bool {
        self.roles.split(' ').any(|role| role == "system_admin")
    }
}

/// A user's presence.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct UserStatus {
    pub user_id: String,
    /// `online`, `away`, `dnd`, `offline` or `ooo`.
    pub status: String,
    /// Chosen by the user.
    pub manual: bool,
    pub last_activity_at: i64,
    /// Seconds since 1970, unlike every other time.
    pub dnd_end_time: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn admin_is_a_role_among_others_not_a_part_of_one() {
        let session = |roles: &str| UserSession {
            roles: roles.to_owned(),
            ..UserSession::default()
        };
        assert!(session("system_admin system_user").is_admin());
        assert!(!session("system_administrator").is_admin());
    }

    #[test]
    fn others_do_not_see_settings() {
        let user = User {
            id: "ann".to_owned(),
            notify_props: default_user_notify_props(),
            last_password_update: 5,
            ..User::default()
        };
        let session = UserSession {
            user_id: "bob".to_owned(),
            ..UserSession::default()
        };
        let seen = serde_json::to_value(user.clone().seen_by(&session)).expect("json");
        assert_eq!(seen.get("notify_props"), None);
        assert_eq!(seen.get("last_password_update"), None);
        assert_eq!(seen["auth_data"], "");
        let own = UserSession {
            user_id: "ann".to_owned(),
            ..UserSession::default()
        };
        let seen = serde_json::to_value(user.seen_by(&own)).expect("json");
        assert_eq!(seen["notify_props"]["push"], "mention");
        assert_eq!(seen.get("auth_data"), None);
    }
}
