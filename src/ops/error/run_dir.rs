//! Why there is no run directory.

use std::path::PathBuf;

use crate::diagnose::{Diagnose, ExitCode};

use super::files::remedy;

/// Why there is no run directory.
#[derive(Debug, thiserror::Error)]
pub enum RunDirError {
    /// Nothing says where runs are kept.
    #[error("cannot find a directory for runs: there is no home directory")]
    NoHome,
    /// It cannot be created.
    #[error("cannot create `{}`", path.display())]
    Create {
        /// The directory.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// There is no such run.
    #[error("`{environment}` has no run `{run}` with a report")]
    NoSuchRun {
        /// Name of the environment.
        environment: String,
        /// The run that was asked for.
        run: String,
        /// Runs that have one.
        known: Vec<String>,
    },
    /// There is no run at all.
    #[error("`{0}` has no run with a report on this machine")]
    NoRun(String),
}

impl Diagnose for RunDirError {
    fn hints(&self) -> Vec<String> {
        vec![match self {
            RunDirError::NoHome => "set XDG_STATE_HOME to an absolute path".to_owned(),
            RunDirError::Create { path, source } => format!(
                "{}; XDG_STATE_HOME says where runs are kept",
                match source.kind() {
                    std::io::ErrorKind::StorageFull => remedy(path, source),
                    _ => "make the directory writable".to_owned(),
                }
            ),
            RunDirError::NoSuchRun { known, .. } if !known.is_empty() => {
                format!("its runs with a report are {}", known.join(", "))
            }
            RunDirError::NoSuchRun { environment, .. } | RunDirError::NoRun(environment) => {
                format!("`loadrig test {environment} smoke` creates one")
            }
        }]
    }

    fn exit_code(&self) -> ExitCode {
        match self {
            // As for every other argument that names nothing.
            RunDirError::NoSuchRun { .. } | RunDirError::NoRun(_) => ExitCode::Usage,
            RunDirError::NoHome | RunDirError::Create { .. } => ExitCode::Failed,
        }
    }
}
