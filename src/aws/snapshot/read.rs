//! What exists of an environment, in a handful of bulk calls side by side.
//!
//! There is no state file, so this is how loadrig knows anything: every plan, `status` and
//! `down` begins with it. It has to be complete, since what it misses is created a second time
//! or left behind and billed. It has to be fast, since people wait for it. So each kind is
//! listed by one paginated call that filters by the environment's tag (by name where a service
//! has no such filter), all at the same time, and the number of calls does not grow with the
//! number of hosts.
//!
//! Some kinds exist only where others do. They are asked for in a second round, when the first
//! has shown that they may exist ([`Implied`]).
//!
//! Each future is boxed: together the SDK's futures would not fit on a thread's stack.

use std::collections::BTreeMap;

use crate::aws::Aws;
use crate::aws::ec2::endpoints::observe_endpoints;
use crate::aws::ec2::route_tables::observe_route_tables;
use crate::aws::ec2::security_groups::observe_security;
use crate::aws::elb::raw::RawLoadBalancing;
use crate::aws::tags::Select;
use crate::blueprint::{Address, AttributeValue, Group, Kind};
use crate::engine::{CloudError, Observed, Snapshot};

/// What may exist, as other answers imply.
struct Implied {
    nat: bool,
    balancer: bool,
}

impl Aws {
    /// Everything that bears the environment's tag. Twins are all listed, the resources
    /// that are on their way out last. Instances terminated lately are among them, as
    /// [`State::Gone`]: a new instance at their address must not use their client token.
    ///
    /// The number of calls does not grow with the size of the environment, but for pages of
    /// answers. What one answer implies is not asked for again (see `bulk`).
    pub(in crate::aws) async fn take_snapshot(
        &self,
        environment: &str,
    ) -> Result<Snapshot, CloudError> {
        let all = Select::Environment(environment);
        let network = async {
            futures::try_join!(
                Box::pin(self.vpcs_without_dns(all)),
                Box::pin(self.internet_gateways(all)),
                Box::pin(self.subnets(all)),
                Box::pin(self.raw_route_tables(all)),
                Box::pin(self.elastic_addresses(all)),
                // Nothing else tells of one: somebody may have taken it out of every table.
                Box::pin(self.raw_endpoints(all)),
                Box::pin(self.raw_security_groups(all)),
                Box::pin(self.environment_key_pairs(all)),
                Box::pin(self.instances(all)),
            )
        };
        let identity = async {
            futures::try_join!(
                Box::pin(self.seed_by_name_and_tag(environment)),
                Box::pin(self.roles_and_profiles(environment)),
                Box::pin(self.bucket_in_short(environment)),
            )
        };
        let data = async {
            futures::try_join!(
                Box::pin(self.databases_with_groups(environment)),
                Box::pin(self.cluster_with_parameters(environment)),
                Box::pin(self.domain(environment)),
                Box::pin(self.cache_with_subnets(environment)),
            )
        };
        let (network, identity, data, zone) = futures::try_join!(
            network,
            identity,
            data,
            Box::pin(self.raw_zone(environment))
        )?;
        let (vpcs, gateways, subnets, tables, addresses, endpoints, groups, keys, instances) =
            network;
        let implied = Implied {
            // A gateway holds on to its address, and the address cannot go before it.
            nat: !addresses.is_empty(),
            // Its group is created before all parts of a load balancer and deleted after them.
            balancer: observe_security(&groups, environment, &[])
                .iter()
                .any(|one| one.address == Address::security_group(Group::LoadBalancer)),
        };
        let (nats, balancer) = self.implied(all, implied).await?;
        let tables = observe_route_tables(&tables, environment, &subnets, &nats);
        let endpoints = observe_endpoints(&endpoints, environment, &tables);
        let (seed, hosts, bucket) = identity;
        let (databases, cluster, search, caches) = data;
        let mut resources: Vec<Observed> = [
            vpcs, gateways, subnets, tables, addresses, nats, endpoints, keys, instances,
            databases, cluster, caches,
        ]
        .concat();
        let single = [seed, bucket, search];
        resources.extend(single.into_iter().flatten().chain(hosts));
        // These refer to others by id or IP address: replaced by the others' addresses.
        resources.extend(observe_security(&groups, environment, &resources));
        name_groups(&mut resources);
        resources.extend(balancer.observe(&resources));
        resources.extend(zone.observe(&resources));
        Box::pin(self.read_unfinished(&mut resources, environment)).await?;
        // Whoever asks for an address wants what lives there, not what is leaving.
        resources.sort_by_key(|resource| resource.state.is_leaving());
        Ok(Snapshot { resources })
    }

