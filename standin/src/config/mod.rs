//! The server's configuration: the sections and keys of Mattermost's
//! `config.json` that the stand-in acts on, under the same names. It may not
//! know who uses them.

mod connections;
mod known;
mod load;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub(crate) use connections::{EmailSettings, LdapSettings, SamlSettings};
pub(crate) use load::{
    ConfigError, LoadedConfig, combine, default_path, overlay, parse, read_file,
};

/// The effective configuration: defaults, then the file, then `MM_…` variables.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct Config {
    /// Address, limits and sign-in rules of the web server.
    pub service_settings: ServiceSettings,
    /// Who may join and how many.
    pub team_settings: TeamSettings,
    /// PostgreSQL writer and readers.
    pub sql_settings: SqlSettings,
    /// Logging to the console and to a file.
    pub log_settings: LogSettings,
    /// Where uploaded files are kept.
    pub file_settings: FileSettings,
    /// Sign-up and sign-in by e-mail address.
    pub email_settings: EmailSettings,
    /// The search server.
    pub elasticsearch_settings: ElasticsearchSettings,
    /// The other application nodes.
    pub cluster_settings: ClusterSettings,
    /// The Prometheus endpoint.
    pub metrics_settings: MetricsSettings,
    /// The cache server.
    pub cache_settings: CacheSettings,
    /// Which plugins may be installed, and which run.
    pub plugin_settings: PluginSettings,
    /// Logging in from a directory.
    pub ldap_settings: LdapSettings,
    /// Logging in through an identity provider.
    pub saml_settings: SamlSettings,
    /// Who runs jobs.
    pub job_settings: JobSettings,
    /// Where exports lie, and for how long.
    pub export_settings: ExportSettings,
    /// Where imports lie, and for how long.
    pub import_settings: ImportSettings,
}

/// `JobSettings`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct JobSettings {
    /// Whether this server runs jobs. A job server does whatever stands here.
    pub run_jobs: bool,
}

impl Default for JobSettings {
    fn default() -> Self {
        Self { run_jobs: true }
    }
}

/// `ExportSettings`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct ExportSettings {
    pub directory: String,
    /// Days after which what lies there is removed; 0 is never.
    pub retention_days: i64,
}

/// `ImportSettings`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct ImportSettings {
    pub directory: String,
    /// Days after which what lies there is removed; 0 is never.
    pub retention_days: i64,
}

impl Default for ImportSettings {
    fn default() -> Self {
        Self {
            directory: "./import".to_owned(),
            retention_days: 30,
        }
    }
}

impl Default for ExportSettings {
    fn default() -> Self {
        Self {
            directory: "./export".to_owned(),
            retention_days: 30,
        }
    }
}

/// `CacheSettings`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct CacheSettings {
    /// `lru` for memory, or `redis`.
    pub cache_type: String,
    /// Name or address, and port.
    pub redis_address: String,
    #[serde(rename = "RedisDB")]
    pub redis_db: i64,
}

impl Default for CacheSettings {
    fn default() -> Self {
        Self {
            cache_type: "lru".to_owned(),
            redis_address: String::new(),
            // As Mattermost has it: none was chosen.
            redis_db: -1,
        }
    }
}

/// `PluginSettings`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct PluginSettings {
    pub enable: bool,
    /// Whether bundles may be uploaded.
    pub enable_uploads: bool,
    /// Whether bundles need a signature, which uploaded ones do not have.
    pub require_plugin_signature: bool,
    /// By id, which run.
    pub plugin_states: BTreeMap<String, PluginState>,
    /// By id, the settings of each.
    pub plugins: BTreeMap<String, Value>,
}

/// Whether a plugin runs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct PluginState {
    pub enable: bool,
}

impl PluginSettings {
    /// Whether an installed plugin runs.
    pub(crate) fn runs(&self, id: &str) -> bool {
        self.enable && self.plugin_states.get(id).is_some_and(|state| state.enable)
    }
}

