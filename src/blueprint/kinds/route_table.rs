//! Route tables.

use super::super::{Address, AttributeValue, Attributes, Kind};
use super::grants::{CREATE, CREATE_AND_UPDATE, DELETE, TAKING_DOWN, create, own, read};
use super::info::{AttributeInfo, KindInfo};
use super::resource::Resource;

/// A default route to a gateway, for these subnets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteTable {
    /// The subnets that use it.
    pub subnets: Vec<Address>,
    /// The internet gateway or a NAT gateway.
    pub gateway: Address,
}

impl Resource for RouteTable {
    fn attributes(&self) -> Attributes {
        [
            ("default_route", AttributeValue::from(&self.gateway)),
            ("subnets", AttributeValue::names(&self.subnets)),
        ]
        .into_iter()
        .collect()
    }

    fn holds_ids_of(&self) -> Vec<Address> {
        vec![self.gateway.clone()]
    }
}

pub(in crate::blueprint) const INFO: KindInfo = KindInfo {
    deleted_before: &[Kind::InternetGateway, Kind::Subnet, Kind::Vpc],
    attributes: &[
        AttributeInfo::text("default_route"),
        AttributeInfo::names("subnets"),
    ],
    used_by: "subnets",
    grants: &[
        read("ec2:DescribeRouteTables", "finding routes"),
        create(
            "ec2:CreateRouteTable",
            "arn:{partition}:ec2:{region}:{account}:route-table/*",
            "the way of each subnet to the internet",
        ),
        own(CREATE, "ec2:CreateRouteTable", "in the environment's VPC"),
        own(
            CREATE_AND_UPDATE,
            "ec2:CreateRoute ec2:ReplaceRoute ec2:AssociateRouteTable ec2:ReplaceRouteTableAssociation",
            "routes of the environment's own subnets",
        ),
        own(
            DELETE,
            "ec2:DisassociateRouteTable ec2:DeleteRouteTable",
            TAKING_DOWN,
        ),
    ],
    ..KindInfo::COMMON
};
