//! What can go wrong with the local cloud, each with what to do about it.

use std::io;
use std::path::PathBuf;

use crate::diagnose::{Diagnose, ExitCode};

/// Shorthand for this module's results.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error of the local cloud.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// This machine cannot run a local cloud.
    #[error("this machine cannot run the local cloud: {reason}")]
    Unable {
        /// What is missing.
        reason: String,
        /// What to do about it.
        hint: String,
    },
    /// A program that the local cloud calls failed.
    #[error("{what}: `{program}` {outcome}")]
    Command {
        /// What was attempted.
        what: String,
        /// The program's name.
        program: String,
        /// Its exit status and the end of what it said.
        outcome: String,
    },
    /// A file, directory or socket operation failed.
    #[error("{what}")]
    Io {
        /// What was attempted, with the path or address.
        what: String,
        /// The system's error.
        #[source]
        source: io::Error,
    },
    /// The daemon ended or did not come up in time.
    #[error("the local cloud did not start: {reason}")]
    NotStarted {
        /// What was seen.
        reason: String,
        /// The daemon's log.
        log: PathBuf,
    },
    /// There is no local cloud to talk to.
    #[error("no local cloud is running")]
    NotRunning,
    /// Something that should be gone is still there.
    #[error("cannot remove {count} {} of the local cloud: {first}", if *count == 1 { "leftover" } else { "leftovers" })]
    Left {
        /// How many.
        count: usize,
        /// The first of them.
        first: String,
    },
    /// The local cloud's certificate authority failed.
    #[error("cannot create a certificate for `{name}`")]
    Certificate {
        /// The name or role that the certificate was for.
        name: String,
        /// The library's error.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The state of the cloud could not be read from its API.
    #[error("cannot read the state of the local cloud")]
    View(#[source] super::cloud_view::CloudReadError),
    /// The API reports something that this machine cannot make real.
    #[error("{0}")]
    Unsupported(String),
}

impl Error {
    /// Shorthand for [`Error::Io`], for `map_err`.
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }
}

impl From<local_image::BuildError> for Error {
    fn from(error: local_image::BuildError) -> Self {
        use local_image::BuildError;
        match error {
            BuildError::NoHome => Self::Unable {
                reason: error.to_string(),
                hint: "set one of them: the hosts' image is kept there".into(),
            },
            BuildError::Io { what, source } => Self::Io { what, source },
            BuildError::Builder { program, outcome } => Self::Command {
                what: "cannot build a part of the local cloud".into(),
                program,
                outcome,
            },
            BuildError::Busy { .. } => Self::Unsupported(error.to_string()),
        }
    }
}

impl Diagnose for Error {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::Unable { .. } => ExitCode::Preflight,
            _ => ExitCode::Failed,
        }
    }

    fn hints(&self) -> Vec<String> {
        let hint = match self {
            Self::Unable { hint, .. } => Some(hint.clone()),
            Self::NotStarted { log, .. } => Some(format!(
                "see `{}`; `loadrig local stop` cleans up",
                log.display()
            )),
            Self::NotRunning => Some("start it with `loadrig local start`".into()),
            Self::Left { .. } => Some("run `loadrig local stop` again, as root".into()),
            Self::Io { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
                Some("run the same command as root, for example with `sudo`".into())
            }
            _ => None,
        };
        hint.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_operation_says_how_to_become_root() {
        let refused = io::Error::from(io::ErrorKind::PermissionDenied);
        let error = Error::io("cannot enter the namespace `/run/netns/loadrig-cloud`")(refused);
        assert_eq!(
            error.hints(),
            ["run the same command as root, for example with `sudo`"]
        );
    }
}
