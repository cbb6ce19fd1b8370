//! What a user keeps on the server: preferences, the sidebar, drafts.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// One preference.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Preference {
    pub user_id: String,
    pub category: String,
    pub name: String,
    pub value: String,
}

/// A group of channels in a user's sidebar.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct SidebarCategory {
    pub id: String,
    pub user_id: String,
    pub team_id: String,
    pub sort_order: i64,
    /// Empty, `manual`, `recent` or `alpha`.
    pub sorting: String,
    /// `favorites`, `channels`, `direct_messages` or `custom`.
    #[serde(rename = "type")]
    pub kind: String,
    pub display_name: String,
    pub muted: bool,
    pub collapsed: bool,
    pub channel_ids: Vec<String>,
}

/// A user's sidebar in a team.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct SidebarCategories {
    pub categories: Vec<SidebarCategory>,
    pub order: Vec<String>,
}

/// A message that is not sent yet.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Draft {
    pub create_at: i64,
    pub update_at: i64,
    pub delete_at: i64,
    pub user_id: String,
    pub channel_id: String,
    pub root_id: String,
    pub message: String,
    pub props: Value,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub file_ids: Vec<String>,
    /// Of posts; the stand-in adds none to drafts.
    #[serde(skip_deserializing)]
    pub metadata: Map<String, Value>,
    #[serde(skip_serializing_if = "Value::is_null")]
    pub priority: Value,
}

/// A custom emoji.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Emoji {
    pub id: String,
    pub create_at: i64,
    pub update_at: i64,
    pub delete_at: i64,
    pub creator_id: String,
    pub name: String,
}
