//! The network: its range, who stands where, and whether that fits how operators come in.

use ipnet::Ipv4Net;

use super::{Checker, DEFAULT_ZONES};
use crate::spec::shape::NetworkShape;
use crate::spec::{AddressKind, Layout, Network, values};

impl Checker<'_> {
    /// Checks the network's settings; `None` when something is wrong with them.
    pub(super) fn network(&mut self, shape: &NetworkShape, name: Option<&str>) -> Option<Network> {
        let layout = shape.layout.unwrap_or_default();
        let cidr = match shape.cidr.as_deref() {
            Some(text) => self.cidr(text),
            None => name.map(values::default_cidr),
        };
        let nat = match (shape.nat, layout) {
            (Some(_), Layout::Public) => {
                self.nothing_behind_nat();
                None
            }
            (nat, _) => Some(nat.unwrap_or_default()),
        };
        Some(Network {
            zones: shape.zones.unwrap_or(DEFAULT_ZONES),
            layout,
            nat: nat?,
            cidr: cidr?,
        })
    }

    fn nothing_behind_nat(&mut self) {
        let problem = self
            .key_place(&["network", "nat"])
            .problem(
                "NAT gateways without hosts behind them",
                "expected `layout: private` or `layout: bastion` beside it",
            )
            .hint("in the layout `public` every host has a public address of its own");
        self.report(problem);
    }

    /// The address that operators use: what has none that is public is reached privately.
    pub(super) fn access_address(
        &mut self,
        given: Option<AddressKind>,
        layout: Layout,
    ) -> Option<AddressKind> {
        match (given, layout) {
            (Some(AddressKind::Public), Layout::Private) => {
                let problem = self
                    .place(&["access", "address"])
                    .problem(
                        "hosts in private subnets have no public address",
                        "expected `private`, or `network.layout: bastion`",
                    )
                    .hint("with a bastion, operators come in at its public address");
                self.report(problem);
                None
            }
            (Some(address), _) => Some(address),
            (None, Layout::Private) => Some(AddressKind::Private),
            (None, _) => Some(AddressKind::Public),
        }
    }

    fn cidr(&mut self, text: &str) -> Option<Ipv4Net> {
        let place = self.place(&["network", "cidr"]);
        let parsed: Option<Ipv4Net> = text.parse().ok();
        let problem = match parsed {
            None => place.problem(
                format!("`{text}` is no address range"),
                "expected something like `10.20.0.0/16`",
            ),
            Some(net) if !(16..=20).contains(&net.prefix_len()) => place.problem(
                format!(
                    "`{text}` is too {}",
                    if net.prefix_len() < 16 {
                        "large"
                    } else {
                        "small"
                    }
                ),
                "expected a prefix from /16 to /20",
            ),
            Some(net) if net != net.trunc() => place.problem(
                format!("`{text}` is an address, not a range"),
                format!("did you mean `{}`?", net.trunc()),
            ),
            Some(net) if !(net.network().is_private() && net.broadcast().is_private()) => place
                .problem(
                    format!("`{text}` is not private"),
                    "expected a range of 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16",
                ),
            Some(cidr) => return Some(cidr),
        };
        self.report(problem);
        None
    }
}
