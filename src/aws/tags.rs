//! The identity that is stamped on every resource in the call that creates it.

use std::collections::BTreeMap;

use aws_sdk_ec2::types::{Filter, ResourceType, Tag, TagSpecification};

use crate::aws::ownership::Ownership;
use crate::blueprint::{Address, AttributeValue, Kind, ValueForm};
use crate::engine::{Observed, Request, State};
use crate::identity::names::Names;
use crate::spec::Protection;

/// Name of the environment.
pub(in crate::aws) const ENVIRONMENT: &str = "loadrig:environment";
/// Address within the environment.
pub(in crate::aws) const ADDRESS: &str = "loadrig:address";
/// Version of loadrig that created it.
pub(in crate::aws) const VERSION: &str = "loadrig:version";

/// What keeps the resource from being removed: one of [`protection_text`]'s words. Resources
/// without it are not protected.
pub(in crate::aws) const PROTECTION: &str = "loadrig:protection";

/// `false` on what a call created that leaves something to do, `true` once that is done.
pub(in crate::aws) const FINISHED: &str = "loadrig:finished";

/// Whether a resource that takes more than one call to make has had them all; `None` where one
/// was enough.
pub(in crate::aws) fn finished<'a>(
    tags: impl IntoIterator<Item = Pair<'a>>,
) -> Option<AttributeValue> {
    tags.into_iter()
        .find(|(key, _)| *key == Some(FINISHED))
        .and_then(|(_, value)| value)
        .map(|value| AttributeValue::read(ValueForm::Flag, value))
}

/// A policy as it stands in the tag, in characters that every service admits.
pub(in crate::aws) fn protection_text(protection: Protection) -> &'static str {
    match (protection.deletion, protection.final_snapshot) {
        (false, false) => "none",
        (true, false) => "deletion",
        (false, true) => "final-snapshot",
        (true, true) => "deletion+final-snapshot",
    }
}

/// The policy in a resource's tags.
pub(in crate::aws) fn protection<'a>(tags: impl IntoIterator<Item = Pair<'a>>) -> Protection {
    let text = tags
        .into_iter()
        .find(|(key, _)| *key == Some(PROTECTION))
        .and_then(|(_, value)| value)
        .unwrap_or_default();
    Protection {
        deletion: text.split('+').any(|word| word == "deletion"),
        final_snapshot: text.split('+').any(|word| word == "final-snapshot"),
    }
}

/// The tags of a resource that is about to be created.
///
/// Ours win over the user's, so that no YAML can disguise a resource.
pub(in crate::aws) fn of(request: &Request<'_>) -> BTreeMap<String, String> {
    let mut tags = identity(request.environment, request.address, request.tags);
    let protection = request.desired.protection();
    if protection != Protection::default() {
        tags.insert(PROTECTION.into(), protection_text(protection).to_owned());
    }
    tags
}

/// What every resource at an address bears, beside the user's `extra` tags.
pub(in crate::aws) fn identity(
    environment: &str,
    address: &Address,
    extra: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let mut tags = extra.clone();
    tags.insert("Name".into(), Names::of(environment).tag(address));
    tags.insert(ENVIRONMENT.into(), environment.to_owned());
    tags.insert(ADDRESS.into(), address.as_str().to_owned());
    tags.insert(VERSION.into(), env!("CARGO_PKG_VERSION").to_owned());
    tags
}

/// The tags of a request as an EC2 tag specification.
pub(in crate::aws) fn specification(request: &Request<'_>, kind: ResourceType) -> TagSpecification {
    specified(of(request), kind)
}

/// Tags as an EC2 tag specification.
pub(in crate::aws) fn specified(
    tags: BTreeMap<String, String>,
    kind: ResourceType,
) -> TagSpecification {
    let tags = tags
        .into_iter()
        .map(|(key, value)| Tag::builder().key(key).value(value).build())
        .collect();
    TagSpecification::builder()
        .resource_type(kind)
        .set_tags(Some(tags))
        .build()
}

/// Key and value pairs as the services list them, with every part optional.
pub(in crate::aws) type Pair<'a> = (Option<&'a str>, Option<&'a str>);

