//! The in-memory cloud looks at what is named uniquely, and at everything, call by call as in
//! `src/aws`.

use loadrig::blueprint::{Address, Kind, parameter_lines};
use loadrig::engine::{CloudError, Observed, Snapshot, State};
use loadrig::identity::names::Names;

use super::account::{Ms, Texts, Thing, fault};
use super::judge::{Judge, address_of, observed, tell};
use super::memory::Memory;

/// What a list brings back.
pub(super) type Many = Result<Vec<Observed>, CloudError>;
/// What a look at one thing brings back.
pub(super) type One = Result<Option<Observed>, CloudError>;

impl Memory {
    pub(super) async fn seed_parameter(&self, environment: &str) -> One {
        let name = Names::of(environment).seed();
        self.named(
            "ssm:GetParameter",
            "parameter",
            Kind::Seed,
            &name,
            environment,
            &[],
        )
        .await
    }

    /// What has a unique name, if it is ours: one call for it, one for its tags.
    async fn named(
        &self,
        operation: &'static str,
        sort: &'static str,
        kind: Kind,
        name: &str,
        environment: &str,
        keys: &[&str],
    ) -> One {
        let id = name.to_owned();
        let found = self
            .wire
            .call(operation, name, move |a| {
                Ok(a.living(sort, &id).cloned().map(|thing| (thing, a.now)))
            })
            .await?;
        let Some((thing, now)) = found else {
            return Ok(None);
        };
        let id = name.to_owned();
        let tags = self
            .wire
            .call("ListTagsForResource", name, move |a| {
                Ok(a.living(sort, &id).map(|thing| thing.tags.clone()))
            })
            .await?;
        let address = tags.and_then(|tags| address_of(&tags, environment));
        Ok(address.and_then(|_| stated(&thing, now, environment, kind, keys)))
    }

    pub(super) async fn get_role(&self, name: &str) -> Result<Option<Thing>, CloudError> {
        self.get("iam:GetRole", "role", name).await
    }

    pub(super) async fn get_profile(&self, name: &str) -> Result<Option<Thing>, CloudError> {
        self.get("iam:GetInstanceProfile", "profile", name).await
    }

    /// A thing by its name, of a service whose reads lag.
    async fn get(
        &self,
        operation: &'static str,
        sort: &'static str,
        name: &str,
    ) -> Result<Option<Thing>, CloudError> {
        let id = name.to_owned();
        self.wire
            .call(operation, name, move |a| {
                Ok(a.listed(sort).find(|t| t.id == id).cloned())
            })
            .await
    }

    pub(super) async fn role(&self, environment: &str) -> One {
        let name = Names::of(environment).role("us-east-1");
        let Some(role) = self.get_role(&name).await? else {
            return Ok(None);
        };
        let Some(address) = address_of(&role.tags, environment) else {
            return Ok(None);
        };
        let id = name.clone();
        let policy = self
            .wire
            .call("iam:GetRolePolicy", &name, move |a| {
                match a.living("role", &id) {
                    Some(role) if role.attrs.contains_key("policy") => {
                        Ok(role.attr("policy").to_owned())
                    }
                    _ => fault("NoSuchEntity", "no such policy"),
                }
            })
            .await
            .or_gone()?;
        let policy = policy.unwrap_or_else(|| "none".to_owned());
        Ok(Some(observed(
            &address,
            Kind::Role,
            &name,
            &[("policy", &policy)],
        )))
    }

    pub(super) async fn profile(&self, environment: &str) -> One {
        let names = Names::of(environment);
        let name = names.instance_profile("us-east-1");
        let Some(profile) = self.get_profile(&name).await? else {
            return Ok(None);
        };
        let Some(address) = address_of(&profile.tags, environment) else {
            return Ok(None);
        };
        let role = match profile.attr("role") {
            "" => "none".to_owned(),
            role if role == names.role("us-east-1") => Address::role().to_string(),
            other => other.to_owned(),
        };
        Ok(Some(observed(
            &address,
            Kind::InstanceProfile,
            &name,
            &[("role", &role)],
        )))
    }

