//! The key pair.

use super::super::Kind;
use super::grants::{DELETE, TAKING_DOWN, create, own, read};
use super::info::{Band, KindInfo};
use super::resource::Resource;

/// The operators' public key. It comes with the request: it derives from the seed or is the
/// user's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyPair;

impl Resource for KeyPair {}

pub(in crate::blueprint) const INFO: KindInfo = KindInfo {
    // The seed opens hosts and database: it is the last to go, here and elsewhere.
    deleted_before: &[Kind::Seed],
    band: Band::Account,
    grants: &[
        read("ec2:DescribeKeyPairs", "finding the key pair"),
        create(
            "ec2:ImportKeyPair",
            "arn:{partition}:ec2:{region}:{account}:key-pair/*",
            "the operators' public key",
        ),
        own(DELETE, "ec2:DeleteKeyPair", TAKING_DOWN),
    ],
    ..KindInfo::COMMON
};
