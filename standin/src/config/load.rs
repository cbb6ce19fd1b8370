//! Makes the configuration: defaults, overlaid by what is stored in a file or
//! in the database, overlaid by `MM_<SECTION>_<KEY>` variables. Keys that the
//! stand-in does not know are kept and shown but have no effect, so that one
//! configuration fits both servers.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_lc_rs::digest;
use serde_json::{Map, Value};

use super::Config;
use super::known::{VariableKind, known_setting};

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// The file could not be read.
    #[error("cannot read configuration `{}` (name another with --config or MM_CONFIG)", path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// The text is not JSON.
    #[error("configuration `{origin}` is not valid JSON")]
    Syntax {
        origin: String,
        #[source]
        source: serde_json::Error,
    },
    /// A key has a value of the wrong type.
    #[error("configuration `{origin}` has a value of the wrong type")]
    Type {
        origin: String,
        #[source]
        source: serde_json::Error,
    },
    /// A variable's text does not fit the key it overrides.
    #[error("variable `{name}` does not hold a {expected}")]
    Variable {
        name: String,
        expected: &'static str,
    },
}

/// Where the configuration is unless the caller says otherwise: beside the
/// working directory, else beside the program as the tarball lays them out.
pub(crate) fn default_path() -> PathBuf {
    let local = PathBuf::from("config/config.json");
    if local.exists() {
        return local;
    }
    std::env::current_exe()
        .ok()
        .and_then(|exe| Some(exe.parent()?.parent()?.join("config/config.json")))
        .filter(|beside| beside.exists())
        .unwrap_or(local)
}

/// A configuration and where each part of it comes from.
#[derive(Debug, Clone, Default)]
pub(crate) struct LoadedConfig {
    /// Defaults and what is stored, without the variables.
    pub stored: Value,
    /// What applies.
    pub effective: Value,
    /// What applies, as the program uses it.
    pub config: Arc<Config>,
    /// Differs as soon as what applies on two nodes differs.
    pub hash: String,
    /// Sections and keys that variables have set.
    pub locked: BTreeMap<String, Vec<String>>,
}

/// Reads a file.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn read_file(path: &Path) -> Result<String, ConfigError> {
    std::fs::read_to_string(path).map_err(|source| ConfigError::Read {
        path: path.to_owned(),
        source,
    })
}

/// Makes a configuration of the stored `text`, which comes from `origin`, laid on `defaults`, and
/// `variables` (name and value pairs; those not starting with `MM_` are passed over).
///
/// # Errors
/// When the text is not JSON, or a value has the wrong type.
pub(crate) fn parse(
    text: &str,
    origin: &str,
    defaults: &Value,
    variables: &[(String, String)],
) -> Result<LoadedConfig, ConfigError> {
    let stored = serde_json::from_str(text).map_err(|source| ConfigError::Syntax {
        origin: origin.to_owned(),
        source,
    })?;
    let mut whole = defaults.clone();
    overlay(&mut whole, stored);
    combine(whole, origin, variables)
}

/// Makes a configuration of what is stored and `variables`.
///
/// # Errors
/// When a value has the wrong type.
pub(crate) fn combine(
    over: Value,
    origin: &str,
    variables: &[(String, String)],
) -> Result<LoadedConfig, ConfigError> {
    let type_error = |source| ConfigError::Type {
        origin: origin.to_owned(),
        source,
    };
    let mut stored = serde_json::to_value(Config::default()).map_err(type_error)?;
    overlay(&mut stored, over);
    // Checked without the variables too: they may go.
    let _: Config = serde_json::from_value(stored.clone()).map_err(type_error)?;
    let mut effective = stored.clone();
    let mut locked: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in variables {
        if let Some((section, key)) = override_key(&mut effective, name, value)? {
            locked.entry(section).or_default().push(key);
        }
    }
    let config: Config = serde_json::from_value(effective.clone()).map_err(type_error)?;
    Ok(LoadedConfig {
        stored,
        effective,
        hash: hash(&config),
        config: Arc::new(config),
        locked,
    })
}

