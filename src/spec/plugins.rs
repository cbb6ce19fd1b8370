//! Plugins of the server: where each comes from, whether it runs, and how it is set.

use std::path::PathBuf;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A plugin of the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerPlugin {
    /// As its manifest names it.
    pub id: String,
    /// Where its bundle comes from.
    pub source: PluginSource,
    /// Whether it runs.
    pub enabled: bool,
    /// Its settings, by lower-case key, as the System Console stores them.
    pub settings: Map<String, Value>,
}

/// Where the bundle of a plugin comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PluginSource {
    /// A file of the operator's machine.
    File {
        /// Where it is.
        path: PathBuf,
        /// Its SHA-256, lower-case hex, where it is given.
        sha256: Option<String>,
    },
    /// A URL that `app-1` fetches.
    Url {
        /// From where.
        url: String,
        /// Its SHA-256, lower-case hex.
        sha256: String,
    },
}

/// A plugin of the server.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PluginShape {
    /// Its id, as its manifest names it.
    #[schemars(required, example = &"com.example.greeter")]
    pub(crate) id: Option<String>,
    /// Its bundle on the operator's machine (relative to this file).
    #[schemars(example = &"./com.example.greeter-1.2.0.tar.gz")]
    pub(crate) file: Option<PathBuf>,
    /// Where `app-1` fetches its bundle from.
    #[schemars(example = &"https://example.com/com.example.greeter-1.2.0.tar.gz")]
    pub(crate) url: Option<String>,
    /// SHA-256 of the bundle, 64 hexadecimal digits; required for a URL.
    pub(crate) sha256: Option<String>,
    /// Whether it runs. Default: `true`.
    pub(crate) enabled: Option<bool>,
    /// Its settings. What does not stand here is the administrator's. No secrets. Default: none.
    #[serde(default)]
    #[schemars(schema_with = "settings_schema")]
    pub(crate) settings: Option<Map<String, Value>>,
}

/// Keys of the plugin's own, with any values.
fn settings_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": ["object", "null"],
        "additionalProperties": { "x-any": true },
    })
}
