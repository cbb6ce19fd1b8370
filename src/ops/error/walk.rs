//! A walk over the graph that did not reach its end.

use crate::diagnose::{Diagnose, ExitCode};
use crate::engine::{TaskError, WalkReport};

/// A walk over the graph that did not reach its end.
#[derive(Debug, thiserror::Error)]
pub enum WalkError {
    /// The user stopped it, and nothing failed.
    #[error("interrupted: {done} steps done, {not_done} not")]
    Interrupted {
        /// `up` or `down`.
        operation: &'static str,
        /// The environment.
        environment: String,
        /// How many steps finished.
        done: usize,
        /// How many did not.
        not_done: usize,
    },
    /// Steps failed.
    #[error(
        "{operation} of `{environment}`: {done} steps done, {} failed, {not_done} not reached{}",
        failed.len(),
        list(failed)
    )]
    Failed {
        /// `up` or `down`.
        operation: &'static str,
        /// The environment.
        environment: String,
        /// How many steps finished.
        done: usize,
        /// How many were not reached.
        not_done: usize,
        /// The steps that failed, each with its reason.
        failed: Vec<(String, TaskError)>,
    },
}

impl Diagnose for WalkError {
    fn hints(&self) -> Vec<String> {
        let (WalkError::Interrupted {
            operation,
            environment,
            ..
        }
        | WalkError::Failed {
            operation,
            environment,
            ..
        }) = self;
        let mut next = format!("`loadrig {operation} {environment}` continues where this stopped");
        if *operation != "down" {
            next.push_str(&format!(
                "; `loadrig down {environment}` removes everything"
            ));
        }
        let mut hints = vec![];
        if let WalkError::Failed { failed, .. } = self {
            for (_, error) in failed {
                for hint in error.hints() {
                    if !hints.contains(&hint) {
                        hints.push(hint);
                    }
                }
            }
        }
        hints.push(next);
        hints
    }

    fn exit_code(&self) -> ExitCode {
        match self {
            WalkError::Interrupted { .. } => ExitCode::Interrupted,
            WalkError::Failed { failed, .. } => failed
                .iter()
                .map(|(_, error)| error.exit_code())
                .rfind(|code| *code != ExitCode::Failed)
                .unwrap_or(ExitCode::Failed),
        }
    }
}

fn list(failed: &[(String, TaskError)]) -> String {
    failed
        .iter()
        .map(|(step, error)| format!("\n  {step}: {error}"))
        .collect()
}

impl WalkError {
    /// What a walk came to.
    ///
    /// # Errors
    /// When it was interrupted or a step failed.
    pub fn check(
        report: WalkReport,
        environment: &str,
        operation: &'static str,
    ) -> Result<WalkReport, Self> {
        if report.is_complete() {
            return Ok(report);
        }
        let environment = environment.to_owned();
        let (done, not_done) = (report.finished.len(), report.skipped.len());
        if report.interrupted && report.failed.is_empty() {
            return Err(WalkError::Interrupted {
                operation,
                environment,
                done,
                not_done,
            });
        }
        Err(WalkError::Failed {
            operation,
            environment,
            done,
            not_done,
            failed: report.failed,
        })
    }
}
