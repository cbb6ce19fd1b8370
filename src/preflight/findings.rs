//! What a check came to.

use serde::Serialize;

/// What a check came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FindingVerdict {
    /// It will not work.
    Refuse,
    /// It may not work, or not everywhere.
    Warn,
    /// It could not be checked.
    Unknown,
    /// It will work.
    Pass,
}

/// One check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was checked.
    pub check: String,
    /// What it came to.
    pub verdict: FindingVerdict,
    /// Have and need, or why it is not known.
    pub detail: String,
    /// Commands and links that fix it.
    pub remedies: Vec<String>,
}

impl Finding {
    /// A finding without remedies.
    #[must_use]
    pub fn new(
        check: impl Into<String>,
        verdict: FindingVerdict,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            check: check.into(),
            verdict,
            detail: detail.into(),
            remedies: Vec::new(),
        }
    }

    /// What could not be checked, and why.
    #[must_use]
    pub fn unknown(check: impl Into<String>, why: impl Into<String>) -> Self {
        Self::new(check, FindingVerdict::Unknown, why)
    }

    /// The same with what fixes it.
    #[must_use]
    pub fn with_remedies(mut self, remedies: impl IntoIterator<Item = String>) -> Self {
        self.remedies.extend(remedies);
        self
    }
}
