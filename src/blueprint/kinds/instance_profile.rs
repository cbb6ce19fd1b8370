//! The instance profile of hosts.

use super::super::{Address, AttributeValue, Attributes, Kind};
use super::grants::{
    CREATE, CREATE_AND_UPDATE, DELETE, Grant, GrantCondition, NamedResources, READ, TAKING_DOWN,
    UPDATE,
};
use super::info::{AttributeInfo, Band, KindInfo};
use super::quota::Quota;
use super::resource::Resource;

/// The way by which EC2 gives hosts their role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceProfile {
    /// The role that instances with this profile act in.
    pub role: Address,
}

impl Resource for InstanceProfile {
    fn attributes(&self) -> Attributes {
        [("role", AttributeValue::from(&self.role))]
            .into_iter()
            .collect()
    }
}

pub(in crate::blueprint) const INFO: KindInfo = KindInfo {
    deleted_before: &[Kind::Role, Kind::Seed],
    // EC2 sees a new profile late.
    typical_seconds: 8,
    attributes: &[AttributeInfo::text("role")],
    band: Band::Account,
    quotas: |_, _| Ok(vec![(Quota::InstanceProfiles, 1.0)]),
    grants: &[
        PROFILE.grant(
            READ,
            "iam:GetInstanceProfile",
            "finding the hosts' instance profile",
        ),
        PROFILE.grant(
            CREATE,
            "iam:CreateInstanceProfile iam:TagInstanceProfile",
            "EC2 gives hosts their role through it",
        ),
        PROFILE.grant(
            CREATE_AND_UPDATE,
            "iam:AddRoleToInstanceProfile",
            "the hosts' role into their profile",
        ),
        PROFILE.grant(
            UPDATE,
            "iam:RemoveRoleFromInstanceProfile",
            "removing a role that was added by hand",
        ),
        Grant::new(
            "PassHostRole",
            CREATE_AND_UPDATE,
            "iam:PassRole",
            "arn:{partition}:iam::{account}:role/loadrig/lr-{environment}-host-{region} \
             arn:{partition}:iam::{account}:role/loadrig/lr-{environment}-search-{region}",
            GrantCondition::PassedTo("ec2.amazonaws.com"),
            "the hosts' roles, to EC2 only",
        ),
        PROFILE.grant(
            DELETE,
            "iam:RemoveRoleFromInstanceProfile iam:DeleteInstanceProfile",
            TAKING_DOWN,
        ),
    ],
    ..KindInfo::COMMON
};

pub(super) const PROFILE: NamedResources = NamedResources {
    statement: "HostProfile",
    on: "arn:{partition}:iam::{account}:instance-profile/loadrig/lr-{environment}-host-{region} \
         arn:{partition}:iam::{account}:instance-profile/lr-{environment}-host-{region} \
         arn:{partition}:iam::{account}:instance-profile/loadrig/lr-{environment}-search-{region} \
         arn:{partition}:iam::{account}:instance-profile/lr-{environment}-search-{region}",
};
