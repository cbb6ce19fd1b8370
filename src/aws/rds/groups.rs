//! What RDS instances need before they exist: subnet group and parameter groups.

use std::collections::BTreeMap;

use aws_sdk_rds::types::{ApplyMethod, DbParameterGroup, Parameter};

use crate::aws::Aws;
use crate::aws::error::{CallContext, ErrorPolicy, incomplete};
use crate::aws::ownership::Ownership;
use crate::aws::rds::settings::{rds_pairs, rds_tags, settle_if_not_found};
use crate::aws::request::{dependency_ids, require_listed};
use crate::aws::tags::{self, observed};
use crate::blueprint::kinds::{DatabaseParameters, DatabaseSubnets};
use crate::blueprint::{Address, Kind, parameter_lines};
use crate::engine::{CloudError, Observed, Request, State};
use crate::identity::names::Names;

/// Parameters in one call.
pub(in crate::aws) const PARAMETERS: usize = 20;

impl Aws {
    pub(in crate::aws) async fn create_database_subnets(
        &self,
        request: &Request<'_>,
        group: &DatabaseSubnets,
    ) -> Result<Observed, CloudError> {
        let operation = "rds:CreateDBSubnetGroup";
        let name = Names::of(request.environment).database_subnets();
        let created = self
            .rds
            .create_db_subnet_group()
            .db_subnet_group_name(&name)
            .db_subnet_group_description(format!("databases of {}", request.environment))
            .set_subnet_ids(Some(dependency_ids(request, operation, &group.subnets)?))
            .set_tags(Some(rds_tags(request)))
            .send()
            .await
            .context(operation, request.address)
            .ok_if_code(&[
                "DBSubnetGroupAlreadyExists",
                "DBSubnetGroupAlreadyExistsFault",
            ]);
        let created = settle_if_not_found(created)?;
        let ownership = self.database_subnets_ownership(request.environment).await?;
        self.resolve_creation(request, operation, &name, created.is_some(), ownership)
    }

    pub(in crate::aws) async fn database_subnets(
        &self,
        environment: &str,
    ) -> Result<Option<Observed>, CloudError> {
        Ok(self.database_subnets_ownership(environment).await?.ours())
    }

    async fn database_subnets_ownership(&self, environment: &str) -> Result<Ownership, CloudError> {
        let name = Names::of(environment).database_subnets();
        let operation = "rds:DescribeDBSubnetGroups";
        let answer = self
            .rds
            .describe_db_subnet_groups()
            .db_subnet_group_name(&name)
            .send()
            .await;
        let found = answer.context(operation, &name).ok_if_not_found()?;
        let Some(group) =
            found.and_then(|answer| answer.db_subnet_groups.unwrap_or_default().pop())
        else {
            return Ok(Ownership::NotListed);
        };
        let arn = group.db_subnet_group_arn().unwrap_or_default();
        let owner = self.rds_ownership(arn, environment).await?;
        Ok(owner.and_then(|address| {
            let status = group.subnet_group_status().unwrap_or("Complete");
            Some(observed(
                address,
                Kind::DatabaseSubnets,
                name,
                (State::Ready, status),
                [],
            ))
        }))
    }

    pub(in crate::aws) async fn delete_database_subnets(
        &self,
        name: &str,
    ) -> Result<(), CloudError> {
        let answer = self
            .rds
            .delete_db_subnet_group()
            .db_subnet_group_name(name)
            .send()
            .await;
        answer
            .context("rds:DeleteDBSubnetGroup", name)
            .ok_if_not_found()?;
        Ok(())
    }

    pub(in crate::aws) async fn create_database_parameters(
        &self,
        request: &Request<'_>,
        group: &DatabaseParameters,
    ) -> Result<Observed, CloudError> {
        let operation = "rds:CreateDBParameterGroup";
        let name = Names::of(request.environment).database_parameters(group.reader);
        let created = self
            .rds
            .create_db_parameter_group()
            .db_parameter_group_name(&name)
            .db_parameter_group_family(&group.family)
            .description(format!("databases of {}", request.environment))
            .set_tags(Some(rds_tags(request)))
            .send()
            .await
            .context(operation, request.address)
            .ok_if_code(&[
                "DBParameterGroupAlreadyExists",
                "DBParameterGroupAlreadyExistsFault",
            ])?;
        if created.is_some() {
            self.remember_created(request, &name);
        } else {
            let ownership = self.database_parameters_ownership(request.environment, group.reader);
            self.resolve_creation(request, operation, &name, false, ownership.await?)?;
        }
        self.update_database_parameters(request, group).await
    }

