//! Why a password hash could not be measured.

use crate::diagnose::Diagnose;
use crate::spec::HostName;

/// Why a password hash could not be measured.
#[derive(Debug, thiserror::Error)]
pub enum MeasureHashError {
    /// The program cannot be compressed.
    #[error("the program for the hosts cannot be compressed")]
    Compress(#[source] std::io::Error),
    /// A node cannot be reached, or does not log the administrator in.
    #[error("logins were not timed: {0}")]
    Logins(String),
    /// The server's passwords do not wait for each other.
    #[error("{server} checks passwords side by side: a login has no time of its own to measure")]
    SideBySide {
        /// What it is called.
        server: String,
        /// Name of the environment.
        environment: String,
    },
    /// It did not run on a host.
    #[error("`{host}` was not measured: {reason}")]
    Failed {
        /// Which.
        host: HostName,
        /// What it said.
        reason: String,
    },
}

impl Diagnose for MeasureHashError {
    fn hints(&self) -> Vec<String> {
        match self {
            MeasureHashError::Compress(_) => Vec::new(),
            MeasureHashError::Logins(_) => {
                vec!["`loadrig verify ENV` shows what the nodes lack".to_owned()]
            }
            MeasureHashError::SideBySide { environment, .. } => vec![format!(
                "`loadrig measure-hash {environment}` measures the hash, which counts there"
            )],
            MeasureHashError::Failed { .. } => vec![
                "the program needs about 150 MB below /tmp of the host; nothing of it is left there"
                    .to_owned(),
            ],
        }
    }
}
