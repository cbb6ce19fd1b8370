//! Lists: by id, by filter, and what tags there are.
//!
//! Tags may come after what bears them: kops 268927e, upup/pkg/fi/cloudup/awsup/aws_cloud.go,
//! repeats for minutes what reads or writes the tags of a new resource.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::errors::AwsError;

use super::super::account::{AwsAccount, QueryResult, TagMap};
use super::super::form::QueryForm;
use super::super::writer::{XmlWriter, xml};
use super::{Ec2, done, not_found};

/// How a kind of resource is listed.
pub(super) trait Listed {
    /// The field that asks for some by id.
    const ID_FIELD: &'static str;
    /// Code and noun of the refusal where an id does not exist.
    const MISSING: (&'static str, &'static str);
    /// The type in answers of `DescribeTags`.
    const TYPE: &'static str;
    /// Filters that are known, apart from those by tag.
    const FILTERS: &'static [&'static str];

    fn tags(&self) -> &TagMap;

    fn tags_mut(&mut self) -> &mut TagMap;

    /// Whether lists show it at all.
    fn is_listed(&self) -> bool {
        true
    }

    /// What a filter compares: one of [`Self::FILTERS`].
    fn values(&self, filter: &str, id: &str, ec2: &Ec2) -> Vec<String>;

    fn write(&self, id: &str, ec2: &Ec2, xml: &mut XmlWriter);
}

/// Lists resources of one kind.
pub(super) fn describe<T: Listed + Clone>(
    ec2: &Ec2,
    form: &QueryForm<'_>,
    set: &str,
    all: &BTreeMap<String, T>,
) -> QueryResult {
    let found = select(ec2, form, all)?;
    Ok(xml(|xml| {
        xml.list(set, "item", found, |xml, (id, one)| one.write(id, ec2, xml));
    }))
}

/// One resource, as the call that created it tells it.
pub(super) fn described<T: Listed>(
    ec2: &Ec2,
    element: &str,
    all: &BTreeMap<String, T>,
    id: &str,
) -> QueryResult {
    Ok(xml(|xml| {
        xml.node(element, |xml| {
            if let Some(one) = all.get(id) {
                one.write(id, ec2, xml);
            }
        });
    }))
}

/// Resources that ids and filters of a call admit.
pub(super) fn select<'a, T: Listed + Clone>(
    ec2: &Ec2,
    form: &QueryForm<'_>,
    all: &'a BTreeMap<String, T>,
) -> Result<Vec<(&'a String, Cow<'a, T>)>, AwsError> {
    // Everything comes in one page.
    form.accept(&["MaxResults"]);
    let ids = form.list(T::ID_FIELD);
    let shown = |id: &String, one: &T| one.is_listed() && !ec2.unlisted.contains(id);
    for id in &ids {
        if !all
            .iter()
            .any(|(one_id, one)| one_id == id && shown(one_id, one))
        {
            let (code, noun) = T::MISSING;
            return Err(not_found(code, noun, id));
        }
    }
    let filters = filters(form, T::FILTERS)?;
    let admitted = all.iter().filter(|(id, one)| {
        shown(id, one)
            && (ids.is_empty() || ids.contains(&id.as_str()))
            && filters.iter().all(|(name, wanted)| {
                let values = match name.strip_prefix("tag:") {
                    Some(_) if ec2.untagged.contains(*id) => Vec::new(),
                    None if *name == "tag-key" && ec2.untagged.contains(*id) => Vec::new(),
                    Some(key) => one.tags().get(key).cloned().into_iter().collect(),
                    None if *name == "tag-key" => one.tags().keys().cloned().collect(),
                    None => one.values(name, id, ec2),
                };
                values.iter().any(|value| matches_any(wanted, value))
            })
    });
    let shown = admitted.map(|(id, one)| match ec2.untagged.contains(id) {
        false => (id, Cow::Borrowed(one)),
        true => {
            let mut bare = one.clone();
            bare.tags_mut().clear();
            (id, Cow::Owned(bare))
        }
    });
    Ok(shown.collect())
}

/// The filters of a call; one that is not known is refused.
pub(super) fn filters<'a>(
    form: &QueryForm<'a>,
    known: &[&str],
) -> Result<Vec<(&'a str, Vec<&'a str>)>, AwsError> {
    let mut filters = Vec::new();
    for filter in form.items("Filter") {
        let name = filter.required("Name")?;
        if !name.starts_with("tag:") && name != "tag-key" && !known.contains(&name) {
            return Err(AwsError::new(
                "InvalidParameterValue",
                format!("The filter '{name}' is invalid"),
            ));
        }
        filters.push((name, filter.list("Value")));
    }
    Ok(filters)
}

/// Whether one of some patterns matches: `*` stands for any text.
pub(super) fn matches_any(patterns: &[&str], value: &str) -> bool {
    patterns.iter().any(|pattern| matches(pattern, value))
}

