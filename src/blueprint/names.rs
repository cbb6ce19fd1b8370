//! The private DNS zone: a name for everything that has an address or an endpoint.

use std::collections::BTreeMap;

use super::build::Builder;
use super::{Address, DatabaseRole, Desired, Step};

impl Builder<'_> {
    /// The zone and its records, after everything that they lead to.
    pub(super) fn names(&mut self) {
        if !self.spec.network.private_dns {
            return;
        }
        self.resource(
            Address::zone(),
            // Its reference is part of the environment's life, which the seed tells.
            vec![Address::vpc(), Address::seed()],
            Desired::Zone,
        );
        let names: BTreeMap<String, Address> = self
            .nodes
            .iter()
            .filter_map(|node| match &node.step {
                Step::Resource(desired) => Some((name(desired)?, node.address.clone())),
                Step::Host { .. } => None,
            })
            .collect();
        let mut after = vec![Address::zone()];
        after.extend(names.values().cloned());
        self.resource(
            Address::records(),
            after,
            Desired::Records {
                zone: Address::zone(),
                names,
            },
        );
    }
}

/// What a resource is called in the zone.
fn name(desired: &Desired) -> Option<String> {
    Some(match desired {
        Desired::Instance { host, .. } => host.to_string(),
        Desired::Database { role, .. } => match role {
            DatabaseRole::Writer => "database".to_owned(),
            DatabaseRole::Reader(index) => format!("database-reader-{index}"),
        },
        Desired::Search { .. } => "search".to_owned(),
        Desired::Cache { .. } => "cache".to_owned(),
        Desired::LoadBalancer { .. } => "load-balancer".to_owned(),
        _ => return None,
    })
}
