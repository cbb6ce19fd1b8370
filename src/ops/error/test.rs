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
}

impl Diagnose for TestError {
    fn hints(&self) -> Vec<String> {
        let TestError::Interrupted { environment } = self;
        vec![format!(
            "the rig stays up; `loadrig down {environment}` removes it"
        )]
    }

    fn exit_code(&self) -> ExitCode {
        ExitCode::Interrupted
    }
}
