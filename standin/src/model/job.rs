//! Jobs: work that is asked for, and that one server takes.

use super::TextMap;
use serde::{Deserialize, Serialize};

/// A job.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Job {
    pub id: String,
    /// What is to be done.
    #[serde(rename = "type")]
    pub kind: String,
    pub priority: i64,
    pub create_at: i64,
    pub start_at: i64,
    pub last_activity_at: i64,
    /// `pending`, `in_progress`, `success`, `error` or `canceled`, of those that the stand-in gives.
    pub status: String,
    pub progress: i64,
    pub data: Option<TextMap>,
}
