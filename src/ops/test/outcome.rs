//! What a scenario came to, for whoever ran it.

use std::path::PathBuf;

use crate::ops::error::OpsError;
use crate::report::Report;

/// What a scenario came to.
#[derive(Debug)]
pub struct TestReport {
    /// What `report.json` and the page are written from.
    pub report: Report,
    /// Whether the thresholds were met.
    pub passed: bool,
    /// The stored page, or why it could not be stored: the result counts all the same.
    pub stored: Result<PathBuf, OpsError>,
}
