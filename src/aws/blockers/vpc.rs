//! What somebody else put into a VPC, which keeps it from going.
//!
//! The environment's own parts go before the VPC by themselves, and what every VPC has (its main
//! route table, default network ACL and default security group) goes with it. The rest AWS does
//! not name: "Delete your VPC" (Amazon VPC User Guide) lists what has to go first.

use std::collections::BTreeSet;

use aws_sdk_ec2::types::{Tag, VpcPeeringConnectionStateReasonCode};

use crate::aws::Aws;
use crate::aws::error::CallContext;
use crate::aws::tags::{self, filter, pairs};
use crate::engine::{Blocker, CloudError, FailureClass};

/// All that a paginated EC2 call lists under filters.
macro_rules! all {
    ($aws:ident.$call:ident, $operation:literal, $filter:expr) => {
        Box::pin(async {
            let found: Result<Vec<_>, _> = $aws
                .ec2
                .$call()
                .set_filters($filter.map(|filter| vec![filter]))
                .into_paginator()
                .items()
                .send()
                .try_collect()
                .await;
            if_allowed(found.context($operation, "VPC"))
        })
    };
}

impl Aws {
    /// Parts of a VPC that are not the environment's.
    pub(in crate::aws) async fn parts_of_vpc(
        &self,
        environment: &str,
        id: &str,
    ) -> Result<Vec<Blocker>, CloudError> {
        let (inside, ways) = futures::try_join!(
            Box::pin(self.parts_inside(environment, id)),
            Box::pin(self.ways_out(environment, id)),
        )?;
        let blockers = inside.into_iter().chain(ways).map(|what| Blocker {
            what: format!("{what}, which is not of this environment"),
            passing: false,
        });
        Ok(blockers.collect())
    }

    async fn parts_inside(&self, environment: &str, id: &str) -> Result<Vec<String>, CloudError> {
        let of_vpc = || Some(filter("vpc-id", [id]));
        let (subnets, groups, tables, acls) = futures::try_join!(
            all!(self.describe_subnets, "ec2:DescribeSubnets", of_vpc()),
            all!(
                self.describe_security_groups,
                "ec2:DescribeSecurityGroups",
                of_vpc()
            ),
            all!(
                self.describe_route_tables,
                "ec2:DescribeRouteTables",
                of_vpc()
            ),
            all!(
                self.describe_network_acls,
                "ec2:DescribeNetworkAcls",
                of_vpc()
            ),
        )?;
        let strange = |tags: &[Tag]| is_strange(tags, environment);
        let mut parts = Vec::new();
        for one in subnets.iter().filter(|one| strange(one.tags())) {
            parts.push(named("subnet", one.subnet_id()));
        }
        let groups = groups.iter().filter(|one| strange(one.tags()));
        for one in groups.filter(|one| one.group_name() != Some("default")) {
            let name = one.group_name().unwrap_or("unnamed");
            parts.push(format!(
                "{} (`{name}`)",
                named("security group", one.group_id())
            ));
        }
        for one in tables.iter().filter(|one| strange(one.tags())) {
            let mut associations = one.associations().iter();
            if !associations.any(|association| association.main() == Some(true)) {
                parts.push(named("route table", one.route_table_id()));
            }
        }
        for one in acls.iter().filter(|one| strange(one.tags())) {
            if one.is_default() != Some(true) {
                parts.push(named("network ACL", one.network_acl_id()));
            }
        }
        Ok(parts)
    }

