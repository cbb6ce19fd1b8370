//! Instances of an Aurora cluster, and the cluster's parameter group.

use std::collections::BTreeMap;

use aws_sdk_rds::types::{ApplyMethod, DbClusterParameterGroup, DbInstance, Parameter};

use crate::aws::Aws;
use crate::aws::error::{CallContext, ErrorPolicy, incomplete};
use crate::aws::ownership::Ownership;
use crate::aws::rds::groups::PARAMETERS;
use crate::aws::rds::instances::CREATE;
use crate::aws::rds::settings::{AURORA, count, rds_tags};
use crate::aws::request::{dependency, require_listed, zone_of_subnet};
use crate::aws::tags::observed;
use crate::blueprint::kinds::{ClusterInstance, ClusterParameters};
use crate::blueprint::{DatabaseRole, Kind, parameter_lines};
use crate::engine::{CloudError, Observed, Request, State};
use crate::identity::names::Names;

/// The lowest of the failover tiers, 0 to 15.
const LAST_TIER: u32 = 15;

impl Aws {
    /// An instance of the cluster. Which of them writes is the cluster's to decide: the first
    /// one, and after a failure the one of the lowest tier.
    pub(in crate::aws) async fn create_cluster_instance(
        &self,
        request: &Request<'_>,
        wanted: &ClusterInstance,
    ) -> Result<Observed, CloudError> {
        let id = Names::of(request.environment).database(wanted.role);
        let created = self.create_member(request, wanted, &id).await;
        self.resolve_database(request, CREATE, &id, created).await
    }

    async fn create_member(
        &self,
        request: &Request<'_>,
        wanted: &ClusterInstance,
        id: &str,
    ) -> Result<DbInstance, CloudError> {
        let operation = CREATE;
        let ClusterInstance {
            zone,
            role,
            class,
            cluster,
            parameters,
        } = wanted;
        let tier = match role {
            DatabaseRole::Writer => 0,
            DatabaseRole::Reader(index) => (*index).min(LAST_TIER),
        };
        self.rds
            .create_db_instance()
            .db_instance_identifier(id)
            .db_cluster_identifier(&dependency(request, operation, cluster)?.id)
            .engine(AURORA)
            .db_instance_class(class)
            .set_availability_zone(zone_of_subnet(request, operation, zone.as_ref())?)
            .promotion_tier(count(tier))
            .publicly_accessible(false)
            // A rig that is measured must not be restarted under the measurement.
            .auto_minor_version_upgrade(false)
            .db_parameter_group_name(&dependency(request, operation, parameters)?.id)
            .set_tags(Some(rds_tags(request)))
            .send()
            .await
            .context(operation, request.address)?
            .db_instance
            .ok_or_else(|| incomplete(operation, request.address, "instance"))
    }

    pub(in crate::aws) async fn create_cluster_parameters(
        &self,
        request: &Request<'_>,
        group: &ClusterParameters,
    ) -> Result<Observed, CloudError> {
        let operation = "rds:CreateDBClusterParameterGroup";
        let name = Names::of(request.environment).cluster_parameters();
        let created = self
            .rds
            .create_db_cluster_parameter_group()
            .db_cluster_parameter_group_name(&name)
            .db_parameter_group_family(&group.family)
            .description(format!("database cluster of {}", request.environment))
            .set_tags(Some(rds_tags(request)))
            .send()
            .await
            .context(operation, request.address)
            .ok_if_code(&["DBParameterGroupAlreadyExists"])?;
        if created.is_some() {
            self.remember_created(request, &name);
        } else {
            let ownership = self
                .cluster_parameters_ownership(request.environment)
                .await?;
            self.resolve_creation(request, operation, &name, false, ownership)?;
        }
        self.update_cluster_parameters(request, group).await
    }

