//! The target group of the load balancer.

use super::super::{AttributeValue, Attributes, Kind};
use super::grants::{CREATE, CREATE_AND_UPDATE, DELETE, TAKING_DOWN, read};
use super::info::{AttributeInfo, KindInfo};
use super::load_balancer::BALANCER;
use super::resource::Resource;

/// The group of application nodes, with its health check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetGroup {
    /// Where nodes listen.
    pub port: u16,
    /// Path of the health check.
    pub health_path: String,
    /// Seconds that a node which leaves may finish what it began.
    pub drain_seconds: u32,
}

impl Resource for TargetGroup {
    fn attributes(&self) -> Attributes {
        [
            ("health_path", self.health_path.as_str().into()),
            ("sticky", AttributeValue::from(false)),
            ("drain_seconds", self.drain_seconds.into()),
        ]
        .into_iter()
        .collect()
    }
}

pub(in crate::blueprint) const INFO: KindInfo = KindInfo {
    deleted_before: &[Kind::SecurityGroup, Kind::Vpc],
    attributes: &[
        AttributeInfo::text("health_path"),
        AttributeInfo::flag("sticky"),
        AttributeInfo::number("drain_seconds"),
    ],
    grants: &[
        read(
            "elasticloadbalancing:DescribeTargetGroups \
         elasticloadbalancing:DescribeTargetGroupAttributes elasticloadbalancing:DescribeTags",
            "finding the target group",
        ),
        BALANCER.grant(
            CREATE,
            "elasticloadbalancing:CreateTargetGroup elasticloadbalancing:AddTags",
            "the group of application nodes",
        ),
        BALANCER.grant(
            CREATE_AND_UPDATE,
            "elasticloadbalancing:ModifyTargetGroup \
         elasticloadbalancing:ModifyTargetGroupAttributes",
            "its health check, and no stickiness",
        ),
        BALANCER.grant(
            DELETE,
            "elasticloadbalancing:DeleteTargetGroup",
            TAKING_DOWN,
        ),
    ],
    ..KindInfo::COMMON
};
