//! Why the host of a canary is not as it should be.

use crate::diagnose::{Diagnose, ExitCode};

/// Why the host of a canary is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostTrialError {
    /// It has not carried out what its user data says.
    #[error("the host has not carried out its user data: {said}")]
    NotBooted {
        /// What cloud-init said.
        said: String,
    },
    /// It cannot act in its role.
    #[error("the host does not have its role: {said}")]
    NoRole {
        /// What its metadata service said.
        said: String,
    },
    /// Nothing ends it but the removal.
    #[error("the host's timer does not run: {said}")]
    NoTimer {
        /// What systemd said.
        said: String,
    },
    /// The trial was stopped.
    #[error("stopped before the host was tried")]
    Interrupted,
}

impl Diagnose for HostTrialError {
    fn exit_code(&self) -> ExitCode {
        match self {
            HostTrialError::Interrupted => ExitCode::Interrupted,
            _ => ExitCode::Failed,
        }
    }
}