fn hash(config: &Config) -> String {
    let text = serde_json::to_vec(config).unwrap_or_default();
    hex::encode(digest::digest(&digest::SHA256, &text).as_ref())
        .chars()
        .take(32)
        .collect()
}

/// Lays `over` on `base`. A null leaves the default, and what a key holds is taken as a whole, as in
/// Mattermost.
pub(crate) fn overlay(base: &mut Value, over: Value) {
    lay(base, over, SECTIONS_AND_KEYS);
}

/// How deep the names of settings go.
const SECTIONS_AND_KEYS: usize = 2;

fn lay(base: &mut Value, over: Value, names: usize) {
    match (base, over) {
        (_, Value::Null) => {}
        (Value::Object(base), Value::Object(over)) if names > 0 => {
            for (key, value) in over {
                lay(base.entry(key).or_insert(Value::Null), value, names - 1);
            }
        }
        (base, over) => *base = over,
    }
}

/// Sets the key that a variable names, and returns its section and name.
fn override_key(
    config: &mut Value,
    name: &str,
    text: &str,
) -> Result<Option<(String, String)>, ConfigError> {
    let found = find_key(config, name);
    // What Mattermost has and the stand-in does not act on is shown and locked all the same.
    let Some((section, key, kind)) = found.or_else(|| known_setting(name)) else {
        return Ok(None);
    };
    let wrong = |expected| ConfigError::Variable {
        name: name.to_owned(),
        expected,
    };
    config[&section][&key] = match kind {
        VariableKind::Boolean => Value::Bool(text.parse().map_err(|_| wrong("boolean"))?),
        VariableKind::Integer => {
            Value::from(text.parse::<i64>().map_err(|_| wrong("whole number"))?)
        }
        // As the server: an empty text is one empty word.
        VariableKind::Words => text.split(' ').map(Value::from).collect(),
        VariableKind::Text => Value::from(text),
    };
    Ok(Some((section, key)))
}