    /// What only some environments have, and what others imply: fewer calls for most.
    async fn implied(
        &self,
        all: Select<'_>,
        implied: Implied,
    ) -> Result<(Vec<Observed>, RawLoadBalancing), CloudError> {
        let nats = Box::pin(async {
            match implied.nat {
                true => self.nat_gateways(all).await,
                false => Ok(vec![]),
            }
        });
        let balancer = Box::pin(async {
            match implied.balancer {
                true => self.raw_load_balancing(all.environment()).await,
                false => Ok(RawLoadBalancing::default()),
            }
        });
        futures::try_join!(nats, balancer)
    }

    /// Everything of one kind.
    pub(in crate::aws) async fn list_kind(
        &self,
        environment: &str,
        kind: Kind,
    ) -> Result<Vec<Observed>, CloudError> {
        let all = Select::Environment(environment);
        let list = |one: Option<Observed>| one.into_iter().collect();
        match kind {
            Kind::Vpc => Box::pin(self.vpcs(all)).await,
            Kind::InternetGateway => Box::pin(self.internet_gateways(all)).await,
            Kind::Subnet => Box::pin(self.subnets(all)).await,
            Kind::RouteTable => Box::pin(self.route_tables(all)).await,
            Kind::ElasticAddress => Box::pin(self.elastic_addresses(all)).await,
            Kind::NatGateway => Box::pin(self.nat_gateways(all)).await,
            // It bears none of our tags: only a blueprint names it.
            Kind::Adopted => Ok(vec![]),
            Kind::Endpoint => Box::pin(self.endpoints(all)).await,
            Kind::LoadBalancer | Kind::Listener | Kind::TargetGroup | Kind::Targets => {
                Box::pin(self.load_balancing_of_kind(environment, kind)).await
            }
            Kind::Zone | Kind::Records => {
                if let Some(pending) = Box::pin(self.unsynced(environment, kind)).await? {
                    return Ok(vec![pending]);
                }
                let mut found = Box::pin(self.raw_zone(environment)).await?.observe(&[]);
                found.retain(|one| one.kind == kind);
                Ok(found)
            }
            Kind::SecurityGroup => Box::pin(self.security_groups(all)).await,
            Kind::SecurityRules => {
                let raw = Box::pin(self.raw_security_groups(all)).await?;
                let mut found = observe_security(&raw, environment, &[]);
                // A group without rules is no rules.
                found.retain(|one| {
                    one.kind == kind && one.set("rules").is_none_or(|set| !set.is_empty())
                });
                Ok(found)
            }
            Kind::KeyPair => Box::pin(self.environment_key_pairs(all)).await,
            Kind::Instance => Box::pin(self.instances_without_disks(all)).await,
            Kind::Seed => Box::pin(self.seed_parameter(environment)).await.map(list),
            Kind::Role => Box::pin(self.roles(environment)).await,
            Kind::InstanceProfile => Box::pin(self.instance_profiles(environment)).await,
            Kind::Bucket => Box::pin(self.bucket(environment)).await.map(list),
            Kind::Database => Box::pin(self.databases(environment)).await,
            Kind::DatabaseCluster => Box::pin(self.read_cluster(environment)).await.map(list),
            Kind::DatabaseClusterParameters => Box::pin(self.cluster_parameters(environment))
                .await
                .map(list),
            Kind::DatabaseSubnets => Box::pin(self.database_subnets(environment)).await.map(list),
            Kind::DatabaseParameters => {
                let (writer, reader) = futures::try_join!(
                    Box::pin(self.database_parameters(environment, false)),
                    Box::pin(self.database_parameters(environment, true)),
                )?;
                Ok(writer.into_iter().chain(reader).collect())
            }
            Kind::Search => Box::pin(self.domain(environment)).await.map(list),
            Kind::Cache => Box::pin(self.cache(environment)).await.map(list),
            Kind::CacheSubnets => Box::pin(self.cache_subnets(environment)).await.map(list),
        }
    }
}

/// Databases name their security groups by id: ours are replaced by their address.
fn name_groups(resources: &mut [Observed]) {
    let groups: BTreeMap<String, String> = resources
        .iter()
        .filter(|one| one.kind == Kind::SecurityGroup)
        .map(|group| (group.id.clone(), group.address.to_string()))
        .collect();
    for one in resources.iter_mut() {
        if !matches!(one.kind, Kind::Database | Kind::DatabaseCluster) {
            continue;
        }
        if let Some(AttributeValue::Names(ids)) = one.attributes.get_mut("groups") {
            let named = ids.iter().map(|id| groups.get(id).unwrap_or(id).clone());
            *ids = named.collect();
        }
    }
}
