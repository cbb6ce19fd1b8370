//! Why a report cannot be written or read.

use std::path::PathBuf;

use crate::diagnose::Diagnose;
use crate::report::{HtmlError, REPORT_FORMAT};

/// Why a report cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// It cannot be encoded.
    #[error("cannot encode the report")]
    Encode(#[source] serde_json::Error),
    /// The page cannot be rendered.
    #[error("cannot render the report")]
    Render(#[source] HtmlError),
    /// The file cannot be read.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file is no report.
    #[error("cannot read `{}`", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// Another version of the program wrote it.
    #[error("cannot read `{}`: it has format {found}, this program reads {REPORT_FORMAT}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u32,
    },
}

impl Diagnose for ReportError {
    fn hints(&self) -> Vec<String> {
        vec![
            match self {
                ReportError::Encode(_) | ReportError::Render(_) => "report this",
                _ => "name another run",
            }
            .to_owned(),
        ]
    }
}