impl Default for PluginSettings {
    fn default() -> Self {
        Self {
            enable: true,
            enable_uploads: false,
            require_plugin_signature: false,
            plugin_states: BTreeMap::new(),
            plugins: BTreeMap::new(),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct ServiceSettings {
    #[serde(rename = "SiteURL")]
    pub site_url: String,
    pub listen_address: String,
    pub allow_cors_from: String,
    /// Failed logins in a row after which an account is locked.
    pub maximum_login_attempts: i32,
    pub session_length_web_in_hours: i64,
    pub session_cache_in_minutes: u64,
    /// Largest JSON body in bytes.
    pub maximum_payload_size_bytes: usize,
    /// A license to take over when there is none in the database.
    pub license_file_location: String,
    /// `disabled`, `default_off`, `default_on` or `always_on`.
    pub collapsed_threads: String,
    pub allow_synced_drafts: bool,
    pub enable_custom_emoji: bool,
    pub enable_user_typing_messages: bool,
    pub time_between_user_typing_updates_milliseconds: i64,
    pub enable_user_statuses: bool,
    pub enable_channel_viewed_messages: bool,
    /// Without a license there are none all the same.
    pub scheduled_posts: bool,
    /// Seconds for which a post may be edited; -1 is without end.
    pub post_edit_time_limit: i64,
    pub extend_session_length_with_activity: bool,
    /// Whether the server also answers at a socket file, whose callers administer it.
    pub enable_local_mode: bool,
    pub local_mode_socket_location: String,
}

impl Default for ServiceSettings {
    fn default() -> Self {
        Self {
            site_url: String::new(),
            listen_address: ":8065".to_owned(),
            allow_cors_from: String::new(),
            maximum_login_attempts: 10,
            session_length_web_in_hours: 720,
            session_cache_in_minutes: 10,
            maximum_payload_size_bytes: 300_000,
            license_file_location: String::new(),
            collapsed_threads: "always_on".to_owned(),
            allow_synced_drafts: true,
            enable_custom_emoji: true,
            enable_user_typing_messages: true,
            time_between_user_typing_updates_milliseconds: 5000,
            enable_user_statuses: true,
            enable_channel_viewed_messages: true,
            scheduled_posts: true,
            post_edit_time_limit: -1,
            extend_session_length_with_activity: true,
            enable_local_mode: false,
            local_mode_socket_location: "/var/tmp/mattermost_local.socket".to_owned(),
        }
    }
}

/// `TeamSettings`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct TeamSettings {
    pub site_name: String,
    pub max_users_per_team: i64,
    pub enable_user_creation: bool,
    pub enable_open_server: bool,
    pub max_notifications_per_channel: i64,
}

impl Default for TeamSettings {
    fn default() -> Self {
        Self {
            site_name: "Mattermost".to_owned(),
            max_users_per_team: 50,
            enable_user_creation: true,
            enable_open_server: false,
            max_notifications_per_channel: 1000,
        }
    }
}

/// `SqlSettings`. Pool sizes are per data source and node, as in Mattermost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct SqlSettings {
    pub data_source: String,
    pub data_source_replicas: Vec<String>,
    pub max_open_conns: usize,
    /// Seconds after which the server cancels a statement.
    pub query_timeout: u64,
    /// Leaves searches without a search server without a result.
    pub disable_database_search: bool,
    pub replica_monitor_interval_seconds: u64,
}

impl Default for SqlSettings {
    fn default() -> Self {
        Self {
            data_source: "postgres://mmuser:mostest@localhost/mattermost_test?sslmode=disable&connect_timeout=10"
                .to_owned(),
            data_source_replicas: Vec::new(),
            max_open_conns: 100,
            query_timeout: 30,
            disable_database_search: false,
            replica_monitor_interval_seconds: 5,
        }
    }
}

/// `LogSettings`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct LogSettings {
    pub enable_console: bool,
    pub console_level: String,
    pub enable_file: bool,
    pub file_level: String,
    /// Directory of `mattermost.log`; empty means `logs`.
    pub file_location: String,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self {
            enable_console: true,
            console_level: "INFO".to_owned(),
            enable_file: true,
            file_level: "INFO".to_owned(),
            file_location: String::new(),
        }
    }
}

