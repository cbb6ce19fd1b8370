//! Why a question was not answered with yes.

use crate::diagnose::{Diagnose, ExitCode};

/// Why a question was not answered with yes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Declined {
    /// The answer was no.
    #[error("nothing was changed: the answer was not `yes`")]
    No,
    /// Nobody is there to answer.
    #[error("nothing was changed: there is no terminal to ask on")]
    NoTerminal,
    /// Checks could not be made, and nobody accepted that.
    #[error("nothing was changed: {} could not be checked: {}", match items.len() { 1 => "one item".to_owned(), n => format!("{n} items") }, items.join("; "))]
    Unchecked {
        /// What was not checked.
        items: Vec<String>,
    },
    /// A lock is broken only when its holder is named.
    #[error("the lock was not broken: `--yes` alone does not name its holder")]
    HolderNotNamed {
        /// The holder.
        owner: String,
    },
}

impl Diagnose for Declined {
    fn hints(&self) -> Vec<String> {
        vec![match self {
            Declined::No => "run the same command again to be asked again".to_owned(),
            Declined::NoTerminal => "pass `--yes` to continue without a question".to_owned(),
            Declined::Unchecked { items } => {
                let example = items.first().map_or("ITEM", String::as_str);
                format!(
                    "`--accept-unchecked '{example}'` goes on without one of them, `--accept-unchecked all` without all; `plan` shows why they could not be checked"
                )
            }
            Declined::HolderNotNamed { owner } => {
                format!("`--yes --break-lock={owner}` breaks it without a question")
            }
        }]
    }

    fn exit_code(&self) -> ExitCode {
        match self {
            Declined::No => ExitCode::Failed,
            Declined::NoTerminal => ExitCode::Usage,
            Declined::Unchecked { .. } => ExitCode::Preflight,
            Declined::HolderNotNamed { .. } => ExitCode::Locked,
        }
    }
}
