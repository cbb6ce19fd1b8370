//! What a search proxy is told: one JSON file.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::error::SearchProxyError;

/// What a search proxy is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SearchProxyConfig {
    /// Where requests come in.
    pub listen: SocketAddr,
    /// Where `/health` and `/metrics` are.
    pub admin: SocketAddr,
    /// The domain, such as `https://vpc-demo.us-east-1.es.amazonaws.com`.
    pub endpoint: String,
    /// The domain's region, which signatures name.
    pub region: String,
    /// The largest request that is taken, in bytes.
    pub largest_request: u64,
    /// Larger requests than this are collected in a file, in bytes.
    pub spooled_above: u64,
    /// The most that all requests together may hold in memory, in bytes. What finds none left is
    /// collected in a file.
    pub held_bytes: u64,
    /// The directory of these files.
    pub spool: PathBuf,
    /// The most that all files together may take, in bytes.
    pub spooled_bytes: u64,
    /// Nothing may come from the domain for so many seconds.
    pub answer_seconds: u64,
    /// For how long the other search proxies may be passed over after they did not take a connection, in
    /// seconds; 0 where there is no other one.
    pub passed_over_seconds: u64,
}

impl SearchProxyConfig {
    /// Reads the file.
    ///
    /// # Errors
    /// When it cannot be read, or says something else.
    pub fn read(path: &Path) -> Result<Self, SearchProxyError> {
        let failed = |reason: String| SearchProxyError::Config {
            path: path.to_owned(),
            reason,
        };
        let text = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
        serde_json::from_str(&text).map_err(|error| failed(error.to_string()))
    }
}
