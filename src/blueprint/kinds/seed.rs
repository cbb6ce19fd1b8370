//! The seed of all secrets.

use super::super::{AttributeValue, Attributes};
use super::grants::{CREATE, DELETE, NamedResources, READ, TAKING_DOWN, read};
use super::info::{AttributeInfo, Band, KindInfo, OnDifference};
use super::resource::Resource;

/// SSM SecureString of 32 random bytes (base64); every secret derives from it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seed {
    /// The KMS key that encrypts it, where it is not the account's own for parameters.
    pub key: Option<String>,
}

impl Resource for Seed {
    fn attributes(&self) -> Attributes {
        let key = self.key.iter();
        key.map(|key| ("key", AttributeValue::from(key.as_str())))
            .collect()
    }
}

pub(in crate::blueprint) const INFO: KindInfo = KindInfo {
    band: Band::Account,
    // A parameter keeps its earlier versions, under the key that they were written with.
    attributes: &[AttributeInfo::text("key").or(OnDifference::Refuse(
        "the seed is encrypted with {old}, and its first version would stay readable with it; take the \
         environment down before it gets {new}",
    ))],
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
