//! The proof that nothing of an environment is left.
//!
//! Looks by tag and by name, in every service used, for whatever still costs money or
//! holds a name, also for kinds that loadrig never makes but AWS makes along the way
//! (volumes, interfaces, snapshots, backups). Terminated instances do not count: they cost
//! nothing and hold nothing.

use std::collections::BTreeSet;

use crate::blueprint::Group;
use crate::engine::{CloudError, Looked, State};
use crate::identity::names::Names;
use crate::spec::Role;

use super::Aws;
use super::error::{During, Judge};
use super::tags::{ENVIRONMENT, Select, filter};

/// The ids of what one paginated EC2 call lists under some filters.
macro_rules! ids {
    ($aws:ident.$call:ident, $operation:literal, $id:ident, $filters:expr) => {
        Box::pin(async {
            let found: Vec<_> = $aws
                .ec2
                .$call()
                .set_filters(Some($filters))
                .into_paginator()
                .items()
                .send()
                .try_collect()
                .await
                .during($operation, "what is left")?;
            Ok::<Vec<String>, CloudError>(found.into_iter().filter_map(|one| one.$id).collect())
        })
    };
}

impl Aws {
    pub(super) async fn look_everywhere(
        &self,
        environment: &str,
    ) -> Result<Vec<Looked>, CloudError> {
        let (network, hosts, databases, others) = futures::try_join!(
            Box::pin(self.look_at_network(environment)),
            Box::pin(self.look_at_hosts(environment)),
            Box::pin(self.look_at_databases(environment)),
            Box::pin(self.look_at_others(environment)),
        )?;
        Ok([network, hosts, databases, others].concat())
    }

    async fn look_at_network(&self, environment: &str) -> Result<Vec<Looked>, CloudError> {
        let tag = || vec![filter(&format!("tag:{ENVIRONMENT}"), [environment])];
        let by_name = vec![filter("group-name", group_names(environment))];
        let (vpcs, gateways, nats, subnets, tables, groups, named_groups, interfaces) = futures::try_join!(
            ids!(self.describe_vpcs, "ec2:DescribeVpcs", vpc_id, tag()),
            ids!(
                self.describe_internet_gateways,
                "ec2:DescribeInternetGateways",
                internet_gateway_id,
                tag()
            ),
            Box::pin(async {
                let living = self.nat_gateways(Select::Environment(environment)).await?;
                let living = living.into_iter().filter(|nat| nat.state != State::Gone);
                Ok(living.map(|nat| nat.id).collect::<Vec<_>>())
            }),
            ids!(
                self.describe_subnets,
                "ec2:DescribeSubnets",
                subnet_id,
                tag()
            ),
            ids!(
                self.describe_route_tables,
                "ec2:DescribeRouteTables",
                route_table_id,
                tag()
            ),
            ids!(
                self.describe_security_groups,
                "ec2:DescribeSecurityGroups",
                group_id,
                tag()
            ),
            ids!(
                self.describe_security_groups,
                "ec2:DescribeSecurityGroups",
                group_id,
                by_name
            ),
            ids!(
                self.describe_network_interfaces,
                "ec2:DescribeNetworkInterfaces",
                network_interface_id,
                tag()
            ),
        )?;
        // Interfaces of RDS and OpenSearch bear no tags of ours.
        let inside = if vpcs.is_empty() {
            vec![]
        } else {
            let filters = vec![filter("vpc-id", vpcs.clone())];
            ids!(
                self.describe_network_interfaces,
                "ec2:DescribeNetworkInterfaces",
                network_interface_id,
                filters
            )
            .await?
        };
        Ok(vec![
            looked("EC2 VPCs", vpcs),
            looked("EC2 internet gateways", gateways),
            looked("EC2 NAT gateways", nats),
            looked("EC2 subnets", subnets),
            looked("EC2 route tables", tables),
            looked(
                "EC2 security groups",
                groups.into_iter().chain(named_groups),
            ),
            looked(
                "EC2 network interfaces",
                interfaces.into_iter().chain(inside),
            ),
        ])
    }

