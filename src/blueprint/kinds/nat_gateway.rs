//! NAT gateways.

use crate::spec::PricedItem;

use super::super::{Address, Kind};
use super::charge::Charge;
use super::grants::{CREATE, DELETE, TAKING_DOWN, create, own, read};
use super::info::{AttributeInfo, KindInfo, WhenFailed, minutes_each};
use super::resource::Resource;

/// The way out of private subnets, with an address of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NatGateway {
    /// The public subnet that it is in.
    pub subnet: Address,
    /// Its elastic address.
    pub address: Address,
}

impl Resource for NatGateway {
    fn subnet(&self) -> Option<&Address> {
        Some(&self.subnet)
    }
}

pub(in crate::blueprint) const INFO: KindInfo = KindInfo {
    // Routes through it end nowhere once it is gone; nothing refuses that.
    deleted_before: &[Kind::ElasticAddress, Kind::InternetGateway, Kind::Subnet],
    // 85 to 125 s.
    typical_seconds: 105,
    // terraform-provider-aws, internal/service/ec2/vpc_nat_gateway.go: 30 minutes to delete.
    patience: minutes_each(10, 10, 30),
    when_failed: WhenFailed::Replace,
    attributes: &[
        AttributeInfo::text("reason").output().volatile(),
        AttributeInfo::text("reason_code").output().volatile(),
    ],
    charges: |_, prices| {
        let price = prices.item(PricedItem::NatGateway);
        Ok(vec![Charge::new("NAT gateway", 1.0, price)])
    },
    grants: &[
        read("ec2:DescribeNatGateways", "finding NAT gateways"),
        create(
            "ec2:CreateNatGateway",
            "arn:{partition}:ec2:{region}:{account}:natgateway/*",
            "the way out of private subnets",
        ),
        own(
            CREATE,
            "ec2:CreateNatGateway",
            "in the environment's own subnet, with its own address",
        ),
        own(DELETE, "ec2:DeleteNatGateway", TAKING_DOWN),
    ],
    ..KindInfo::COMMON
};
