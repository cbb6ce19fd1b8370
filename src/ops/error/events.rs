//! Events of a scenario that cannot take place.

use crate::diagnose::{Diagnose, ExitCode};
use crate::spec::HostName;

/// An event about a host that a rig does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingHost {
    /// The event.
    pub action: &'static str,
    /// The host.
    pub host: HostName,
    /// How many of its role there are.
    pub there_are: u32,
}

impl std::fmt::Display for MissingHost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            action,
            host,
            there_are,
        } = self;
        write!(
            f,
            "event `{action}` is about `{host}`, and the environment has {there_are} of that role"
        )
    }
}

/// Why something is not done to a rig.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EventRefusal {
    /// The rig has no such hosts.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    NoHosts(Vec<MissingHost>),
    /// No host does it by itself.
    #[error("event `{action}` is carried out by the command that follows the storm")]
    NeedsFollower {
        /// The event.
        action: &'static str,
    },
    /// A host did not do as it was told.
    #[error("{host}: {complaint}")]
    NotTold {
        /// The host.
        host: HostName,
        /// Its own words.
        complaint: String,
    },
    /// A rollout would change more than it restarts.
    #[error("the rig differs from its YAML: a rolling restart would change it")]
    Differs {
        /// Name of the environment.
        environment: String,
    },
    /// There is no database to fail over.
    #[error("`{0}` has no database")]
    NoDatabase(String),
    /// The cluster did not fail over in time.
    #[error(
        "RDS accepted the failover, and `{writer}` still writes, or the cluster is not available, after {minutes} min"
    )]
    WriterStays {
        /// The instance that wrote before.
        writer: String,
        /// How long was waited for another one.
        minutes: u64,
    },
    /// The database was not available in time.
    #[error("the database is not available after {minutes} min")]
    DatabaseStaysAway {
        /// How long was waited for it.
        minutes: u64,
    },
}

impl Diagnose for EventRefusal {
    fn hints(&self) -> Vec<String> {
        match self {
            EventRefusal::NoHosts(_) => vec![
                "name a host that the environment has, or give the role more hosts in its YAML"
                    .to_owned(),
            ],
            EventRefusal::NeedsFollower { .. } => {
                vec!["leave `--detach` out, and stay until the event is over".to_owned()]
            }
            EventRefusal::NotTold { .. } => vec![
                "a service that was lost starts again by itself, after its time or at the storm's \
                 latest end"
                    .to_owned(),
            ],
            EventRefusal::Differs { environment } => vec![format!(
                "`loadrig plan {environment}` shows what differs, `loadrig up {environment}` brings \
                 it to its YAML"
            )],
            EventRefusal::NoDatabase(environment) => {
                vec![format!("`loadrig up {environment}` creates it")]
            }
            EventRefusal::WriterStays { .. } | EventRefusal::DatabaseStaysAway { .. } => {
                vec![
                    "`loadrig status` shows its state; RDS names the cause in its events"
                        .to_owned(),
                ]
            }
        }
    }

    fn exit_code(&self) -> ExitCode {
        match self {
            EventRefusal::NoHosts(_) | EventRefusal::NeedsFollower { .. } => ExitCode::Usage,
            _ => ExitCode::Failed,
        }
    }
}
