//! The network: its range, who stands where, and whether that fits how operators come in.

use ipnet::Ipv4Net;

use super::{Checker, DEFAULT_ZONES};
use crate::spec::shape::{ExistingShape, NetworkShape};
use crate::spec::{
    Access, AddressKind, ExistingNetwork, Layout, Network, Purpose, ZonePlacement,
    is_region_shaped, values,
};

/// Subnets of an existing VPC: services want two zones, and hosts are spread over three.
const SUBNETS: std::ops::RangeInclusive<usize> = 2..=3;

/// The zones that a network spans, as far as its file says so.
pub(crate) fn zones(shape: &NetworkShape) -> u8 {
    let existing = shape.existing.as_ref();
    let subnets = existing.and_then(|existing| existing.private_subnets.as_ref());
    match subnets {
        Some(subnets) if SUBNETS.contains(&subnets.len()) => {
            u8::try_from(subnets.len()).unwrap_or(DEFAULT_ZONES)
        }
        _ => {
            let named = shape.availability_zones.as_ref().map(Vec::len);
            let named = named.filter(|count| SUBNETS.contains(count));
            let named = named.and_then(|count| u8::try_from(count).ok());
            named.or(shape.zones).unwrap_or(DEFAULT_ZONES)
        }
    }
}

/// In which of them hosts and services are placed. Load tests are published for one zone
/// (mattermost-load-test-ng, `AWSAvailabilityZone`); who sets the number of zones means to use them.
pub(crate) fn placement(shape: &NetworkShape, purpose: Purpose) -> ZonePlacement {
    shape.placement.unwrap_or(match (purpose, shape.zones) {
        (Purpose::Rig, None) => ZonePlacement::OneZone,
        _ => ZonePlacement::AllZones,
    })
}

