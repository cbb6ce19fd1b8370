//! What a password hash, or a login, was measured to cost, which counts in place of the table's
//! figure.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What a password hash, or a whole login, was measured to cost the application nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeasuredHashTime {
    /// Time of one vCPU for one hash, as the environment's server computes it; for a whole login where
    /// `source` is logins.
    pub time: Duration,
    /// Where it was measured.
    pub source: HashTimeSource,
}

/// Where a hash was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HashTimeSource {
    /// On hosts such as the application nodes: the environment's `mattermost.hash_seconds`.
    Environment,
    /// By logging in at the nodes themselves: the environment's `mattermost.login_seconds`.
    Logins,
    /// On the machine that all hosts of the local cloud share.
    SharedMachine {
        /// Its processors.
        vcpus: u32,
    },
}

/// The share of a shared machine that application nodes may hash with: proxies, the database and the
/// simulated clients need the rest. With more, the gate lets through what nobody has a processor for.
const HASHING_SHARE: f64 = 0.5;

impl HashTimeSource {
    /// The share of a vCPU that each application node has for hashing, at most one.
    pub(super) fn share_of_vcpu(self, nodes: u32) -> f64 {
        match self {
            HashTimeSource::Environment | HashTimeSource::Logins => 1.0,
            HashTimeSource::SharedMachine { vcpus } => {
                let for_hashing = f64::from(vcpus.max(1)) * HASHING_SHARE;
                (for_hashing / f64::from(nodes.max(1))).min(1.0)
            }
        }
    }

    /// vCPUs of an application node, of one whose type has so many.
    pub(super) fn vcpus_of_node(self, of_type: u32, nodes: u32) -> u32 {
        match self {
            HashTimeSource::Environment | HashTimeSource::Logins => of_type,
            HashTimeSource::SharedMachine { vcpus } => (vcpus / nodes.max(1)).max(1),
        }
    }
}
