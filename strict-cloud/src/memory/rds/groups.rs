//! Subnet groups, and what a parameter group is.

use std::collections::{BTreeMap, BTreeSet};

use crate::errors::AwsError;
use crate::refusals::rds::FIRST_USE;

use super::super::account::{AwsAccount, QueryResult, TagMap, missing};
use super::super::form::QueryForm;
use super::super::writer::{XmlWriter, xml};
use super::Rds;

/// Owner of the role through which databases reach into a VPC.
const SERVICE: &str = "rds.amazonaws.com";

/// A group of subnets.
#[derive(Debug, Clone, Hash)]
pub(super) struct SubnetGroupRecord {
    description: String,
    vpc: String,
    /// Subnets with their zones.
    pub(super) subnets: Vec<(String, String)>,
    arn: String,
    pub(super) tags: TagMap,
}

/// A group of parameters, of instances or of clusters.
#[derive(Debug, Clone, Hash)]
pub(super) struct ParameterGroupRecord {
    pub(super) family: String,
    pub(super) description: String,
    /// Those that somebody set.
    pub(super) set: BTreeMap<String, String>,
    pub(super) arn: String,
    pub(super) tags: TagMap,
}

impl Rds {
    pub(super) fn subnet_group(&self, name: &str) -> Result<&SubnetGroupRecord, AwsError> {
        self.subnets.get(name).ok_or_else(|| {
            missing(
                "DBSubnetGroupNotFoundFault",
                format!("DB subnet group '{name}' does not exist."),
            )
        })
    }

    /// A parameter group that is to be used by an engine of a version.
    pub(super) fn parameter_group_for(
        &self,
        groups: &BTreeMap<String, ParameterGroupRecord>,
        name: &str,
        (engine, version): (&str, &str),
    ) -> Result<(), AwsError> {
        let family = super::family(engine, version);
        let found = groups.get(name).ok_or_else(|| no_parameter_group(name))?;
        if found.family == family {
            return Ok(());
        }
        Err(AwsError::new(
            "InvalidParameterCombination",
            format!(
                "The Parameter Group {name} with DBParameterGroupFamily {} can't be used for \
                 this instance. Please use a Parameter Group with DBParameterGroupFamily {family}",
                found.family
            ),
        ))
    }
}

pub(super) fn no_parameter_group(name: &str) -> AwsError {
    missing(
        "DBParameterGroupNotFound",
        format!("DBParameterGroup not found: {name}"),
    )
}

pub(super) fn create_subnets(account: &mut AwsAccount, form: &QueryForm<'_>) -> QueryResult {
    let name = form.required("DBSubnetGroupName")?.to_lowercase();
    let description = form.required("DBSubnetGroupDescription")?.to_owned();
    let ids = form.list("SubnetIds.SubnetIdentifier");
    let tags = form.tags("Tags.Tag");
    // The first call of an account makes RDS create its role in the caller's name, and comes too
    // early for it.
    if !account.has_service_role(SERVICE) {
        account.create_role_of(SERVICE);
        return Err(AwsError::known(&FIRST_USE));
    }
    if account.rds.subnets.contains_key(&name) {
        return Err(AwsError::new(
            "DBSubnetGroupAlreadyExists",
            format!("The DB subnet group '{name}' already exists."),
        ));
    }
    let (mut subnets, mut vpcs) = (Vec::new(), BTreeSet::new());
    for id in ids {
        let place = account.ec2.place_of(id).ok_or_else(|| {
            AwsError::new(
                "InvalidParameterValue",
                format!("Some input subnets in :[{id}] are invalid."),
            )
        })?;
        vpcs.insert(place.0.to_owned());
        subnets.push((id.to_owned(), place.1.to_owned()));
    }
    let zones: BTreeSet<&String> = subnets.iter().map(|(_, zone)| zone).collect();
    if zones.len() < 2 {
        return Err(AwsError::new(
            "DBSubnetGroupDoesNotCoverEnoughAZs",
            "The DB subnet group doesn't meet Availability Zone (AZ) coverage requirement. \
             Current AZ coverage: one. Add subnets to cover at least 2 AZs.",
        ));
    }
    let group = SubnetGroupRecord {
        description,
        vpc: vpcs.into_iter().next().unwrap_or_default(),
        subnets,
        arn: account.arn("rds", &format!("subgrp:{name}")),
        tags,
    };
    account.rds.subnets.insert(name.clone(), group);
    Ok(xml(|xml| write_subnets(&account.rds, &name, xml)))
}

pub(super) fn describe_subnets(account: &AwsAccount, form: &QueryForm<'_>) -> QueryResult {
    let asked = form.get("DBSubnetGroupName").map(str::to_lowercase);
    if let Some(name) = &asked {
        account.rds.subnet_group(name)?;
    }
    let names = account.rds.subnets.keys();
    let names = names.filter(|name| asked.as_ref().is_none_or(|asked| asked == *name));
    Ok(xml(|xml| {
        xml.node("DBSubnetGroups", |xml| {
            for name in names {
                write_subnets(&account.rds, name, xml);
            }
        });
    }))
}

/// A subnet group as it stands in answers of its own and of databases.
pub(super) fn write_subnets(rds: &Rds, name: &str, xml: &mut XmlWriter) {
    let Some(group) = rds.subnets.get(name) else {
        return;
    };
    xml.node("DBSubnetGroup", |xml| {
        xml.text("DBSubnetGroupName", name);
        xml.text("DBSubnetGroupDescription", &group.description);
        xml.text("VpcId", &group.vpc);
        xml.text("SubnetGroupStatus", "Complete");
        xml.list("Subnets", "Subnet", &group.subnets, |xml, (id, zone)| {
            xml.text("SubnetIdentifier", id);
            xml.node("SubnetAvailabilityZone", |xml| xml.text("Name", zone));
            xml.text("SubnetStatus", "Active");
        });
        xml.text("DBSubnetGroupArn", &group.arn);
    });
}

pub(super) fn delete_subnets(account: &mut AwsAccount, form: &QueryForm<'_>) -> QueryResult {
    let name = form.required("DBSubnetGroupName")?.to_lowercase();
    let rds = &mut account.rds;
    rds.subnet_group(&name)?;
    let databases = rds.databases.iter().map(|(id, one)| (id, &one.subnets));
    let clusters = rds.clusters.iter().map(|(id, one)| (id, &one.subnets));
    if let Some((user, _)) = databases.chain(clusters).find(|(_, used)| **used == name) {
        return Err(AwsError::new(
            "InvalidDBSubnetGroupStateFault",
            format!(
                "Cannot delete the subnet group '{name}' because at least one database instance: \
                 {user} is still using it."
            ),
        ));
    }
    rds.subnets.remove(&name);
    Ok(String::new())
}