impl Checker<'_> {
    /// Checks the network's settings; `None` when something is wrong with them.
    pub(super) fn network(
        &mut self,
        shape: &NetworkShape,
        name: Option<&str>,
        region: Option<&str>,
        purpose: Purpose,
    ) -> Option<Network> {
        let layout = shape.layout.unwrap_or_default();
        let existing = match &shape.existing {
            Some(existing) => {
                let own = self.nothing_of_its_own(shape);
                let existing = self.existing(existing, layout);
                own.then_some(existing).flatten().map(Some)
            }
            None => Some(None),
        };
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
        let availability_zones = self.availability_zones(shape, region);
        let behind_nat = layout != Layout::Public && shape.existing.is_none();
        Some(Network {
            zones: zones(shape),
            availability_zones: availability_zones?,
            placement: placement(shape, purpose),
            layout,
            s3_endpoint: shape.s3_endpoint.unwrap_or(behind_nat),
            private_dns: shape.private_dns.unwrap_or(false),
            nat: nat?,
            cidr: cidr?,
            existing: existing?,
        })
    }

    /// What would be made or changed in a VPC that is not ours. Whether all is well.
    fn nothing_of_its_own(&mut self, shape: &NetworkShape) -> bool {
        let given = [
            (shape.cidr.is_some(), "cidr", "it has its own range"),
            (
                shape.zones.is_some(),
                "zones",
                "its subnets have their zones",
            ),
            (
                shape.availability_zones.is_some(),
                "availability_zones",
                "its subnets have their zones",
            ),
            (
                shape.nat.is_some(),
                "nat",
                "its private subnets bring their own route to the internet",
            ),
            (
                shape.s3_endpoint == Some(true),
                "s3_endpoint",
                "its route tables are not changed",
            ),
        ];
        let mut well = true;
        for (is_given, key, why) in given {
            if is_given {
                well = false;
                let problem = self.key_place(&["network", key]).problem(
                    format!("`network.{key}` does not apply to an existing VPC"),
                    "expected no such key beside `network.existing`",
                );
                self.report(
                    problem.hint(format!("loadrig does not change an existing VPC: {why}")),
                );
            }
        }
        well
    }

    fn existing(&mut self, shape: &ExistingShape, layout: Layout) -> Option<ExistingNetwork> {
        let mut well = true;
        let vpc = shape.vpc.clone()?;
        if !is_id(&vpc, "vpc-") {
            well = false;
            let problem = self.place(&["network", "existing", "vpc"]).problem(
                format!("`{vpc}` is not a VPC id"),
                "expected something like `vpc-0a1b2c3d4e5f60718`",
            );
            self.report(problem);
        }
        let public = shape.public_subnets.clone().unwrap_or_default();
        let private = shape.private_subnets.clone()?;
        let mut seen: Vec<&String> = Vec::new();
        for (key, list) in [("public_subnets", &public), ("private_subnets", &private)] {
            for (index, id) in list.iter().enumerate() {
                let index = index.to_string();
                let place = self.place(&["network", "existing", key, &index]);
                let problem = if !is_id(id, "subnet-") {
                    place.problem(
                        format!("`{id}` is not a subnet id"),
                        "expected something like `subnet-0a1b2c3d4e5f60718`",
                    )
                } else if seen.contains(&id) {
                    place.problem(
                        format!("duplicate subnet `{id}`"),
                        "expected each subnet once",
                    )
                } else {
                    seen.push(id);
                    continue;
                };
                well = false;
                self.report(problem);
            }
        }
        if !SUBNETS.contains(&private.len()) {
            well = false;
            let problem = self
                .key_place(&["network", "existing", "private_subnets"])
                .problem(
                    format!("{} private subnets", private.len()),
                    "expected 2 or 3, each in a different zone",
                );
            self.report(problem.hint("databases and caches need subnets in at least two zones"));
        }
        let needed = layout != Layout::Private;
        if (needed || !public.is_empty()) && public.len() != private.len() {
            well = false;
            let expected = if needed {
                "expected as many as private ones"
            } else {
                "expected none, or as many as private ones"
            };
            let problem = self
                .key_place(&["network", "existing", "public_subnets"])
                .problem(format!("{} public subnets", public.len()), expected);
            self.report(problem.hint("only the layout `private` can do without public subnets"));
        }
        well.then_some(ExistingNetwork {
            vpc,
            public_subnets: public,
            private_subnets: private,
        })
    }

    /// The zones that are named: as many as there are to be, each once, in the environment's region.
    fn availability_zones(
        &mut self,
        shape: &NetworkShape,
        region: Option<&str>,
    ) -> Option<Vec<String>> {
        let names = shape.availability_zones.clone().unwrap_or_default();
        if shape.availability_zones.is_none() {
            return Some(names);
        }
        let path = ["network", "availability_zones"];
        let mut well = true;
        let count = u8::try_from(names.len()).unwrap_or(u8::MAX);
        if !SUBNETS.contains(&names.len()) || shape.zones.is_some_and(|zones| zones != count) {
            well = false;
            let expected = match shape.zones {
                Some(zones) => format!("expected {zones}, as `network.zones` says"),
                None => "expected 2 or 3".to_owned(),
            };
            let problem = self.key_place(&path);
            let zones = if count == 1 { "zone" } else { "zones" };
            let problem = problem.problem(format!("{count} availability {zones}"), expected);
            self.report(problem);
        }
        for (index, name) in names.iter().enumerate() {
            let own = name.strip_suffix(|last: char| last.is_ascii_lowercase());
            let text = if !own.is_some_and(is_region_shaped) {
                format!("`{name}` is not an availability zone")
            } else if region.is_some() && own != region {
                format!("`{name}` is a zone of another region")
            } else if names.iter().take(index).any(|earlier| earlier == name) {
                format!("duplicate availability zone `{name}`")
            } else {
                continue;
            };
            well = false;
            let index = index.to_string();
            let place = self.place(&["network", "availability_zones", &index]);
            let example = region
                .filter(|region| is_region_shaped(region))
                .unwrap_or("us-east-1");
            let expected = format!("expected zones such as `{example}a`, each once");
            let problem = place.problem(text, expected);
            self.report(match region {
                Some(region) if own != Some(region) && own.is_some_and(is_region_shaped) => {
                    problem.hint(format!("the environment's `region` is `{region}`"))
                }
                _ => problem,
            });
        }
        well.then_some(names)
    }

    fn nothing_behind_nat(&mut self) {
        let problem = self
            .key_place(&["network", "nat"])
            .problem(
                "`network.nat` without private hosts",
                "expected `layout: private` or `layout: bastion` beside it",
            )
            .hint("in the layout `public` every host has its own public address");
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
                    .hint("with a bastion, operators connect through its public address");
                self.report(problem);
                None
            }
            (Some(address), _) => Some(address),
            (None, Layout::Private) => Some(AddressKind::Private),
            (None, _) => Some(AddressKind::Public),
        }
    }

    /// Whose packets come from where is known of a VPC of our own: the route to its range
    /// tells. Of somebody else's it has to be said.
    pub(super) fn is_known(&mut self, access: &Access) -> bool {
        if access.address == AddressKind::Public || !access.operators.is_empty() {
            return true;
        }
        let problem = self.place(&["access"]).problem(
            "`access.operators` is required in an existing VPC",
            "expected `operators` with the CIDR ranges that they connect from",
        );
        self.report(
            problem.hint("`auto` works for public addresses, and in a VPC that loadrig creates"),
        );
        false
    }

    fn cidr(&mut self, text: &str) -> Option<Ipv4Net> {
        let place = self.place(&["network", "cidr"]);
        let parsed: Option<Ipv4Net> = text.parse().ok();
        let problem = match parsed {
            None => place.problem(
                format!("`{text}` is not a CIDR range"),
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
                format!("`{text}` has host bits set"),
                format!("use `{}`", net.trunc()),
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

/// `vpc-` or `subnet-` and hexadecimal digits.
fn is_id(text: &str, prefix: &str) -> bool {
    let digits = text.strip_prefix(prefix).unwrap_or_default();
    (8..=17).contains(&digits.len())
        && digits
            .bytes()
            .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}
