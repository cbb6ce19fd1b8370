//! The nodes of the graph: resources, and the stages of hosts.

use serde::{Deserialize, Serialize};

use crate::spec::HostName;

use super::Desired;

/// Host work comes in two stages, so that packages install while the database is created.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Packages, kernel settings, artefacts: needs nothing but the host itself.
    Prepare,
    /// Configuration and services: needs endpoints and addresses of others.
    Configure,
}

impl Stage {
    /// As addresses spell it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Stage::Prepare => "prepare",
            Stage::Configure => "configure",
        }
    }

    fn typical_seconds(self) -> u64 {
        match self {
            // 25 s until SSH answers, then packages.
            Stage::Prepare => 70,
            Stage::Configure => 15,
        }
    }
}

/// What a node of the graph is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A cloud resource.
    Resource(Desired),
    /// A stage of a host's bundle.
    Host {
        /// Role and number of the host.
        host: HostName,
        /// `prepare` or `configure`.
        stage: Stage,
    },
}

impl Step {
    /// How long it takes as a rule, from the first call to usable.
    #[must_use]
    pub fn typical_seconds(&self) -> u64 {
        match self {
            Step::Resource(desired) => desired.kind().info().typical_seconds,
            Step::Host { stage, .. } => stage.typical_seconds(),
        }
    }
}