    /// Brings the group to exactly these parameters; databases take static ones over when
    /// they are next restarted.
    pub(in crate::aws) async fn update_database_parameters(
        &self,
        request: &Request<'_>,
        group: &DatabaseParameters,
    ) -> Result<Observed, CloudError> {
        let DatabaseParameters {
            reader, parameters, ..
        } = group;
        let reader = *reader;
        let name = Names::of(request.environment).database_parameters(reader);
        let set = self.set_parameters(&name).await?;
        let missing: Vec<(&String, &String)> = parameters
            .iter()
            .filter(|(key, value)| set.get(*key) != Some(*value))
            .collect();
        let surplus: Vec<&String> = set
            .keys()
            .filter(|key| !parameters.contains_key(*key))
            .collect();
        if !missing.is_empty() || !surplus.is_empty() {
            let dynamic = self.dynamic_parameters(&name).await?;
            let method = |key: &str| {
                if dynamic.iter().any(|name| name == key) {
                    ApplyMethod::Immediate
                } else {
                    ApplyMethod::PendingReboot
                }
            };
            let operation = "rds:ModifyDBParameterGroup";
            for some in missing.chunks(PARAMETERS) {
                let list = some.iter().map(|(key, value)| {
                    Parameter::builder()
                        .parameter_name(*key)
                        .parameter_value(*value)
                        .apply_method(method(key))
                        .build()
                });
                self.rds
                    .modify_db_parameter_group()
                    .db_parameter_group_name(&name)
                    .set_parameters(Some(list.collect()))
                    .send()
                    .await
                    .context(operation, &name)
                    .retry_if_not_found()?;
            }
            let operation = "rds:ResetDBParameterGroup";
            for some in surplus.chunks(PARAMETERS) {
                let list = some.iter().map(|key| {
                    Parameter::builder()
                        .parameter_name(*key)
                        .apply_method(method(key))
                        .build()
                });
                self.rds
                    .reset_db_parameter_group()
                    .db_parameter_group_name(&name)
                    .reset_all_parameters(false)
                    .set_parameters(Some(list.collect()))
                    .send()
                    .await
                    .context(operation, &name)?;
            }
        }
        let found = self
            .database_parameters(request.environment, reader)
            .await?;
        require_listed(
            found.into_iter().collect(),
            "rds:DescribeDBParameterGroups",
            &name,
        )
    }

    pub(in crate::aws) async fn database_parameters(
        &self,
        environment: &str,
        reader: bool,
    ) -> Result<Option<Observed>, CloudError> {
        let ownership = self.database_parameters_ownership(environment, reader);
        Ok(ownership.await?.ours())
    }

    async fn database_parameters_ownership(
        &self,
        environment: &str,
        reader: bool,
    ) -> Result<Ownership, CloudError> {
        let name = Names::of(environment).database_parameters(reader);
        let Some(group) = self.raw_parameter_group(&name).await? else {
            return Ok(Ownership::NotListed);
        };
        let arn = group
            .db_parameter_group_arn()
            .ok_or_else(|| incomplete("rds:DescribeDBParameterGroups", &name, "ARN"))?;
        let (owner, set) = futures::try_join!(
            self.rds_ownership(arn, environment),
            self.set_parameters(&name)
        )?;
        Ok(owner.and_then(|address| {
            Some(observed(
                address,
                Kind::DatabaseParameters,
                name,
                (State::Ready, "available"),
                [
                    ("family", group.db_parameter_group_family().map(Into::into)),
                    ("parameters", Some(parameter_lines(&set))),
                ],
            ))
        }))
    }

    /// Whatever has a parameter group's name.
    pub(in crate::aws) async fn raw_parameter_group(
        &self,
        name: &str,
    ) -> Result<Option<DbParameterGroup>, CloudError> {
        let answer = self
            .rds
            .describe_db_parameter_groups()
            .db_parameter_group_name(name)
            .send()
            .await;
        let found = answer
            .context("rds:DescribeDBParameterGroups", name)
            .ok_if_not_found()?;
        Ok(found
            .and_then(|answer| answer.db_parameter_groups)
            .unwrap_or_default()
            .into_iter()
            .find(|group| group.db_parameter_group_name() == Some(name)))
    }

    pub(in crate::aws) async fn delete_database_parameters(
        &self,
        name: &str,
    ) -> Result<(), CloudError> {
        let answer = self
            .rds
            .delete_db_parameter_group()
            .db_parameter_group_name(name)
            .send()
            .await;
        answer
            .context("rds:DeleteDBParameterGroup", name)
            .ok_if_not_found()?;
        Ok(())
    }

    /// The parameters of a group that somebody set; empty when there is no such group.
    pub(in crate::aws) async fn set_parameters(
        &self,
        name: &str,
    ) -> Result<BTreeMap<String, String>, CloudError> {
        let found: Option<Vec<Parameter>> = self
            .rds
            .describe_db_parameters()
            .db_parameter_group_name(name)
            .source("user")
            .into_paginator()
            .items()
            .send()
            .try_collect()
            .await
            .context("rds:DescribeDBParameters", name)
            .ok_if_not_found()?;
        Ok(found
            .unwrap_or_default()
            .into_iter()
            .filter_map(|parameter| Some((parameter.parameter_name?, parameter.parameter_value?)))
            .collect())
    }

    /// Names of the parameters that running databases can take over; the others are
    /// refused when they are to be applied at once.
    async fn dynamic_parameters(&self, name: &str) -> Result<Vec<String>, CloudError> {
        let found: Vec<Parameter> = self
            .rds
            .describe_db_parameters()
            .db_parameter_group_name(name)
            .into_paginator()
            .items()
            .send()
            .try_collect()
            .await
            .context("rds:DescribeDBParameters", name)
            .retry_if_not_found()?;
        Ok(found
            .into_iter()
            .filter(|parameter| parameter.apply_type() == Some("dynamic"))
            .filter_map(|parameter| parameter.parameter_name)
            .collect())
    }

    /// Whose an RDS resource is.
    pub(in crate::aws) async fn rds_ownership(
        &self,
        arn: &str,
        environment: &str,
    ) -> Result<Ownership<Address>, CloudError> {
        let answer = self
            .rds
            .list_tags_for_resource()
            .resource_name(arn)
            .send()
            .await;
        let found = answer
            .context("rds:ListTagsForResource", arn)
            .ok_if_not_found()?;
        Ok(found.map_or(Ownership::NotListed, |answer| {
            tags::ownership(rds_pairs(answer.tag_list()), environment)
        }))
    }
}
