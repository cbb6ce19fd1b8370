//! Why the registry is not removed.

use crate::diagnose::{Diagnose, ExitCode};

/// Why the registry is not removed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// Environments exist.
    #[error("the registry is in use by `{}`", .0.join("`, `"))]
    Environments(Vec<String>),
    /// A lock is held.
    #[error("the registry is in use: `{environment}` is locked by {holder}")]
    Locked {
        /// Name of the environment.
        environment: String,
        /// Who holds it.
        holder: String,
    },
}

impl Diagnose for RegistryError {
    fn hints(&self) -> Vec<String> {
        match self {
            RegistryError::Environments(names) => names
                .first()
                .map(|first| format!("remove it first: `loadrig down {first}`"))
                .into_iter()
                .collect(),
            RegistryError::Locked { .. } => vec!["wait until that run has ended".to_owned()],
        }
    }

    fn exit_code(&self) -> ExitCode {
        match self {
            RegistryError::Environments(_) => ExitCode::Failed,
            RegistryError::Locked { .. } => ExitCode::Locked,
        }
    }
}
