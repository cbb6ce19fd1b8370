//! The proof that nothing of an environment is left.
//!
//! Looks by tag and by name, in every service used, for whatever still costs money or
//! holds a name, also for kinds that loadrig never creates but AWS does along the way
//! (volumes, interfaces, snapshots, backups). Terminated instances do not count: they cost
//! nothing and hold nothing.

use std::collections::BTreeSet;

use crate::aws::Aws;
use crate::aws::error::{CallContext, ErrorPolicy};
use crate::aws::tags::{ENVIRONMENT, Select, filter};
use crate::blueprint::Group;
use crate::engine::{CloudError, Kept, LeftoverCheck, State};
use crate::identity::names::Names;
use crate::spec::{PricedItem, Prices, Role};

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
                .context($operation, "what is left")?;
            Ok::<Vec<String>, CloudError>(found.into_iter().filter_map(|one| one.$id).collect())
        })
    };
}

impl Aws {
    pub(in crate::aws) async fn check_every_service(
        &self,
        environment: &str,
    ) -> Result<Vec<LeftoverCheck>, CloudError> {
        let (network, hosts, databases, others) = futures::join!(
            Box::pin(self.check_network(environment)),
            Box::pin(self.check_hosts(environment)),
            Box::pin(self.check_databases(environment)),
            Box::pin(self.check_services(environment)),
        );
        Ok([network?, hosts?, databases?, others?].concat())
    }

    async fn check_network(&self, environment: &str) -> Result<Vec<LeftoverCheck>, CloudError> {
        let tag = || vec![filter(&format!("tag:{ENVIRONMENT}"), [environment])];
        let by_name = vec![filter("group-name", group_names(environment))];
        let (vpcs, gateways, nats, endpoints, subnets, tables, groups, named_groups, interfaces) = futures::join!(
            ids!(self.describe_vpcs, "ec2:DescribeVpcs", vpc_id, tag()),
            ids!(
                self.describe_internet_gateways,
                "ec2:DescribeInternetGateways",
                internet_gateway_id,
                tag()
            ),
            Box::pin(async {
                let live = self.nat_gateways(Select::Environment(environment)).await?;
                let live = live.into_iter().filter(|nat| nat.state != State::Gone);
                Ok(live.map(|nat| nat.id).collect::<Vec<_>>())
            }),
            Box::pin(async {
                let found = self.endpoints(Select::Environment(environment)).await?;
                let left = found.into_iter().filter(|one| one.state != State::Gone);
                Ok(left.map(|one| one.id).collect::<Vec<_>>())
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
        );
        // Interfaces of RDS and OpenSearch bear no tags of ours.
        let inside = match &vpcs {
            Ok(vpcs) if !vpcs.is_empty() => {
                let filters = vec![filter("vpc-id", vpcs.clone())];
                ids!(
                    self.describe_network_interfaces,
                    "ec2:DescribeNetworkInterfaces",
                    network_interface_id,
                    filters
                )
                .await
            }
            _ => Ok(vec![]),
        };
        Ok(vec![
            looked("EC2 VPCs", vpcs)?,
            looked("EC2 internet gateways", gateways)?,
            looked("EC2 NAT gateways", nats)?,
            looked("EC2 VPC endpoints", endpoints)?,
            looked("EC2 subnets", subnets)?,
            looked("EC2 route tables", tables)?,
            looked("EC2 security groups", both(groups, named_groups))?,
            looked("EC2 network interfaces", both(interfaces, inside))?,
        ])
    }

    async fn check_hosts(&self, environment: &str) -> Result<Vec<LeftoverCheck>, CloudError> {
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
                .context("ec2:DescribeInstances", environment)?;
            let instances = found.iter().flat_map(|one| one.instances());
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
                .context("ec2:DescribeSnapshots", environment)?;
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
            let found = answer.context("ec2:DescribeAddresses", environment)?;
            let ids = found.addresses.unwrap_or_default().into_iter();
            Ok(ids
                .filter_map(|address| address.allocation_id)
                .collect::<Vec<_>>())
        });
        let name = Names::of(environment).key_pair();
        let (instances, volumes, snapshots, addresses, tagged_keys, named_keys) = futures::join!(
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
        );
        let keys = both(tagged_keys, named_keys);
        let keys = keys.map(|keys| keys.into_iter().filter_map(|key| key.key_name));
        Ok(vec![
            looked("EC2 instances", instances)?,
            looked("EC2 volumes", volumes)?,
            looked("EC2 snapshots", snapshots)?,
            looked("EC2 elastic addresses", addresses)?,
            looked("EC2 key pairs", keys)?,
        ])
    }

