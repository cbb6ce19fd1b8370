//! The listener of the load balancer.

use super::super::{Address, AttributeValue, Attributes, Kind};
use super::grants::{CREATE_AND_UPDATE, DELETE, TAKING_DOWN, read};
use super::info::{AttributeInfo, KindInfo};
use super::load_balancer::BALANCER;
use super::resource::Resource;

/// Takes connections and passes them to the target group; HTTPS where there is a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BalancerListener {
    /// Whose listener it is.
    pub load_balancer: Address,
    /// Where connections go.
    pub target_group: Address,
    /// 443 with a certificate, else 80.
    pub port: u16,
    /// ARN of the certificate.
    pub certificate: Option<String>,
}

impl Resource for BalancerListener {
    fn attributes(&self) -> Attributes {
        [
            ("port", u32::from(self.port).into()),
            (
                "certificate",
                self.certificate.as_deref().unwrap_or("none").into(),
            ),
            ("target_group", AttributeValue::from(&self.target_group)),
        ]
        .into_iter()
        .collect()
    }

    fn holds_ids_of(&self) -> Vec<Address> {
        vec![self.load_balancer.clone(), self.target_group.clone()]
    }
}

pub(in crate::blueprint) const INFO: KindInfo = KindInfo {
    deleted_before: &[Kind::LoadBalancer, Kind::TargetGroup, Kind::SecurityGroup],
    attributes: &[
        AttributeInfo::number("port"),
        AttributeInfo::text("certificate"),
        AttributeInfo::text("target_group"),
    ],
    grants: &[
        read(
            "elasticloadbalancing:DescribeListeners elasticloadbalancing:DescribeTags",
            "finding the listener",
        ),
        BALANCER.grant(
            CREATE_AND_UPDATE,
            "elasticloadbalancing:CreateListener elasticloadbalancing:AddTags \
         elasticloadbalancing:ModifyListener",
            "its port and certificate",
        ),
        BALANCER.grant(DELETE, "elasticloadbalancing:DeleteListener", TAKING_DOWN),
    ],
    ..KindInfo::COMMON
};
