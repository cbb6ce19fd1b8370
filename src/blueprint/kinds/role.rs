//! The IAM role of hosts.

use super::super::{Address, AttributeValue, Attributes, Kind};
use super::grants::{CREATE, CREATE_AND_UPDATE, DELETE, NamedResources, READ, TAKING_DOWN};
use super::info::{AttributeInfo, Band, KindInfo};
use super::quota::Quota;
use super::resource::Resource;

/// May read and write the files bucket, or nothing: the search domain's own policy says who may use it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostRole {
    /// The files bucket.
    pub bucket: Option<Address>,
}

impl Resource for HostRole {
    fn attributes(&self) -> Attributes {
        let policy = self.bucket.as_ref().map(AttributeValue::from);
        [
            ("policy", policy.unwrap_or_else(|| "none".into())),
            ("other_policies", "none".into()),
            ("trust", "ec2".into()),
        ]
        .into_iter()
        .collect()
    }
}

pub(in crate::blueprint) const INFO: KindInfo = KindInfo {
    deleted_before: &[Kind::Seed],
    attributes: &[
        AttributeInfo::text("policy"),
        AttributeInfo::text("other_policies"),
        AttributeInfo::text("trust"),
    ],
    has_blockers: true,
    band: Band::Account,
    quotas: |_, _| Ok(vec![(Quota::Roles, 1.0)]),
    grants: &[
    ROLE.grant(
        READ,
        "iam:GetRole iam:GetRolePolicy iam:ListRolePolicies",
        "finding the hosts' role",
    ),
    ROLE.grant(
        CREATE,
        "iam:CreateRole iam:TagRole",
        "hosts reach the files bucket with a role of their own, search proxies their domain; no key \
         is stored on a host",
    ),
    ROLE.grant(
        CREATE_AND_UPDATE,
        "iam:PutRolePolicy",
        "what hosts may do: the files bucket, nothing else",
    ),
    ROLE.grant(
        CREATE_AND_UPDATE,
        "iam:UpdateAssumeRolePolicy iam:DeleteRolePolicy",
        "removing policies and principals that were added by hand",
    ),
    ROLE.grant(
        DELETE,
        "iam:ListInstanceProfilesForRole iam:ListRolePolicies iam:DeleteRolePolicy iam:DeleteRole",
        TAKING_DOWN,
    ),
    ROLE.grant(
        DELETE,
        "iam:ListAttachedRolePolicies",
        "naming policies attached to the role, which prevent its deletion",
    ),
],
    ..KindInfo::COMMON
};

/// With the path that loadrig creates in, and without: IAM judges a request about a name that
/// does not exist yet by the name alone.
pub(super) const ROLE: NamedResources = NamedResources {
    statement: "HostRole",
    on: "arn:{partition}:iam::{account}:role/loadrig/lr-{environment}-host-{region} \
         arn:{partition}:iam::{account}:role/lr-{environment}-host-{region} \
         arn:{partition}:iam::{account}:role/loadrig/lr-{environment}-search-{region} \
         arn:{partition}:iam::{account}:role/lr-{environment}-search-{region}",
};
