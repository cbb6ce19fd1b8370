//! How commands fail: a message, hints and an exit code.

use crate::diagnose::{Diagnose, ExitCode, with_causes};

/// A failed command.
#[derive(Debug)]
pub(crate) struct Failure {
    /// What went wrong, with its causes.
    pub message: String,
    /// What to do about it.
    pub hints: Vec<String>,
    /// The exit code.
    pub code: ExitCode,
}

/// What commands bring back.
pub(super) type Outcome = Result<ExitCode, Failure>;

impl Failure {
    /// A failure of the command line itself, with a hint.
    #[must_use]
    pub(crate) fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hints: vec![hint.into()],
            code: ExitCode::Failed,
        }
    }

    /// The same with another exit code.
    #[must_use]
    pub(crate) fn with_code(mut self, code: ExitCode) -> Self {
        self.code = code;
        self
    }
}

impl<E: Diagnose> From<E> for Failure {
    fn from(error: E) -> Self {
        Self {
            message: with_causes(&error),
            hints: error.hints(),
            code: error.exit_code(),
        }
    }
}
