//! Subnets.

use ipnet::Ipv4Net;

use super::super::{AttributeValue, Attributes, Kind, SubnetTier};
use super::grants::{CREATE, CREATE_AND_UPDATE, DELETE, TAKING_DOWN, create, own, read};
use super::info::{AttributeInfo, KindInfo, OnDifference, minutes};
use super::resource::Resource;

/// A subnet of one tier in one zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subnet {
    /// Whether hosts in it get public addresses.
    pub tier: SubnetTier,
    /// Which of the environment's zones it is in, from 0.
    pub zone: u8,
    /// The name of that zone, where the YAML says it.
    pub zone_name: Option<String>,
    /// Its part of the VPC's range.
    pub cidr: Ipv4Net,
}

impl Resource for Subnet {
    fn attributes(&self) -> Attributes {
        [
            ("cidr", AttributeValue::from(self.cidr.to_string())),
            (
                "public_addresses",
                AttributeValue::from(self.tier == SubnetTier::Public),
            ),
        ]
        .into_iter()
        .chain(
            self.zone_name
                .iter()
                .map(|name| ("zone", name.as_str().into())),
        )
        .collect()
    }
}

pub(in crate::blueprint) const INFO: KindInfo = KindInfo {
    deleted_before: &[Kind::Vpc],
    // Network interfaces of deleted databases and load balancers linger.
    patience: minutes(20),
    attributes: &[
        AttributeInfo::text("cidr").or(OnDifference::Refuse(
            "an address range cannot change while the environment lives; take it down first",
        )),
        AttributeInfo::flag("public_addresses"),
        AttributeInfo::text("zone").or(OnDifference::Refuse(
            "a subnet is in {old} and cannot move to {new}; take the environment down first",
        )),
    ],
    has_blockers: true,
    grants: &[
        read(
            "ec2:DescribeSubnets ec2:DescribeAvailabilityZones",
            "finding subnets, and zones to spread over",
        ),
        create(
            "ec2:CreateSubnet",
            "arn:{partition}:ec2:{region}:{account}:subnet/*",
            "a public and a private subnet in each zone",
        ),
        own(CREATE, "ec2:CreateSubnet", "in the environment's VPC"),
        own(
            CREATE_AND_UPDATE,
            "ec2:ModifySubnetAttribute",
            "public addresses for hosts, none for databases",
        ),
        own(DELETE, "ec2:DeleteSubnet", TAKING_DOWN),
    ],
    ..KindInfo::COMMON
};
