//! The VPC.

use ipnet::Ipv4Net;

use super::super::{AttributeValue, Attributes, Kind};
use super::grants::{CREATE_AND_UPDATE, DELETE, TAKING_DOWN, create, own, read, read_blockers};
use super::info::{AttributeInfo, KindInfo, OnDifference, minutes};
use super::quota::Quota;
use super::resource::Resource;

/// The environment's own network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vpc {
    /// Its address range.
    pub cidr: Ipv4Net,
}

impl Resource for Vpc {
    fn attributes(&self) -> Attributes {
        [
            ("cidr", AttributeValue::from(self.cidr.to_string())),
            ("dns_hostnames", AttributeValue::from(true)),
        ]
        .into_iter()
        .collect()
    }
}

pub(in crate::blueprint) const INFO: KindInfo = KindInfo {
    deleted_before: &[Kind::Seed],
    // Network interfaces of deleted databases and load balancers linger.
    patience: minutes(20),
    attributes: &[
        AttributeInfo::text("cidr").or(OnDifference::Refuse(
            "an address range cannot change while the environment lives; take it down first",
        )),
        AttributeInfo::flag("dns_hostnames"),
    ],
    has_blockers: true,
    quotas: |_, _| Ok(vec![(Quota::Vpcs, 1.0)]),
    grants: &[
        read(
            "ec2:DescribeVpcs ec2:DescribeVpcAttribute",
            "finding the VPC",
        ),
        create(
            "ec2:CreateVpc",
            "arn:{partition}:ec2:{region}:{account}:vpc/*",
            "the environment's own network",
        ),
        own(
            CREATE_AND_UPDATE,
            "ec2:ModifyVpcAttribute",
            "DNS names inside the VPC",
        ),
        own(DELETE, "ec2:DeleteVpc", TAKING_DOWN),
        read_blockers(
            "ec2:DescribeEgressOnlyInternetGateways ec2:DescribeInternetGateways \
         ec2:DescribeNatGateways ec2:DescribeNetworkAcls ec2:DescribeRouteTables \
         ec2:DescribeVpcEndpoints ec2:DescribeVpcPeeringConnections ec2:DescribeVpnGateways",
            "naming what else is in the VPC and prevents its deletion",
        ),
    ],
    ..KindInfo::COMMON
};
