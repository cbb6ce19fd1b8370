//! The network's part of the graph: subnets, and the ways out of them.

use ipnet::Ipv4Net;

use crate::spec::{ExistingNetwork, HostName, Layout, Role};

use super::build::Builder;
use super::kinds::{
    Adopted, Adoptee, ElasticAddress, InternetGateway, NatGateway, RouteTable, S3Endpoint, Subnet,
    Vpc,
};
use super::{Address, Group, SubnetTier};

impl Builder<'_> {
    /// The subnets of a tier, a zone each.
    pub(super) fn subnets(&self, tier: SubnetTier) -> Vec<Address> {
        (0..self.spec.network.zones)
            .map(|zone| Address::subnet(tier, zone))
            .collect()
    }

    /// Whether the VPC is the environment's own.
    pub(super) fn is_own(&self) -> bool {
        self.spec.network.existing.is_none()
    }

    pub(super) fn network(&mut self) {
        if let Some(existing) = self.spec.network.existing.clone() {
            self.adopt(existing);
            return;
        }
        let cidr = self.spec.network.cidr;
        self.resource(Address::vpc(), vec![], Vpc { cidr });
        self.resource(
            Address::internet_gateway(),
            vec![Address::vpc()],
            InternetGateway,
        );
        for tier in [SubnetTier::Public, SubnetTier::Private] {
            for zone in 0..self.spec.network.zones {
                self.resource(
                    Address::subnet(tier, zone),
                    vec![Address::vpc()],
                    Subnet {
                        tier,
                        zone,
                        zone_name: self.spec.network.zone_name(zone).map(str::to_owned),
                        cidr: subnet_range(cidr, tier, zone),
                    },
                );
            }
        }
        let subnets = self.subnets(SubnetTier::Public);
        self.route_table(Address::route_table(), subnets, Address::internet_gateway());
        self.way_out_of_private_subnets();
        self.endpoint();
    }

    /// Somebody else's VPC and subnets, at the addresses that ours would have: whatever
    /// refers to them does not know the difference.
    fn adopt(&mut self, existing: ExistingNetwork) {
        let vpc = existing.vpc;
        self.resource(
            Address::vpc(),
            vec![],
            Adopted {
                what: Adoptee::Vpc,
                id: vpc.clone(),
                vpc: vpc.clone(),
            },
        );
        for (tier, what, ids) in [
            (
                SubnetTier::Public,
                Adoptee::PublicSubnet,
                existing.public_subnets,
            ),
            (
                SubnetTier::Private,
                Adoptee::PrivateSubnet,
                existing.private_subnets,
            ),
        ] {
            for (zone, id) in (0..).zip(ids) {
                self.resource(
                    Address::subnet(tier, zone),
                    vec![Address::vpc()],
                    Adopted {
                        what,
                        id,
                        vpc: vpc.clone(),
                    },
                );
            }
        }
    }

    /// The way to S3 that leaves the VPC by no gateway.
    fn endpoint(&mut self) {
        if !self.spec.network.s3_endpoint {
            return;
        }
        let mut tables = vec![Address::route_table()];
        if !self.spec.network.nat_zones().is_empty() {
            tables.extend((0..self.spec.network.zones).map(Address::private_route_table));
        }
        self.resource(Address::endpoint(), tables.clone(), S3Endpoint { tables });
    }

    /// NAT gateways, and a route table for each private subnet.
    ///
    /// Each zone has a table of its own also where all share one gateway, so that a change
    /// between the two is one changed route.
    fn way_out_of_private_subnets(&mut self) {
        let gateways = self.spec.network.nat_zones();
        for zone in gateways.clone() {
            let address = Address::nat_address(zone);
            self.resource(address.clone(), vec![], ElasticAddress);
            let subnet = Address::subnet(SubnetTier::Public, zone);
            self.resource(
                Address::nat_gateway(zone),
                vec![
                    subnet.clone(),
                    address.clone(),
                    // AWS wants the VPC to have a gateway, and packets want the route.
                    Address::internet_gateway(),
                    Address::route_table(),
                ],
                NatGateway { subnet, address },
            );
        }
        if gateways.is_empty() {
            return;
        }
        for zone in 0..self.spec.network.zones {
            let gateway = if gateways.contains(&zone) { zone } else { 0 };
            self.route_table(
                Address::private_route_table(zone),
                vec![Address::subnet(SubnetTier::Private, zone)],
                Address::nat_gateway(gateway),
            );
        }
    }

    fn route_table(&mut self, address: Address, subnets: Vec<Address>, gateway: Address) {
        let mut after = vec![gateway.clone()];
        after.extend(subnets.iter().cloned());
        self.resource(address, after, RouteTable { subnets, gateway });
    }

    /// What a host's first steps need: the host, a way in for SSH and a way out for packages.
    pub(super) fn prepare_after(&self, host: HostName) -> Vec<Address> {
        let network = &self.spec.network;
        let mut after = vec![
            Address::instance(host),
            Address::security_rules(Group::Hosts(host.role)),
        ];
        // The ways out of somebody else's subnets are there before us.
        if network.existing.is_some() {
        } else if network.is_public(host.role) {
            after.push(Address::route_table());
        } else {
            // Whichever zone had capacity for the host.
            after.extend((0..network.zones).map(Address::private_route_table));
        }
        if network.layout == Layout::Bastion && network.is_behind_bastion(host.role) {
            let bastion = HostName {
                role: Role::Bastion,
                index: 1,
            };
            after.push(Address::instance(bastion));
            after.push(Address::security_rules(Group::Hosts(Role::Bastion)));
            if self.is_own() {
                after.push(Address::route_table());
            }
        }
        after.sort();
        after.dedup();
        after
    }
}

/// Cuts the VPC into 16 equal blocks: public subnets take the first, private ones the ninth on.
fn subnet_range(vpc: Ipv4Net, tier: SubnetTier, zone: u8) -> Ipv4Net {
    let first = match tier {
        SubnetTier::Public => 0,
        SubnetTier::Private => 8,
    };
    let prefix = (vpc.prefix_len() + 4).min(28);
    vpc.subnets(prefix)
        .ok()
        .and_then(|mut blocks| blocks.nth(first + usize::from(zone)))
        // The spec admits /16 to /20 only, so there always are sixteen blocks.
        .unwrap_or(vpc)
}
