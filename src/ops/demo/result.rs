//! What the demo takes and returns.

use std::path::PathBuf;

use crate::ops::error::{DemoError, OpsError};
use crate::report::Report;

/// How to run the demo.
#[derive(Clone, Debug, Default)]
pub struct DemoOptions {
    /// Whether the rig and the local cloud stay.
    pub keep: bool,
}

/// What the demo came to.
#[derive(Debug)]
pub struct DemoReport {
    /// What `report.json` and the page are written from.
    pub report: Report,
    /// The stored page, or why it could not be stored.
    pub stored: Result<PathBuf, OpsError>,
    /// The first thing that went wrong, after which the rig was removed all the same.
    pub failure: Option<DemoError>,
    /// How many kinds of things are left behind.
    pub left: usize,
    /// Whether the rig stays up.
    pub kept: bool,
}
