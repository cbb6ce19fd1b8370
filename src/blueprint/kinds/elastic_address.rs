//! Elastic addresses.

use super::super::Kind;
use super::charge::Charge;
use super::grants::{DELETE, TAKING_DOWN, create, own, read};
use super::info::{AttributeInfo, KindInfo, minutes};
use super::quota::Quota;
use super::resource::Resource;

/// A public address that stays the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ElasticAddress;

impl Resource for ElasticAddress {}

pub(in crate::blueprint) const INFO: KindInfo = KindInfo {
    deleted_before: &[Kind::InternetGateway],
    // Released as soon as its NAT gateway has let go of it.
    // Its release waits for that: terraform-provider-aws, ec2_eip.go, has 15 minutes to find one.
    patience: minutes(15),
    attributes: &[AttributeInfo::text("used").output().volatile()],
    used_by: "used",
    has_blockers: true,
    charges: |_, prices| Ok(vec![Charge::public_address(1.0, prices)]),
    quotas: |_, _| Ok(vec![(Quota::ElasticAddresses, 1.0)]),
    grants: &[
        read("ec2:DescribeAddresses", "finding addresses"),
        create(
            "ec2:AllocateAddress",
            "arn:{partition}:ec2:{region}:{account}:elastic-ip/*",
            "the address of each NAT gateway",
        ),
        own(DELETE, "ec2:ReleaseAddress", TAKING_DOWN),
    ],
    ..KindInfo::COMMON
};
