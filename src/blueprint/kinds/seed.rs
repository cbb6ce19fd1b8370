//! The seed of all secrets.

use super::grants::{CREATE, DELETE, NamedResources, READ, TAKING_DOWN, read};
use super::info::{Band, KindInfo};
use super::resource::Resource;

/// SSM SecureString of 32 random bytes (base64); every secret derives from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seed;

impl Resource for Seed {}

pub(in crate::blueprint) const INFO: KindInfo = KindInfo {
    band: Band::Account,
    grants: &[
        read(
            "ssm:DescribeParameters",
            "finding the seed by its name and tag; values are not returned",
        ),
        SEED.grant(
            READ,
            "ssm:GetParameter ssm:GetParametersByPath ssm:ListTagsForResource",
            "every generated secret derives from it: whoever may read it can log in to the \
         environment's hosts and database",
        ),
        SEED.grant(
            CREATE,
            "ssm:PutParameter ssm:AddTagsToResource",
            "the secret that all others derive from, encrypted",
        ),
        SEED.grant(DELETE, "ssm:DeleteParameter", TAKING_DOWN),
    ],
    ..KindInfo::COMMON
};

pub(super) const SEED: NamedResources = NamedResources {
    statement: "Seed",
    on: "arn:{partition}:ssm:{region}:{account}:parameter/loadrig/{environment}/*",
};
