//! The gateway endpoint of S3.

use super::super::{Address, AttributeValue, Attributes, Kind};
use super::grants::{CREATE, CREATE_AND_UPDATE, DELETE, TAKING_DOWN, create, own, read};
use super::info::{AttributeInfo, KindInfo, WhenFailed, minutes};
use super::resource::Resource;

/// The way to S3 that leaves the VPC by no gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct S3Endpoint {
    /// The tables that get a route to it.
    pub tables: Vec<Address>,
}

impl Resource for S3Endpoint {
    fn attributes(&self) -> Attributes {
        [("tables", AttributeValue::names(&self.tables))]
            .into_iter()
            .collect()
    }
}

pub(in crate::blueprint) const INFO: KindInfo = KindInfo {
    deleted_before: &[Kind::RouteTable, Kind::Vpc],
    // terraform-provider-aws, internal/service/ec2/vpc_endpoint.go.
    patience: minutes(10),
    when_failed: WhenFailed::Replace,
    attributes: &[AttributeInfo::names("tables")],
    grants: &[
        read("ec2:DescribeVpcEndpoints", "finding the endpoint"),
        create(
            "ec2:CreateVpcEndpoint",
            "arn:{partition}:ec2:{region}:{account}:vpc-endpoint/*",
            "the files bucket is reached without leaving the VPC",
        ),
        own(
            CREATE,
            "ec2:CreateVpcEndpoint",
            "in the environment's own VPC and route tables",
        ),
        own(
            CREATE_AND_UPDATE,
            "ec2:ModifyVpcEndpoint",
            "its route in each of the environment's tables",
        ),
        own(DELETE, "ec2:DeleteVpcEndpoints", TAKING_DOWN),
    ],
    ..KindInfo::COMMON
};
