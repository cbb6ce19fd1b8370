//! An environment's network: who stands where, and the ways in and out.

use ipnet::Ipv4Net;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{AddressKind, Role};

/// Where hosts stand and how operators get to them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// Every host in a public subnet, with a public address.
    #[default]
    Public,
    /// Hosts in private subnets, with NAT gateways as their way out; operators come to their
    /// private addresses over a VPN, a peering or from inside. Proxies stay public.
    Private,
    /// As `private`, but operators come through one bastion host with a public address.
    Bastion,
}

/// How many NAT gateways hosts in private subnets share.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Nat {
    /// One for all zones: cheap, and gone with its zone.
    #[default]
    Single,
    /// One in each zone.
    PerZone,
}

/// The environment's network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    /// The VPC's address range, /16 to /20.
    pub cidr: Ipv4Net,
    /// Availability zones that subnets are spread over, two or three.
    pub zones: u8,
    /// Who stands where.
    pub layout: Layout,
    /// NAT gateways; only where hosts stand in private subnets.
    pub nat: Nat,
}

impl Network {
    /// A VPC of its own with every host in a public subnet.
    #[must_use]
    pub fn public(cidr: Ipv4Net, zones: u8) -> Self {
        Self {
            cidr,
            zones,
            layout: Layout::Public,
            nat: Nat::Single,
        }
    }

    /// Whether hosts of a role stand in public subnets. Proxies and bastions always do: they
    /// are what the others stand behind.
    #[must_use]
    pub fn is_public(&self, role: Role) -> bool {
        self.layout == Layout::Public || matches!(role, Role::Proxy | Role::Bastion)
    }

    /// The zones that have a NAT gateway, counted from 0.
    #[must_use]
    pub fn nat_zones(&self) -> std::ops::Range<u8> {
        match (self.layout, self.nat) {
            (Layout::Public, _) => 0..0,
            (_, Nat::Single) => 0..1,
            (_, Nat::PerZone) => 0..self.zones,
        }
    }

    /// Which address of a host operators use for SSH, when they use `access` for hosts that
    /// they reach directly. What stands behind a bastion is reached at its private one.
    #[must_use]
    pub fn ssh_address(&self, role: Role, access: AddressKind) -> AddressKind {
        if self.is_behind_bastion(role) {
            AddressKind::Private
        } else {
            access
        }
    }

    /// Whether SSH to hosts of a role goes through the bastion.
    #[must_use]
    pub fn is_behind_bastion(&self, role: Role) -> bool {
        self.layout == Layout::Bastion && role != Role::Bastion
    }
}
