//! Networks that belong to somebody else.

use super::super::{AttributeValue, Attributes};
use super::grants::{CREATE, Grant, GrantCondition, read};
use super::info::{AttributeInfo, KindInfo, OnDifference};
use super::resource::Resource;

/// What belongs to somebody else: looked up, and never created, changed or deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adopted {
    /// What of it is used.
    pub what: Adoptee,
    /// `vpc-…` or `subnet-…`, as the YAML names it.
    pub id: String,
    /// The VPC that it is or is in.
    pub vpc: String,
}

/// What of somebody else's network is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Adoptee {
    /// The VPC that everything is created in.
    Vpc,
    /// A subnet in which hosts get public addresses.
    PublicSubnet,
    /// A subnet in which nothing does.
    PrivateSubnet,
}

impl Resource for Adopted {
    fn attributes(&self) -> Attributes {
        let id = ("id", AttributeValue::from(self.id.as_str()));
        match self.what {
            Adoptee::Vpc => [id, ("dns_support", true.into())].into_iter().collect(),
            Adoptee::PublicSubnet | Adoptee::PrivateSubnet => {
                let vpc = ("vpc", self.vpc.as_str().into());
                [id, vpc, ("own_zone", true.into())].into_iter().collect()
            }
        }
    }
}

pub(in crate::blueprint) const INFO: KindInfo = KindInfo {
    attributes: &[
        AttributeInfo::text("id").or(OnDifference::Refuse("its id is {old}, not {new}")),
        AttributeInfo::flag("dns_support").or(OnDifference::Refuse(
            "DNS is off in it (enableDnsSupport): hosts would not find services",
        )),
        AttributeInfo::text("vpc").or(OnDifference::Refuse("it is in {old}, not in {new}")),
        AttributeInfo::flag("own_zone").or(OnDifference::Refuse(
            "it shares its zone with another of the subnets",
        )),
        AttributeInfo::flag("public_addresses").output(),
    ],
    grants: &[
        read(
            "ec2:DescribeVpcs ec2:DescribeVpcAttribute ec2:DescribeSubnets",
            "finding the existing VPC and its subnets",
        ),
        Grant::new(
            "UseExistingNetwork",
            CREATE,
            "ec2:CreateSecurityGroup ec2:RunInstances",
            "arn:{partition}:ec2:{region}:{account}:vpc/* \
             arn:{partition}:ec2:{region}:{account}:subnet/*",
            GrantCondition::Always,
            "in a VPC and subnets of your own",
        ),
    ],
    ..KindInfo::COMMON
};
