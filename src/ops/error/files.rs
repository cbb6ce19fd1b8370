//! Why a file could not be written.

use std::path::{Path, PathBuf};

use crate::diagnose::{Diagnose, ExitCode};

/// Why a file could not be written.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It is an environment's, by its look.
    #[error("`{}` exists and is YAML: it is not overwritten", .0.display())]
    Yaml(PathBuf),
    /// It exists and holds something else.
    #[error("`{}` exists and is not {what}: it is not overwritten", path.display())]
    Other {
        /// The file.
        path: PathBuf,
        /// What would be written.
        what: &'static str,
    },
    /// The system refused.
    #[error("cannot write `{}`", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

impl Diagnose for FileError {
    fn hints(&self) -> Vec<String> {
        vec![match self {
            FileError::Yaml(_) => "name another file".to_owned(),
            FileError::Other { .. } => "name another file, or remove this one".to_owned(),
            FileError::Write { path, source } => remedy(path, source),
        }]
    }

    fn exit_code(&self) -> ExitCode {
        match self {
            FileError::Yaml(_) | FileError::Other { .. } => ExitCode::Usage,
            FileError::Write { .. } => ExitCode::Failed,
        }
    }
}

/// What helps against a write that failed: it depends on why.
pub(super) fn remedy(path: &Path, error: &std::io::Error) -> String {
    use std::io::ErrorKind;

    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => format!(
            "free some space on the file system of `{}`, or name a file on another one",
            path.display()
        ),
        ErrorKind::NotFound => "name a file in a directory that exists".to_owned(),
        ErrorKind::IsADirectory => "name a file, not a directory".to_owned(),
        _ => "name a file that you may write to".to_owned(),
    }
}
