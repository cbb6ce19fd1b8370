//! The graph of a canary: what an environment needs and nobody bills, with a host if one is asked for.
//!
//! It is the environment's own graph, as far as that costs nothing: the same network, the same
//! groups of database parameters, the same tags. What AWS refuses of a canary it would refuse of the
//! environment.

use crate::spec::{Layout, Protection, Role, Spec};

use super::build::Builder;
use super::{Address, Blueprint, Group, Peer, Protocol, Rule};

/// The port by which the two groups of a canary refer to each other: that of metrics.
const PORT: u16 = 9100;

/// The graph of the canary `name` of an environment.
#[must_use]
pub fn canary(spec: &Spec, name: &str) -> Blueprint {
    let spec = spec_of_canary(spec, name);
    let mut builder = Builder {
        spec: &spec,
        nodes: Vec::new(),
    };
    builder.identity();
    builder.network();
    builder.groups_that_refer_to_each_other();
    if spec.services.database.existing.is_none() {
        builder.database_groups();
    }
    if spec.cache.nodes > 0 {
        builder.cache_subnets();
    }
    let mut nodes = builder.nodes;
    // The seed is created first and deleted last: by it a canary that was cut off anywhere is found.
    for node in &mut nodes {
        if node.after.is_empty() && node.address != Address::seed() {
            node.after.push(Address::seed());
        }
    }
    Blueprint { nodes }
}

/// The environment without what costs money or is kept.
fn spec_of_canary(spec: &Spec, name: &str) -> Spec {
    let mut spec = spec.clone();
    name.clone_into(&mut spec.name);
    spec.protection = Protection::default();
    // NAT gateways and DNS zones are billed from their first minute.
    spec.network.layout = Layout::Public;
    spec.network.private_dns = false;
    spec
}

impl Builder<'_> {
    fn groups_that_refer_to_each_other(&mut self) {
        let pair = [Group::Hosts(Role::Agent), Group::Hosts(Role::Metrics)];
        self.security_groups(&pair);
        for (group, from) in [(pair[0], pair[1]), (pair[1], pair[0])] {
            let rule = Rule {
                protocol: Protocol::Tcp,
                port: PORT,
                from: Peer::Group(from),
            };
            self.rules_of(group, vec![rule]);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::blueprint::{Kind, Step};
    use crate::spec::{Library, Spec};

    use super::*;

    fn spec(text: &str) -> Spec {
        Library::new(None).load_text("test", text).unwrap()
    }

    #[test]
    fn a_canary_has_nothing_that_is_billed_by_the_hour() {
        for text in [
            "architecture: 200k",
            "architecture: 10k\ndatabase: {engine: aurora-postgresql}\n\
             network: {layout: private, private_dns: true, s3_endpoint: true}",
        ] {
            let graph = canary(&spec(text), "canary-1");
            for (address, desired) in graph.resources() {
                let billed = [
                    Kind::Instance,
                    Kind::NatGateway,
                    Kind::ElasticAddress,
                    Kind::LoadBalancer,
                    Kind::Database,
                    Kind::DatabaseCluster,
                    Kind::Search,
                    Kind::Cache,
                    Kind::Zone,
                ];
                assert!(!billed.contains(&desired.kind()), "{address}");
            }
            let kinds: Vec<Kind> = graph.resources().map(|(_, one)| one.kind()).collect();
            for kind in [
                Kind::Seed,
                Kind::Role,
                Kind::InstanceProfile,
                Kind::Bucket,
                Kind::DatabaseSubnets,
                Kind::DatabaseParameters,
            ] {
                assert!(kinds.contains(&kind), "{kind:?}");
            }
        }
    }

    #[test]
    fn everything_waits_for_the_seed() {
        let graph = canary(&spec("architecture: 10k"), "canary-1");
        for node in &graph.nodes {
            assert!(matches!(node.step, Step::Resource(_)));
            assert_eq!(node.after.is_empty(), node.address == Address::seed());
        }
    }

    #[test]
    fn two_groups_refer_to_each_other() {
        let graph = canary(&spec("architecture: 1k"), "canary-1");
        let rules = graph
            .resources()
            .filter(|(_, one)| one.kind() == Kind::SecurityRules);
        assert_eq!(rules.count(), 2);
    }
}
