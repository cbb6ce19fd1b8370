//! What exists of an environment, as values.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::blueprint::{Address, AttributeValue, Attributes, Kind, UnreadableAttribute};

/// Where a resource is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Being created or changed.
    Pending,
    /// Usable.
    Ready,
    /// It will not become usable by itself.
    Failed,
    /// Being deleted.
    Deleting,
    /// Deleted; the provider still lists its id for a while. Nothing is left to delete, but
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
#[serde(from = "WrittenResource")]
pub struct Observed {
    /// From its tag.
    pub address: Address,
    /// By the list that it was found in, not by its address.
    pub kind: Kind,
    /// The provider's id or name.
    pub id: String,
    /// What the engine makes of the service's status.
    pub state: State,
    /// The provider's own word for the state, for people.
    pub status: String,
    /// Compared with what is desired, and outputs: `private_ip`, `public_ip`, `endpoint`,
    /// `port`, `created` (RFC 3339) …
    pub attributes: Attributes,
}

impl Observed {
    /// An attribute; `None` when the service did not report it.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&AttributeValue> {
        self.attributes.get(name)
    }

    /// An attribute that is a text.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.attributes.text(name)
    }

    /// An attribute that is a set of names or of lines.
    #[must_use]
    pub fn set(&self, name: &str) -> Option<&BTreeSet<String>> {
        self.attributes.set(name)
    }

    /// An attribute that is a number.
    ///
    /// # Errors
    /// When it is something else.
    pub fn number(&self, name: &str) -> Result<Option<u64>, UnreadableAttribute> {
        let number = self.attributes.number(name);
        number.map_err(|error| error.of(&self.address))
    }

    /// Whether an attribute is on; `false` when the service did not report it.
    ///
    /// # Errors
    /// When it is neither on nor off.
    pub fn is(&self, name: &str) -> Result<bool, UnreadableAttribute> {
        let flag = self.attributes.flag(name);
        let flag = flag.map_err(|error| error.of(&self.address))?;
        Ok(flag == Some(true))
    }

    /// An attribute as people see it.
    #[must_use]
    pub fn shown(&self, name: &str) -> Option<String> {
        self.value(name).map(ToString::to_string)
    }

    /// Whether an attribute was reported with this value.
    pub fn says(&self, name: &str, value: impl Into<AttributeValue>) -> bool {
        self.value(name) == Some(&value.into())
    }
}

/// A resource as a saved plan has it: attributes are text, and become what their kind says.
#[derive(Deserialize)]
struct WrittenResource {
    address: Address,
    kind: Kind,
    id: String,
    state: State,
    status: String,
    attributes: BTreeMap<String, String>,
}

impl From<WrittenResource> for Observed {
    fn from(written: WrittenResource) -> Self {
        let info = written.kind.info();
        let attributes = written.attributes.into_iter();
        let attributes = attributes.map(|(name, text)| {
            let value = info.read(&name, &text);
            (name, value)
        });
        Self {
            address: written.address,
            kind: written.kind,
            id: written.id,
            state: written.state,
            status: written.status,
            attributes: attributes.collect(),
        }
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
