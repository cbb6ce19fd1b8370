//! What instances and clusters, created or restored, have in common: fixed settings, and parts
//! of requests and answers.

use std::collections::BTreeSet;

use aws_sdk_rds::types::{Tag, VpcSecurityGroupMembership};

use crate::aws::error::incomplete;
use crate::aws::tags::{self, Pair};
use crate::blueprint::AttributeValue;
use crate::engine::{CloudError, FailureClass, Request};

/// Changes instances.
pub(in crate::aws) const MODIFY: &str = "rds:ModifyDBInstance";
/// Name of the database and of its owner.
pub(in crate::aws) const NAME: &str = "mattermost";
/// The storage of instances.
pub(in crate::aws) const STORAGE: &str = "gp3";
/// The engine of clusters.
pub(in crate::aws) const AURORA: &str = "aurora-postgresql";
/// Storage that is billed by size alone, not by input and output.
pub(in crate::aws) const IO_OPTIMIZED: &str = "aurora-iopt1";

pub(in crate::aws) fn rds_tags(request: &Request<'_>) -> Vec<Tag> {
    tags::of(request)
        .into_iter()
        .map(|(key, value)| Tag::builder().key(key).value(value).build())
        .collect()
}

/// The same for what takes a second call; says that it is still to come.
pub(in crate::aws) fn unfinished_tags(request: &Request<'_>) -> Vec<Tag> {
    let mut list = rds_tags(request);
    list.push(Tag::builder().key(tags::FINISHED).value("false").build());
    list
}

pub(in crate::aws) fn rds_pairs(tags: &[Tag]) -> impl Iterator<Item = Pair<'_>> {
    tags.iter().map(|tag| (tag.key(), tag.value()))
}

/// While creating, what is not found was created a moment ago: the subnet group, the parameter
/// group, the writer. What stays away for longer is not there. Snapshots are named by people: none
/// of them was created a moment ago.
pub(in crate::aws) fn settle_if_not_found<T>(
    result: Result<T, CloudError>,
) -> Result<T, CloudError> {
    result.map_err(|mut error| {
        if error.class == FailureClass::NotFound {
            error.class = match error.code.as_str() {
                "DBSnapshotNotFound" | "DBClusterSnapshotNotFoundFault" => FailureClass::Terminal,
                _ => FailureClass::Settling,
            };
        }
        error
    })
}

/// The password of a new database, or the one that a restored database is given in place of
/// its snapshot's.
pub(in crate::aws) fn master_password<'a>(
    request: &'a Request<'_>,
    operation: &str,
) -> Result<&'a str, CloudError> {
    let password = request.secrets.password.as_ref();
    password
        .map(secrecy::ExposeSecret::expose_secret)
        .ok_or_else(|| incomplete(operation, request.address, "master password"))
}

/// The security groups that a database is in, or is put into, by id.
pub(in crate::aws) fn group_ids(groups: &[VpcSecurityGroupMembership]) -> Option<AttributeValue> {
    let staying = groups
        .iter()
        .filter(|group| group.status() != Some("removing"));
    let ids: BTreeSet<String> = staying
        .filter_map(|group| group.vpc_security_group_id().map(str::to_owned))
        .collect();
    (!ids.is_empty()).then_some(AttributeValue::Names(ids))
}

/// `15.8` is of major version `15`, which is what environments ask for.
pub(in crate::aws) fn major(version: &str) -> String {
    version.split('.').next().unwrap_or(version).to_owned()
}

pub(in crate::aws) fn count(size: u32) -> i32 {
    i32::try_from(size).unwrap_or(i32::MAX)
}
