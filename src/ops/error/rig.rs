//! Why a rig cannot be worked on.

use crate::diagnose::{Diagnose, ExitCode};
use crate::engine::Account;

/// Why a rig cannot be worked on.
#[derive(Debug, thiserror::Error)]
pub enum RigError {
    /// Nothing of it exists.
    #[error("`{environment}` does not exist in account {}, region {}", account.id, account.region)]
    DoesNotExist {
        /// Name of the environment.
        environment: String,
        /// Account and region that were searched.
        account: Account,
    },
    /// It has no such host.
    #[error("`{environment}` has no host `{host}`")]
    NoSuchHost {
        /// Name of the environment.
        environment: String,
        /// What was asked for.
        host: String,
        /// Its hosts.
        known: Vec<String>,
    },
    /// It has no address that hosts reach the server at.
    #[error("`{0}` has neither a proxy nor a load balancer with an address")]
    NoUrl(String),
}

impl Diagnose for RigError {
    fn hints(&self) -> Vec<String> {
        vec![match self {
            RigError::DoesNotExist { environment, .. } | RigError::NoUrl(environment) => {
                format!("`loadrig up {environment}` creates it")
            }
            RigError::NoSuchHost { known, .. } => format!("its hosts are {}", known.join(", ")),
        }]
    }

    fn exit_code(&self) -> ExitCode {
        match self {
            RigError::NoSuchHost { .. } => ExitCode::Usage,
            _ => ExitCode::Failed,
        }
    }
}
