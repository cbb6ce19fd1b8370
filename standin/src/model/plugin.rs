//! Plugins as administrators see them.

use serde::{Deserialize, Serialize};

/// What a bundle says of itself, as far as anybody is told.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Manifest {
    pub id: String,
    pub name: String,
    pub description: String,
    pub version: String,
}

/// How a plugin is on one node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct PluginStatus {
    pub plugin_id: String,
    pub cluster_id: String,
    pub plugin_path: String,
    /// 0 for one that does not run, 2 for one that does.
    pub state: i64,
    pub error: String,
    pub name: String,
    pub description: String,
    pub version: String,
}
