//! Subnet groups of caches.

use super::super::account::{AwsAccount, QueryResult, TagMap};
use super::super::form::QueryForm;
use super::super::writer::{XmlWriter, xml};
use super::ElastiCache;
use crate::errors::AwsError;

/// A group of subnets for caches.
#[derive(Debug, Clone, Hash)]
pub(super) struct CacheSubnetsRecord {
    pub(super) description: String,
    /// Subnets with their zones.
    pub(super) subnets: Vec<(String, String)>,
    pub(super) vpc: String,
    pub(super) tags: TagMap,
}

impl ElastiCache {
    pub(super) fn subnet_group(&self, name: &str) -> Result<&CacheSubnetsRecord, AwsError> {
        self.subnets.get(name).ok_or_else(|| {
            AwsError::new(
                "CacheSubnetGroupNotFoundFault",
                format!("CacheSubnetGroup {name} not found."),
            )
        })
    }
}

pub(super) fn create(account: &mut AwsAccount, form: &QueryForm<'_>) -> QueryResult {
    let name = form.required("CacheSubnetGroupName")?;
    let description = form.required("CacheSubnetGroupDescription")?.to_owned();
    let ids = form.list("SubnetIds.SubnetIdentifier");
    let tags = form.tags("Tags.Tag");
    if account.elasticache.subnets.contains_key(name) {
        return Err(AwsError::new(
            "CacheSubnetGroupAlreadyExists",
            format!("Cache subnet group {name} already exists."),
        ));
    }
    super::require_role(account)?;
    let (mut subnets, mut vpc) = (Vec::new(), String::new());
    for id in ids {
        let known = account.ec2.is_known_to_services(id);
        let place = account
            .ec2
            .place_of(id)
            .filter(|_| known)
            .ok_or_else(|| AwsError::new("InvalidSubnet", format!("Invalid subnet: {id}")))?;
        place.0.clone_into(&mut vpc);
        subnets.push((id.to_owned(), place.1.to_owned()));
    }
    let group = CacheSubnetsRecord {
        description,
        subnets,
        vpc,
        tags,
    };
    account.elasticache.subnets.insert(name.to_owned(), group);
    Ok(xml(|xml| {
        xml.node("CacheSubnetGroup", |xml| write(account, name, xml));
    }))
}

fn write(account: &AwsAccount, name: &str, xml: &mut XmlWriter) {
    let Some(group) = account.elasticache.subnets.get(name) else {
        return;
    };
    xml.text("CacheSubnetGroupName", name);
    xml.text("CacheSubnetGroupDescription", &group.description);
    xml.text("VpcId", &group.vpc);
    xml.list("Subnets", "Subnet", &group.subnets, |xml, (id, zone)| {
        xml.text("SubnetIdentifier", id);
        xml.node("SubnetAvailabilityZone", |xml| xml.text("Name", zone));
    });
    xml.text(
        "ARN",
        account.arn("elasticache", &format!("subnetgroup:{name}")),
    );
}

pub(super) fn describe(account: &AwsAccount, form: &QueryForm<'_>) -> QueryResult {
    let asked = form.get("CacheSubnetGroupName");
    if let Some(name) = asked {
        account.elasticache.subnet_group(name)?;
    }
    let names = account.elasticache.subnets.keys();
    let names = names.filter(|name| asked.is_none_or(|asked| asked == *name));
    Ok(xml(|xml| {
        xml.list(
            "CacheSubnetGroups",
            "CacheSubnetGroup",
            names,
            |xml, name| {
                write(account, name, xml);
            },
        );
    }))
}

pub(super) fn delete(account: &mut AwsAccount, form: &QueryForm<'_>) -> QueryResult {
    let name = form.required("CacheSubnetGroupName")?;
    let cache = &mut account.elasticache;
    cache.subnet_group(name)?;
    if cache.groups.values().any(|one| one.subnets == name) {
        return Err(AwsError::new(
            "CacheSubnetGroupInUse",
            format!("Cache subnet group {name} is currently in use by a cache cluster."),
        ));
    }
    cache.subnets.remove(name);
    Ok(String::new())
}
