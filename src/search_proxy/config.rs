//! What a search proxy is told: one JSON file.

use std::net::SocketAddr;
use std::path::Path;

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
    /// The largest request that is taken, in bytes: a signature covers the whole of it, so it is held in
    /// memory until it is complete.
    pub largest_request: usize,
    /// The most that all requests together may hold in memory, in bytes.
    pub held_bytes: usize,
    /// Nothing may come from the domain for so many seconds.
    pub answer_seconds: u64,
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
