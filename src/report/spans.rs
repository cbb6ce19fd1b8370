//! Steps of a walk as stretches of time.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::events::Outcome;

/// A step that was started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepSpan {
    /// Its name.
    pub step: String,
    /// When it began.
    pub started: Timestamp,
    /// End; of an unfinished step, the walk's.
    pub finished: Timestamp,
    /// How it ended.
    pub end: StepEnd,
    /// The provider's id, an error, or another detail; may be empty.
    pub detail: String,
    /// What it waited for, and when.
    pub waits: Vec<WaitSpan>,
}

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepEnd {
    /// Well.
    Done(Outcome),
    /// With an error, which is in the detail.
    Failed,
    /// The run ended first.
    Unfinished,
}

impl StepEnd {
    /// Did it fail?
    #[must_use]
    pub fn is_failure(self) -> bool {
        self == StepEnd::Failed
    }

    /// In a word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            StepEnd::Done(Outcome::Created) => "created",
            StepEnd::Done(Outcome::Updated) => "updated",
            StepEnd::Done(Outcome::Deleted) => "deleted",
            StepEnd::Done(Outcome::Unchanged) => "unchanged",
            StepEnd::Done(Outcome::Applied) => "applied",
            StepEnd::Failed => "failed",
            StepEnd::Unfinished => "unfinished",
        }
    }
}

/// A wait within a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitSpan {
    /// When it began.
    pub started: Timestamp,
    /// End.
    pub finished: Timestamp,
    /// What it waited for.
    pub on: String,
}

/// A link of the critical path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CriticalStep {
    /// Its name.
    pub step: String,
    /// How long it took.
    pub took: SignedDuration,
    /// How long it stood ready before it was started: a limit on what runs side by side.
    pub stood: SignedDuration,
}
