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
    /// A storm, which no agent host drives yet.
    #[error("scenario `{0}` is a storm, which agent hosts cannot drive yet")]
    NoStorms(String),
}

impl Diagnose for TestError {
    fn hints(&self) -> Vec<String> {
        match self {
            TestError::Interrupted { environment } => vec![format!(
                "the rig stays up; `loadrig down {environment}` removes it"
            )],
            TestError::NoStorms(_) => {
                vec!["`loadrig predict` says what such a storm will do".to_owned()]
            }
        }
    }

    fn exit_code(&self) -> ExitCode {
        match self {
            TestError::Interrupted { .. } => ExitCode::Interrupted,
            TestError::NoStorms(_) => ExitCode::Usage,
        }
    }
}
