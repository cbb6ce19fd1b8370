//! Ingress rules: who may come in, and to which port.

use ipnet::Ipv4Net;

use crate::spec::HostName;

use super::{Address, Group};

/// Transport protocol of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protocol {
    /// `tcp` of the EC2 API.
    Tcp,
    /// `udp` of the EC2 API.
    Udp,
}

impl Protocol {
    /// As EC2 spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
        }
    }
}

/// Who may come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Peer {
    /// Members of a group of the same environment.
    Group(Group),
    /// An address range.
    Range(Ipv4Net),
    /// The address that the command runs from, in a plan that does not look it up.
    Operator,
    /// The public address of a host of the same environment.
    Host(HostName),
    /// The address of the NAT gateway in a zone.
    Nat(u8),
}

impl Peer {
    /// The resource whose public address it is.
    #[must_use]
    pub fn public_address_of(self) -> Option<Address> {
        match self {
            Peer::Group(_) | Peer::Range(_) | Peer::Operator => None,
            Peer::Host(host) => Some(Address::instance(host)),
            Peer::Nat(zone) => Some(Address::nat_address(zone)),
        }
    }
}

/// An ingress rule of one port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rule {
    /// Of the transport layer; ICMP is never admitted.
    pub protocol: Protocol,
    /// Destination port.
    pub port: u16,
    /// Source.
    pub from: Peer,
}

impl std::fmt::Display for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{} from ", self.protocol.as_str(), self.port)?;
        match self.from {
            Peer::Group(group) => write!(f, "security-group/{}", group.as_str()),
            Peer::Range(net) => write!(f, "{net}"),
            Peer::Operator => f.write_str("your address (auto)"),
            Peer::Host(host) => write!(f, "{}", Address::instance(host)),
            Peer::Nat(zone) => write!(f, "{}", Address::nat_address(zone)),
        }
    }
}
