//! Why an environment was not removed.

use crate::diagnose::Diagnose;

/// Why an environment was not removed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DownError {
    /// Resources are protected from deletion.
    #[error(
        "`{environment}` is protected from deletion, nothing was removed: {}",
        protected.join(", ")
    )]
    Protected {
        /// Name of the environment.
        environment: String,
        /// Addresses of what is protected.
        protected: Vec<String>,
    },
    /// Something with its tag or name is still there.
    #[error("{count} {} with the tag or a name of `{environment}` still {}", if *count == 1 { "resource" } else { "resources" }, if *count == 1 { "exists" } else { "exist" })]
    Leftovers {
        /// Name of the environment.
        environment: String,
        /// How many.
        count: usize,
    },
    /// A final snapshot was asked for, and AWS does not list it.
    #[error("`{environment}` is removed, but AWS lists no final snapshot {}", missing.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "))]
    NoFinalSnapshot {
        /// Name of the environment.
        environment: String,
        /// The names that the snapshots were asked for by.
        missing: Vec<String>,
    },
    /// Not every service could be asked what is left.
    #[error("nothing of `{environment}` was found, but nobody could look for: {}", gaps.join(", "))]
    Unproven {
        /// The environment.
        environment: String,
        /// What was not looked for.
        gaps: Vec<String>,
    },
}

impl Diagnose for DownError {
    fn hints(&self) -> Vec<String> {
        vec![match self {
            DownError::Protected { environment, .. } => format!(
                "`loadrig down {environment} --lift-protection` lifts the protection and removes it; \
                 final snapshots and files stay, unless `--discard-data` is given too"
            ),
            DownError::NoFinalSnapshot { .. } => {
                "look for other backups of it (manual snapshots, AWS Backup) before they expire, and \
                 at the events of the service for why there is none"
                    .to_owned()
            }
            DownError::Unproven { environment, .. } => format!(
                "run `loadrig down {environment}` again: it removes nothing twice, and looks again"
            ),
            DownError::Leftovers { environment, .. } => format!(
                "run `loadrig down {environment}` again: AWS removes some resources late; what then \
                 remains has the tag or the name alone, so loadrig did not create it and does not \
                 touch it: inspect it by hand"
            ),
        }]
    }
}
