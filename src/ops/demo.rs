//! The whole job on this machine: local cloud, rig, scenario, report, removal, proof.

use std::path::PathBuf;

use crate::diagnose::{Diagnose, ExitCode};
use crate::report::Report;

use super::error::{OpsError, WalkError};
use super::lock::LockRefusal;

#[cfg(target_os = "linux")]
mod drive;
#[cfg(target_os = "linux")]
pub use drive::demo;

/// How to run the demo.
#[derive(Clone, Debug, Default)]
pub struct DemoOptions {
    /// Whether the rig and the local cloud stay.
    pub keep: bool,
}

/// What the demo came to.
#[derive(Debug)]
pub struct DemoReport {
    /// The report.
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

/// Why the demo did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The environment is not for this machine.
    #[error("the environment `demo` does not have `cloud: local`")]
    NotLocal,
    /// The asynchronous runtime cannot be started.
    #[error("cannot start the runtime")]
    Runtime(#[source] std::io::Error),
    /// The user stopped it.
    #[error("interrupted")]
    Interrupted,
    /// Something failed; the rig was removed.
    #[error("{message}")]
    Failed {
        /// What.
        message: String,
        /// What to do about it.
        hints: Vec<String>,
        /// The exit code.
        code: ExitCode,
    },
    /// Something is left behind.
    #[error("{kinds} {} left behind", if *kinds == 1 { "kind of thing is" } else { "kinds of things are" })]
    Left {
        /// How many kinds of things.
        kinds: usize,
    },
}

impl DemoError {
    /// What an error of a part means for the whole, which has removed the rig by then: nothing
    /// is to be continued.
    fn of(error: OpsError) -> Self {
        let (message, code) = (message(&error), error.exit_code());
        let hints = match error {
            OpsError::Walk(WalkError::Interrupted { .. })
            | OpsError::LockRefusal(LockRefusal::Interrupted) => return DemoError::Interrupted,
            OpsError::Demo(error) => return error,
            OpsError::Walk(WalkError::Failed { failed, .. }) => {
                if failed
                    .iter()
                    .all(|(_, error)| error.exit_code() == ExitCode::Interrupted)
                {
                    return DemoError::Interrupted;
                }
                failed.iter().flat_map(|(_, error)| error.hints()).collect()
            }
            other => other.hints(),
        };
        DemoError::Failed {
            message,
            hints,
            code,
        }
    }
}

fn message(error: &OpsError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(source) = cause {
        text.push_str(&format!(": {source}"));
        cause = source.source();
    }
    text
}

impl Diagnose for DemoError {
    fn hints(&self) -> Vec<String> {
        match self {
            DemoError::NotLocal => vec![
                "the demo runs on this machine alone; give that environment another name"
                    .to_owned(),
            ],
            DemoError::Runtime(_) => {
                vec!["check the limits of processes and open files (`ulimit -a`)".to_owned()]
            }
            DemoError::Interrupted => {
                vec!["the rig was removed; `loadrig demo` starts from the beginning".to_owned()]
            }
            DemoError::Failed { hints, .. } => {
                let mut hints = hints.clone();
                hints.push(
                    "the rig was removed; `loadrig demo` starts from the beginning".to_owned(),
                );
                hints
            }
            DemoError::Left { .. } => {
                vec!["run `loadrig down demo`, then `loadrig local stop`".to_owned()]
            }
        }
    }

    fn exit_code(&self) -> ExitCode {
        match self {
            DemoError::NotLocal => ExitCode::Usage,
            DemoError::Interrupted => ExitCode::Interrupted,
            DemoError::Failed { code, .. } => *code,
            DemoError::Runtime(_) | DemoError::Left { .. } => ExitCode::Failed,
        }
    }
}
