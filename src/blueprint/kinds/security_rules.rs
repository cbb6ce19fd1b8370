//! The rules of security groups.

use super::super::{Address, AttributeValue, Attributes, Group, Kind, Rule};
use super::grants::{CREATE_AND_UPDATE, DELETE, TAKING_DOWN, create, own, read};
use super::info::{AttributeInfo, KindInfo};
use super::resource::Resource;

/// Who may reach the members of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecurityRules {
    /// Whose rules they are.
    pub group: Group,
    /// All ingress that the group admits; others are revoked.
    pub rules: Vec<Rule>,
}

impl Resource for SecurityRules {
    fn attributes(&self) -> Attributes {
        [("rules", AttributeValue::lines(&self.rules))]
            .into_iter()
            .collect()
    }

    fn holds_ids_of(&self) -> Vec<Address> {
        let peers = self.rules.iter().map(|rule| rule.from);
        peers
            .filter_map(super::super::Peer::public_address_of)
            .collect()
    }
}

pub(in crate::blueprint) const INFO: KindInfo = KindInfo {
    // Groups that name each other cannot be deleted.
    deleted_before: &[Kind::SecurityGroup],
    attributes: &[AttributeInfo::lines("rules")],
    grants: &[
        read("ec2:DescribeSecurityGroupRules", "finding rules"),
        create(
            "ec2:AuthorizeSecurityGroupIngress",
            "arn:{partition}:ec2:{region}:{account}:security-group-rule/*",
            "the ports that roles need of each other, and nothing else",
        ),
        own(
            CREATE_AND_UPDATE,
            "ec2:AuthorizeSecurityGroupIngress",
            "in the environment's own groups",
        ),
        own(
            CREATE_AND_UPDATE,
            "ec2:RevokeSecurityGroupIngress",
            "removing rules that were added by hand",
        ),
        own(DELETE, "ec2:RevokeSecurityGroupIngress", TAKING_DOWN),
    ],
    ..KindInfo::COMMON
};
