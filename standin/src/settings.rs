//! The configuration while the server runs: where it is stored, what applies, and how an
//! administrator changes it. Keys that variables have set stay as they are stored, so that they
//! come back when the variable goes. It may not know HTTP.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use serde_json::{Map, Value, json};

use crate::config::{self, ConfigError, LoadedConfig};
use crate::db::{ConfigTable, DbError, StoreOptions};

/// What stands for a secret in an answer, and means "leave it" in a change.
const MASK: &str = "********************************";

/// Section and key of each secret, and whether it is masked where there is none, too: as
/// `Config.Sanitize` of Mattermost 11.2 does (`server/public/model/config.go`).
const SECRETS: [(&str, &str, bool); 15] = [
    ("CacheSettings", "RedisPassword", true),
    ("ElasticsearchSettings", "Password", true),
    ("EmailSettings", "SMTPPassword", false),
    ("FileSettings", "AmazonS3SecretAccessKey", false),
    ("FileSettings", "PublicLinkSalt", true),
    ("GitLabSettings", "Secret", false),
    ("GoogleSettings", "Secret", false),
    ("LdapSettings", "BindPassword", false),
    ("Office365Settings", "Secret", false),
    ("OpenIdSettings", "Secret", false),
    ("ServiceSettings", "SplitKey", true),
    ("SqlSettings", "AtRestEncryptKey", true),
    ("SqlSettings", "DataSource", true),
    ("SqlSettings", "DataSourceReplicas", true),
    ("SqlSettings", "DataSourceSearchReplicas", true),
];

