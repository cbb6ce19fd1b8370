//! What exists of an environment, as values.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::blueprint::{Address, Kind};

/// Where a resource is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Being made or changed.
    Pending,
    /// Usable.
    Ready,
    /// It will not become usable by itself.
    Failed,
    /// Being removed.
    Deleting,
    /// Removed; the provider still lists its id for a while. Nothing is left to remove, but
    /// a new resource at its address must not use its client token.
    Gone,
}

impl State {
    /// Whether it is gone or on its way out.
    #[must_use]
    pub fn is_leaving(self) -> bool {
        matches!(self, State::Deleting | State::Gone)
    }
}

/// A resource that exists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observed {
    /// From its tag.
    pub address: Address,
    /// Its kind.
    pub kind: Kind,
    /// The provider's id or name.
    pub id: String,
    /// State.
    pub state: State,
    /// The provider's own word for the state, for people.
    pub status: String,
    /// Compared with [`Desired::attributes`], and outputs: `private_ip`, `public_ip`,
    /// `endpoint`, `port`, `created` (RFC 3339) …
    pub attributes: BTreeMap<String, String>,
}

impl Observed {
    /// An attribute.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.attributes.get(key).map(String::as_str)
    }
}

/// Everything that exists of one environment.
///
/// There can be twins: two resources of one address after a create whose answer was lost.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The resources, in no particular order.
    pub resources: Vec<Observed>,
}

impl Snapshot {
    /// The first resource at an address.
    #[must_use]
    pub fn get(&self, address: &Address) -> Option<&Observed> {
        self.resources.iter().find(|r| &r.address == address)
    }
}
