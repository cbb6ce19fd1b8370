//! Parameter groups of instances and of clusters.
//!
//! Only what somebody set is kept; the rest is a short list of what PostgreSQL has, with which of
//! it a running server takes over.

use std::collections::BTreeMap;

use crate::errors::AwsError;

use super::super::account::{AwsAccount, QueryResult, unknown_action};
use super::super::form::QueryForm;
use super::super::writer::{XmlWriter, xml};
use super::Rds;
use super::groups::{ParameterGroupRecord, no_parameter_group};

/// Parameters that a running server takes over.
const DYNAMIC: &[&str] = &[
    "autovacuum_vacuum_cost_limit",
    "effective_cache_size",
    "hot_standby_feedback",
    "log_min_duration_statement",
    "maintenance_work_mem",
    "random_page_cost",
    "tcp_keepalives_count",
    "tcp_keepalives_idle",
    "tcp_keepalives_interval",
    "work_mem",
];
/// Parameters that take a restart.
const STATIC: &[&str] = &[
    "autovacuum_max_workers",
    "max_connections",
    "max_worker_processes",
    "shared_buffers",
];

/// Whose parameters a group has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Of {
    Instances,
    Clusters,
}

pub(super) fn answer(account: &mut AwsAccount, action: &str, form: &QueryForm<'_>) -> QueryResult {
    let of = match action.contains("Cluster") {
        true => Of::Clusters,
        false => Of::Instances,
    };
    match action {
        "CreateDBParameterGroup" | "CreateDBClusterParameterGroup" => create(account, form, of),
        "DescribeDBParameterGroups" | "DescribeDBClusterParameterGroups" => {
            describe_groups(&account.rds, form, of)
        }
        "DescribeDBParameters" | "DescribeDBClusterParameters" => describe(&account.rds, form, of),
        "ModifyDBParameterGroup" | "ModifyDBClusterParameterGroup" => modify(account, form, of),
        "ResetDBParameterGroup" | "ResetDBClusterParameterGroup" => reset(account, form, of),
        "DeleteDBParameterGroup" | "DeleteDBClusterParameterGroup" => delete(account, form, of),
        _ => Err(unknown_action(action)),
    }
}

impl Of {
    fn element(self) -> &'static str {
        match self {
            Self::Instances => "DBParameterGroup",
            Self::Clusters => "DBClusterParameterGroup",
        }
    }

    fn name(self, form: &QueryForm<'_>) -> Result<String, AwsError> {
        let name = form.required(&format!("{}Name", self.element()))?;
        Ok(name.to_lowercase())
    }

    fn groups(self, rds: &Rds) -> &BTreeMap<String, ParameterGroupRecord> {
        match self {
            Self::Instances => &rds.parameters,
            Self::Clusters => &rds.cluster_parameters,
        }
    }

    fn groups_mut(self, rds: &mut Rds) -> &mut BTreeMap<String, ParameterGroupRecord> {
        match self {
            Self::Instances => &mut rds.parameters,
            Self::Clusters => &mut rds.cluster_parameters,
        }
    }

    fn group<'a>(self, rds: &'a Rds, name: &str) -> Result<&'a ParameterGroupRecord, AwsError> {
        self.groups(rds)
            .get(name)
            .ok_or_else(|| no_parameter_group(name))
    }
}

/// CreateDBClusterParameterGroup: "A DB cluster parameter group is initially created with the
/// default parameters for the database engine used by instances in the DB cluster."
/// (<https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBClusterParameterGroup.html>).
fn create(account: &mut AwsAccount, form: &QueryForm<'_>, of: Of) -> QueryResult {
    let name = of.name(form)?;
    let kind = match of {
        Of::Instances => "pg",
        Of::Clusters => "cluster-pg",
    };
    let group = ParameterGroupRecord {
        family: form.required("DBParameterGroupFamily")?.to_owned(),
        description: form.required("Description")?.to_owned(),
        set: BTreeMap::new(),
        arn: account.arn("rds", &format!("{kind}:{name}")),
        tags: form.tags("Tags.Tag"),
    };
    let groups = of.groups_mut(&mut account.rds);
    if groups.contains_key(&name) {
        return Err(AwsError::new(
            "DBParameterGroupAlreadyExists",
            format!("Parameter group {name} already exists"),
        ));
    }
    let answer = xml(|xml| write(of, &name, &group, xml));
    groups.insert(name, group);
    Ok(answer)
}

fn write(of: Of, name: &str, group: &ParameterGroupRecord, xml: &mut XmlWriter) {
    xml.node(of.element(), |xml| {
        xml.text(&format!("{}Name", of.element()), name);
        xml.text("DBParameterGroupFamily", &group.family);
        xml.text("Description", &group.description);
        xml.text(&format!("{}Arn", of.element()), &group.arn);
    });
}

fn describe_groups(rds: &Rds, form: &QueryForm<'_>, of: Of) -> QueryResult {
    let asked = form
        .get(&format!("{}Name", of.element()))
        .map(str::to_lowercase);
    if let Some(name) = &asked {
        of.group(rds, name)?;
    }
    let groups = of.groups(rds).iter();
    let groups = groups.filter(|(name, _)| asked.as_ref().is_none_or(|asked| asked == *name));
    Ok(xml(|xml| {
        xml.node(&format!("{}s", of.element()), |xml| {
            for (name, group) in groups {
                write(of, name, group, xml);
            }
        });
    }))
}