    async fn ways_out(&self, environment: &str, id: &str) -> Result<Vec<String>, CloudError> {
        let attached = || Some(filter("attachment.vpc-id", [id]));
        let of_vpc = || Some(filter("vpc-id", [id]));
        let (gateways, egress, nats, vpn, endpoints, peerings) = futures::try_join!(
            all!(
                self.describe_internet_gateways,
                "ec2:DescribeInternetGateways",
                attached()
            ),
            // Has no filter by VPC.
            all!(
                self.describe_egress_only_internet_gateways,
                "ec2:DescribeEgressOnlyInternetGateways",
                None
            ),
            Box::pin(async {
                let found = self
                    .ec2
                    .describe_nat_gateways()
                    .filter(filter("vpc-id", [id]))
                    .filter(filter("state", ["pending", "available", "deleting"]))
                    .into_paginator()
                    .items()
                    .send()
                    .try_collect()
                    .await;
                if_allowed(found.context("ec2:DescribeNatGateways", id))
            }),
            Box::pin(async {
                let call = self
                    .ec2
                    .describe_vpn_gateways()
                    .set_filters(attached().map(|one| vec![one]));
                let found = call.send().await.context("ec2:DescribeVpnGateways", id);
                if_allowed(found.map(|answer| answer.vpn_gateways.unwrap_or_default()))
            }),
            all!(
                self.describe_vpc_endpoints,
                "ec2:DescribeVpcEndpoints",
                of_vpc()
            ),
            Box::pin(self.peerings(id)),
        )?;
        let strange = |tags: &[Tag]| is_strange(tags, environment);
        let mut ways = Vec::new();
        for one in gateways.iter().filter(|one| strange(one.tags())) {
            ways.push(named("internet gateway", one.internet_gateway_id()));
        }
        for one in egress.iter().filter(|one| strange(one.tags())) {
            let mut attachments = one.attachments().iter();
            if attachments.any(|attachment| attachment.vpc_id() == Some(id)) {
                let gateway = one.egress_only_internet_gateway_id();
                ways.push(named("egress-only internet gateway", gateway));
            }
        }
        for one in nats.iter().filter(|one| strange(one.tags())) {
            ways.push(named("NAT gateway", one.nat_gateway_id()));
        }
        for one in vpn.iter().filter(|one| strange(one.tags())) {
            ways.push(named("VPN gateway", one.vpn_gateway_id()));
        }
        for one in endpoints.iter().filter(|one| strange(one.tags())) {
            let state = one.state().map(|state| state.as_str().to_ascii_lowercase());
            if state.as_deref() != Some("deleted") {
                ways.push(named("VPC endpoint", one.vpc_endpoint_id()));
            }
        }
        Ok([ways, peerings].concat())
    }

    /// Connections to other VPCs, asked for by this one's side or the other's.
    async fn peerings(&self, id: &str) -> Result<Vec<String>, CloudError> {
        let mut names = BTreeSet::new();
        for side in ["requester-vpc-info.vpc-id", "accepter-vpc-info.vpc-id"] {
            let found = all!(
                self.describe_vpc_peering_connections,
                "ec2:DescribeVpcPeeringConnections",
                Some(filter(side, [id]))
            )
            .await?;
            for one in found {
                let over = one.status().and_then(|status| status.code());
                let over = matches!(
                    over,
                    Some(
                        VpcPeeringConnectionStateReasonCode::Deleted
                            | VpcPeeringConnectionStateReasonCode::Expired
                            | VpcPeeringConnectionStateReasonCode::Failed
                            | VpcPeeringConnectionStateReasonCode::Rejected
                    )
                );
                if !over {
                    let connection = one.vpc_peering_connection_id();
                    names.insert(named("VPC peering connection", connection));
                }
            }
        }
        Ok(names.into_iter().collect())
    }
}

/// What may not be looked at is left out: the rest is worth naming.
fn if_allowed<T>(found: Result<Vec<T>, CloudError>) -> Result<Vec<T>, CloudError> {
    match found {
        Err(error) if error.class == FailureClass::Denied && !error.is_about_credentials() => {
            Ok(Vec::new())
        }
        other => other,
    }
}

fn is_strange(tags: &[Tag], environment: &str) -> bool {
    tags::address(pairs(tags), environment).is_none()
}

fn named(what: &str, id: Option<&str>) -> String {
    format!("{what} {}", id.unwrap_or("unknown"))
}
