//! Reads of the snapshot that take fewer calls than reading each resource by itself.
//!
//! A plan of an unchanged environment is mostly waiting for these calls, so what one answer
//! contains or implies is not asked for again. Databases name the groups that they use. A cache
//! cannot exist without its subnet group. Resources are created in the order of the graph, so
//! where a later one exists the earlier ones were completed.
//!
//! The price is drift that a plan does not show: settings that nobody changes by accident, such
//! as a bucket's encryption and removal of unfinished uploads, and the VPC's DNS names. Such an
//! attribute is left out rather than assumed, and what is left out is not compared. Where the
//! implication does not hold, because a run was interrupted, the resource is read in full
//! (`read_unfinished`).

use aws_sdk_rds::types::DbInstance;
use aws_sdk_ssm::types::ParameterStringFilter;

use crate::aws::Aws;
use crate::aws::error::{CallContext, built};
use crate::aws::rds::instances::observe as observe_database;
use crate::aws::tags::{self, Select, observed};
use crate::blueprint::{Address, Kind, parameter_lines};
use crate::engine::{CloudError, Observed, State};
use crate::identity::names::Names;

impl Aws {
    /// VPCs without their DNS attribute, which takes a call of its own.
    pub(in crate::aws) async fn vpcs_without_dns(
        &self,
        select: Select<'_>,
    ) -> Result<Vec<Observed>, CloudError> {
        let found = self.raw_vpcs(select).await?;
        Ok(found
            .iter()
            .filter_map(|vpc| {
                crate::aws::ec2::network::observe_vpc(vpc, select.environment(), None)
            })
            .collect())
    }

    /// Reads in full what an interrupted run may have left unfinished: a VPC without subnets and
    /// a bucket without a role. Subnets and role are created only once these are complete.
    pub(in crate::aws) async fn read_unfinished(
        &self,
        resources: &mut [Observed],
        environment: &str,
    ) -> Result<(), CloudError> {
        let has = |kind: Kind| resources.iter().any(|one| one.kind == kind);
        let (network, role) = (has(Kind::Subnet), has(Kind::Role));
        for one in resources.iter_mut() {
            let whole = match one.kind {
                Kind::Vpc if !network => self
                    .vpcs(Select::Id(environment, &one.id))
                    .await?
                    .into_iter()
                    .next(),
                Kind::Bucket if !role => self.bucket(environment).await?,
                _ => continue,
            };
            if let Some(found) = whole {
                *one = found;
            }
        }
        Ok(())
    }

    /// The seed, by one call that filters by name and tag; its answer contains no tags.
    pub(in crate::aws) async fn seed_by_name_and_tag(
        &self,
        environment: &str,
    ) -> Result<Option<Observed>, CloudError> {
        let operation = "ssm:DescribeParameters";
        let name = Names::of(environment).seed();
        let filter = |key: &str, value: &str| {
            let filter = ParameterStringFilter::builder()
                .key(key)
                .option("Equals")
                .values(value)
                .build();
            built(filter, operation, &name)
        };
        // A page may be empty and yet not the last one.
        let pages: Vec<_> = self
            .ssm
            .describe_parameters()
            .parameter_filters(filter("Name", &name)?)
            .parameter_filters(filter(&format!("tag:{}", tags::ENVIRONMENT), environment)?)
            .into_paginator()
            .send()
            .try_collect()
            .await
            .context(operation, &name)?;
        let mut found = pages.iter().flat_map(
            aws_sdk_ssm::operation::describe_parameters::DescribeParametersOutput::parameters,
        );
        Ok(found.next().map(|parameter| {
            observed(
                Address::seed(),
                Kind::Seed,
                &name,
                (State::Ready, "available"),
                [
                    (
                        "created",
                        parameter
                            .last_modified_date()
                            .map(|time| time.to_string().into()),
                    ),
                    ("key", parameter.key_id().map(Into::into)),
                ],
            )
        }))
    }

    /// Databases with the groups that they use: what a database uses is there, and as its
    /// tags say ours. Groups without a database are looked for by themselves.
    pub(in crate::aws) async fn databases_with_groups(
        &self,
        environment: &str,
    ) -> Result<Vec<Observed>, CloudError> {
        let raw = self.raw_databases(environment).await?;
        let ours: Vec<&DbInstance> = raw
            .iter()
            .filter(|instance| observe_database(instance, environment).is_some())
            .collect();
        let (subnets, writer, reader) = futures::try_join!(
            Box::pin(self.subnets_in_use(environment, &ours)),
            Box::pin(self.parameters_in_use(environment, &ours, false)),
            Box::pin(self.parameters_in_use(environment, &ours, true)),
        )?;
        let mut found: Vec<Observed> = ours
            .iter()
            .filter_map(|instance| observe_database(instance, environment))
            .collect();
        found.extend([subnets, writer, reader].into_iter().flatten());
        Ok(found)
    }

    /// The Aurora cluster and its parameter group, which is created before it and deleted after it:
    /// without the group there is no cluster to ask for.
    pub(in crate::aws) async fn cluster_with_parameters(
        &self,
        environment: &str,
    ) -> Result<Vec<Observed>, CloudError> {
        let Some(group) = self.cluster_parameters(environment).await? else {
            return Ok(vec![]);
        };
        let cluster = self.read_cluster(environment).await?;
        Ok(cluster.into_iter().chain([group]).collect())
    }

    async fn subnets_in_use(
        &self,
        environment: &str,
        databases: &[&DbInstance],
    ) -> Result<Option<Observed>, CloudError> {
        let name = Names::of(environment).database_subnets();
        let used = databases
            .iter()
            .filter_map(|instance| instance.db_subnet_group())
            .find(|group| group.db_subnet_group_name() == Some(&name));
        let Some(group) = used else {
            return self.database_subnets(environment).await;
        };
        let status = group.subnet_group_status().unwrap_or("Complete");
        Ok(Some(observed(
            Address::database_subnets(),
            Kind::DatabaseSubnets,
            &name,
            (State::Ready, status),
            [],
        )))
    }

    async fn parameters_in_use(
        &self,
        environment: &str,
        databases: &[&DbInstance],
        reader: bool,
    ) -> Result<Option<Observed>, CloudError> {
        let name = Names::of(environment).database_parameters(reader);
        let user = databases.iter().find(|instance| {
            let groups = instance.db_parameter_groups();
            let mut names = groups.iter().map(|group| group.db_parameter_group_name());
            names.any(|used| used == Some(&name))
        });
        let Some(user) = user else {
            return self.database_parameters(environment, reader).await;
        };
        // A group has the family of the engine that uses it.
        let version = user.engine_version().unwrap_or_default();
        let major = version.split('.').next().unwrap_or(version);
        let engine = user.engine().unwrap_or("postgres");
        let set = self.set_parameters(&name).await?;
        Ok(Some(observed(
            Address::database_parameters(reader),
            Kind::DatabaseParameters,
            &name,
            (State::Ready, "available"),
            [
                ("family", Some(format!("{engine}{major}").into())),
                ("parameters", Some(parameter_lines(&set))),
            ],
        )))
    }

    /// The cache and its subnet group, which is created before it and deleted after it.
    pub(in crate::aws) async fn cache_with_subnets(
        &self,
        environment: &str,
    ) -> Result<Vec<Observed>, CloudError> {
        let Some(subnets) = self.cache_subnets(environment).await? else {
            return Ok(Vec::new());
        };
        let cache = self.cache(environment).await?;
        Ok(std::iter::once(subnets).chain(cache).collect())
    }
}