fn matches(pattern: &str, value: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == value,
        Some((start, rest)) => value.strip_prefix(start).is_some_and(|tail| {
            tail.char_indices()
                .map(|(at, _)| at)
                .chain([tail.len()])
                .any(|at| tail.get(at..).is_some_and(|tail| matches(rest, tail)))
        }),
    }
}

/// A kind with its tags, for what goes over all kinds.
fn all_tags(ec2: &Ec2) -> Vec<(&'static str, &String, &TagMap)> {
    fn of<T: Listed>(
        all: &BTreeMap<String, T>,
    ) -> impl Iterator<Item = (&'static str, &String, &TagMap)> {
        let listed = all.iter().filter(|(_, one)| one.is_listed());
        listed.map(|(id, one)| (T::TYPE, id, one.tags()))
    }
    of(&ec2.vpcs)
        .chain(of(&ec2.subnets))
        .chain(of(&ec2.gateways))
        .chain(of(&ec2.tables))
        .chain(of(&ec2.addresses))
        .chain(of(&ec2.nats))
        .chain(of(&ec2.endpoints))
        .chain(of(&ec2.groups))
        .chain(of(&ec2.keys))
        .chain(of(&ec2.instances))
        .chain(of(&ec2.volumes))
        .chain(of(&ec2.interfaces))
        .filter(|(_, id, _)| !ec2.untagged.contains(*id))
        .collect()
}

/// The tags of a resource, whatever its kind.
fn tags_of<'a>(ec2: &'a mut Ec2, id: &str) -> Option<&'a mut TagMap> {
    fn of<'a, T: Listed>(all: &'a mut BTreeMap<String, T>, id: &str) -> Option<&'a mut TagMap> {
        all.get_mut(id).map(T::tags_mut)
    }
    match id.split('-').next().unwrap_or_default() {
        "vpc" => of(&mut ec2.vpcs, id),
        "subnet" => of(&mut ec2.subnets, id),
        "igw" => of(&mut ec2.gateways, id),
        "rtb" => of(&mut ec2.tables, id),
        "eipalloc" => of(&mut ec2.addresses, id),
        "nat" => of(&mut ec2.nats, id),
        "vpce" => of(&mut ec2.endpoints, id),
        "sg" => of(&mut ec2.groups, id),
        "i" => of(&mut ec2.instances, id),
        "vol" => of(&mut ec2.volumes, id),
        "eni" => of(&mut ec2.interfaces, id),
        _ => None,
    }
}

pub(super) fn create_tags(account: &mut AwsAccount, form: &QueryForm<'_>) -> QueryResult {
    let tags = form.tags("Tag");
    change_tags(account, form, |there| there.extend(tags.clone()))
}

pub(super) fn delete_tags(account: &mut AwsAccount, form: &QueryForm<'_>) -> QueryResult {
    let tags = form.tags("Tag");
    change_tags(account, form, |there| {
        there.retain(|key, _| !tags.contains_key(key));
    })
}

fn change_tags(
    account: &mut AwsAccount,
    form: &QueryForm<'_>,
    change: impl Fn(&mut TagMap),
) -> QueryResult {
    let ids = form.list("ResourceId");
    for id in &ids {
        if tags_of(&mut account.ec2, id).is_none() {
            return Err(AwsError::new(
                "InvalidID",
                format!("The ID '{id}' is not valid"),
            ));
        }
    }
    for id in ids {
        if let Some(tags) = tags_of(&mut account.ec2, id) {
            change(tags);
        }
    }
    done()
}

pub(super) fn describe_tags(account: &AwsAccount, form: &QueryForm<'_>) -> QueryResult {
    form.accept(&["MaxResults"]);
    let filters = filters(form, &["key", "value", "resource-id", "resource-type"])?;
    let all = all_tags(&account.ec2)
        .into_iter()
        .flat_map(|(kind, id, tags)| tags.iter().map(move |(key, value)| (kind, id, key, value)));
    let admitted = all.filter(|(kind, id, key, value)| {
        filters.iter().all(|(name, wanted)| {
            let compared = match *name {
                "key" => key.as_str(),
                "value" => value.as_str(),
                "resource-id" => id.as_str(),
                _ => *kind,
            };
            matches_any(wanted, compared)
        })
    });
    Ok(xml(|xml| {
        xml.list("tagSet", "item", admitted, |xml, (kind, id, key, value)| {
            xml.text("resourceId", id);
            xml.text("resourceType", kind);
            xml.text("key", key);
            xml.text("value", value);
        });
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_matches_any_text() {
        assert!(matches(
            "debian-12-amd64-*",
            "debian-12-amd64-20250101-1978"
        ));
        assert!(matches("*b*d", "abcd"));
        assert!(!matches("*b*d", "abce"));
        assert!(!matches("abc", "abcd"));
    }
}
