//! The private DNS zone: a name for everything that has an address or an endpoint.

use std::collections::BTreeMap;

use super::build::Builder;
use super::kinds::{PrivateZone, ZoneRecords};
use super::{Address, Step};

impl Builder<'_> {
    /// The zone and its records, after everything that they lead to.
    pub(super) fn names(&mut self) {
        if !self.spec.network.private_dns {
            return;
        }
        self.resource(
            Address::zone(),
            // Its reference contains the time at which the seed was created.
            vec![Address::vpc(), Address::seed()],
            PrivateZone,
        );
        let names: BTreeMap<String, Address> = self
            .nodes
            .iter()
            .filter_map(|node| match &node.step {
                Step::Resource(desired) => {
                    Some((desired.resource().dns_name()?, node.address.clone()))
                }
                Step::Host { .. } => None,
            })
            .collect();
        let mut after = vec![Address::zone()];
        after.extend(names.values().cloned());
        self.resource(
            Address::records(),
            after,
            ZoneRecords {
                zone: Address::zone(),
                names,
            },
        );
    }
}
