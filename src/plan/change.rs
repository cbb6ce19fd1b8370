//! A plan as data: what is to be done about each resource, and why.

use serde::{Deserialize, Serialize};

use crate::blueprint::{Address, Kind};

use super::snapshot::Observed;

/// An attribute that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// Its name.
    pub attribute: String,
    /// As it is.
    pub old: String,
    /// As it should be.
    pub new: String,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// It does not exist.
    Create,
    /// It changes in place.
    Update,
    /// It is deleted, then created again.
    Replace,
    /// It is not wanted any more.
    Delete,
    /// It is as it should be.
    Keep,
    /// It cannot be done while the environment is up.
    Refuse,
}

/// What is to be done about one resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The resource.
    pub address: Address,
    /// The kind of the resource at the address.
    pub kind: Kind,
    /// What is to be done.
    pub action: Action,
    /// Why. Empty for a creation in an environment that has nothing yet.
    pub reason: String,
    /// What differs.
    pub differences: Vec<Difference>,
    /// What exists now.
    pub existing: Option<Observed>,
    /// Ids of earlier resources at the address that the provider still remembers.
    pub predecessors: Vec<String>,
}

/// All changes, in the blueprint's order; removals come last.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// One for each resource.
    pub changes: Vec<Change>,
}

impl Plan {
    /// The changes that do something.
    pub fn work(&self) -> impl Iterator<Item = &Change> {
        self.changes
            .iter()
            .filter(|change| change.action != Action::Keep)
    }

    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.work().next().is_none()
    }

    /// How many changes of a kind of action.
    #[must_use]
    pub fn count(&self, action: Action) -> usize {
        self.changes.iter().filter(|c| c.action == action).count()
    }
}
