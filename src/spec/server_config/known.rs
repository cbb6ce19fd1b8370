//! The settings that the server has, `server-settings/mattermost.yaml`, and the schema of
//! `mattermost.config` that follows from them.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use schemars::{Schema, SchemaGenerator};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// The settings that variables can set, as one version of the server defines them.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownSettings {
    /// The version of the server.
    pub version: String,
    /// The definition in the server's source.
    pub source: String,
    /// By section and key.
    pub sections: BTreeMap<String, BTreeMap<String, SettingKind>>,
}

/// What a setting holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SettingKind {
    /// Text.
    Text,
    /// Yes or no.
    Boolean,
    /// A whole number.
    Integer,
    /// A list of words without spaces.
    Words,
}

impl KnownSettings {
    /// What a setting holds, if it exists.
    #[must_use]
    pub fn get(&self, section: &str, key: &str) -> Option<SettingKind> {
        self.sections.get(section)?.get(key).copied()
    }
}

impl SettingKind {
    /// Whether a value is of this kind.
    #[must_use]
    pub fn fits(self, value: &Value) -> bool {
        match self {
            Self::Text => value.is_string(),
            Self::Boolean => value.is_boolean(),
            Self::Integer => value.is_i64(),
            Self::Words => value
                .as_array()
                .is_some_and(|words| words.iter().all(Value::is_string)),
        }
    }

    fn schema(self) -> Value {
        match self {
            Self::Text => json!({ "type": ["string", "number"] }),
            Self::Boolean => json!({ "type": "boolean" }),
            Self::Integer => json!({ "type": "integer" }),
            Self::Words => json!({ "type": "array", "items": { "type": "string" } }),
        }
    }
}

/// The list that is part of the program.
#[must_use]
pub fn known_settings() -> &'static KnownSettings {
    // A list that does not parse is caught by the test below, never by a user.
    static KNOWN: LazyLock<KnownSettings> =
        LazyLock::new(|| serde_yaml::from_str(TEXT).unwrap_or_default());
    &KNOWN
}

const TEXT: &str = include_str!("../../../server-settings/mattermost.yaml");

/// The schema of `mattermost.config`: editors complete it, and the reader checks files against it.
pub(crate) fn config_schema(_: &mut SchemaGenerator) -> Schema {
    let sections: Map<String, Value> = known_settings()
        .sections
        .iter()
        .map(|(section, keys)| {
            let keys: Map<String, Value> = keys
                .iter()
                .map(|(key, kind)| (key.clone(), kind.schema()))
                .collect();
            let schema = json!({
                "type": ["object", "null"],
                "properties": keys,
                "additionalProperties": false,
            });
            (section.clone(), schema)
        })
        .collect();
    let mut schema = Schema::default();
    schema.insert("type".to_owned(), json!(["object", "null"]));
    schema.insert("properties".to_owned(), Value::Object(sections));
    schema.insert("additionalProperties".to_owned(), json!(false));
    schema
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_parses_and_has_settings_of_every_kind() {
        let known: KnownSettings = serde_yaml::from_str(TEXT).unwrap();
        assert!(known.sections.len() > 35, "{}", known.sections.len());
        let kind = |section, key| known.get(section, key);
        assert_eq!(kind("ServiceSettings", "SiteURL"), Some(SettingKind::Text));
        assert_eq!(
            kind("ServiceSettings", "TrustedProxyIPHeader"),
            Some(SettingKind::Words)
        );
        assert_eq!(
            kind("TeamSettings", "MaxUsersPerTeam"),
            Some(SettingKind::Integer)
        );
        assert_eq!(
            kind("TeamSettings", "EnableOpenServer"),
            Some(SettingKind::Boolean)
        );
        assert_eq!(kind("ServiceSettings", "NoSuchKey"), None);
    }
}
