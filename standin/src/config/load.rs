//! Reads the configuration: defaults, overlaid by the JSON file, overlaid by
//! `MM_<SECTION>_<KEY>` variables. Keys that the stand-in does not know are
//! ignored, as Mattermost ignores them, so that one file fits both.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::Config;

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
    /// The file is not JSON.
    #[error("configuration `{}` is not valid JSON", path.display())]
    Syntax {
        path: PathBuf,
        #[source]
        source: serde_json::Error,
    },
    /// A key has a value of the wrong type.
    #[error("configuration `{}` has a value of the wrong type", path.display())]
    Type {
        path: PathBuf,
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

/// Reads `path` and applies `variables` (name and value pairs; those not
/// starting with `MM_` are passed over).
///
/// # Errors
/// When the file cannot be read, is not JSON, or a value has the wrong type.
pub(crate) fn load(
    path: &Path,
    variables: impl Iterator<Item = (String, String)>,
) -> Result<Config, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Read {
        path: path.to_owned(),
        source,
    })?;
    let file: Value = serde_json::from_str(&text).map_err(|source| ConfigError::Syntax {
        path: path.to_owned(),
        source,
    })?;
    let type_error = |source| ConfigError::Type {
        path: path.to_owned(),
        source,
    };
    let mut effective = serde_json::to_value(Config::default()).map_err(type_error)?;
    overlay(&mut effective, file);
    for (name, value) in variables {
        override_key(&mut effective, &name, &value)?;
    }
    serde_json::from_value(effective).map_err(type_error)
}

/// Lays `over` on `base`. A null leaves the default, as in Mattermost.
fn overlay(base: &mut Value, over: Value) {
    match (base, over) {
        (_, Value::Null) => {}
        (Value::Object(base), Value::Object(over)) => {
            for (key, value) in over {
                overlay(base.entry(key).or_insert(Value::Null), value);
            }
        }
        (base, over) => *base = over,
    }
}

fn override_key(config: &mut Value, name: &str, text: &str) -> Result<(), ConfigError> {
    let Some(target) = find_key(config, name) else {
        return Ok(());
    };
    let wrong = |expected| ConfigError::Variable {
        name: name.to_owned(),
        expected,
    };
    *target = match target {
        Value::Bool(_) => Value::Bool(text.parse().map_err(|_| wrong("boolean"))?),
        Value::Number(_) => Value::from(text.parse::<i64>().map_err(|_| wrong("whole number"))?),
        Value::Array(_) => text.split_whitespace().map(Value::from).collect(),
        _ => Value::from(text),
    };
    Ok(())
}

fn find_key<'a>(config: &'a mut Value, name: &str) -> Option<&'a mut Value> {
    let wanted = name.strip_prefix("MM_")?;
    config
        .as_object_mut()?
        .iter_mut()
        .find_map(|(section, keys)| {
            let key = wanted
                .strip_prefix(&section.to_uppercase())?
                .strip_prefix('_')?;
            keys.as_object_mut()?
                .iter_mut()
                .find_map(|(name, value)| (name.to_uppercase() == key).then_some(value))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str, variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let dir = tempfile::tempdir().expect("temporary directory");
        let path = dir.path().join("config.json");
        std::fs::write(&path, json).expect("write");
        load(
            &path,
            variables
                .iter()
                .map(|(n, v)| ((*n).to_owned(), (*v).to_owned())),
        )
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
}