/// Why a configuration cannot be read or changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SettingsError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("the configuration in the database is not usable (MM_CONFIG)")]
    Database(#[from] DbError),
    /// A file that all nodes read is not changed through one of them.
    #[error("the configuration file is read-only in a cluster (ClusterSettings.ReadOnlyConfig)")]
    ReadOnly,
    #[error("cannot write configuration `{}`", path.display())]
    Write {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
}

#[derive(Debug)]
enum ConfigOrigin {
    File(PathBuf),
    Database { table: ConfigTable, name: String },
}

/// The configuration.
#[derive(Debug)]
pub(crate) struct ConfigStore {
    origin: ConfigOrigin,
    /// What lies under a stored configuration that does not name a key, such as a new one.
    defaults: Value,
    variables: Vec<(String, String)>,
    current: RwLock<Arc<LoadedConfig>>,
}

/// The variable that names a file with settings for a new configuration.
const CUSTOM_DEFAULTS: &str = "MM_CUSTOM_DEFAULTS_PATH";

/// The settings of that file. The server goes on without one that it cannot read, and says so.
fn custom_defaults(variables: &[(String, String)]) -> Value {
    let named = variables.iter().find(|(name, _)| name == CUSTOM_DEFAULTS);
    let Some((_, path)) = named.filter(|(_, path)| !path.is_empty()) else {
        return Value::Null;
    };
    let read = std::fs::read_to_string(path).map_err(|error| error.to_string());
    let parsed =
        read.and_then(|text| serde_json::from_str(&text).map_err(|error| error.to_string()));
    parsed.unwrap_or_else(|error| {
        eprintln!("Error loading custom configuration defaults: `{path}`: {error}");
        Value::Null
    })
}

/// Whether `MM_CONFIG` names a database instead of a file.
pub(crate) fn is_data_source(text: &str) -> bool {
    ["postgres://", "postgresql://"]
        .iter()
        .any(|scheme| text.starts_with(scheme))
}

impl ConfigStore {
    /// Reads the configuration from a file or, if `place` is a data source, from its database.
    ///
    /// # Errors
    /// When it cannot be read or is not valid.
    pub(crate) async fn open(
        place: &str,
        variables: Vec<(String, String)>,
    ) -> Result<Self, SettingsError> {
        let origin = if is_data_source(place) {
            ConfigOrigin::Database {
                table: ConfigTable::open(place, StoreOptions::default()).await?,
                name: "MM_CONFIG".to_owned(),
            }
        } else {
            ConfigOrigin::File(PathBuf::from(place))
        };
        let defaults = custom_defaults(&variables);
        let initial = json!({"SqlSettings": {"DriverName": "postgres", "DataSource": place}});
        let loaded = read(&origin, &initial, &defaults, &variables).await?;
        Ok(Self {
            origin,
            defaults,
            variables,
            current: RwLock::new(Arc::new(loaded)),
        })
    }

    /// What applies.
    pub(crate) fn current(&self) -> Arc<LoadedConfig> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads the configuration again.
    ///
    /// # Errors
    /// When it cannot be read or is not valid; what applied before applies on.
    pub(crate) async fn reload(&self) -> Result<(), SettingsError> {
        let initial = self.current().stored.clone();
        let loaded = read(&self.origin, &initial, &self.defaults, &self.variables).await?;
        self.replace(loaded);
        Ok(())
    }

    /// Lays `patch` on what is stored, or on the defaults if `whole`. What it says of locked keys
    /// and masked secrets is passed over.
    ///
    /// # Errors
    /// When the result is not valid, or it cannot be stored; nothing is changed then.
    pub(crate) async fn change(&self, mut patch: Value, whole: bool) -> Result<(), SettingsError> {
        let before = self.current();
        let settings = &before.config.cluster_settings;
        if matches!(self.origin, ConfigOrigin::File(_))
            && settings.enable
            && settings.read_only_config
        {
            return Err(SettingsError::ReadOnly);
        }
        restore(&mut patch, &before);
        let mut stored = if whole {
            json!({})
        } else {
            before.stored.clone()
        };
        config::overlay(&mut stored, patch);
        if whole {
            for (section, keys) in &before.locked {
                for key in keys {
                    // A setting that only its variable sets is stored nowhere.
                    if let Some(value) = before.stored[section].get(key) {
                        stored[section][key] = value.clone();
                    }
                }
            }
        }
        let loaded = config::combine(stored, self.origin.name(), &self.variables)?;
        self.store(&loaded.stored).await?;
        self.replace(loaded);
        Ok(())
    }

    async fn store(&self, stored: &Value) -> Result<(), SettingsError> {
        let text = format!("{stored:#}");
        match &self.origin {
            ConfigOrigin::Database { table, .. } => Ok(table.save(&text).await?),
            ConfigOrigin::File(path) => {
                std::fs::write(path, text).map_err(|source| SettingsError::Write {
                    path: path.clone(),
                    source,
                })
            }
        }
    }

    fn replace(&self, loaded: LoadedConfig) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(loaded);
    }

    /// What applies, for an administrator: secrets are masked.
    pub(crate) fn shown(&self) -> Value {
        let mut shown = self.current().effective.clone();
        for (section, key, always) in SECRETS {
            let Some(value) = shown.get_mut(section).and_then(|keys| keys.get_mut(key)) else {
                continue;
            };
            match value {
                Value::String(text) if always || !text.is_empty() => *text = MASK.to_owned(),
                Value::Array(texts) => texts.iter_mut().for_each(|text| *text = MASK.into()),
                _ => {}
            }
        }
        shown
    }

    /// The keys that variables have set, as `{section: {key: true}}`.
    pub(crate) fn locked(&self) -> Value {
        let locked = &self.current().locked;
        let sections = locked.iter().map(|(section, keys)| {
            let keys: Map<String, Value> =
                keys.iter().map(|key| (key.clone(), true.into())).collect();
            (section.clone(), Value::Object(keys))
        });
        Value::Object(sections.collect())
    }
}

impl ConfigOrigin {
    fn name(&self) -> &str {
        match self {
            Self::File(path) => path.to_str().unwrap_or("configuration file"),
            Self::Database { name, .. } => name,
        }
    }
}

async fn read(
    origin: &ConfigOrigin,
    initial: &Value,
    defaults: &Value,
    variables: &[(String, String)],
) -> Result<LoadedConfig, SettingsError> {
    let text = match origin {
        ConfigOrigin::File(path) => config::read_file(path)?,
        ConfigOrigin::Database { table, .. } => {
            let mut new = defaults.clone();
            config::overlay(&mut new, initial.clone());
            let new = config::combine(new, origin.name(), &[])?;
            table.load(&format!("{:#}", new.stored)).await?
        }
    };
    Ok(config::parse(&text, origin.name(), defaults, variables)?)
}

/// Takes out of a change what it may not change, and puts secrets back where masks are.
fn restore(patch: &mut Value, before: &LoadedConfig) {
    let Some(sections) = patch.as_object_mut() else {
        return;
    };
    for (section, keys) in sections {
        let Some(keys) = keys.as_object_mut() else {
            continue;
        };
        if let Some(locked) = before.locked.get(section) {
            keys.retain(|key, _| !locked.contains(key));
        }
        for (key, value) in keys {
            if is_masked(value) {
                *value = before.stored[section.as_str()][key.as_str()].clone();
            }
        }
    }
}

