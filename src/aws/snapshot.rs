//! What exists of an environment, in a handful of bulk calls side by side.

use crate::blueprint::Kind;
use crate::engine::{CloudError, Observed, Snapshot, State};

use super::Aws;
use super::tags::Select;

impl Aws {
    /// Everything that bears the environment's tag. Twins are all listed, the resources
    /// that are on their way out last. Instances terminated lately are among them, as
    /// `Deleting` with the status `terminated`: they are no resources any more, but a new
    /// instance at their address must not use their client token.
    pub(super) async fn take_snapshot(&self, environment: &str) -> Result<Snapshot, CloudError> {
        let all = Select::Environment(environment);
        let network = async {
            futures::try_join!(
                self.vpcs(all),
                self.internet_gateways(all),
                self.subnets(all),
                self.route_tables(all),
                self.security(environment),
                self.environment_key_pairs(all),
                self.instances(all),
            )
        };
        let identity = async {
            futures::try_join!(
                self.seed_parameter(environment),
                self.role(environment),
                self.instance_profile(environment),
                self.bucket(environment),
            )
        };
        let data = async {
            futures::try_join!(
                self.databases(environment),
                self.database_subnets(environment),
                self.database_parameters(environment, false),
                self.database_parameters(environment, true),
                self.domain(environment),
                self.cache(environment),
                self.cache_subnets(environment),
            )
        };
        let (network, identity, data) = futures::try_join!(network, identity, data)?;
        let (vpcs, gateways, subnets, tables, security, keys, instances) = network;
        let (seed, role, profile, bucket) = identity;
        let (databases, database_subnets, writer, reader, search, cache, cache_subnets) = data;
        let mut resources: Vec<Observed> = [
            vpcs, gateways, subnets, tables, security, keys, instances, databases,
        ]
        .concat();
        let single = [
            seed,
            role,
            profile,
            bucket,
            database_subnets,
            writer,
            reader,
            search,
            cache,
            cache_subnets,
        ];
        resources.extend(single.into_iter().flatten());
        // Whoever asks for an address wants what lives there, not what is leaving.
        resources.sort_by_key(|resource| resource.state == State::Deleting);
        Ok(Snapshot { resources })
    }

    /// Security groups and their rules.
    async fn security(&self, environment: &str) -> Result<Vec<Observed>, CloudError> {
        let mut groups = self
            .security_groups(Select::Environment(environment))
            .await?;
        let rules = self.security_rules(&groups).await?;
        groups.extend(rules);
        Ok(groups)
    }

    /// One resource as it is now; `None` when it is gone.
    pub(super) async fn read_one(
        &self,
        environment: &str,
        existing: &Observed,
    ) -> Result<Option<Observed>, CloudError> {
        let id = existing.id.as_str();
        let one = Select::Id(environment, id);
        let first = |list: Vec<Observed>| list.into_iter().next();
        match existing.kind {
            Kind::Vpc => self.vpcs(one).await.map(first),
            Kind::InternetGateway => self.internet_gateways(one).await.map(first),
            Kind::Subnet => self.subnets(one).await.map(first),
            Kind::RouteTable => self.route_tables(one).await.map(first),
            Kind::SecurityGroup => self.security_groups(one).await.map(first),
            Kind::SecurityRules => self.read_security_rules(environment, id).await,
            Kind::KeyPair => self.environment_key_pairs(one).await.map(first),
            Kind::Instance => self.read_instance(environment, id).await,
            Kind::Seed => self.seed_parameter(environment).await,
            Kind::Role => self.role(environment).await,
            Kind::InstanceProfile => self.instance_profile(environment).await,
            Kind::Bucket => self.bucket(environment).await,
            Kind::Database => self.read_database(environment, id).await,
            Kind::DatabaseSubnets => self.database_subnets(environment).await,
            Kind::DatabaseParameters => {
                let reader = existing.address.as_str().ends_with("/reader");
                self.database_parameters(environment, reader).await
            }
            Kind::Search => self.domain(environment).await,
            Kind::Cache => self.cache(environment).await,
            Kind::CacheSubnets => self.cache_subnets(environment).await,
        }
    }
}