    async fn check_services(&self, environment: &str) -> Result<Vec<LeftoverCheck>, CloudError> {
        let names = Names::of(environment);
        let (search, cache, subnets) = (names.search(), names.cache(), names.cache_subnets());
        // A role and its profile have one name.
        let (host, signer) = (names.role(&self.region), names.search_role(&self.region));
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
                .context("elasticache:DescribeSnapshots", &cache)
                .ok_if_not_found()?
                .unwrap_or_default();
            let snapshots = all
                .into_iter()
                .filter_map(|snapshot| snapshot.snapshot_name);
            let price = Prices::of(&self.region).usd(PricedItem::ElasticacheBackup);
            Ok(snapshots
                .map(|name| match names.is_final_snapshot(&name) {
                    true => Remainder::Kept(kept(name, None, price)),
                    false => Remainder::Left(name),
                })
                .collect::<Vec<_>>())
        });
        let cache_subnets = Box::pin(async {
            let answer = self
                .elasticache
                .describe_cache_subnet_groups()
                .cache_subnet_group_name(&subnets)
                .send()
                .await;
            answer
                .context("elasticache:DescribeCacheSubnetGroups", &subnets)
                .ok_if_not_found()
        });
        let (domain, group, group_subnets, group_snapshots) = futures::join!(
            self.raw_domain(&search),
            self.raw_cache(&cache),
            cache_subnets,
            cache_snapshots,
        );
        let (balancer, target_group, zones) = futures::join!(
            self.raw_load_balancer(environment),
            self.raw_target_group(environment),
            self.zone_ids(environment),
        );
        let (bucket, parameters) = futures::join!(
            self.check_bucket(environment),
            self.parameter_names(environment),
        );
        let (host_role, host_profile, signer_role, signer_profile) = futures::join!(
            self.get_role(&host),
            self.get_instance_profile(&host),
            self.get_role(&signer),
            self.get_instance_profile(&signer),
        );
        let list = |found: Result<Option<String>, CloudError>| {
            found.map(|found| found.into_iter().collect::<Vec<_>>())
        };
        let roles = both(
            list(named(host_role, host.clone())),
            list(named(signer_role, signer.clone())),
        );
        let profiles = both(
            list(named(host_profile, host)),
            list(named(signer_profile, signer)),
        );
        let (balancers, target_groups) = (names.load_balancer(), names.target_group());
        Ok(vec![
            looked("OpenSearch domains", named(domain, search))?,
            looked("ElastiCache replication groups", named(group, cache))?,
            looked("ElastiCache subnet groups", named(group_subnets, subnets))?,
            looked_or_kept("ElastiCache snapshots", group_snapshots)?,
            looked("ELB load balancers", named(balancer, balancers))?,
            looked("ELB target groups", named(target_group, target_groups))?,
            looked("Route 53 private zones", zones)?,
            looked_or_kept("S3 buckets", bucket)?,
            looked("IAM roles", roles)?,
            looked("IAM instance profiles", profiles)?,
            looked("SSM parameters", parameters)?,
        ])
    }
}

/// The name of what was found by it.
pub(in crate::aws) fn named<T>(
    found: Result<Option<T>, CloudError>,
    name: String,
) -> Result<Option<String>, CloudError> {
    found.map(|found| found.map(|_| name))
}

