//! Why a bundle is not written.

use std::path::PathBuf;

use crate::diagnose::{Diagnose, ExitCode};

/// Why a bundle is not written.
#[derive(Debug, thiserror::Error)]
pub enum BundleWriteError {
    /// The directory holds something.
    #[error("`{}` is not empty", .0.display())]
    NotEmpty(PathBuf),
    /// The system refused.
    #[error("cannot write `{}`", path.display())]
    Write {
        /// The directory.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

impl Diagnose for BundleWriteError {
    fn hints(&self) -> Vec<String> {
        vec![
            match self {
                BundleWriteError::NotEmpty(_) => "name a directory that does not exist yet",
                BundleWriteError::Write { .. } => "name a directory that you may write to",
            }
            .to_owned(),
        ]
    }

    fn exit_code(&self) -> ExitCode {
        match self {
            BundleWriteError::NotEmpty(_) => ExitCode::Usage,
            BundleWriteError::Write { .. } => ExitCode::Failed,
        }
    }
}