/// The setting of a configuration that a variable names.
fn find_key(config: &Value, name: &str) -> Option<(String, String, VariableKind)> {
    let wanted = name.strip_prefix("MM_")?;
    config.as_object()?.iter().find_map(|(section, keys)| {
        let key = wanted
            .strip_prefix(&section.to_uppercase())?
            .strip_prefix('_')?;
        let keys: &Map<String, Value> = keys.as_object()?;
        let (found, value) = keys.iter().find(|(name, _)| name.to_uppercase() == key)?;
        let kind = match value {
            Value::Bool(_) => VariableKind::Boolean,
            Value::Number(_) => VariableKind::Integer,
            Value::Array(_) => VariableKind::Words,
            _ => VariableKind::Text,
        };
        Some((section.clone(), found.clone(), kind))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(json: &str, variables: &[(&str, &str)]) -> Result<LoadedConfig, ConfigError> {
        let variables: Vec<(String, String)> = variables
            .iter()
            .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
            .collect();
        super::parse(json, "config.json", &Value::Null, &variables)
    }

    fn parse(json: &str, variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
        load(json, variables).map(|loaded| (*loaded.config).clone())
    }

    #[test]
    fn file_overrides_defaults_and_unknown_keys_are_ignored() {
        let config = parse(
            r#"{"SqlSettings":{"MaxOpenConns":7,"Trace":true},"CalendarSettings":{},
                "ClusterSettings":{"Enable":null},"FileSettings":{"AmazonS3SSL":false}}"#,
            &[],
        )
        .expect("valid");
        assert_eq!(config.sql_settings.max_open_conns, 7);
        assert_eq!(config.sql_settings.query_timeout, 30);
        assert!(!config.file_settings.amazon_s3_ssl);
        assert!(!config.cluster_settings.enable);
    }

    #[test]
    fn variables_override_the_file_with_the_type_of_the_key() {
        let config = parse(
            r#"{"ServiceSettings":{"SiteURL":"http://file"}}"#,
            &[
                ("MM_SERVICESETTINGS_SITEURL", "http://variable"),
                (
                    "MM_SQLSETTINGS_DATASOURCEREPLICAS",
                    "postgres://a postgres://b",
                ),
                ("MM_CLUSTERSETTINGS_ENABLE", "true"),
                ("MM_CLUSTERSETTINGS_GOSSIPPORT", "9074"),
                ("MM_FEATUREFLAGS_X", "1"),
                ("HOME", "/root"),
            ],
        )
        .expect("valid");
        assert_eq!(config.service_settings.site_url, "http://variable");
        assert_eq!(
            config.sql_settings.data_source_replicas,
            ["postgres://a", "postgres://b"]
        );
        assert!(config.cluster_settings.enable);
        assert_eq!(config.cluster_settings.gossip_port, 9074);
    }

    #[test]
    fn broken_json_names_the_file_and_the_place() {
        let error = parse("{\n \"SqlSettings\": {,}\n}", &[]).expect_err("broken");
        assert!(
            error.to_string().contains("config.json` is not valid JSON"),
            "{error}"
        );
        let source = std::error::Error::source(&error)
            .expect("source")
            .to_string();
        assert!(source.contains("line 2"), "{source}");
    }

    #[test]
    fn variable_of_the_wrong_type_is_named() {
        let error = parse("{}", &[("MM_CLUSTERSETTINGS_ENABLE", "perhaps")]).expect_err("wrong");
        assert_eq!(
            error.to_string(),
            "variable `MM_CLUSTERSETTINGS_ENABLE` does not hold a boolean"
        );
    }

    #[test]
    fn the_hash_differs_between_configurations() {
        let hash = |json| load(json, &[]).expect("valid").hash;
        let other = hash(r#"{"SqlSettings":{"MaxOpenConns":7}}"#);
        assert_ne!(hash("{}"), other);
        assert_eq!(other.len(), 32);
    }

    #[test]
    fn unknown_keys_are_kept_and_locked_keys_are_named() {
        let loaded = load(
            r#"{"ServiceSettings":{"SiteURL":"http://file"},"CalendarSettings":{"Days":7}}"#,
            &[
                ("MM_SERVICESETTINGS_SITEURL", "http://variable"),
                ("MM_CALENDARSETTINGS_DAYS", "5"),
            ],
        )
        .expect("valid");
        assert_eq!(loaded.stored["ServiceSettings"]["SiteURL"], "http://file");
        assert_eq!(loaded.stored["CalendarSettings"]["Days"], 7);
        assert_eq!(loaded.effective["CalendarSettings"]["Days"], 5);
        assert_eq!(loaded.locked["ServiceSettings"], ["SiteURL"]);
    }

    #[test]
    fn settings_that_only_mattermost_acts_on_are_shown_and_locked() {
        let loaded = load(
            "{}",
            &[
                ("MM_SERVICESETTINGS_TRUSTEDPROXYIPHEADER", "X-Real-IP"),
                ("MM_SERVICESETTINGS_ENABLELINKPREVIEWS", "false"),
                ("MM_CLUSTERSETTINGS_ENABLEGOSSIPENCRYPTION", "true"),
                ("MM_SERVICESETTINGS_NOSUCHSETTING", "1"),
            ],
        )
        .expect("valid");
        let service = &loaded.effective["ServiceSettings"];
        assert_eq!(
            service["TrustedProxyIPHeader"],
            serde_json::json!(["X-Real-IP"])
        );
        assert_eq!(service["EnableLinkPreviews"], false);
        assert!(
            loaded.stored["ServiceSettings"]
                .get("EnableLinkPreviews")
                .is_none()
        );
        assert_eq!(loaded.locked["ClusterSettings"], ["EnableGossipEncryption"]);
        let locked = &loaded.locked["ServiceSettings"];
        assert_eq!(locked, &["TrustedProxyIPHeader", "EnableLinkPreviews"]);
    }
}
