//! How commands fail: a message, hints and an exit code.

use crate::diagnose::{Diagnose, ExitCode};

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
        let mut message = error.to_string();
        let mut cause = std::error::Error::source(&error);
        while let Some(source) = cause {
            let text = source.to_string();
            if !message.contains(&text) {
                message.push_str(": ");
                message.push_str(&text);
            }
            cause = source.source();
        }
        Self {
            message,
            hints: error.hints(),
            code: error.exit_code(),
        }
    }
}
