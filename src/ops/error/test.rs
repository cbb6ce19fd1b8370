//! Why a scenario has no result.

use crate::diagnose::{Diagnose, ExitCode};

/// Why a scenario has no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TestError {
    /// The user stopped it.
    #[error("interrupted: the scenario was stopped")]
    Interrupted {
        /// Name of the environment.
        environment: String,
    },
    /// The user stopped following a storm.
    #[error("interrupted: the storm goes on without this command")]
    StormGoesOn {
        /// Name of the environment.
        environment: String,
    },
}

impl Diagnose for TestError {
    fn hints(&self) -> Vec<String> {
        match self {
            TestError::Interrupted { environment } => vec![format!(
                "the rig stays up; `loadrig down {environment}` removes it"
            )],
            TestError::StormGoesOn { environment } => vec![
                format!("`loadrig test {environment} --attach` comes back to it"),
                format!("`loadrig test {environment} --stop` ends it and reads its result"),
            ],
        }
    }

    fn exit_code(&self) -> ExitCode {
        ExitCode::Interrupted
    }
}
