//! RDS's subnet and parameter groups: duplicates, zones, what is in use; and what the
//! emulator lacks, resetting parameters and describing one group by its name.
//!
//! Codes: errors of CreateDBSubnetGroup, DeleteDBSubnetGroup, DeleteDBParameterGroup,
//! DescribeDBParameterGroups and ResetDBParameterGroup in the Amazon RDS API Reference.

use std::collections::BTreeSet;

use http::StatusCode;

use crate::call::Call;
use crate::cloud::{Core, Ruling};
use crate::ec2::subnet_location;
use crate::errors::{AwsError, Reply};
use crate::xml;

pub(crate) async fn before(core: &Core, call: &Call) -> Result<Ruling, AwsError> {
    match call.action.as_str() {
        "CreateDBSubnetGroup" => check_creation(core, call).await?,
        "DeleteDBSubnetGroup" => {
            let name = call.get("DBSubnetGroupName").unwrap_or_default();
            let user = user(core, call, "DBSubnetGroupName", "DBSubnetGroup", name).await?;
            if let Some(user) = user {
                return Err(AwsError::new(
                    "InvalidDBSubnetGroupStateFault",
                    format!(
                        "Cannot delete the subnet group '{name}' because at least one database instance: {user} is still using it."
                    ),
                ));
            }
        }
        "DeleteDBParameterGroup" => {
            let name = call.get("DBParameterGroupName").unwrap_or_default();
            if name.starts_with("default.") {
                return Err(AwsError::new(
                    "InvalidDBParameterGroupState",
                    format!("Default DBParameterGroup cannot be deleted: {name}"),
                ));
            }
            let none = "";
            if user(core, call, "DBParameterGroupName", none, name)
                .await?
                .is_some()
            {
                return Err(in_use(name));
            }
        }
        "DeleteDBClusterParameterGroup" => {
            let name = call.get("DBClusterParameterGroupName").unwrap_or_default();
            let tag = "DBClusterParameterGroup";
            if user(core, call, tag, tag, name).await?.is_some() {
                return Err(in_use(name));
            }
        }
        "ResetDBParameterGroup" => return reset(core, call).await.map(Ruling::Answer),
        _ => {}
    }
    Ok(Ruling::Forward)
}

pub(crate) fn after(call: &Call, reply: &mut Reply) -> Result<(), AwsError> {
    if call.action != "DescribeDBParameterGroups" {
        return Ok(());
    }
    let Some(name) = call.get("DBParameterGroupName") else {
        return Ok(());
    };
    let mut found = false;
    let corrected = xml::edit(reply.text(), |document, edits| {
        for group in xml::named(document, "DBParameterGroup") {
            if xml::text_of(group, "DBParameterGroupName") == Some(name) {
                found = true;
            } else {
                edits.drop(group);
            }
        }
    });
    if let Some(text) = corrected {
        reply.set_text(text);
    }
    // Default groups are not all listed by the emulator.
    if !found && !name.starts_with("default.") {
        return Err(AwsError::with(
            StatusCode::NOT_FOUND,
            "DBParameterGroupNotFound",
            format!("DBParameterGroup not found: {name}"),
        ));
    }
    Ok(())
}

fn in_use(name: &str) -> AwsError {
    AwsError::new(
        "InvalidDBParameterGroupState",
        format!(
            "One or more database instances are still members of this parameter group {name}, so the group cannot be deleted"
        ),
    )
}

async fn check_creation(core: &Core, call: &Call) -> Result<(), AwsError> {
    let name = call.get("DBSubnetGroupName").unwrap_or_default();
    let found = core
        .upstream
        .ask(
            call,
            "rds",
            "DescribeDBSubnetGroups",
            &[("DBSubnetGroupName", name)],
        )
        .await?;
    if found.is_success() && xml::first(found.text(), "DBSubnetGroupName").is_some() {
        return Err(AwsError::new(
            "DBSubnetGroupAlreadyExists",
            format!("The DB subnet group '{name}' already exists."),
        ));
    }
    let mut zones = BTreeSet::new();
    for subnet in call.all("SubnetIds") {
        let place = subnet_location(core, call, subnet).await.map_err(|_| {
            AwsError::new(
                "InvalidParameterValue",
                format!("Some input subnets in :[{subnet}] are invalid."),
            )
        })?;
        zones.insert(place.zone);
    }
    if zones.len() < 2 {
        return Err(AwsError::new(
            "DBSubnetGroupDoesNotCoverEnoughAZs",
            "The DB subnet group doesn't meet Availability Zone (AZ) coverage requirement. Current AZ coverage: one. Add subnets to cover at least 2 AZs.",
        ));
    }
    Ok(())
}

