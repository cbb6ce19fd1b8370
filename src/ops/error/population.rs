//! A population that is not written.

use crate::diagnose::{Diagnose, ExitCode};

/// Why an operation does not bring accounts into a rig.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PopulationRefusal {
    /// It holds what people rely on.
    #[error(
        "`{0}` is a gold standard, whose database holds its users' data: no accounts are written into it"
    )]
    GoldStandard(String),
    /// The accounts are there, and nodes may not know of it.
    #[error("the population is written, but the nodes' caches were not invalidated: {0}")]
    Caches(String),
}

impl Diagnose for PopulationRefusal {
    fn hints(&self) -> Vec<String> {
        match self {
            PopulationRefusal::GoldStandard(_) => vec![
                "run storms on an environment with `purpose: rig` and the same sizes".to_owned(),
            ],
            PopulationRefusal::Caches(_) => {
                vec!["`loadrig verify` shows which node does not answer".to_owned()]
            }
        }
    }

    fn exit_code(&self) -> ExitCode {
        match self {
            PopulationRefusal::GoldStandard(_) => ExitCode::Usage,
            PopulationRefusal::Caches(_) => ExitCode::Failed,
        }
    }
}
