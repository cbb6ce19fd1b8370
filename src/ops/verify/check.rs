//! One check of a rig, as it is shown.

use serde::Serialize;

/// Something that was looked at on a running rig, and what came of it.
#[derive(Clone, Debug, Serialize)]
pub struct RigCheck {
    /// What was checked.
    pub name: String,
    /// Whether it passed.
    pub pass: bool,
    /// What was seen.
    pub detail: String,
    /// What to do when it does not pass.
    pub remedy: String,
}