/// DescribeDBClusterParameters: "Returns the detailed parameter list for a particular DB cluster
/// parameter group."
/// (<https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DescribeDBClusterParameters.html>).
fn describe(rds: &Rds, form: &QueryForm<'_>, of: Of) -> QueryResult {
    let group = of.group(rds, &of.name(form)?)?;
    let source = form.get("Source");
    let all = DYNAMIC.iter().chain(STATIC).map(|name| {
        let value = group.set.get(*name);
        (
            *name,
            value,
            if value.is_some() {
                "user"
            } else {
                "engine-default"
            },
        )
    });
    let all = all.filter(|(_, _, of)| source.is_none_or(|source| source == *of));
    Ok(xml(|xml| {
        xml.list(
            "Parameters",
            "Parameter",
            all,
            |xml, (name, value, source)| {
                let dynamic = DYNAMIC.contains(&name);
                xml.text("ParameterName", name);
                xml.maybe("ParameterValue", value);
                xml.text("Source", source);
                xml.text("ApplyType", if dynamic { "dynamic" } else { "static" });
                xml.text("IsModifiable", "true");
                xml.text("ApplyMethod", "pending-reboot");
            },
        );
    }))
}

/// The parameters that a call names, with their values. A static one cannot be applied at once.
fn named<'a>(form: &QueryForm<'a>) -> Result<Vec<(&'a str, Option<&'a str>)>, AwsError> {
    let mut named = Vec::new();
    for item in form.items("Parameters.Parameter") {
        let name = item.required("ParameterName")?;
        let method = item.get("ApplyMethod").unwrap_or("pending-reboot");
        if !DYNAMIC.contains(&name) && !STATIC.contains(&name) {
            return Err(AwsError::new(
                "InvalidParameterValue",
                format!("Could not find parameter with name: {name}"),
            ));
        }
        if method == "immediate" && STATIC.contains(&name) {
            return Err(AwsError::new(
                "InvalidParameterCombination",
                format!("cannot use immediate apply method for static parameter: {name}"),
            ));
        }
        named.push((name, item.get("ParameterValue")));
    }
    if named.len() > 20 {
        return Err(AwsError::new(
            "InvalidParameterValue",
            "A maximum of 20 parameters can be modified in a single request.",
        ));
    }
    Ok(named)
}

/// Databases that use a group wait for a restart, where a static parameter changed.
fn wait_for_restart(rds: &mut Rds, of: Of, group: &str, changed: &[(&str, Option<&str>)]) {
    if changed.iter().any(|(name, _)| STATIC.contains(name)) {
        for database in rds.databases.values_mut() {
            let uses = match of {
                Of::Instances => database.parameters == group,
                Of::Clusters => database.cluster.as_ref().is_some_and(|cluster| {
                    let cluster = rds.clusters.get(cluster);
                    cluster.is_some_and(|cluster| cluster.parameters == group)
                }),
            };
            if uses {
                database.parameters_state = "pending-reboot";
            }
        }
    }
}

fn changed(of: Of, name: &str) -> QueryResult {
    Ok(xml(|xml| xml.text(&format!("{}Name", of.element()), name)))
}

/// ModifyDBClusterParameterGroup: "A maximum of 20 parameters can be modified in a single request."
/// (<https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_ModifyDBClusterParameterGroup.html>).
fn modify(account: &mut AwsAccount, form: &QueryForm<'_>, of: Of) -> QueryResult {
    let name = of.name(form)?;
    let named = named(form)?;
    of.group(&account.rds, &name)?;
    if let Some(group) = of.groups_mut(&mut account.rds).get_mut(&name) {
        for (parameter, value) in &named {
            let value = value.unwrap_or_default().to_owned();
            group.set.insert((*parameter).to_owned(), value);
        }
    }
    wait_for_restart(&mut account.rds, of, &name, &named);
    changed(of, &name)
}

/// ResetDBClusterParameterGroup: "Modifies the parameters of a DB cluster parameter group to the
/// default value."
/// (<https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_ResetDBClusterParameterGroup.html>).
fn reset(account: &mut AwsAccount, form: &QueryForm<'_>, of: Of) -> QueryResult {
    let name = of.name(form)?;
    let all = form.flag("ResetAllParameters") == Some(true);
    let named = named(form)?;
    of.group(&account.rds, &name)?;
    if let Some(group) = of.groups_mut(&mut account.rds).get_mut(&name) {
        group
            .set
            .retain(|key, _| !all && named.iter().all(|(name, _)| name != key));
    }
    wait_for_restart(&mut account.rds, of, &name, &named);
    changed(of, &name)
}

/// DeleteDBClusterParameterGroup: "The DB cluster parameter group to be deleted can't be associated
/// with any DB clusters."
/// (<https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DeleteDBClusterParameterGroup.html>).
fn delete(account: &mut AwsAccount, form: &QueryForm<'_>, of: Of) -> QueryResult {
    let name = of.name(form)?;
    let rds = &mut account.rds;
    of.group(rds, &name)?;
    let used = match of {
        Of::Instances => rds.databases.values().any(|one| one.parameters == name),
        Of::Clusters => rds.clusters.values().any(|one| one.parameters == name),
    };
    if used {
        return Err(AwsError::new(
            "InvalidDBParameterGroupState",
            format!(
                "One or more database instances are still members of this parameter group {name}, \
                 so the group cannot be deleted"
            ),
        ));
    }
    of.groups_mut(rds).remove(&name);
    Ok(String::new())
}
