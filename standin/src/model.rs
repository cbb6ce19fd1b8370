//! The objects of the API in Mattermost's JSON. Keys that the stand-in never
//! fills are left out, which its clients treat as empty. Times are
//! milliseconds since 1970.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The stand-in's name and version, wherever Mattermost says its version.
pub(crate) const VERSION: &str = concat!("standin-", env!("CARGO_PKG_VERSION"));

/// An account as others may see it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct User {
    pub id: String,
    pub create_at: i64,
    pub update_at: i64,
    pub delete_at: i64,
    pub username: String,
    pub auth_data: String,
    pub auth_service: String,
    pub email: String,
    pub nickname: String,
    pub first_name: String,
    pub last_name: String,
    pub roles: String,
    pub locale: String,
}

/// One login.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct UserSession {
    pub id: String,
    pub token: String,
    pub create_at: i64,
    pub expires_at: i64,
    pub user_id: String,
    pub roles: String,
}

impl UserSession {
    /// Whether the account administers the system.
    pub(crate) fn is_admin(&self) -> bool {
        self.roles.split(' ').any(|role| role == "system_admin")
    }
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Team {
    pub id: String,
    pub create_at: i64,
    pub update_at: i64,
    pub delete_at: i64,
    pub display_name: String,
    pub name: String,
    pub description: String,
    pub email: String,
    /// `O` open or `I` by invitation.
    #[serde(rename = "type")]
    pub kind: String,
    pub invite_id: String,
    pub allow_open_invite: bool,
}

/// A user's place in a team.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct TeamMember {
    pub team_id: String,
    pub user_id: String,
    pub roles: String,
    pub delete_at: i64,
    pub scheme_guest: bool,
    pub scheme_user: bool,
    pub scheme_admin: bool,
    pub explicit_roles: String,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Channel {
    pub id: String,
    pub create_at: i64,
    pub update_at: i64,
    pub delete_at: i64,
    /// Empty for direct messages.
    pub team_id: String,
    /// `O` public, `P` private or `D` direct.
    #[serde(rename = "type")]
    pub kind: String,
    pub display_name: String,
    pub name: String,
    pub header: String,
    pub purpose: String,
    pub last_post_at: i64,
    pub total_msg_count: i64,
    pub creator_id: String,
}

/// A user's place in a channel.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ChannelMembership {
    pub channel_id: String,
    pub user_id: String,
    pub roles: String,
    pub last_viewed_at: i64,
    pub msg_count: i64,
    pub mention_count: i64,
    pub notify_props: BTreeMap<String, String>,
    pub last_update_at: i64,
    pub scheme_guest: bool,
    pub scheme_user: bool,
    pub scheme_admin: bool,
    pub explicit_roles: String,
}

/// A message.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Post {
    pub id: String,
    pub create_at: i64,
    pub update_at: i64,
    pub edit_at: i64,
    pub delete_at: i64,
    pub is_pinned: bool,
    pub user_id: String,
    pub channel_id: String,
    pub root_id: String,
    pub original_id: String,
    pub message: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub props: Value,
    pub hashtags: String,
    pub file_ids: Vec<String>,
    pub pending_post_id: String,
    pub metadata: Metadata,
}

/// What a post carries besides its text.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Metadata {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<FileInfo>,
}

/// Posts in order, newest first.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(crate) struct PostList {
    pub order: Vec<String>,
    pub posts: BTreeMap<String, Post>,
    pub next_post_id: String,
    pub prev_post_id: String,
    pub has_next: bool,
}

impl PostList {
    /// A list of `posts` in their order.
    pub(crate) fn new(posts: Vec<Post>) -> Self {
        Self {
            order: posts.iter().map(|post| post.id.clone()).collect(),
            posts: posts
                .into_iter()
                .map(|post| (post.id.clone(), post))
                .collect(),
            ..Self::default()
        }
    }
}

/// An uploaded file.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct FileInfo {
    pub id: String,
    pub user_id: String,
    pub post_id: String,
    pub channel_id: String,
    pub create_at: i64,
    pub update_at: i64,
    pub delete_at: i64,
    pub name: String,
    pub extension: String,
    /// Bytes.
    pub size: i64,
    pub mime_type: String,
    /// Key in the file store; not for clients.
    #[serde(skip)]
    pub path: String,
}

/// Name of the direct channel between two users: their ids, sorted.
pub(crate) fn direct_channel_name(a: &str, b: &str) -> String {
    if a < b {
        format!("{a}__{b}")
    } else {
        format!("{b}__{a}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn direct_channel_has_one_name_whoever_opens_it() {
        assert_eq!(direct_channel_name("a", "b"), direct_channel_name("b", "a"));
    }

    #[test]
    fn admin_is_a_role_among_others_not_a_part_of_one() {
        let session = |roles: &str| UserSession {
            roles: roles.to_owned(),
            ..UserSession::default()
        };
        assert!(session("system_admin system_user").is_admin());
        assert!(!session("system_administrator").is_admin());
    }
}
