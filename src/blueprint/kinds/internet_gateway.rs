//! The internet gateway.

use super::super::{AttributeValue, Attributes, Kind};
use super::grants::{CREATE_AND_UPDATE, DELETE, TAKING_DOWN, create, own, read};
use super::info::{AttributeInfo, KindInfo, minutes};
use super::quota::Quota;
use super::resource::Resource;

/// The hosts' way out to packages, and the operators' way in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InternetGateway;

impl Resource for InternetGateway {
    fn attributes(&self) -> Attributes {
        [("attached", AttributeValue::from(true))]
            .into_iter()
            .collect()
    }
}

pub(in crate::blueprint) const INFO: KindInfo = KindInfo {
    deleted_before: &[Kind::Vpc],
    // It cannot be detached while network interfaces with public addresses linger.
    patience: minutes(20),
    attributes: &[AttributeInfo::flag("attached")],
    has_blockers: true,
    quotas: |_, _| Ok(vec![(Quota::InternetGateways, 1.0)]),
    grants: &[
        read("ec2:DescribeInternetGateways", "finding the gateway"),
        create(
            "ec2:CreateInternetGateway",
            "arn:{partition}:ec2:{region}:{account}:internet-gateway/*",
            "the hosts' way out to packages, and the operators' way in",
        ),
        own(
            CREATE_AND_UPDATE,
            "ec2:AttachInternetGateway",
            "to the environment's VPC",
        ),
        own(
            DELETE,
            "ec2:DetachInternetGateway ec2:DeleteInternetGateway",
            TAKING_DOWN,
        ),
    ],
    ..KindInfo::COMMON
};
