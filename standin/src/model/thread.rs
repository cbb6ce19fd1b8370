//! Threads as one user follows them.

use serde::Serialize;

use super::{Post, User};

/// A thread that a user follows.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(crate) struct UserThread {
    pub id: String,
    pub reply_count: i64,
    pub last_reply_at: i64,
    pub last_viewed_at: i64,
    pub participants: Vec<User>,
    pub post: Post,
    pub unread_replies: i64,
    pub unread_mentions: i64,
    pub is_urgent: bool,
    pub delete_at: i64,
}

/// The threads that a user follows in a team, and how many of them are unread.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(crate) struct ThreadList {
    pub total: i64,
    pub total_unread_threads: i64,
    pub total_unread_mentions: i64,
    pub total_unread_urgent_mentions: i64,
    /// Null when the totals alone were asked for.
    pub threads: Option<Vec<UserThread>>,
}