/// What two look-ups found.
pub(in crate::aws) fn both<T>(
    one: Result<Vec<T>, CloudError>,
    other: Result<Vec<T>, CloudError>,
) -> Result<Vec<T>, CloudError> {
    let mut all = one?;
    all.extend(other?);
    Ok(all)
}

/// A check by what a look-up found; one that failed leaves a gap.
pub(in crate::aws) fn looked(
    at: &str,
    found: Result<impl IntoIterator<Item = String>, CloudError>,
) -> Result<LeftoverCheck, CloudError> {
    let found = found.map(|left| left.into_iter().map(Remainder::Left));
    looked_or_kept(at, found)
}

/// The same where some of it may be there on purpose.
pub(in crate::aws) fn looked_or_kept(
    at: &str,
    found: Result<impl IntoIterator<Item = Remainder>, CloudError>,
) -> Result<LeftoverCheck, CloudError> {
    match found {
        Ok(found) => Ok(left_or_kept(at, found)),
        Err(error) => gap(at, error),
    }
}

/// A check that could not be made. Without credentials none can: that ends the proof.
fn gap(at: &str, error: CloudError) -> Result<LeftoverCheck, CloudError> {
    if error.is_about_credentials() {
        return Err(error);
    }
    Ok(LeftoverCheck {
        at: at.to_owned(),
        left: Vec::new(),
        kept: Vec::new(),
        gap: Some(error.to_string()),
    })
}

impl Aws {
    /// The bucket of files, which stays where its tags say that files are kept.
    async fn check_bucket(&self, environment: &str) -> Result<Option<Remainder>, CloudError> {
        let name = self.bucket_name(environment).await?;
        if !self.bucket_exists(&name).await? {
            return Ok(None);
        }
        let ours = self.bucket(environment).await?;
        let keeps = ours.is_some_and(|bucket| bucket.says("keeps_files", true));
        let price = Prices::of(&self.region).usd(PricedItem::S3Standard);
        Ok(Some(if keeps {
            Remainder::Kept(kept(name, None, price))
        } else {
            Remainder::Left(name)
        }))
    }
}

/// Something that was found.
pub(in crate::aws) enum Remainder {
    /// It should not be there.
    Left(String),
    /// It should.
    Kept(Kept),
}

/// Each thing once, although it may have been found by tag and by name.
fn left_or_kept(at: &str, found: impl IntoIterator<Item = Remainder>) -> LeftoverCheck {
    let (mut left, mut kept) = (BTreeSet::new(), BTreeSet::new());
    for one in found {
        match one {
            Remainder::Left(id) => left.insert(id),
            Remainder::Kept(one) => kept.insert(one),
        };
    }
    LeftoverCheck {
        at: at.to_owned(),
        left: left.into_iter().collect(),
        kept: kept.into_iter().collect(),
        gap: None,
    }
}

/// A last snapshot. AWS bills what is in use of the size, which nobody can ask for.
pub(in crate::aws) fn kept(id: String, gib: Option<i32>, gib_month: Option<f64>) -> Kept {
    let cost = match (gib, gib_month) {
        (Some(gib), Some(each)) => {
            format!("{gib} GiB, at most ${:.2} a month", f64::from(gib) * each)
        }
        (None, Some(each)) => format!("${each} a month for each GiB in it"),
        (Some(gib), None) => format!("{gib} GiB, at an unknown price in this region"),
        (None, None) => "billed by the GiB, at an unknown price in this region".to_owned(),
    };
    Kept { id, cost }
}

fn group_names(environment: &str) -> Vec<String> {
    Role::ALL
        .into_iter()
        .map(Group::Hosts)
        .chain([
            Group::Database,
            Group::Search,
            Group::Cache,
            Group::LoadBalancer,
        ])
        .map(|group| Names::of(environment).security_group(group))
        .collect()
}