    async fn look_at_hosts(&self, environment: &str) -> Result<Vec<Looked>, CloudError> {
        let tag_key = format!("tag:{ENVIRONMENT}");
        let tag = || vec![filter(&tag_key, [environment])];
        let instances = Box::pin(async {
            let states = ["pending", "running", "shutting-down", "stopping", "stopped"];
            let found: Vec<_> = self
                .ec2
                .describe_instances()
                .filters(filter(&tag_key, [environment]))
                .filters(filter("instance-state-name", states))
                .into_paginator()
                .items()
                .send()
                .try_collect()
                .await
                .during("ec2:DescribeInstances", environment)?;
            let instances = found.iter().flat_map(|reservation| reservation.instances());
            let ids = instances.filter_map(|instance| instance.instance_id().map(str::to_owned));
            Ok(ids.collect::<Vec<_>>())
        });
        let snapshots = Box::pin(async {
            let found: Vec<_> = self
                .ec2
                .describe_snapshots()
                .owner_ids("self")
                .set_filters(Some(tag()))
                .into_paginator()
                .items()
                .send()
                .try_collect()
                .await
                .during("ec2:DescribeSnapshots", environment)?;
            let ids = found
                .into_iter()
                .filter_map(|snapshot| snapshot.snapshot_id);
            Ok(ids.collect::<Vec<_>>())
        });
        let addresses = Box::pin(async {
            let answer = self
                .ec2
                .describe_addresses()
                .set_filters(Some(tag()))
                .send()
                .await;
            let found = answer.during("ec2:DescribeAddresses", environment)?;
            let ids = found.addresses.unwrap_or_default().into_iter();
            Ok(ids
                .filter_map(|address| address.allocation_id)
                .collect::<Vec<_>>())
        });
        let name = Names::of(environment).key_pair();
        let (instances, volumes, snapshots, addresses, tagged_keys, named_keys) = futures::try_join!(
            instances,
            ids!(
                self.describe_volumes,
                "ec2:DescribeVolumes",
                volume_id,
                tag()
            ),
            snapshots,
            addresses,
            self.key_pairs(&tag_key, environment),
            self.key_pairs("key-name", &name),
        )?;
        let keys = tagged_keys.into_iter().chain(named_keys);
        Ok(vec![
            looked("EC2 instances", instances),
            looked("EC2 volumes", volumes),
            looked("EC2 snapshots", snapshots),
            looked("EC2 elastic addresses", addresses),
            looked("EC2 key pairs", keys.filter_map(|key| key.key_name)),
        ])
    }

    async fn look_at_databases(&self, environment: &str) -> Result<Vec<Looked>, CloudError> {
        let names = Names::of(environment);
        let ours = |id: &Option<String>| id.as_deref().is_some_and(|id| names.is_database(id));
        let snapshots = Box::pin(async {
            let all: Vec<_> = self
                .rds
                .describe_db_snapshots()
                .into_paginator()
                .items()
                .send()
                .try_collect()
                .await
                .during("rds:DescribeDBSnapshots", environment)?;
            let found = all
                .into_iter()
                .filter(|one| ours(&one.db_instance_identifier));
            let ids = found.filter_map(|snapshot| snapshot.db_snapshot_identifier);
            Ok(ids.collect::<Vec<_>>())
        });
        let backups = Box::pin(async {
            let all: Vec<_> = self
                .rds
                .describe_db_instance_automated_backups()
                .into_paginator()
                .items()
                .send()
                .try_collect()
                .await
                .during("rds:DescribeDBInstanceAutomatedBackups", environment)?;
            let found = all
                .into_iter()
                .filter(|one| ours(&one.db_instance_identifier));
            let ids = found.filter_map(|backup| backup.db_instance_identifier);
            Ok(ids.collect::<Vec<_>>())
        });
        let subnet_group = Box::pin(async {
            let name = names.database_subnets();
            let answer = self
                .rds
                .describe_db_subnet_groups()
                .db_subnet_group_name(&name)
                .send()
                .await;
            let found = answer
                .during("rds:DescribeDBSubnetGroups", &name)
                .or_gone()?;
            Ok(found.map(|_| name))
        });
        let (writer, reader) = (
            names.database_parameters(false),
            names.database_parameters(true),
        );
        let (instances, snapshots, backups, subnets, of_writer, of_readers) = futures::try_join!(
            Box::pin(self.raw_databases(environment)),
            snapshots,
            backups,
            subnet_group,
            Box::pin(self.raw_parameter_group(&writer)),
            Box::pin(self.raw_parameter_group(&reader)),
        )?;
        let parameters = [of_writer.map(|_| writer), of_readers.map(|_| reader)];
        let instances = instances
            .into_iter()
            .filter_map(|db| db.db_instance_identifier);
        Ok(vec![
            looked("RDS instances", instances),
            looked("RDS snapshots", snapshots),
            looked("RDS automated backups", backups),
            looked("RDS subnet groups", subnets),
            looked("RDS parameter groups", parameters.into_iter().flatten()),
        ])
    }

