//! Why a search proxy cannot run.

use std::net::SocketAddr;
use std::path::PathBuf;

/// Why a search proxy cannot run.
#[derive(Debug, thiserror::Error)]
pub enum SearchProxyError {
    /// The file that tells it what to do.
    #[error("cannot use `{path}`: {reason}")]
    Config {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The domain's address.
    #[error("`endpoint` is not a URL: {0}")]
    Endpoint(String),
    /// The HTTP client cannot be set up.
    #[error("cannot set up the HTTP client: {0}")]
    Client(String),
    /// Somebody else listens, or the address is not the host's.
    #[error("cannot listen on `{address}`")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The system refuses to serve.
    #[error("cannot go on serving")]
    Serve(#[source] std::io::Error),
}

/// An error with its causes, each once: the HTTP client's own texts leave out what the system says.
pub(super) fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| {
        let reason = cause.to_string();
        match text.contains(&reason) {
            true => text,
            false => format!("{text}: {reason}"),
        }
    })
}