/// A database or cluster that uses a group: `on_instance` and `on_cluster` are the
/// elements that name it.
async fn user(
    core: &Core,
    call: &Call,
    on_instance: &str,
    on_cluster: &str,
    group: &str,
) -> Result<Option<String>, AwsError> {
    let looks = [
        (
            "DescribeDBInstances",
            "DBInstance",
            "DBInstanceIdentifier",
            on_instance,
        ),
        (
            "DescribeDBClusters",
            "DBCluster",
            "DBClusterIdentifier",
            on_cluster,
        ),
    ];
    for (action, element, id, tag) in looks {
        if tag.is_empty() {
            continue;
        }
        let answer = core.upstream.text(call, "rds", action, &[]).await?;
        let user = xml::read(&answer, |document| {
            xml::named(document, element)
                .find(|node| xml::texts_in(*node, tag).iter().any(|name| name == group))
                .and_then(|node| xml::text_of(node, id).map(str::to_owned))
        });
        if user.is_some() {
            return Ok(user);
        }
    }
    Ok(None)
}

/// Resets parameters by making the group anew without them: the emulator can set
/// parameters and cannot unset any.
async fn reset(core: &Core, call: &Call) -> Result<Reply, AwsError> {
    let name = call.get("DBParameterGroupName").unwrap_or_default();
    let group = [("DBParameterGroupName", name)];
    let ask = |action: &'static str| core.upstream.text(call, "rds", action, &group);
    let groups = ask("DescribeDBParameterGroups").await?;
    let described = xml::read(&groups, |document| {
        let found = xml::named(document, "DBParameterGroup")
            .find(|group| xml::text_of(*group, "DBParameterGroupName") == Some(name))?;
        let part = |tag| xml::text_of(found, tag).map(str::to_owned);
        Some((
            part("DBParameterGroupFamily")?,
            part("Description")?,
            part("DBParameterGroupArn")?,
        ))
    });
    let Some((family, description, arn)) = described else {
        return Err(AwsError::with(
            StatusCode::NOT_FOUND,
            "DBParameterGroupNotFound",
            format!("DBParameterGroup not found: {name}"),
        ));
    };
    let parameters = core
        .upstream
        .text(
            call,
            "rds",
            "DescribeDBParameters",
            &[("DBParameterGroupName", name), ("Source", "user")],
        )
        .await?;
    let tags = core
        .upstream
        .text(
            call,
            "rds",
            "ListTagsForResource",
            &[("ResourceName", &arn)],
        )
        .await?;
    let all = call.get("ResetAllParameters") == Some("true");
    let dropped: BTreeSet<&str> = call
        .fields()
        .filter(|(field, _)| field.ends_with(".ParameterName"))
        .map(|(_, value)| value)
        .collect();
    let kept = fields_of(
        &parameters,
        "Parameter",
        "Parameters.Parameter",
        |parameter| !all && !dropped.contains(parameter),
    );

    ask("DeleteDBParameterGroup").await?;
    let mut fields = vec![
        ("DBParameterGroupName".to_owned(), name.to_owned()),
        ("DBParameterGroupFamily".to_owned(), family),
        ("Description".to_owned(), description),
    ];
    fields.extend(fields_of(&tags, "Tag", "Tags.Tag", |_| true));
    make(core, call, "CreateDBParameterGroup", &fields).await?;
    if !kept.is_empty() {
        let mut fields = vec![("DBParameterGroupName".to_owned(), name.to_owned())];
        fields.extend(kept);
        make(core, call, "ModifyDBParameterGroup", &fields).await?;
    }
    Ok(Reply::done(
        call,
        format!(
            "<ResetDBParameterGroupResponse xmlns=\"http://rds.amazonaws.com/doc/2014-10-31/\"><ResetDBParameterGroupResult><DBParameterGroupName>{name}</DBParameterGroupName></ResetDBParameterGroupResult></ResetDBParameterGroupResponse>"
        ),
    ))
}

async fn make(
    core: &Core,
    call: &Call,
    action: &str,
    fields: &[(String, String)],
) -> Result<(), AwsError> {
    let fields: Vec<(&str, &str)> = fields
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    core.upstream
        .text(call, "rds", action, &fields)
        .await
        .map(|_| ())
}

/// What an answer lists, as fields of a request: `prefix.1.Key` and so on. The first child
/// of each element is its name.
fn fields_of(
    text: &str,
    element: &str,
    prefix: &str,
    keep: impl Fn(&str) -> bool,
) -> Vec<(String, String)> {
    xml::read(text, |document| {
        xml::named(document, element)
            .filter(|node| {
                let name = ["ParameterName", "Key"]
                    .iter()
                    .find_map(|tag| xml::text_of(*node, tag));
                name.is_some_and(&keep)
            })
            .enumerate()
            .flat_map(|(number, node)| {
                let told = [
                    "ParameterName",
                    "ParameterValue",
                    "ApplyMethod",
                    "Key",
                    "Value",
                ];
                told.into_iter()
                    .filter_map(|tag| {
                        let value = xml::text_of(node, tag)?;
                        Some((format!("{prefix}.{}.{tag}", number + 1), value.to_owned()))
                    })
                    .collect::<Vec<_>>()
            })
            .collect()
    })
}
