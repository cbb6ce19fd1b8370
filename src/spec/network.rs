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

/// In which of an environment's zones hosts and services are placed when they are created. What exists
/// stays where it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ZonePlacement {
    /// All in the first one: no call between hosts crosses zones, which takes longer and is billed.
    OneZone,
    /// Over all of them: the loss of a zone leaves the rest. What specs of older versions mean.
    #[default]
    AllZones,
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

/// A network that somebody else made and keeps: used, and never changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExistingNetwork {
    /// The VPC's id.
    pub vpc: String,
    /// Subnets with a route to an internet gateway, a zone each; may be none where nothing
    /// has to be public.
    pub public_subnets: Vec<String>,
    /// Subnets of hosts and services, a zone each.
    pub private_subnets: Vec<String>,
}

/// The environment's network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    /// The VPC's address range, /16 to /20.
    pub cidr: Ipv4Net,
    /// Availability zones that subnets are spread over, two or three.
    pub zones: u8,
    /// The names of those zones; empty where loadrig chooses them.
    #[serde(default)]
    pub availability_zones: Vec<String>,
    /// In which of them hosts and services are placed.
    #[serde(default)]
    pub placement: ZonePlacement,
    /// Who stands where.
    pub layout: Layout,
    /// NAT gateways; only where hosts stand in private subnets of a VPC of its own.
    pub nat: Nat,
    /// Somebody else's VPC to stand in; `cidr` says nothing then.
    pub existing: Option<ExistingNetwork>,
    /// Whether S3 is reached by a gateway endpoint.
    pub s3_endpoint: bool,
    /// Whether hosts and services have names in a private DNS zone.
    pub private_dns: bool,
}

impl Network {
    /// A VPC of its own with every host in a public subnet, in one zone as rigs are.
    #[must_use]
    pub fn public(cidr: Ipv4Net, zones: u8) -> Self {
        Self {
            cidr,
            zones,
            availability_zones: Vec::new(),
            placement: ZonePlacement::OneZone,
            layout: Layout::Public,
            nat: Nat::Single,
            existing: None,
            s3_endpoint: false,
            private_dns: false,
        }
    }

    /// Whether hosts of a role stand in public subnets. Proxies and bastions do wherever there
    /// are any: they are what the others stand behind.
    #[must_use]
    pub fn is_public(&self, role: Role) -> bool {
        let first = matches!(role, Role::Proxy | Role::Bastion);
        self.has_public_subnets() && (first || self.layout == Layout::Public)
    }

    /// The name of one of its zones, where the YAML says it.
    #[must_use]
    pub fn zone_name(&self, index: u8) -> Option<&str> {
        let name = self.availability_zones.get(usize::from(index));
        name.map(String::as_str)
    }

    /// How many of its zones, from the first one on, hosts and services are placed in.
    #[must_use]
    pub fn placed_zones(&self) -> u8 {
        match self.placement {
            ZonePlacement::OneZone => 1,
            ZonePlacement::AllZones => self.zones,
        }
    }

    /// Whether there are public subnets.
    #[must_use]
    pub fn has_public_subnets(&self) -> bool {
        let existing = self.existing.as_ref();
        existing.is_none_or(|existing| !existing.public_subnets.is_empty())
    }

    /// The zones that have a NAT gateway, counted from 0.
    #[must_use]
    pub fn nat_zones(&self) -> std::ops::Range<u8> {
        match (self.layout, self.nat) {
            _ if self.existing.is_some() => 0..0,
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
