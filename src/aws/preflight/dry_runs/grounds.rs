//! What dry runs are made on, and how one is sent.

use std::collections::BTreeMap;

use aws_sdk_ec2::types::{ResourceType, TagSpecification};

use crate::aws::answer_status::AnswerStatus;
use crate::aws::tags;
use crate::blueprint::{Address, Kind};
use crate::engine::{CloudError, Observed};
use crate::plan::Inventory;

/// Why some calls are not tried.
pub(super) const NO_INSTANCE: &str = "it acts on an instance, and a canary has none";
pub(super) const NO_ADDRESS: &str = "it acts on an elastic address, which is billed";
pub(super) const NO_GATEWAY: &str = "it acts on a NAT gateway, which is billed";
pub(super) const NO_FLAG: &str = "the call has no dry run";
pub(super) const NO_ENDPOINT: &str = "the canary has no endpoint";
pub(super) const NO_ASSOCIATION: &str = "it acts on an association, which dry runs do not look up";
/// Policies admit it within calls that create, whose dry runs have tags.
pub(super) const WITH_CREATION: &str = "it is made within the calls that create";
pub(super) const NO_RESOURCE: &str = "what it acts on does not exist";
pub(super) const NOT_KNOWN: &str = "loadrig has no dry run of it";

/// What dry runs are made on.
pub(super) struct Grounds<'a> {
    pub(super) environment: &'a str,
    pub(super) inventory: &'a Inventory,
    /// The user's own, which policies may ask for.
    pub(super) tags: &'a BTreeMap<String, String>,
    /// The status of the last answer.
    pub(super) answered: AnswerStatus,
}

impl Grounds<'_> {
    /// The id at an address, somebody else's included.
    pub(super) fn id(&self, address: &Address) -> Option<String> {
        let found = self.inventory.get(address)?;
        Some(found.id.clone())
    }

    /// The id at an address; what is somebody else's is not acted on.
    pub(super) fn own(&self, address: &Address) -> Option<String> {
        let found = self.inventory.get(address)?;
        (found.kind != Kind::Adopted).then(|| found.id.clone())
    }

    pub(super) fn first_group(&self) -> Option<&Observed> {
        let of_kind = |one: &&Observed| one.kind == Kind::SecurityGroup;
        self.inventory.iter().find(of_kind)
    }

    /// The tags of every resource of the environment: policies may ask for any of them.
    pub(super) fn tags(&self, kind: &str) -> TagSpecification {
        let tags = tags::identity(self.environment, &Address::parse("dry-run"), self.tags);
        tags::specified(tags, ResourceType::from(kind))
    }
}

/// The answer to one dry run, or why there is none.
pub(super) type Tried = Result<Result<(), CloudError>, &'static str>;

/// Sends a call as a dry run.
macro_rules! dry {
    ($aws:ident, $on:ident, $action:ident, $call:ident $(, $set:ident($($value:expr),+))* $(,)?) => {
        Ok($aws
            .ec2
            .$call()
            $(.$set($($value),+))*
            .dry_run(true)
            .customize()
            .interceptor($on.answered.clone())
            .send()
            .await
            .context($action, "dry run")
            .map(|_| ()))
    };
}

pub(super) use dry;
