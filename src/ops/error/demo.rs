//! Why the demo did not succeed.

use std::path::PathBuf;

use crate::diagnose::{Diagnose, ExitCode};

/// Why the demo did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The environment is not for this machine.
    #[error("the environment `demo` does not have `cloud: local`")]
    NotLocal,
    /// A file that the command line names cannot be read.
    #[error("cannot read `{}`, which `{option}` names", path.display())]
    File {
        /// The option, with its dashes.
        option: &'static str,
        /// What it names.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
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

impl Diagnose for DemoError {
    fn hints(&self) -> Vec<String> {
        match self {
            DemoError::NotLocal => vec![
                "the demo runs on this machine alone; give that environment another name"
                    .to_owned(),
            ],
            DemoError::File { option, .. } => vec![match *option {
                "--license" => {
                    "`--license` takes the license file as Mattermost sent it".to_owned()
                }
                _ => {
                    "`--release` takes a release of Mattermost for Linux on x86-64, a file such as \
                      mattermost-11.7.9-linux-amd64.tar.gz of releases.mattermost.com"
                        .to_owned()
                }
            }],
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
            DemoError::NotLocal | DemoError::File { .. } => ExitCode::Usage,
            DemoError::Interrupted => ExitCode::Interrupted,
            DemoError::Failed { code, .. } => *code,
            DemoError::Runtime(_) | DemoError::Left { .. } => ExitCode::Failed,
        }
    }
}
