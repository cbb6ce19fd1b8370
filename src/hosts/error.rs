//! What can go wrong between the operator and a host.

use std::path::PathBuf;
use std::time::Duration;

use crate::blueprint::Stage;
use crate::diagnose::{Diagnose, ExitCode};
use crate::spec::HostName;

/// Why a host could not be reached or did not do what it was told.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// A program that OpenSSH consists of is missing here or failed.
    #[error("cannot run `{program}`: {detail}")]
    Tool {
        /// For example `ssh-add`.
        program: &'static str,
        /// What it or the system said.
        detail: String,
    },
    /// The private directory for keys and sockets could not be written.
    #[error("cannot write `{}`", path.display())]
    Workspace {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The operator's key cannot be used.
    #[error("cannot use the operator's key: {detail}")]
    OperatorKey {
        /// Why.
        detail: String,
    },
    /// The keyring does not know the address of the host.
    #[error("host `{host}` has no address yet")]
    NoAddress {
        /// Role and number of the host.
        host: HostName,
    },
    /// Another machine answered at the address of the host.
    #[error(
        "`{host}` at {address} has another host key than the host that loadrig created: {detail}"
    )]
    HostKey {
        /// Role and number of the host.
        host: HostName,
        /// IP address that was tried.
        address: String,
        /// What SSH said.
        detail: String,
    },
    /// The host rejects the operator's key.
    #[error("`{host}` at {address} refused the operator's key: {detail}")]
    Denied {
        /// Role and number of the host.
        host: HostName,
        /// IP address that was tried.
        address: String,
        /// What SSH said.
        detail: String,
    },
    /// The host did not answer in time.
    #[error(
        "`{host}` at {address} did not answer SSH within {seconds:.1} s: {detail}",
        seconds = waited.as_secs_f64()
    )]
    Unreachable {
        /// Name of the environment.
        environment: String,
        /// Role and number of the host.
        host: HostName,
        /// IP address that was tried.
        address: String,
        /// How long it was tried.
        waited: Duration,
        /// What SSH said last.
        detail: String,
    },
    /// The user interrupted while the host did not answer yet.
    #[error("interrupted while waiting for `{host}` to answer SSH")]
    Interrupted {
        /// Role and number of the host.
        host: HostName,
    },
    /// The connection ended while something ran.
    #[error("the connection to `{host}` ended during: {doing}")]
    Disconnected {
        /// Role and number of the host.
        host: HostName,
        /// What it was doing.
        doing: String,
    },
    /// The host exceeded the time limit.
    #[error("`{host}` did not {doing} in time")]
    Deadline {
        /// Role and number of the host.
        host: HostName,
        /// What it was doing.
        doing: String,
    },
    /// A step of a bundle failed.
    #[error("`{host}` failed to {title} ({}, step `{step}`, status {status})\n{output}", stage.as_str())]
    Step {
        /// Name of the environment.
        environment: String,
        /// Role and number of the host.
        host: HostName,
        /// `prepare` or `configure`.
        stage: Stage,
        /// Name of the step, unique in its bundle.
        step: String,
        /// What the step was to do.
        title: String,
        /// Its exit status.
        status: i32,
        /// The last lines of its output.
        output: String,
    },
    /// A command failed.
    #[error("`{host}` failed to {doing} (status {status}): {detail}")]
    Command {
        /// Name of the environment.
        environment: String,
        /// Role and number of the host.
        host: HostName,
        /// What it was doing.
        doing: String,
        /// Its exit status.
        status: i32,
        /// What it said.
        detail: String,
    },
    /// A file of the bundle could not be read.
    #[error("cannot ship the bundle of `{host}`")]
    Ship {
        /// Role and number of the host.
        host: HostName,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

impl HostError {
    /// Whether the same call may succeed later without anything being repaired.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(
            self,
            HostError::Unreachable { .. } | HostError::Disconnected { .. }
        )
    }
}

impl Diagnose for HostError {
    fn hints(&self) -> Vec<String> {
        let hint = match self {
            HostError::Tool { .. } => {
                "install OpenSSH's client (Debian: `apt-get install openssh-client`)".to_owned()
            }
            HostError::Workspace { .. } => "check the permissions and the free space of `/tmp`".to_owned(),
            HostError::OperatorKey { .. } => {
                "`access.key` in the environment's YAML takes `generated`, `agent` or `file: PATH` of a public key".to_owned()
            }
            HostError::NoAddress { .. } => "run `loadrig up` first".to_owned(),
            HostError::HostKey { host, .. } => format!(
                "loadrig does not retry this: either somebody intercepts the connection, or somebody replaced the instance; terminate the instance, and `loadrig up` creates `{host}` again"
            ),
            HostError::Denied { .. } => {
                "the instance was created with another key: check `access.key`, and that the key is loaded (`ssh-add -l`)".to_owned()
            }
            HostError::Unreachable { environment, host, .. } => {
                return vec![
                    "check that `access.operators` contains your current address, and `access.address`; the console log of the instance shows whether it booted".to_owned(),
                    format!("a host that is lost is replaced: terminate its instance, which `loadrig status {environment}` names, and `loadrig up {environment}` makes `{host}` anew"),
                ];
            }
            HostError::Interrupted { .. }
            | HostError::Disconnected { .. }
            | HostError::Deadline { .. } => {
                "run the same command again: it continues where it stopped".to_owned()
            }
            HostError::Step { environment, host, .. } | HostError::Command { environment, host, .. } => {
                format!("`loadrig ssh {environment} {host}` opens a shell there; fix the cause, then run the same command again")
            }
            HostError::Ship { .. } => return vec![],
        };
        vec![hint]
    }

    fn is_unreachable_host(&self) -> bool {
        matches!(self, HostError::Unreachable { .. })
    }

    fn exit_code(&self) -> ExitCode {
        match self {
            HostError::Interrupted { .. } => ExitCode::Interrupted,
            _ => ExitCode::Failed,
        }
    }
}
