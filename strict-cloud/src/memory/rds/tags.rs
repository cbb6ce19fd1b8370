//! Tags of everything in RDS, which goes by its ARN there.

use crate::errors::AwsError;

use super::super::account::{AwsAccount, QueryResult, TagMap, missing};
use super::super::form::QueryForm;
use super::super::writer::xml;
use super::groups::no_parameter_group;
use super::{Rds, write_tags};

/// The tags of what an ARN names.
fn tags_of<'a>(rds: &'a mut Rds, arn: &str) -> Result<&'a mut TagMap, AwsError> {
    let mut parts = arn.splitn(7, ':').skip(5);
    let (kind, name) = (
        parts.next().unwrap_or_default(),
        parts.next().unwrap_or_default(),
    );
    let found = match kind {
        "db" => rds.databases.get_mut(name).map(|one| &mut one.tags),
        "cluster" => rds.clusters.get_mut(name).map(|one| &mut one.tags),
        "subgrp" => rds.subnets.get_mut(name).map(|one| &mut one.tags),
        "pg" => rds.parameters.get_mut(name).map(|one| &mut one.tags),
        "cluster-pg" => rds
            .cluster_parameters
            .get_mut(name)
            .map(|one| &mut one.tags),
        "snapshot" => rds.snapshots.get_mut(name).map(|one| &mut one.tags),
        "cluster-snapshot" => rds.cluster_snapshots.get_mut(name).map(|one| &mut one.tags),
        _ => {
            return Err(AwsError::new(
                "InvalidParameterValue",
                format!("Invalid resource name: {arn}"),
            ));
        }
    };
    found.ok_or_else(|| {
        let code = match kind {
            "db" => "DBInstanceNotFound",
            "cluster" => "DBClusterNotFoundFault",
            "subgrp" => "DBSubnetGroupNotFoundFault",
            "snapshot" => "DBSnapshotNotFound",
            "cluster-snapshot" => "DBClusterSnapshotNotFoundFault",
            _ => return no_parameter_group(name),
        };
        missing(code, format!("{name} not found."))
    })
}

pub(super) fn list(account: &mut AwsAccount, form: &QueryForm<'_>) -> QueryResult {
    let tags = tags_of(&mut account.rds, form.required("ResourceName")?)?;
    Ok(xml(|xml| write_tags(xml, tags)))
}

pub(super) fn add(account: &mut AwsAccount, form: &QueryForm<'_>) -> QueryResult {
    let added = form.tags("Tags.Tag");
    tags_of(&mut account.rds, form.required("ResourceName")?)?.extend(added);
    Ok(String::new())
}