fn is_masked(value: &Value) -> bool {
    match value {
        Value::String(text) => text == MASK,
        Value::Array(texts) => !texts.is_empty() && texts.iter().all(|text| text == MASK),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn store(json: &str, variables: &[(&str, &str)]) -> (tempfile::TempDir, ConfigStore) {
        let directory = tempfile::tempdir().expect("temporary directory");
        let path = directory.path().join("config.json");
        std::fs::write(&path, json).expect("write");
        let variables = variables
            .iter()
            .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
            .collect();
        let opened = ConfigStore::open(path.to_str().expect("path"), variables).await;
        (directory, opened.expect("valid"))
    }

    #[tokio::test]
    async fn a_change_is_stored_and_locked_keys_and_secrets_stay() {
        let json = r#"{"ServiceSettings":{"SiteURL":"http://file"},
            "ElasticsearchSettings":{"Password":"secret"},"CalendarSettings":{"Days":7}}"#;
        let variables = [("MM_SERVICESETTINGS_SITEURL", "http://variable")];
        let (_directory, settings) = store(json, &variables).await;
        let shown = settings.shown();
        assert_eq!(shown["ElasticsearchSettings"]["Password"], MASK);
        assert_eq!(shown["ServiceSettings"]["SiteURL"], "http://variable");
        assert_eq!(settings.locked()["ServiceSettings"]["SiteURL"], true);
        let patch = json!({
            "ServiceSettings": {"SiteURL": "http://patched", "EnableUserStatuses": false},
            "ElasticsearchSettings": {"Password": MASK},
            "CalendarSettings": {"Days": 5},
        });
        settings.change(patch, false).await.expect("changed");
        settings.reload().await.expect("read again");
        let current = settings.current();
        assert_eq!(current.config.service_settings.site_url, "http://variable");
        assert!(!current.config.service_settings.enable_user_statuses);
        assert_eq!(current.config.elasticsearch_settings.password, "secret");
        assert_eq!(current.stored["ServiceSettings"]["SiteURL"], "http://file");
        assert_eq!(current.effective["CalendarSettings"]["Days"], 5);
    }

    #[tokio::test]
    async fn an_impossible_change_changes_nothing() {
        let (_directory, settings) = store("{}", &[]).await;
        let patch = json!({"TeamSettings": {"MaxUsersPerTeam": "many"}});
        let refused = settings.change(patch, false).await;
        assert!(
            matches!(refused, Err(SettingsError::Config(_))),
            "{refused:?}"
        );
        let max = settings.current().config.team_settings.max_users_per_team;
        assert_eq!(max, 50);
    }

    #[tokio::test]
    async fn a_whole_configuration_falls_back_to_defaults() {
        let (_directory, settings) = store(r#"{"TeamSettings":{"MaxUsersPerTeam":7}}"#, &[]).await;
        settings.change(json!({}), true).await.expect("changed");
        let max = settings.current().config.team_settings.max_users_per_team;
        assert_eq!(max, 50);
    }

    #[tokio::test]
    async fn custom_defaults_lie_under_what_is_stored() {
        let directory = tempfile::tempdir().expect("temporary directory");
        let path = directory.path().join("defaults.json");
        let defaults = r#"{"TeamSettings":{"MaxUsersPerTeam":7,"SiteName":"default"}}"#;
        std::fs::write(&path, defaults).expect("write");
        let variables = [(CUSTOM_DEFAULTS, path.to_str().expect("path"))];
        let stored = r#"{"TeamSettings":{"SiteName":"stored"}}"#;
        let (_directory, settings) = store(stored, &variables).await;
        let team = settings.current().config.team_settings.clone();
        assert_eq!(team.max_users_per_team, 7);
        assert_eq!(team.site_name, "stored");
        // A file that is not there is told, and passed over.
        let (_directory, settings) = store(stored, &[(CUSTOM_DEFAULTS, "/nowhere.json")]).await;
        let max = settings.current().config.team_settings.max_users_per_team;
        assert_eq!(max, 50);
    }

    #[tokio::test]
    async fn a_file_of_a_cluster_is_read_only() {
        let (_directory, settings) = store(r#"{"ClusterSettings":{"Enable":true}}"#, &[]).await;
        let refused = settings.change(json!({}), false).await;
        assert!(
            matches!(refused, Err(SettingsError::ReadOnly)),
            "{refused:?}"
        );
    }
}
