//! Security groups.

use super::super::{Group, Kind};
use super::grants::{CREATE, DELETE, TAKING_DOWN, create, own, read};
use super::info::{KindInfo, minutes};
use super::quota::Quota;
use super::resource::Resource;

/// The group of a role or of a managed service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecurityGroup {
    /// Whose group it is.
    pub group: Group,
    /// For people who see it in the console.
    pub description: String,
}

impl Resource for SecurityGroup {}

pub(in crate::blueprint) const INFO: KindInfo = KindInfo {
    deleted_before: &[Kind::Vpc],
    // Network interfaces of deleted databases and load balancers linger.
    patience: minutes(20),
    has_blockers: true,
    quotas: |_, _| Ok(vec![(Quota::SecurityGroups, 1.0)]),
    grants: &[
        read("ec2:DescribeSecurityGroups", "finding security groups"),
        create(
            "ec2:CreateSecurityGroup",
            "arn:{partition}:ec2:{region}:{account}:security-group/*",
            "one group for each role and service",
        ),
        own(
            CREATE,
            "ec2:CreateSecurityGroup",
            "in the environment's VPC",
        ),
        own(DELETE, "ec2:DeleteSecurityGroup", TAKING_DOWN),
        own(
            DELETE,
            "ec2:RevokeSecurityGroupIngress ec2:RevokeSecurityGroupEgress",
            "groups that refer to each other cannot be deleted",
        ),
    ],
    ..KindInfo::COMMON
};