/// Whose a resource is that has these tags.
pub(in crate::aws) fn ownership<'a>(
    tags: impl IntoIterator<Item = Pair<'a>>,
    environment: &str,
) -> Ownership<Address> {
    let mut owner = None;
    let mut address = None;
    for pair in tags {
        match pair {
            (Some(ENVIRONMENT), Some(value)) => owner = Some(value == environment),
            (Some(ADDRESS), Some(value)) => address = Some(Address::parse(value)),
            _ => {}
        }
    }
    match (owner, address) {
        (Some(true), Some(address)) => Ownership::Ours(address),
        (Some(false), _) => Ownership::Foreign,
        _ => Ownership::Untagged,
    }
}

/// The address in a resource's tags, if it bears the environment's.
pub(in crate::aws) fn address<'a>(
    tags: impl IntoIterator<Item = Pair<'a>>,
    environment: &str,
) -> Option<Address> {
    ownership(tags, environment).ours()
}

/// EC2 tags as pairs.
pub(in crate::aws) fn pairs(tags: &[Tag]) -> impl Iterator<Item = Pair<'_>> {
    tags.iter().map(|tag| (tag.key(), tag.value()))
}

/// Which EC2 resources to list.
#[derive(Clone, Copy, Debug)]
pub(in crate::aws) enum Select<'a> {
    /// All of an environment.
    Environment(&'a str),
    /// Those at an address: normally one, two after a create whose answer was lost.
    Address(&'a str, &'a Address),
    /// One of an environment, by id.
    Id(&'a str, &'a str),
}

impl<'a> Select<'a> {
    /// The environment that the resources have to belong to.
    pub(in crate::aws) fn environment(self) -> &'a str {
        match self {
            Select::Environment(environment)
            | Select::Address(environment, _)
            | Select::Id(environment, _) => environment,
        }
    }

    /// As filters; `id_filter` is the service's name for the id.
    pub(in crate::aws) fn filters(self, id_filter: &str) -> Option<Vec<Filter>> {
        let mut filters = vec![filter(&format!("tag:{ENVIRONMENT}"), [self.environment()])];
        match self {
            Select::Environment(_) => {}
            Select::Address(_, address) => {
                filters.push(filter(&format!("tag:{ADDRESS}"), [address.as_str()]));
            }
            Select::Id(_, id) => filters.push(filter(id_filter, [id])),
        }
        Some(filters)
    }
}

impl std::fmt::Display for Select<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Select::Environment(environment) => f.write_str(environment),
            Select::Address(_, address) => write!(f, "{address}"),
            Select::Id(_, id) => f.write_str(id),
        }
    }
}

/// An EC2 filter.
pub(in crate::aws) fn filter<S: Into<String>>(
    name: &str,
    values: impl IntoIterator<Item = S>,
) -> Filter {
    Filter::builder()
        .name(name)
        .set_values(Some(values.into_iter().map(Into::into).collect()))
        .build()
}

/// An observed resource; attributes without a value are left out, so not compared.
pub(in crate::aws) fn observed<const N: usize>(
    address: Address,
    kind: Kind,
    id: impl Into<String>,
    (state, status): (State, &str),
    attributes: [(&'static str, Option<AttributeValue>); N],
) -> Observed {
    Observed {
        address,
        kind,
        id: id.into(),
        state,
        status: status.to_owned(),
        attributes: attributes
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)))
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: Pair<'_> = (Some(ENVIRONMENT), Some("demo"));
    const VPC: Pair<'_> = (Some(ADDRESS), Some("vpc"));

    #[test]
    fn a_protection_policy_survives_its_tag() {
        for (deletion, final_snapshot) in
            [(false, false), (true, false), (false, true), (true, true)]
        {
            let policy = Protection {
                deletion,
                final_snapshot,
            };
            let tag = (Some(PROTECTION), Some(protection_text(policy)));
            assert_eq!(protection([OURS, tag]), policy);
        }
        assert_eq!(protection([OURS]), Protection::default());
    }

    #[test]
    fn resources_of_other_environments_have_no_address() {
        assert_eq!(address([OURS, VPC], "demo"), Some(Address::vpc()));
        assert_eq!(address([VPC, OURS], "demo"), Some(Address::vpc()));
        assert_eq!(address([OURS, VPC], "demo-2"), None);
        assert_eq!(address([VPC], "demo"), None);
        assert_eq!(address([OURS], "demo"), None);
        assert_eq!(ownership([OURS, VPC], "demo-2"), Ownership::Foreign);
        // Tags that are not all there say nothing yet.
        assert_eq!(ownership([OURS], "demo"), Ownership::Untagged);
        assert_eq!(ownership([VPC], "demo"), Ownership::Untagged);
    }
}
