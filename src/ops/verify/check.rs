//! One check of a rig, as it is shown.

use serde::Serialize;

/// Something that was looked at on a running rig, and what came of it.
#[derive(Clone, Debug, Serialize)]
pub struct RigCheck {
    /// What was checked.
    pub name: String,
    /// Whether it passed.
    pub pass: bool,
    /// Whether somebody should look at it although it passed.
    pub warning: bool,
    /// What was seen.
    pub detail: String,
    /// What to do when it does not pass, or warns.
    pub remedy: String,
}

impl RigCheck {
    /// `pass`, `warn` or `FAIL`.
    #[must_use]
    pub fn result(&self) -> &'static str {
        match (self.pass, self.warning) {
            (false, _) => "FAIL",
            (true, true) => "warn",
            (true, false) => "pass",
        }
    }
}
