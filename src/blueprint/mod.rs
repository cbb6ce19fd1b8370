//! The graph of what an environment needs: resources and host steps.
//!
//! A pure function of the spec: no I/O, no clock, no async. Nodes name each other by
//! address; ids and endpoints are only known once something exists.

mod address;
mod attributes;
mod build;
mod canary;
mod database;
mod desired;
mod ingress;
mod kind;
pub mod kinds;
mod load_balancing;
mod names;
mod network;
mod parameters;
mod parts;
mod rules;
mod step;

pub use address::Address;
pub use attributes::{AttributeValue, Attributes, UnreadableAttribute, ValueForm};
pub use build::{blueprint, blueprint_offline};
pub use canary::{CANARY_HOST, CanaryHost, canary, canary_spec};
pub use desired::Desired;
pub use ingress::{Peer, Protocol, Rule};
pub use kind::Kind;
pub use parameters::{needing_restart, parameter_lines};
pub use parts::{DatabaseRole, Group, SubnetTier};
pub use step::{Stage, Step};

/// One node of the graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its identity within the environment.
    pub address: Address,
    /// What must be finished before it starts.
    pub after: Vec<Address>,
    /// What it is.
    pub step: Step,
}

/// The whole graph, in an order in which every node comes after what it depends on.
///
/// A list in that order is all the graph that there is: whoever walks it needs the names that a
/// node waits for, and nothing that a graph library would add.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blueprint {
    /// Resources and host steps, each after what it depends on.
    pub nodes: Vec<Node>,
}

impl Blueprint {
    /// The node at an address.
    #[must_use]
    pub fn node(&self, address: &Address) -> Option<&Node> {
        self.nodes.iter().find(|node| &node.address == address)
    }

    /// The same without its host steps.
    #[must_use]
    pub fn without_hosts(mut self) -> Self {
        let (kept, left): (Vec<Node>, Vec<Node>) = self
            .nodes
            .into_iter()
            .partition(|node| matches!(node.step, Step::Resource(_)));
        self.nodes = kept;
        // What waits for a host is not held up by one that is left alone.
        for node in &mut self.nodes {
            let is_left = |address: &Address| left.iter().any(|host| host.address == *address);
            node.after.retain(|address| !is_left(address));
        }
        self
    }

    /// What belongs to somebody else and is looked up by its id.
    pub fn adopted(&self) -> Vec<(&Address, &Desired)> {
        self.resources()
            .filter(|(_, desired)| desired.kind() == Kind::Adopted)
            .collect()
    }

    /// The resources, without the host steps.
    pub fn resources(&self) -> impl Iterator<Item = (&Address, &Desired)> {
        self.nodes.iter().filter_map(|node| match &node.step {
            Step::Resource(desired) => Some((&node.address, desired)),
            Step::Host { .. } => None,
        })
    }
}
