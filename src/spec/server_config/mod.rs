//! The server's own settings: which exist, which follow from the environment, and what the rest start
//! with.
//!
//! A setting has one of three masters. What loadrig owns follows from the environment's YAML, and what
//! `mattermost.config` names stands there: both reach the server as variables `MM_SECTION_KEY`, which
//! count more than its stored configuration and which the System Console shows as locked. Everything
//! else is the administrator's: it is kept in the database, starts with the defaults of the purpose,
//! and no `up` touches it again.

mod known;
mod owned;
mod planned;
mod purpose;
mod secrets;

pub(crate) use known::config_schema;
pub use known::{KnownSettings, SettingKind, known_settings};
pub use owned::{CONNECTION_SETTINGS, OWNED_SETTINGS, OwnedSetting};
pub use planned::{PlannedSetting, PlannedValue, SettingMaster};
pub use purpose::{PURPOSE_SETTINGS, PurposeSetting, SettingSource, SettingValue};
pub(crate) use secrets::is_secret_setting;

use std::collections::BTreeMap;

use serde_json::Value;

/// Settings by section and key.
pub type ServerConfig = BTreeMap<String, BTreeMap<String, Value>>;

/// The variable that sets a setting.
#[must_use]
pub fn setting_variable(section: &str, key: &str) -> String {
    format!("MM_{}_{}", section.to_uppercase(), key.to_uppercase())
}

/// A value as the server reads it from a variable: a list is words with single spaces between them.
#[must_use]
pub fn setting_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(words) => {
            let words: Vec<String> = words.iter().map(setting_text).collect();
            words.join(" ")
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn variables_hold_text_as_the_server_splits_it() {
        assert_eq!(
            setting_variable("ServiceSettings", "SiteURL"),
            "MM_SERVICESETTINGS_SITEURL"
        );
        assert_eq!(setting_text(&json!("a b")), "a b");
        assert_eq!(setting_text(&json!(["a", "b"])), "a b");
        assert_eq!(setting_text(&json!(true)), "true");
        assert_eq!(setting_text(&json!(-1)), "-1");
    }
}
