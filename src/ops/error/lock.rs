//! Why a lock was not taken, beyond what its lease says.

use crate::diagnose::{Diagnose, ExitCode};

/// Why a lock was not taken, beyond what the lease itself says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LockRefusal {
    /// The user stopped waiting.
    #[error("interrupted before the lock was taken")]
    Interrupted,
    /// Another holder was named than the one that there is.
    #[error("the lock is held by `{owner}`, not by `{named}`; it was not broken")]
    OtherHolder {
        /// Who holds it.
        owner: String,
        /// Who was named.
        named: String,
    },
    /// The lock was lost while the work failed.
    #[error("{loss}\n{failure}")]
    LostWhileFailing {
        /// How the lock was lost.
        loss: String,
        /// The work's own failure.
        failure: String,
        /// What to do about both.
        hints: Vec<String>,
    },
}

impl Diagnose for LockRefusal {
    fn hints(&self) -> Vec<String> {
        match self {
            LockRefusal::Interrupted => vec!["nothing of the environment was changed".to_owned()],
            LockRefusal::OtherHolder { owner, .. } => vec![format!(
                "check who holds it, then pass `--break-lock={owner}`"
            )],
            LockRefusal::LostWhileFailing { hints, .. } => hints.clone(),
        }
    }

    fn exit_code(&self) -> ExitCode {
        match self {
            LockRefusal::Interrupted => ExitCode::Interrupted,
            LockRefusal::OtherHolder { .. } | LockRefusal::LostWhileFailing { .. } => {
                ExitCode::Locked
            }
        }
    }
}
