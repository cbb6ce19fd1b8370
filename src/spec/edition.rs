//! What a server without a license cannot do, and where licenses come from.
//!
//! Sources, in github.com/mattermost/mattermost at 11.2: readers and the cluster need any
//! license (`channels/store/sqlstore/store.go`, `channels/app/platform/cluster.go`), metrics
//! and the search backend a feature of one (`channels/app/platform/service.go`,
//! `searchengine.go`), and `channels/app/limits.go` has the limit of users.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The most users that a server without a license takes in.
pub const UNLICENSED_USERS: u32 = 250;

/// Where the server's license comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LicenseSource {
    /// The stand-in's own, made when hosts are set up.
    #[default]
    Standin,
    /// A file on the operator's machine.
    File(PathBuf),
    /// An environment variable on the operator's machine.
    Env(String),
    /// There is none.
    Unlicensed,
}

impl LicenseSource {
    /// Whether there is one.
    #[must_use]
    pub fn is_licensed(&self) -> bool {
        *self != LicenseSource::Unlicensed
    }
}

/// Which licenses the server accepts: its `MM_SERVICEENVIRONMENT`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ServiceEnvironment {
    /// Licenses that Mattermost sells.
    #[default]
    Production,
    /// Test licenses.
    Test,
}

/// A part of an environment that needs a license, or that serves such parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LicensedPart {
    /// So many application nodes, more than one.
    Cluster(u32),
    /// So many readers of the database.
    Readers(u32),
    /// The search domain and its proxy.
    Search,
    /// Metrics of the application nodes.
    Metrics,
    /// The cache.
    Cache,
    /// A directory that people log in from.
    Ldap,
    /// An identity provider that people log in through.
    Saml,
    /// More users than a server without a license takes in.
    Users(u32),
    /// So many proxies, in front of more than one application node.
    Proxies(u32),
    /// So many agents, for more users than a server without a license takes in.
    Agents(u32),
}

impl LicensedPart {
    /// What it is, for people.
    #[must_use]
    pub fn name(self) -> String {
        match self {
            Self::Cluster(nodes) => format!("{nodes} application nodes"),
            Self::Readers(1) => "1 database reader".to_owned(),
            Self::Readers(readers) => format!("{readers} database readers"),
            Self::Search => "the search domain".to_owned(),
            Self::Metrics => "metrics of the application nodes".to_owned(),
            Self::Cache => "the cache".to_owned(),
            Self::Ldap => "the directory".to_owned(),
            Self::Saml => "the identity provider".to_owned(),
            Self::Users(users) => format!("{users} users"),
            Self::Proxies(proxies) => format!("{proxies} proxies"),
            Self::Agents(agents) => format!("{agents} agents"),
        }
    }

    /// What is planned in its place.
    #[must_use]
    pub fn instead(self) -> String {
        match self {
            Self::Cluster(nodes) => format!("1 application node in place of {nodes}"),
            Self::Readers(readers) => format!("no database reader in place of {readers}"),
            Self::Search => {
                "search in the database in place of the search domain and its proxy".to_owned()
            }
            Self::Metrics => "no metrics of application nodes; those of hosts stay".to_owned(),
            Self::Cache => "each node's own memory in place of the cache".to_owned(),
            Self::Ldap => "no logins from the directory".to_owned(),
            Self::Saml => "no logins through the identity provider".to_owned(),
            Self::Users(users) => {
                format!(
                    "at most {UNLICENSED_USERS} users in place of {users}: the server refuses more"
                )
            }
            Self::Proxies(proxies) => format!("1 proxy in place of {proxies}"),
            Self::Agents(agents) => format!("1 agent in place of {agents}"),
        }
    }
}
