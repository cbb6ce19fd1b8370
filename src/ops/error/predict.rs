//! Why a storm cannot be predicted.

use crate::diagnose::{Diagnose, ExitCode};
use crate::engine::CloudError;
use crate::spec::UNLICENSED_USERS;

/// Why a storm cannot be predicted.
#[derive(Debug, thiserror::Error)]
pub enum PredictError {
    /// More users than the server takes in.
    #[error(
        "{users} users cannot log in: without a license the server takes in {UNLICENSED_USERS} at most"
    )]
    Unlicensed {
        /// How many were to log in.
        users: u32,
    },
    /// The environment cannot be priced.
    #[error(transparent)]
    Cost(#[from] CloudError),
}

impl Diagnose for PredictError {
    fn hints(&self) -> Vec<String> {
        match self {
            PredictError::Unlicensed { .. } => vec![format!(
                "ask for `--users {UNLICENSED_USERS}` or fewer, or name a license with `mattermost.license_file`"
            )],
            PredictError::Cost(error) => error.hints(),
        }
    }

    fn exit_code(&self) -> ExitCode {
        match self {
            PredictError::Unlicensed { .. } => ExitCode::Usage,
            PredictError::Cost(error) => error.exit_code(),
        }
    }
}
