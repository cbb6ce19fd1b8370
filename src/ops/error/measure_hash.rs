//! Why a password hash could not be measured.

use crate::diagnose::Diagnose;
use crate::spec::HostName;

/// Why a password hash could not be measured.
#[derive(Debug, thiserror::Error)]
pub enum MeasureHashError {
    /// The program cannot be compressed.
    #[error("the program for the hosts cannot be compressed")]
    Compress(#[source] std::io::Error),
    /// It did not run on a host.
    #[error("`{host}` was not measured: {reason}")]
    Failed {
        /// Which.
        host: HostName,
        /// What it said.
        reason: String,
    },
}

impl Diagnose for MeasureHashError {
    fn hints(&self) -> Vec<String> {
        match self {
            MeasureHashError::Compress(_) => Vec::new(),
            MeasureHashError::Failed { .. } => vec![
                "the program needs about 150 MB below /tmp of the host; nothing of it is left there"
                    .to_owned(),
            ],
        }
    }
}
