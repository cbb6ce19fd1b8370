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
    /// The user stopped following a run that goes on.
    #[error("interrupted: the storm goes on without this command")]
    RunGoesOn {
        /// Name of the environment.
        environment: String,
    },
    /// The scenario is a smoke test, and something was asked that storms alone can do.
    #[error("scenario `{0}` is no storm")]
    NoStorm(String),
    /// No host has a run.
    #[error("there is no storm on the agents of `{environment}`")]
    NoRun {
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
            TestError::RunGoesOn { environment } => vec![
                format!("`loadrig test {environment} --attach` comes back to it"),
                format!("`loadrig test {environment} --stop` ends it and reads its result"),
            ],
            TestError::NoStorm(_) => vec![
                "`--users`, `--within`, `--patience`, `--seed` and `--detach` are for storms"
                    .to_owned(),
            ],
            TestError::NoRun { environment } => vec![format!(
                "`loadrig test {environment} login-storm` starts one; a result that was read before \
                 is in `loadrig runs {environment}`"
            )],
        }
    }

    fn exit_code(&self) -> ExitCode {
        match self {
            TestError::Interrupted { .. } | TestError::RunGoesOn { .. } => ExitCode::Interrupted,
            TestError::NoStorm(_) => ExitCode::Usage,
            TestError::NoRun { .. } => ExitCode::Failed,
        }
    }
}