    pub(super) async fn bucket_tags(&self, name: &str) -> Result<Option<Texts>, CloudError> {
        let id = name.to_owned();
        self.wire
            .call("s3:GetBucketTagging", name, move |a| {
                Ok(a.living("bucket", &id).map(|t| t.tags.clone()))
            })
            .await
    }

    pub(super) async fn bucket(&self, environment: &str) -> One {
        let name = self.bucket_name(environment).await?;
        let id = name.clone();
        let found = self
            .wire
            .call("s3:ListBucket", &name, move |a| {
                Ok(a.living("bucket", &id).cloned())
            })
            .await?;
        let Some(bucket) = found else {
            return Ok(None);
        };
        let (tags, (), ()) = futures::try_join!(
            self.bucket_tags(&name),
            self.wire
                .call("s3:GetBucketPublicAccessBlock", &name, |_| Ok(())),
            self.wire
                .call("s3:GetEncryptionConfiguration", &name, |_| Ok(())),
        )?;
        let address = match tags {
            Some(tags) if tags.is_empty() => Some(Address::bucket()),
            Some(tags) => address_of(&tags, environment),
            None => None,
        };
        let or = |key: &str, other: &str| match bucket.attr(key) {
            "" => other.to_owned(),
            value => value.to_owned(),
        };
        Ok(address.map(|address| {
            let pairs = [
                ("public_access", or("public_access", "possible")),
                ("encryption", or("encryption", "none")),
                ("versioning", or("versioning", "false")),
                ("unfinished_uploads", or("unfinished_uploads", "kept")),
                ("deletion_protection", "false".to_owned()),
                ("keeps_files", "false".to_owned()),
            ];
            let pairs = pairs.each_ref().map(|(key, value)| (*key, value.as_str()));
            observed(&address, Kind::Bucket, &name, &pairs)
        }))
    }

    async fn databases(&self, environment: &str) -> Many {
        let name = environment.to_owned();
        let (found, now) = self
            .wire
            .call("rds:DescribeDBInstances", environment, move |a| {
                let names = Names::of(&name);
                let ours = a.listed("db").filter(|t| names.is_database(&t.id));
                Ok((ours.cloned().collect::<Vec<_>>(), a.now))
            })
            .await?;
        Ok(found
            .iter()
            .filter_map(|db| stated(db, now, environment, Kind::Database, ALL))
            .collect())
    }

    pub(super) async fn read_database(&self, environment: &str, id: &str) -> One {
        let name = id.to_owned();
        let found = self
            .wire
            .call("rds:DescribeDBInstances", id, move |a| {
                Ok(a.living("db", &name).cloned().map(|db| (db, a.now)))
            })
            .await?;
        Ok(found.and_then(|(db, now)| stated(&db, now, environment, Kind::Database, ALL)))
    }

    pub(super) async fn database_subnets(&self, environment: &str) -> One {
        let name = Names::of(environment).database_subnets();
        let operation = "rds:DescribeDBSubnetGroups";
        self.named(
            operation,
            "db-subnets",
            Kind::DatabaseSubnets,
            &name,
            environment,
            &[],
        )
        .await
    }

    pub(super) async fn set_parameters(&self, name: &str) -> Result<Texts, CloudError> {
        let id = name.to_owned();
        self.wire
            .call("rds:DescribeDBParameters", name, move |a| {
                let group = a.living("db-parameters", &id);
                Ok(group
                    .into_iter()
                    .flat_map(|group| &group.attrs)
                    .filter_map(|(key, value)| {
                        Some((key.strip_prefix("p:")?.to_owned(), value.clone()))
                    })
                    .collect())
            })
            .await
    }

    pub(super) async fn database_parameters(&self, environment: &str, reader: bool) -> One {
        let name = Names::of(environment).database_parameters(reader);
        let operation = "rds:DescribeDBParameterGroups";
        let kind = Kind::DatabaseParameters;
        let found = self
            .named(
                operation,
                "db-parameters",
                kind,
                &name,
                environment,
                &["family"],
            )
            .await?;
        let Some(mut seen) = found else {
            return Ok(None);
        };
        let set = self.set_parameters(&name).await?;
        tell(&mut seen, "parameters", &parameter_lines(&set).to_string());
        Ok(Some(seen))
    }