    async fn look_at_others(&self, environment: &str) -> Result<Vec<Looked>, CloudError> {
        let names = Names::of(environment);
        let (search, cache, subnets) = (names.search(), names.cache(), names.cache_subnets());
        let (role, profile) = (names.role(), names.instance_profile());
        let bucket = self.bucket_name(environment).await?;
        let cache_snapshots = Box::pin(async {
            let all: Vec<_> = self
                .elasticache
                .describe_snapshots()
                .replication_group_id(&cache)
                .into_paginator()
                .items()
                .send()
                .try_collect()
                .await
                .during("elasticache:DescribeSnapshots", &cache)
                .or_gone()?
                .unwrap_or_default();
            let names = all
                .into_iter()
                .filter_map(|snapshot| snapshot.snapshot_name);
            Ok(names.collect::<Vec<_>>())
        });
        let cache_subnets = Box::pin(async {
            let answer = self
                .elasticache
                .describe_cache_subnet_groups()
                .cache_subnet_group_name(&subnets)
                .send()
                .await;
            answer
                .during("elasticache:DescribeCacheSubnetGroups", &subnets)
                .or_gone()
        });
        let (domain, group, group_subnets, group_snapshots) = futures::try_join!(
            self.raw_domain(&search),
            self.raw_cache(&cache),
            cache_subnets,
            cache_snapshots,
        )?;
        let (has_bucket, has_role, has_profile, parameters) = futures::try_join!(
            self.bucket_exists(&bucket),
            self.get_role(&role),
            self.get_instance_profile(&profile),
            self.parameter_names(environment),
        )?;
        Ok(vec![
            looked("OpenSearch domains", domain.map(|_| search)),
            looked("ElastiCache replication groups", group.map(|_| cache)),
            looked("ElastiCache subnet groups", group_subnets.map(|_| subnets)),
            looked("ElastiCache snapshots", group_snapshots),
            looked("S3 buckets", has_bucket.then_some(bucket)),
            looked("IAM roles", has_role.map(|_| role)),
            looked("IAM instance profiles", has_profile.map(|_| profile)),
            looked("SSM parameters", parameters),
        ])
    }
}

/// Each thing once, although it may have been found by tag and by name.
fn looked(at: &str, left: impl IntoIterator<Item = String>) -> Looked {
    let left: BTreeSet<String> = left.into_iter().collect();
    Looked {
        at: at.to_owned(),
        left: left.into_iter().collect(),
    }
}

fn group_names(environment: &str) -> Vec<String> {
    Role::ALL
        .into_iter()
        .map(Group::Hosts)
        .chain([Group::Database, Group::Search, Group::Cache])
        .map(|group| Names::of(environment).security_group(group))
        .collect()
}