    /// Brings the group to exactly these parameters.
    pub(in crate::aws) async fn update_cluster_parameters(
        &self,
        request: &Request<'_>,
        group: &ClusterParameters,
    ) -> Result<Observed, CloudError> {
        let parameters = &group.parameters;
        let name = Names::of(request.environment).cluster_parameters();
        let all = self.describe_cluster_parameters(&name, None).await?;
        let set = set_by_user(&all);
        let method = |key: &str| {
            let dynamic = all.iter().any(|one| {
                one.parameter_name() == Some(key) && one.apply_type() == Some("dynamic")
            });
            if dynamic {
                ApplyMethod::Immediate
            } else {
                ApplyMethod::PendingReboot
            }
        };
        let missing: Vec<Parameter> = parameters
            .iter()
            .filter(|(key, value)| set.get(*key) != Some(*value))
            .map(|(key, value)| {
                Parameter::builder()
                    .parameter_name(key)
                    .parameter_value(value)
                    .apply_method(method(key))
                    .build()
            })
            .collect();
        for some in missing.chunks(PARAMETERS) {
            self.rds
                .modify_db_cluster_parameter_group()
                .db_cluster_parameter_group_name(&name)
                .set_parameters(Some(some.to_vec()))
                .send()
                .await
                .context("rds:ModifyDBClusterParameterGroup", &name)
                .retry_if_not_found()?;
        }
        let surplus: Vec<Parameter> = set
            .keys()
            .filter(|key| !parameters.contains_key(*key))
            .map(|key| {
                Parameter::builder()
                    .parameter_name(key)
                    .apply_method(method(key))
                    .build()
            })
            .collect();
        for some in surplus.chunks(PARAMETERS) {
            self.rds
                .reset_db_cluster_parameter_group()
                .db_cluster_parameter_group_name(&name)
                .reset_all_parameters(false)
                .set_parameters(Some(some.to_vec()))
                .send()
                .await
                .context("rds:ResetDBClusterParameterGroup", &name)?;
        }
        let found = self.cluster_parameters(request.environment).await?;
        require_listed(
            found.into_iter().collect(),
            "rds:DescribeDBClusterParameterGroups",
            &name,
        )
    }

    pub(in crate::aws) async fn cluster_parameters(
        &self,
        environment: &str,
    ) -> Result<Option<Observed>, CloudError> {
        Ok(self.cluster_parameters_ownership(environment).await?.ours())
    }

    async fn cluster_parameters_ownership(
        &self,
        environment: &str,
    ) -> Result<Ownership, CloudError> {
        let name = Names::of(environment).cluster_parameters();
        let Some(group) = self.raw_cluster_parameter_group(&name).await? else {
            return Ok(Ownership::NotListed);
        };
        let arn = group
            .db_cluster_parameter_group_arn()
            .ok_or_else(|| incomplete("rds:DescribeDBClusterParameterGroups", &name, "ARN"))?;
        let (owner, all) = futures::try_join!(
            self.rds_ownership(arn, environment),
            self.describe_cluster_parameters(&name, Some("user"))
        )?;
        Ok(owner.and_then(|address| {
            Some(observed(
                address,
                Kind::DatabaseClusterParameters,
                name,
                (State::Ready, "available"),
                [
                    ("family", group.db_parameter_group_family().map(Into::into)),
                    ("parameters", Some(parameter_lines(&set_by_user(&all)))),
                ],
            ))
        }))
    }

    /// Whatever has the group's name.
    pub(in crate::aws) async fn raw_cluster_parameter_group(
        &self,
        name: &str,
    ) -> Result<Option<DbClusterParameterGroup>, CloudError> {
        let answer = self
            .rds
            .describe_db_cluster_parameter_groups()
            .db_cluster_parameter_group_name(name)
            .send()
            .await;
        let found = answer
            .context("rds:DescribeDBClusterParameterGroups", name)
            .ok_if_not_found()?;
        Ok(found
            .and_then(|answer| answer.db_cluster_parameter_groups)
            .unwrap_or_default()
            .into_iter()
            .find(|group| group.db_cluster_parameter_group_name() == Some(name)))
    }

    pub(in crate::aws) async fn delete_cluster_parameters(
        &self,
        name: &str,
    ) -> Result<(), CloudError> {
        let answer = self
            .rds
            .delete_db_cluster_parameter_group()
            .db_cluster_parameter_group_name(name)
            .send()
            .await;
        answer
            .context("rds:DeleteDBClusterParameterGroup", name)
            .ok_if_not_found()?;
        Ok(())
    }

    /// The parameters of a group, all or those of a source; empty when there is no group.
    async fn describe_cluster_parameters(
        &self,
        name: &str,
        source: Option<&str>,
    ) -> Result<Vec<Parameter>, CloudError> {
        let found = self
            .rds
            .describe_db_cluster_parameters()
            .db_cluster_parameter_group_name(name)
            .set_source(source.map(str::to_owned))
            .into_paginator()
            .items()
            .send()
            .try_collect()
            .await
            .context("rds:DescribeDBClusterParameters", name)
            .ok_if_not_found()?;
        Ok(found.unwrap_or_default())
    }
}

/// The parameters that somebody set, by name.
fn set_by_user(parameters: &[Parameter]) -> BTreeMap<String, String> {
    parameters
        .iter()
        .filter(|one| one.source().is_none_or(|source| source == "user"))
        .filter_map(|one| {
            Some((
                one.parameter_name()?.to_owned(),
                one.parameter_value()?.to_owned(),
            ))
        })
        .collect()
}
