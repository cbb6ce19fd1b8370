//! The application nodes in the target group.

use super::super::{Address, AttributeValue, Attributes, Kind};
use super::grants::{CREATE_AND_UPDATE, DELETE, TAKING_DOWN, read};
use super::info::{AttributeInfo, KindInfo, minutes};
use super::load_balancer::BALANCER;
use super::resource::Resource;

/// The application nodes that get connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisteredTargets {
    /// The group that they are in.
    pub target_group: Address,
    /// The nodes.
    pub instances: Vec<Address>,
    /// Where they listen.
    pub port: u16,
}

impl Resource for RegisteredTargets {
    fn attributes(&self) -> Attributes {
        [
            ("targets", AttributeValue::names(&self.instances)),
            ("ports", self.port.to_string().into()),
        ]
        .into_iter()
        .collect()
    }

    fn holds_ids_of(&self) -> Vec<Address> {
        self.instances.clone()
    }
}

pub(in crate::blueprint) const INFO: KindInfo = KindInfo {
    deleted_before: &[Kind::TargetGroup, Kind::SecurityGroup],
    // For so long Terraform's AWS provider 1a5174b, internal/service/elbv2/
    // target_group_attachment.go, registers again what is not seen running yet.
    patience: minutes(10),
    attributes: &[
        AttributeInfo::names("targets"),
        AttributeInfo::text("ports"),
        AttributeInfo::text("healthy").output().volatile(),
        AttributeInfo::names("not_healthy").output().volatile(),
        AttributeInfo::names("draining").output().volatile(),
    ],
    grants: &[
        read(
            "elasticloadbalancing:DescribeTargetHealth",
            "which nodes are registered and healthy",
        ),
        BALANCER.grant(
            CREATE_AND_UPDATE,
            "elasticloadbalancing:RegisterTargets elasticloadbalancing:DeregisterTargets",
            "application nodes come and go",
        ),
        BALANCER.grant(
            DELETE,
            "elasticloadbalancing:DeregisterTargets",
            TAKING_DOWN,
        ),
    ],
    ..KindInfo::COMMON
};