    pub(super) async fn domain(&self, environment: &str) -> One {
        let name = Names::of(environment).search();
        let keys = ALL;
        self.named(
            "es:DescribeDomain",
            "domain",
            Kind::Search,
            &name,
            environment,
            keys,
        )
        .await
    }

    pub(super) async fn cache(&self, environment: &str) -> One {
        let name = Names::of(environment).cache();
        let operation = "elasticache:DescribeReplicationGroups";
        let keys = ALL;
        self.named(operation, "cache", Kind::Cache, &name, environment, keys)
            .await
    }

    pub(super) async fn cache_subnets(&self, environment: &str) -> One {
        let name = Names::of(environment).cache_subnets();
        let operation = "elasticache:DescribeCacheSubnetGroups";
        self.named(
            operation,
            "cache-subnets",
            Kind::CacheSubnets,
            &name,
            environment,
            &[],
        )
        .await
    }

    async fn key_pairs(&self, environment: &str, id: Option<&str>) -> Many {
        let found = self
            .raw("ec2:DescribeKeyPairs", "key-pair", environment, None, id)
            .await?;
        Ok(found
            .iter()
            .filter_map(|pair| simple(pair, environment, Kind::KeyPair, &[]))
            .collect())
    }

    pub(super) async fn take_snapshot(&self, env: &str) -> Result<Snapshot, CloudError> {
        let security = async {
            let mut groups = self.groups(env, None).await?;
            groups.extend(self.rules(&groups).await?);
            Ok::<_, CloudError>(groups)
        };
        let lists = async {
            futures::try_join!(
                self.vpcs(env, None, None),
                self.gateways(env, None, None),
                self.subnets(env, None, None),
                self.route_tables(env, None, None),
                security,
                self.key_pairs(env, None),
                self.instances(env, None),
                self.databases(env),
                self.nat_gateways(env, None),
                self.elastic_addresses(env, None, None),
            )
        };
        let singles = async {
            futures::try_join!(
                self.seed_parameter(env),
                self.role(env),
                self.profile(env),
                self.bucket(env),
                self.database_subnets(env),
                self.database_parameters(env, false),
                self.database_parameters(env, true),
                self.domain(env),
                self.cache(env),
                self.cache_subnets(env),
            )
        };
        let (lists, singles) = futures::try_join!(lists, singles)?;
        let (vpcs, gateways, subnets, tables, security, keys, instances, dbs, nats, eips) = lists;
        let mut resources = [
            vpcs, gateways, subnets, tables, security, keys, instances, dbs, nats, eips,
        ]
        .concat();
        let (seed, role, profile, bucket, groups, writer, reader, search, cache, caches) = singles;
        let single = [
            seed, role, profile, bucket, groups, writer, reader, search, cache, caches,
        ];
        resources.extend(single.into_iter().flatten());
        resources.sort_by_key(|resource| resource.state.is_leaving());
        Ok(Snapshot { resources })
    }

