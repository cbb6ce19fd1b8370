//! Messages, what hangs on them, and lists of them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::user::User;
use super::{is_false, is_zero};

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
    #[serde(skip_serializing_if = "is_false")]
    pub has_reactions: bool,
    pub reply_count: i64,
    pub last_reply_at: i64,
    /// Who has replied; null unless threads are collapsed.
    #[serde(skip_deserializing)]
    pub participants: Option<Vec<User>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_following: Option<bool>,
    /// Of another system, from which there are none.
    pub remote_id: String,
    /// Absent where Mattermost does not look for what a post carries.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Metadata>,
}

/// What a post carries besides its text.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Metadata {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<FileInfo>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reactions: Vec<Reaction>,
}

/// One user's emoji on a post.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Reaction {
    pub user_id: String,
    pub post_id: String,
    pub emoji_name: String,
    pub create_at: i64,
    pub update_at: i64,
    pub delete_at: i64,
    pub remote_id: String,
    pub channel_id: String,
}

/// Posts in order, newest first.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(crate) struct PostList {
    pub order: Vec<String>,
    pub posts: BTreeMap<String, Post>,
    pub next_post_id: String,
    pub prev_post_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub has_next: Option<bool>,
    pub first_inaccessible_post_time: i64,
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

    /// Adds posts that belong to those listed, such as their thread's, without a place in the
    /// order.
    pub(crate) fn add_context(&mut self, posts: Vec<Post>) {
        for post in posts {
            self.posts.entry(post.id.clone()).or_insert(post);
        }
    }
}

/// An uploaded file.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct FileInfo {
    pub id: String,
    pub user_id: String,
    #[serde(skip_serializing_if = "String::is_empty")]
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
    #[serde(skip_serializing_if = "is_zero")]
    pub width: i64,
    #[serde(skip_serializing_if = "is_zero")]
    pub height: i64,
    pub mini_preview: Option<String>,
    pub remote_id: Option<String>,
    pub archived: bool,
    /// Key in the file store; not for clients.
    #[serde(skip)]
    pub path: String,
}
