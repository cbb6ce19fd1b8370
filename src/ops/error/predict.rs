//! Why a storm cannot be predicted.

use crate::diagnose::{Diagnose, ExitCode};
use crate::engine::CloudError;

/// Why a storm cannot be predicted.
#[derive(Debug, thiserror::Error)]
pub enum PredictError {
    /// Nobody logs in, and nobody loses a websocket.
    #[error(
        "scenario `{scenario}` has no phase `storm`, in which users come, and breaks no websockets: there \
         is nothing to predict"
    )]
    NoStorm {
        /// The scenario.
        scenario: String,
    },
    /// An outage of nothing.
    #[error("`--outage` does not apply to scenario `{scenario}`, which breaks no websockets")]
    NoOutage {
        /// The scenario.
        scenario: String,
    },
    /// Clients that count their attempts are not simulated.
    #[error(
        "cannot predict `retry.at_most: {at_most}` of scenario `{scenario}`: clients are simulated that \
         never try again or never give up"
    )]
    CountedRetries {
        /// The scenario.
        scenario: String,
        /// So often.
        at_most: u32,
    },
    /// The environment cannot be priced.
    #[error(transparent)]
    Cost(#[from] CloudError),
}

impl Diagnose for PredictError {
    fn hints(&self) -> Vec<String> {
        match self {
            PredictError::NoStorm { .. } => vec![
                "`login-storm` and `reconnect-storm` are such scenarios; docs/scenarios.md describes them"
                    .to_owned(),
            ],
            PredictError::NoOutage { .. } => vec![
                "leave `--outage` out, or name a scenario such as `reconnect-storm`".to_owned(),
            ],
            PredictError::CountedRetries { .. } => {
                vec!["leave `retry.at_most` out, or set it to 0".to_owned()]
            }
            PredictError::Cost(error) => error.hints(),
        }
    }

    fn exit_code(&self) -> ExitCode {
        match self {
            PredictError::NoStorm { .. }
            | PredictError::NoOutage { .. }
            | PredictError::CountedRetries { .. } => ExitCode::Usage,
            PredictError::Cost(error) => error.exit_code(),
        }
    }
}
