//! Why a saved plan is not written, or not carried out.

use std::path::PathBuf;

use crate::diagnose::{Diagnose, ExitCode};

/// Of what changed since a plan was saved, so many lines are shown.
const CHANGES_SHOWN: usize = 40;

/// Why a saved plan is not written, or not carried out.
#[derive(Debug, thiserror::Error)]
pub enum SavedPlanError {
    /// A plan that was not compared with an account.
    #[error("an offline plan cannot be carried out, so it is not saved")]
    Offline,
    /// The plan cannot be encoded.
    #[error("cannot encode the plan")]
    Encode(#[source] serde_json::Error),
    /// The file cannot be read.
    #[error("cannot read the plan `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Name of the environment.
        environment: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file is no plan of this program.
    #[error("`{}` is not a plan that can be carried out: {reason}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Name of the environment.
        environment: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Something changed since.
    #[error(
        "the plan `{}` is stale; these changed since it was saved{}",
        path.display(),
        lines(changed)
    )]
    Stale {
        /// The file.
        path: PathBuf,
        /// Name of the environment.
        environment: String,
        /// What changed, a line each.
        changed: Vec<String>,
    },
}

impl Diagnose for SavedPlanError {
    fn hints(&self) -> Vec<String> {
        vec![match self {
            SavedPlanError::Offline => "omit `--offline`, and name an environment".to_owned(),
            SavedPlanError::Encode(_) => "report this".to_owned(),
            SavedPlanError::Read { environment, .. }
            | SavedPlanError::Unreadable { environment, .. }
            | SavedPlanError::Stale { environment, .. } => format!(
                "nothing was changed; save it again: `loadrig plan {environment} --out FILE`"
            ),
        }]
    }

    fn exit_code(&self) -> ExitCode {
        match self {
            SavedPlanError::Offline => ExitCode::Usage,
            _ => ExitCode::Failed,
        }
    }
}

fn lines(changed: &[String]) -> String {
    let shown = changed.iter().take(CHANGES_SHOWN);
    let mut text: String = shown.map(|line| format!("\n  {line}")).collect();
    if changed.len() > CHANGES_SHOWN {
        text.push_str(&format!("\n  and {} more", changed.len() - CHANGES_SHOWN));
    }
    text
}
