//! How commands fail: a message, hints and an exit code.

use crate::diagnose::{Diagnose, ExitCode};
use crate::engine::WalkReport;

/// A failed command.
#[derive(Debug)]
pub struct Failure {
    /// What went wrong, with its causes.
    pub message: String,
    /// What to do about it.
    pub hints: Vec<String>,
    /// The exit code.
    pub code: ExitCode,
}

/// What commands bring back.
pub type Outcome = Result<ExitCode, Failure>;

impl Failure {
    /// A failure with a hint.
    #[must_use]
    pub fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hints: vec![hint.into()],
            code: ExitCode::Failed,
        }
    }

    /// The same with another exit code.
    #[must_use]
    pub fn with_code(mut self, code: ExitCode) -> Self {
        self.code = code;
        self
    }

    /// What a walk that did not complete comes to.
    #[must_use]
    pub fn of_walk(report: &WalkReport, environment: &str, operation: &str) -> Self {
        let mut hint = format!("`loadrig {operation} {environment}` continues where this stopped");
        if operation != "down" {
            hint.push_str(&format!(
                "; `loadrig down {environment}` removes everything"
            ));
        }
        let mut hints = vec![hint];
        if report.interrupted && report.failed.is_empty() {
            return Self {
                message: format!(
                    "interrupted: {} steps done, {} not",
                    report.finished.len(),
                    report.skipped.len()
                ),
                hints,
                code: ExitCode::Interrupted,
            };
        }
        let mut message = format!(
            "{operation} of `{environment}`: {} steps done, {} failed, {} not reached",
            report.finished.len(),
            report.failed.len(),
            report.skipped.len()
        );
        let mut code = ExitCode::Failed;
        for (step, error) in &report.failed {
            message.push_str(&format!("\n  {step}: {error}"));
            for hint in error.hints() {
                if !hints.contains(&hint) {
                    hints.insert(0, hint);
                }
            }
            if error.exit_code() != ExitCode::Failed {
                code = error.exit_code();
            }
        }
        Self {
            message,
            hints,
            code,
        }
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
