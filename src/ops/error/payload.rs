//! Why what goes to hosts could not be put together.

use std::path::PathBuf;

use crate::diagnose::{Diagnose, ExitCode};
use crate::hosts::BundleError;

/// Why what goes to hosts could not be put together.
#[derive(Debug, thiserror::Error)]
pub enum PayloadError {
    /// The stand-in is not built.
    #[error("the stand-in server's program `{0}` is not beside this one")]
    NoStandin(&'static str),
    /// A file of the stand-in's tarball could not be read or written.
    #[error("cannot package the stand-in server")]
    Package(#[source] std::io::Error),
    /// The stand-in could not package itself.
    #[error("`{program} package` failed: {output}")]
    PackageFailed {
        /// File name of the program.
        program: &'static str,
        /// What it said.
        output: String,
    },
    /// This program does not know where it is.
    #[error("cannot find this program's own file")]
    OwnFile(#[source] std::io::Error),
    /// The program for the agents could not be read.
    #[error("cannot read the program for agents `{}`", path.display())]
    UnreadableAgent {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The program for the agents cannot run there.
    #[error("`{}` cannot run on agent hosts: {reason}", path.display())]
    UnfitAgent {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The release is no tarball of a server.
    #[error("`{}` is not a release tarball of Mattermost: {reason}", path.display())]
    NotARelease {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A file cannot be read, or is not the one that the environment says.
    #[error(transparent)]
    File(#[from] BundleError),
}

impl Diagnose for PayloadError {
    fn hints(&self) -> Vec<String> {
        vec![
            match self {
                PayloadError::NoStandin(_) => {
                    "`make build` builds both; or set `mattermost.release` to an official version"
                }
                PayloadError::Package(_) => {
                    "set XDG_CACHE_HOME to a directory that you may write to"
                }
                PayloadError::PackageFailed { .. } => "check the free space of the cache directory",
                PayloadError::NotARelease { .. } => {
                    "`mattermost.release` takes a version, a URL or a `.tar.gz` as Mattermost publishes it"
                }
                PayloadError::UnreadableAgent { .. } | PayloadError::UnfitAgent { .. } => {
                    "name a build of loadrig for Linux on x86-64, made on Debian 12 or older, with `--agent-program FILE` or LOADRIG_AGENT_PROGRAM; `up --resources-only` needs none"
                }
                PayloadError::OwnFile(_) => "run it by its full path",
                PayloadError::File(error) => return error.hints(),
            }
            .to_owned(),
        ]
    }

    fn exit_code(&self) -> ExitCode {
        match self {
            PayloadError::NotARelease { .. }
            | PayloadError::UnreadableAgent { .. }
            | PayloadError::UnfitAgent { .. } => ExitCode::Usage,
            PayloadError::File(error) => error.exit_code(),
            _ => ExitCode::Failed,
        }
    }
}