/// `FileSettings`. With empty access keys the AWS default chain supplies the
/// credentials: on an instance, its IAM role.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct FileSettings {
    pub enable_file_attachments: bool,
    /// Largest upload in bytes.
    pub max_file_size: usize,
    /// `local` or `amazons3`.
    pub driver_name: String,
    pub directory: String,
    #[serde(rename = "AmazonS3AccessKeyId")]
    pub amazon_s3_access_key_id: String,
    #[serde(rename = "AmazonS3SecretAccessKey")]
    pub amazon_s3_secret_access_key: String,
    #[serde(rename = "AmazonS3Bucket")]
    pub amazon_s3_bucket: String,
    #[serde(rename = "AmazonS3PathPrefix")]
    pub amazon_s3_path_prefix: String,
    #[serde(rename = "AmazonS3Region")]
    pub amazon_s3_region: String,
    #[serde(rename = "AmazonS3Endpoint")]
    pub amazon_s3_endpoint: String,
    #[serde(rename = "AmazonS3SSL")]
    pub amazon_s3_ssl: bool,
    #[serde(rename = "AmazonS3RequestTimeoutMilliseconds")]
    pub amazon_s3_request_timeout_milliseconds: u64,
}

impl Default for FileSettings {
    fn default() -> Self {
        Self {
            enable_file_attachments: true,
            max_file_size: 104_857_600,
            driver_name: "local".to_owned(),
            directory: "./data/".to_owned(),
            amazon_s3_access_key_id: String::new(),
            amazon_s3_secret_access_key: String::new(),
            amazon_s3_bucket: String::new(),
            amazon_s3_path_prefix: String::new(),
            amazon_s3_region: String::new(),
            amazon_s3_endpoint: "s3.amazonaws.com".to_owned(),
            amazon_s3_ssl: true,
            amazon_s3_request_timeout_milliseconds: 30_000,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct ElasticsearchSettings {
    #[serde(rename = "ConnectionURL")]
    pub connection_url: String,
    /// `elasticsearch` or `opensearch`.
    pub backend: String,
    pub username: String,
    pub password: String,
    pub enable_indexing: bool,
    pub enable_searching: bool,
    pub index_prefix: String,
    pub post_index_replicas: u32,
    pub post_index_shards: u32,
    /// Posts that go to the search server in one request.
    pub live_indexing_batch_size: usize,
    pub request_timeout_seconds: u64,
}

impl Default for ElasticsearchSettings {
    fn default() -> Self {
        Self {
            connection_url: "http://localhost:9200".to_owned(),
            backend: "elasticsearch".to_owned(),
            username: "elastic".to_owned(),
            password: "changeme".to_owned(),
            enable_indexing: false,
            enable_searching: false,
            index_prefix: String::new(),
            post_index_replicas: 1,
            post_index_shards: 1,
            live_indexing_batch_size: 10,
            request_timeout_seconds: 30,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct ClusterSettings {
    pub enable: bool,
    pub cluster_name: String,
    pub override_hostname: String,
    /// Address to listen on for the other nodes; empty means every one.
    pub bind_address: String,
    /// Address that the other nodes are told; empty means the one from which
    /// this machine reaches its database.
    pub advertise_address: String,
    #[serde(rename = "UseIPAddress")]
    pub use_ip_address: bool,
    pub gossip_port: u16,
    /// Keeps a configuration file from being changed through the API.
    pub read_only_config: bool,
}

impl Default for ClusterSettings {
    fn default() -> Self {
        Self {
            enable: false,
            cluster_name: String::new(),
            override_hostname: String::new(),
            bind_address: String::new(),
            advertise_address: String::new(),
            use_ip_address: true,
            gossip_port: 8074,
            read_only_config: true,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct MetricsSettings {
    pub enable: bool,
    pub listen_address: String,
}

impl Default for MetricsSettings {
    fn default() -> Self {
        Self {
            enable: false,
            listen_address: ":8067".to_owned(),
        }
    }
}

/// A Go-style listen address as one that the standard library can bind:
/// `:8065` listens on every IPv4 address.
pub(crate) fn bind_address(listen_address: &str) -> String {
    match listen_address.strip_prefix(':') {
        Some(port) => format!("0.0.0.0:{port}"),
        None => listen_address.to_owned(),
    }
}
