//! The settings that a server is to run with, as `verify` compares them.

use serde_json::Value;

use super::{OwnedSetting, PurposeSetting, is_secret_setting};

/// A setting that an application node is to run with.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedSetting {
    /// Section of the server's configuration.
    pub section: String,
    /// Key within the section.
    pub key: String,
    /// What it is to be.
    pub value: PlannedValue,
    /// Who says so.
    pub master: SettingMaster,
}

/// What a setting is to be. The server shows no secret, so none is kept here.
#[derive(Clone, Debug, PartialEq)]
pub enum PlannedValue {
    /// This.
    Shown(Value),
    /// A secret, or none.
    Secret {
        /// Whether there is one.
        is_set: bool,
    },
    /// A list of so many secrets.
    Secrets(usize),
}

/// Who says what a setting is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SettingMaster {
    /// loadrig, by a variable.
    Loadrig(&'static OwnedSetting),
    /// `mattermost.config`, by a variable.
    Yaml,
    /// The administrator; the purpose of the environment says what it starts with.
    Administrator(&'static PurposeSetting),
}

impl SettingMaster {
    /// Whether a variable sets it, so that the System Console shows it as locked.
    #[must_use]
    pub fn is_variable(self) -> bool {
        !matches!(self, Self::Administrator(_))
    }
}

impl PlannedValue {
    /// The value of a setting, without what the server does not show.
    #[must_use]
    pub fn of(section: &str, key: &str, value: &Value) -> Self {
        match value {
            other if !is_secret_setting(section, key) => Self::Shown(other.clone()),
            Value::Array(list) => Self::Secrets(list.len()),
            other => Self::Secret {
                is_set: other.as_str() != Some(""),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_are_not_kept() {
        let of = PlannedValue::of;
        let secret = |is_set| PlannedValue::Secret { is_set };
        assert_eq!(of("SqlSettings", "DataSource", &json!("x")), secret(true));
        assert_eq!(
            of("EmailSettings", "SMTPPassword", &json!("")),
            secret(false)
        );
        assert_eq!(
            of("SqlSettings", "DataSourceReplicas", &json!(["a", "b"])),
            PlannedValue::Secrets(2)
        );
        assert_eq!(
            of("ServiceSettings", "SiteURL", &json!("http://a")),
            PlannedValue::Shown(json!("http://a"))
        );
    }
}
