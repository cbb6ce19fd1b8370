//! The graph of a canary: what an environment needs and nobody bills, with one host if it may cost
//! something.
//!
//! It is the environment's own graph, as far as that costs nothing: the same network, the same
//! groups of database parameters, the same tags. What AWS refuses of a canary it would refuse of the
//! environment.

use std::collections::BTreeMap;
use std::time::Duration;

use ipnet::Ipv4Net;

use crate::spec::{HostName, Layout, NodeGroup, Protection, Role, Spec, SshKey};

use super::build::Builder;
use super::{Address, Blueprint, Desired, Group, Node, Peer, Protocol, Rule, Stage, Step};

/// The port by which the two groups of a canary refer to each other: that of metrics.
const PORT: u16 = 9100;

/// The smallest type that runs Debian's image for x86-64, and the size of that image.
const INSTANCE_TYPE: &str = "t3.micro";
const OTHER_TYPE: &str = "t3.small";
const DISK_GIB: u32 = 8;

/// The host of a canary.
pub const CANARY_HOST: HostName = HostName {
    role: Role::Agent,
    index: 1,
};

/// That a canary has a host, and for whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CanaryHost {
    /// Who may reach SSH.
    pub operators: Vec<Ipv4Net>,
    /// After how long it ends itself.
    pub lifetime: Duration,
}

/// The canary `name` of an environment, as an environment: without what costs money or is kept.
#[must_use]
pub fn canary_spec(spec: &Spec, name: &str) -> Spec {
    let mut spec = spec.clone();
    name.clone_into(&mut spec.name);
    spec.protection = Protection::default();
    // NAT gateways and DNS zones are billed from their first minute.
    spec.network.layout = Layout::Public;
    spec.network.private_dns = false;
    spec.access.key = SshKey::Generated;
    let host = NodeGroup {
        count: 1,
        instance_type: INSTANCE_TYPE.to_owned(),
        disk_gib: DISK_GIB,
        fallback_instance_types: vec![OTHER_TYPE.to_owned()],
    };
    spec.nodes = BTreeMap::from([(CANARY_HOST.role, host)]);
    spec
}

/// The graph of a canary, which [`canary_spec`] describes.
#[must_use]
pub fn canary(spec: &Spec, host: Option<&CanaryHost>) -> Blueprint {
    let mut builder = Builder {
        spec,
        nodes: Vec::new(),
    };
    builder.identity();
    builder.network();
    builder.groups_that_refer_to_each_other(host);
    if spec.services.database.existing.is_none() {
        builder.database_groups();
    }
    if spec.cache.nodes > 0 {
        builder.cache_subnets();
    }
    if let Some(host) = host {
        builder.host_that_ends_itself(host.lifetime);
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

impl Builder<'_> {
    fn groups_that_refer_to_each_other(&mut self, host: Option<&CanaryHost>) {
        let pair = [Group::Hosts(CANARY_HOST.role), Group::Hosts(Role::Metrics)];
        self.security_groups(&pair);
        let tcp = |port, from| Rule {
            protocol: Protocol::Tcp,
            port,
            from,
        };
        let mut of_host = vec![tcp(PORT, Peer::Group(pair[1]))];
        let operators = host.map_or(&[][..], |host| &host.operators);
        of_host.extend(operators.iter().map(|range| tcp(22, Peer::Range(*range))));
        of_host.sort();
        self.rules_of(pair[0], of_host, vec![]);
        self.rules_of(pair[1], vec![tcp(PORT, Peer::Group(pair[0]))], vec![]);
    }

    fn host_that_ends_itself(&mut self, lifetime: Duration) {
        self.instance(CANARY_HOST);
        for node in &mut self.nodes {
            if let Step::Resource(Desired::Instance(instance)) = &mut node.step {
                instance.lifetime = Some(lifetime);
            }
        }
        self.nodes.push(Node {
            address: Address::host(CANARY_HOST, Stage::Prepare),
            after: self.prepare_after(CANARY_HOST),
            step: Step::Host {
                host: CANARY_HOST,
                stage: Stage::Prepare,
            },
        });
    }
}

#[cfg(test)]
mod tests {
    use crate::blueprint::Kind;
    use crate::spec::Library;

    use super::*;

    fn graph(text: &str, host: Option<&CanaryHost>) -> Blueprint {
        let spec = Library::new(None).load_text("test", text).unwrap();
        canary(&canary_spec(&spec, "canary-1"), host)
    }

    fn host() -> CanaryHost {
        CanaryHost {
            operators: vec!["198.51.100.7/32".parse().unwrap()],
            lifetime: Duration::from_mins(20),
        }
    }

    fn kinds(graph: &Blueprint) -> Vec<Kind> {
        graph.resources().map(|(_, one)| one.kind()).collect()
    }

    #[test]
    fn a_canary_has_nothing_that_is_billed_by_the_hour() {
        for text in [
            "architecture: 200k",
            "architecture: 10k\ndatabase: {engine: aurora-postgresql}\n\
             network: {layout: private, private_dns: true, s3_endpoint: true}",
        ] {
            let kinds = kinds(&graph(text, None));
            for billed in [
                Kind::Instance,
                Kind::NatGateway,
                Kind::ElasticAddress,
                Kind::LoadBalancer,
                Kind::Database,
                Kind::DatabaseCluster,
                Kind::Search,
                Kind::Cache,
                Kind::Zone,
            ] {
                assert!(!kinds.contains(&billed), "{billed:?}");
            }
            for free in [
                Kind::Seed,
                Kind::Role,
                Kind::InstanceProfile,
                Kind::Bucket,
                Kind::DatabaseSubnets,
                Kind::DatabaseParameters,
            ] {
                assert!(kinds.contains(&free), "{free:?}");
            }
        }
    }

    #[test]
    fn everything_waits_for_the_seed() {
        let host = host();
        for graph in [
            graph("architecture: 10k", None),
            graph("architecture: 10k", Some(&host)),
        ] {
            for node in &graph.nodes {
                assert_eq!(node.after.is_empty(), node.address == Address::seed());
            }
        }
    }

    #[test]
    fn two_groups_refer_to_each_other() {
        let kinds = kinds(&graph("architecture: 1k", None));
        let rules = kinds.iter().filter(|kind| **kind == Kind::SecurityRules);
        assert_eq!(rules.count(), 2);
    }

    #[test]
    fn a_host_ends_itself() {
        let host = host();
        let graph = graph("architecture: 10k", Some(&host));
        let lifetimes = graph.resources().filter_map(|(_, one)| match one {
            Desired::Instance(instance) => Some(instance.lifetime),
            _ => None,
        });
        assert_eq!(lifetimes.collect::<Vec<_>>(), [Some(host.lifetime)]);
    }
}
