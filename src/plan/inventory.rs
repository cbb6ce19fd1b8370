//! What exists of one environment, by address: the pure half of every question about a rig.

use std::collections::BTreeMap;

use crate::blueprint::{Address, AttributeValue};
use crate::plan::{Observed, Snapshot};

/// The resources that an environment consists of, one at each address.
///
/// A [`Snapshot`] lists all that was found, twins and resources that are being deleted
/// included; an inventory holds what can be referred to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inventory(BTreeMap<Address, Observed>);

impl Inventory {
    /// An inventory of nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// The resource at an address.
    #[must_use]
    pub fn get(&self, address: &Address) -> Option<&Observed> {
        self.0.get(address)
    }

    /// All resources, ordered by address.
    pub fn iter(&self) -> impl Iterator<Item = &Observed> {
        self.0.values()
    }

    /// Records a resource at its address; returns the one that it takes the place of.
    pub fn insert(&mut self, resource: Observed) -> Option<Observed> {
        self.0.insert(resource.address.clone(), resource)
    }

    /// A resource with the addresses of what it names by id.
    #[must_use]
    pub fn name_references(&self, mut resource: Observed) -> Observed {
        for info in resource.kind.info().attributes {
            if let Some(AttributeValue::Names(names)) = resource.attributes.get_mut(info.name) {
                let named = names.iter().map(|name| {
                    let found = self.iter().find(|one| &one.id == name);
                    found.map_or_else(|| name.clone(), |one| one.address.to_string())
                });
                *names = named.collect();
            }
        }
        resource
    }

    /// How many resources there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing exists.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The resources keyed by address.
    #[must_use]
    pub fn as_map(&self) -> &BTreeMap<Address, Observed> {
        &self.0
    }
}

impl FromIterator<Observed> for Inventory {
    fn from_iter<I: IntoIterator<Item = Observed>>(resources: I) -> Self {
        let by_address = |resource: Observed| (resource.address.clone(), resource);
        Self(resources.into_iter().map(by_address).collect())
    }
}

impl From<Snapshot> for Inventory {
    /// Leaves out what is being deleted: nothing may refer to it.
    fn from(snapshot: Snapshot) -> Self {
        let resources = snapshot.resources.into_iter();
        resources
            .filter(|resource| !resource.state.is_leaving())
            .collect()
    }
}