    pub(super) async fn list_kind(&self, env: &str, kind: Kind) -> Many {
        let list = |one: Option<Observed>| one.into_iter().collect();
        match kind {
            Kind::Vpc => self.vpcs(env, None, None).await,
            Kind::InternetGateway => self.gateways(env, None, None).await,
            Kind::Subnet => self.subnets(env, None, None).await,
            Kind::RouteTable => self.route_tables(env, None, None).await,
            Kind::SecurityGroup => self.groups(env, None).await,
            Kind::SecurityRules => {
                let groups = self.groups(env, None).await?;
                let mut rules = self.rules(&groups).await?;
                rules.retain(|one| one.set("rules").is_none_or(|rules| !rules.is_empty()));
                Ok(rules)
            }
            Kind::ElasticAddress => self.elastic_addresses(env, None, None).await,
            Kind::NatGateway => self.nat_gateways(env, None).await,
            Kind::KeyPair => self.key_pairs(env, None).await,
            Kind::Instance => self.instances_without_disks(env).await,
            Kind::Seed => self.seed_parameter(env).await.map(list),
            Kind::Role => self.role(env).await.map(list),
            Kind::InstanceProfile => self.profile(env).await.map(list),
            Kind::Bucket => self.bucket(env).await.map(list),
            Kind::Database => self.databases(env).await,
            // This account has no Aurora.
            Kind::DatabaseCluster | Kind::DatabaseClusterParameters => Ok(Vec::new()),
            Kind::DatabaseSubnets => self.database_subnets(env).await.map(list),
            Kind::DatabaseParameters => {
                let (writer, reader) = futures::try_join!(
                    self.database_parameters(env, false),
                    self.database_parameters(env, true),
                )?;
                Ok(writer.into_iter().chain(reader).collect())
            }
            Kind::Search => self.domain(env).await.map(list),
            Kind::Cache => self.cache(env).await.map(list),
            Kind::CacheSubnets => self.cache_subnets(env).await.map(list),
            other => panic!("{other:?} is not kept in memory"),
        }
    }

    async fn instances_without_disks(&self, environment: &str) -> Many {
        let name = environment.to_owned();
        let describe = self.wire.call("ec2:DescribeInstances", "", move |a| {
            Ok((a.describe("instance", &name, None, None), a.now))
        });
        let (found, now) = describe.await?;
        Ok(found
            .iter()
            .filter_map(|thing| instance(thing, now, None, environment))
            .collect())
    }
}

/// Everything that it tells of itself.
const ALL: &[&str] = &["*"];

/// What the account notes for itself.
const INTERNAL: &[&str] = &["subnet_group", "source"];

/// A thing without states of its own.
pub(super) fn simple(
    thing: &Thing,
    environment: &str,
    kind: Kind,
    keys: &[&str],
) -> Option<Observed> {
    let address = address_of(&thing.tags, environment)?;
    let told = |key: &&str| (keys == ALL && !INTERNAL.contains(key)) || keys.contains(key);
    let pairs: Vec<(&str, &str)> = thing
        .attrs
        .iter()
        .map(|(key, value)| (key.as_str(), value.as_str()))
        .filter(|(key, _)| told(key))
        .collect();
    Some(observed(&address, kind, &thing.id, &pairs))
}

/// A thing that takes time to come and to go.
fn stated(
    thing: &Thing,
    now: Ms,
    environment: &str,
    kind: Kind,
    keys: &[&str],
) -> Option<Observed> {
    let mut seen = simple(thing, environment, kind, keys)?;
    if thing.leaving() {
        (seen.state, seen.status) = (State::Deleting, "deleting".to_owned());
    } else if now < thing.ready {
        (seen.state, seen.status) = (State::Pending, "creating".to_owned());
    }
    Some(seen)
}

/// A NAT gateway with its state.
pub(super) fn nat(thing: &Thing, now: Ms, environment: &str) -> Option<Observed> {
    let mut seen = stated(thing, now, environment, Kind::NatGateway, &[])?;
    tell(&mut seen, "created", &format!("{:012}", thing.made));
    if !thing.alive(now) {
        (seen.state, seen.status) = (State::Gone, "deleted".to_owned());
    }
    Some(seen)
}

/// An instance with its state and, where the volumes were read, its disk.
pub(super) fn instance(
    thing: &Thing,
    now: Ms,
    disk: Option<&str>,
    environment: &str,
) -> Option<Observed> {
    let keys = ALL;
    let mut seen = simple(thing, environment, Kind::Instance, keys)?;
    tell(&mut seen, "created", &format!("{:012}", thing.made));
    if let Some(disk) = disk {
        tell(&mut seen, "disk_gib", disk);
    }
    (seen.state, seen.status) = match thing.gone {
        Some(gone) if now >= gone => (State::Gone, "terminated".to_owned()),
        Some(_) => (State::Deleting, "shutting-down".to_owned()),
        None if now < thing.ready => (State::Pending, "pending".to_owned()),
        None => (State::Ready, "running".to_owned()),
    };
    Some(seen)
}
