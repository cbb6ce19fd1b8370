//! The in-memory cloud's reads and removals, call by call as in `src/aws`.

use loadrig::blueprint::{Address, Kind, parameter_lines};
use loadrig::engine::{Blocker, CloudError, Observed, Snapshot, State};
use loadrig::identity::names::Names;

use super::account::{Account, Fault, Ms, RuleRow, Texts, Thing, fault};
use super::memory::{Judge, Memory, address_of, line, observed};

type Many = Result<Vec<Observed>, CloudError>;
type One = Result<Option<Observed>, CloudError>;

impl Memory {
    pub(super) async fn raw(
        &self,
        operation: &'static str,
        sort: &'static str,
        environment: &str,
        address: Option<String>,
        id: Option<&str>,
    ) -> Result<Vec<Thing>, CloudError> {
        let (environment, id) = (environment.to_owned(), id.map(str::to_owned));
        self.wire
            .call(operation, sort, move |a| {
                Ok(a.describe(sort, &environment, address.as_deref(), id.as_deref()))
            })
            .await
    }

    pub(super) async fn vpcs(
        &self,
        environment: &str,
        address: Option<String>,
        id: Option<&str>,
    ) -> Many {
        let found = self
            .raw("ec2:DescribeVpcs", "vpc", environment, address, id)
            .await?;
        let mut list = Vec::new();
        for vpc in found {
            let id = vpc.id.clone();
            let names = self
                .wire
                .call("ec2:DescribeVpcAttribute", &vpc.id, move |a| {
                    let vpc = a.known("vpc", &id, "InvalidVpcID.NotFound")?;
                    Ok(vpc.attr("dns_hostnames").to_owned())
                })
                .await
                .or_gone()?;
            list.extend(
                simple(&vpc, environment, Kind::Vpc, &["cidr"]).map(|mut seen| {
                    if let Some(names) = names {
                        seen.attributes.insert("dns_hostnames".into(), names);
                    }
                    seen
                }),
            );
        }
        Ok(list)
    }

    pub(super) async fn gateways(
        &self,
        environment: &str,
        address: Option<String>,
        id: Option<&str>,
    ) -> Many {
        let found = self
            .raw(
                "ec2:DescribeInternetGateways",
                "igw",
                environment,
                address,
                id,
            )
            .await?;
        let list = found.iter().filter_map(|gateway| {
            let mut seen = simple(gateway, environment, Kind::InternetGateway, &["vpc"])?;
            let attached = seen.attributes.contains_key("vpc");
            seen.attributes
                .insert("attached".into(), attached.to_string());
            Some(seen)
        });
        Ok(list.collect())
    }

    pub(super) async fn subnets(
        &self,
        environment: &str,
        address: Option<String>,
        id: Option<&str>,
    ) -> Many {
        let found = self
            .raw("ec2:DescribeSubnets", "subnet", environment, address, id)
            .await?;
        let keys = ["cidr", "zone", "public_addresses", "vpc"];
        Ok(found
            .iter()
            .filter_map(|subnet| simple(subnet, environment, Kind::Subnet, &keys))
            .collect())
    }

    pub(super) async fn route_tables(
        &self,
        environment: &str,
        address: Option<String>,
        id: Option<&str>,
    ) -> Many {
        let (name, id) = (environment.to_owned(), id.map(str::to_owned));
        let tables = self.wire.call("ec2:DescribeRouteTables", "", move |a| {
            let found = a.describe("route-table", &name, address.as_deref(), id.as_deref());
            Ok(found
                .into_iter()
                .map(|table| {
                    let with = a.associations(&table.id);
                    let route = table.attr("route").to_owned();
                    let nat = a.living("nat", &route).map(|nat| nat.tags.clone());
                    let active = match nat.and_then(|tags| address_of(&tags, &name)) {
                        Some(nat) => nat.to_string(),
                        None if a.living("igw", &route).is_some() => {
                            Address::internet_gateway().to_string()
                        }
                        None => "none".to_owned(),
                    };
                    (table, with, active)
                })
                .collect::<Vec<_>>())
        });
        let (tables, subnets, _) = futures::try_join!(
            tables,
            self.subnets(environment, None, None),
            self.nat_gateways(environment, None),
        )?;
        let list = tables.iter().filter_map(|(table, with, active)| {
            let mut seen = simple(table, environment, Kind::RouteTable, &["vpc"])?;
            let mut addresses: Vec<&str> = with
                .iter()
                .filter_map(|(_, id)| subnets.iter().find(|subnet| subnet.id == *id))
                .map(|subnet| subnet.address.as_str())
                .collect();
            addresses.sort_unstable();
            seen.attributes
                .insert("default_route".into(), active.clone());
            seen.attributes
                .insert("subnets".into(), addresses.join(" "));
            Some(seen)
        });
        Ok(list.collect())
    }

    pub(super) async fn elastic_addresses(
        &self,
        environment: &str,
        address: Option<String>,
        id: Option<&str>,
    ) -> Many {
        let found = self
            .raw("ec2:DescribeAddresses", "eip", environment, address, id)
            .await?;
        let list = found.iter();
        Ok(list
            .filter_map(|one| simple(one, environment, Kind::ElasticAddress, &[]))
            .collect())
    }

    pub(super) async fn nat_gateways(&self, environment: &str, address: Option<String>) -> Many {
        let name = environment.to_owned();
        let describe = self.wire.call("ec2:DescribeNatGateways", "", move |a| {
            Ok((a.describe("nat", &name, address.as_deref(), None), a.now))
        });
        let (found, now) = describe.await?;
        Ok(found
            .iter()
            .filter_map(|thing| nat(thing, now, environment))
            .collect())
    }

    pub(super) async fn groups(&self, environment: &str, id: Option<&str>) -> Many {
        let found = self
            .raw(
                "ec2:DescribeSecurityGroups",
                "security-group",
                environment,
                None,
                id,
            )
            .await?;
        Ok(found
            .iter()
            .filter_map(|group| simple(group, environment, Kind::SecurityGroup, &["vpc"]))
            .collect())
    }

    pub(super) async fn groups_by_id(&self, environment: &str) -> Result<Texts, CloudError> {
        let groups = self.groups(environment, None).await?;
        Ok(groups
            .into_iter()
            .map(|group| (group.id, group.address.to_string()))
            .collect())
    }

    pub(super) async fn rows(&self, groups: &[String]) -> Result<Vec<RuleRow>, CloudError> {
        if groups.is_empty() {
            return Ok(vec![]);
        }
        let groups = groups.to_vec();
        self.wire
            .call("ec2:DescribeSecurityGroupRules", "", move |a| {
                Ok(a.rules_of(&groups))
            })
            .await
    }

    async fn rules(&self, groups: &[Observed]) -> Many {
        let ids: Vec<String> = groups.iter().map(|group| group.id.clone()).collect();
        let names: Texts = groups
            .iter()
            .map(|group| (group.id.clone(), group.address.to_string()))
            .collect();
        let rows = self.rows(&ids).await?;
        Ok(groups
            .iter()
            .filter_map(|group| {
                let name = group.address.as_str().strip_prefix("security-group/")?;
                let mut lines: Vec<String> = rows
                    .iter()
                    .filter(|row| row.group == group.id)
                    .map(|row| line(row, &names))
                    .collect();
                lines.sort();
                let address = Address::parse(&format!("security-rules/{name}"));
                let lines = lines.join("\n");
                Some(observed(
                    &address,
                    Kind::SecurityRules,
                    &group.id,
                    &[("rules", &lines)],
                ))
            })
            .collect())
    }

    pub(super) async fn instances(&self, environment: &str, address: Option<String>) -> Many {
        let (name, at) = (environment.to_owned(), address.clone());
        let instances = self.wire.call("ec2:DescribeInstances", "", move |a| {
            Ok((a.describe("instance", &name, at.as_deref(), None), a.now))
        });
        let name = environment.to_owned();
        let volumes = self.wire.call("ec2:DescribeVolumes", "", move |a| {
            Ok(a.describe("volume", &name, address.as_deref(), None))
        });
        let ((instances, now), volumes) = futures::try_join!(instances, volumes)?;
        Ok(instances
            .iter()
            .filter_map(|thing| {
                let disk = volumes.iter().find(|volume| volume.attr("of") == thing.id);
                instance(thing, now, disk.map(|disk| disk.attr("size")), environment)
            })
            .collect())
    }

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
        let name = Names::of(environment).role();
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
        let name = names.instance_profile();
        let Some(profile) = self.get_profile(&name).await? else {
            return Ok(None);
        };
        let Some(address) = address_of(&profile.tags, environment) else {
            return Ok(None);
        };
        let role = match profile.attr("role") {
            "" => "none".to_owned(),
            role if role == names.role() => Address::role().to_string(),
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
        seen.attributes
            .insert("parameters".into(), parameter_lines(&set));
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
                rules.retain(|one| one.get("rules") != Some(""));
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

    pub(super) async fn remove(&self, env: &str, existing: &Observed) -> Result<(), CloudError> {
        let id = existing.id.clone();
        match existing.kind {
            Kind::Vpc => {
                self.go("ec2:DeleteVpc", id, |a, id| {
                    a.delete_network("vpc", id, "InvalidVpcID.NotFound")
                })
                .await
            }
            Kind::InternetGateway => self.remove_gateway(env, id).await,
            Kind::Subnet => {
                self.go("ec2:DeleteSubnet", id, |a, id| {
                    a.delete_network("subnet", id, "InvalidSubnetID.NotFound")
                })
                .await
            }
            Kind::ElasticAddress => {
                self.go("ec2:ReleaseAddress", id, Account::release_address)
                    .await
            }
            Kind::NatGateway => {
                self.go("ec2:DeleteNatGateway", id, Account::delete_nat)
                    .await
            }
            Kind::RouteTable => self.remove_route_table(id).await,
            Kind::SecurityGroup => self.remove_group(env, id).await,
            Kind::SecurityRules => {
                let rows = self.rows(std::slice::from_ref(&id)).await?;
                self.revoke(rows).await
            }
            Kind::Seed => {
                self.go("ssm:DeleteParameter", id, Account::delete_parameter)
                    .await
            }
            Kind::KeyPair => {
                self.go("ec2:DeleteKeyPair", id, |a, id| {
                    a.end("key-pair", id);
                    Ok(())
                })
                .await
            }
            Kind::Role => self.remove_role_itself(id).await,
            Kind::InstanceProfile => self.remove_profile(id).await,
            Kind::Bucket => self.remove_bucket(id).await,
            Kind::DatabaseSubnets => {
                self.go("rds:DeleteDBSubnetGroup", id, |a, id| {
                    let missing = "DBSubnetGroupNotFoundFault";
                    let used = "InvalidDBSubnetGroupStateFault";
                    a.delete_data_group("db-subnets", id, missing, used)
                })
                .await
            }
            Kind::DatabaseParameters => {
                self.go("rds:DeleteDBParameterGroup", id, |a, id| {
                    let missing = "DBParameterGroupNotFound";
                    let used = "InvalidDBParameterGroupState";
                    a.delete_data_group("db-parameters", id, missing, used)
                })
                .await
            }
            Kind::Database => {
                self.go_unless_leaving("rds:DeleteDBInstance", "db", id, Account::delete_db)
                    .await
            }
            Kind::Search => self.go("es:DeleteDomain", id, Account::delete_domain).await,
            Kind::CacheSubnets => {
                self.go("elasticache:DeleteCacheSubnetGroup", id, |a, id| {
                    let missing = "CacheSubnetGroupNotFoundFault";
                    a.delete_data_group("cache-subnets", id, missing, "CacheSubnetGroupInUse")
                })
                .await
            }
            Kind::Cache => {
                let operation = "elasticache:DeleteReplicationGroup";
                self.go_unless_leaving(operation, "cache", id, Account::delete_cache)
                    .await
            }
            Kind::Instance => {
                self.go("ec2:TerminateInstances", id, Account::terminate)
                    .await
            }
        }
    }

    /// Interfaces and foreign things that use what is to go, and groups that name it.
    pub(super) async fn find_blockers(
        &self,
        env: &str,
        existing: &Observed,
    ) -> Result<Vec<Blocker>, CloudError> {
        let (env, id) = (env.to_owned(), existing.id.clone());
        self.wire
            .call("ec2:DescribeNetworkInterfaces", &existing.id, move |a| {
                let mut found: Vec<Blocker> = Vec::new();
                for user in a.users(&id) {
                    let ours = address_of(&user.tags, &env).is_some();
                    let requester = user.attr("requester");
                    if user.sort != "eni" && ours {
                        continue;
                    }
                    found.push(Blocker {
                        what: format!(
                            "{} {} `{}` of {}",
                            user.sort,
                            user.id,
                            user.attr("description"),
                            if requester.is_empty() {
                                user.attr("of")
                            } else {
                                requester
                            },
                        ),
                        passing: ours || !requester.is_empty(),
                    });
                }
                for rule in a.rules.iter().filter(|r| r.from == id && r.group != id) {
                    let ours = a
                        .living("security-group", &rule.group)
                        .is_some_and(|group| address_of(&group.tags, &env).is_some());
                    found.push(Blocker {
                        what: format!("a rule of security group {} names it", rule.group),
                        passing: ours,
                    });
                }
                Ok(found)
            })
            .await
    }

    /// One removal; success when it is gone already.
    async fn go(
        &self,
        operation: &'static str,
        id: String,
        effect: impl FnOnce(&mut Account, &str) -> Result<(), Fault> + Send + 'static,
    ) -> Result<(), CloudError> {
        let target = id.clone();
        self.wire
            .call(operation, &target, move |a| effect(a, &id))
            .await
            .or_gone()?;
        Ok(())
    }

    /// The same for what refuses a second removal: a look tells whether somebody was first.
    async fn go_unless_leaving(
        &self,
        operation: &'static str,
        sort: &'static str,
        id: String,
        effect: impl FnOnce(&mut Account, &str) -> Result<(), Fault> + Send + 'static,
    ) -> Result<(), CloudError> {
        let Err(error) = self.go(operation, id.clone(), effect).await else {
            return Ok(());
        };
        let one = id.clone();
        let staying = self
            .wire
            .call("Describe", &id, move |a| {
                Ok(a.living(sort, &one).is_some_and(|t| !t.leaving()))
            })
            .await?;
        if staying { Err(error) } else { Ok(()) }
    }

    async fn remove_gateway(&self, env: &str, id: String) -> Result<(), CloudError> {
        let found = self
            .raw("ec2:DescribeInternetGateways", "igw", env, None, Some(&id))
            .await?;
        for vpc in found.iter().map(|g| g.attr("vpc").to_owned()) {
            if vpc.is_empty() {
                continue;
            }
            let gateway = id.clone();
            self.wire
                .call("ec2:DetachInternetGateway", &id, move |a| {
                    a.detach_gateway(&gateway, &vpc)
                })
                .await
                .or_done(&["Gateway.NotAttached"])
                .or_gone()?;
        }
        self.go("ec2:DeleteInternetGateway", id, Account::delete_gateway)
            .await
    }

    async fn remove_route_table(&self, id: String) -> Result<(), CloudError> {
        let table = id.clone();
        let with = self
            .wire
            .call("ec2:DescribeRouteTables", &id, move |a| {
                Ok(a.associations(&table))
            })
            .await?;
        for (association, _) in with {
            self.go(
                "ec2:DisassociateRouteTable",
                association,
                Account::disassociate,
            )
            .await?;
        }
        self.go("ec2:DeleteRouteTable", id, |a, id| {
            a.delete_network("route-table", id, "InvalidRouteTableID.NotFound")
        })
        .await
    }

    async fn remove_group(&self, env: &str, id: String) -> Result<(), CloudError> {
        let delete = || {
            self.go("ec2:DeleteSecurityGroup", id.clone(), |a, id| {
                a.delete_network("security-group", id, "InvalidGroup.NotFound")
            })
        };
        match delete().await {
            Err(error) if error.code == "DependencyViolation" => {
                let (name, to) = (env.to_owned(), id.clone());
                let referring = self
                    .wire
                    .call("ec2:DescribeSecurityGroups", &id, move |a| {
                        let ours = a.describe("security-group", &name, None, None);
                        let refers =
                            |t: &&Thing| a.rules.iter().any(|r| r.group == t.id && r.from == to);
                        Ok(ours
                            .iter()
                            .filter(refers)
                            .map(|t| t.id.clone())
                            .collect::<Vec<String>>())
                    })
                    .await?;
                let rows = self.rows(&referring).await?;
                let rows = rows.into_iter().filter(|row| row.from == id).collect();
                self.revoke(rows).await?;
                delete().await
            }
            other => other,
        }
    }

    async fn remove_role_itself(&self, name: String) -> Result<(), CloudError> {
        let role = name.clone();
        let profiles = self
            .wire
            .call("iam:ListInstanceProfilesForRole", &name, move |a| {
                a.known("role", &role, "NoSuchEntity")?;
                Ok(a.users(&role)
                    .iter()
                    .map(|t| t.id.clone())
                    .collect::<Vec<_>>())
            })
            .await
            .or_gone()?;
        let Some(profiles) = profiles else {
            return Ok(());
        };
        for profile in profiles {
            self.detach(&profile, &name).await?;
        }
        let role = name.clone();
        let has_policy = self
            .wire
            .call("iam:ListRolePolicies", &name, move |a| {
                let role = a.known("role", &role, "NoSuchEntity")?;
                Ok(role.attrs.contains_key("policy"))
            })
            .await
            .or_gone()?;
        if has_policy == Some(true) {
            self.go("iam:DeleteRolePolicy", name.clone(), Account::delete_policy)
                .await?;
        }
        self.go("iam:DeleteRole", name, Account::delete_role).await
    }

    async fn remove_profile(&self, name: String) -> Result<(), CloudError> {
        let Some(profile) = self.get_profile(&name).await? else {
            return Ok(());
        };
        if !profile.attr("role").is_empty() {
            self.detach(&name, profile.attr("role")).await?;
        }
        self.go("iam:DeleteInstanceProfile", name, Account::delete_profile)
            .await
    }

    async fn remove_bucket(&self, name: String) -> Result<(), CloudError> {
        let id = name.clone();
        let exists = self
            .wire
            .call("s3:ListBucket", &name, move |a| {
                Ok(a.living("bucket", &id).is_some())
            })
            .await?;
        if !exists {
            return Ok(());
        }
        let look = |operation| self.wire.call(operation, &name, |_| Ok(()));
        look("s3:ListBucketMultipartUploads").await?;
        look("s3:ListBucketVersions").await?;
        self.go("s3:DeleteObject", name.clone(), Account::empty_bucket)
            .await?;
        self.go("s3:DeleteBucket", name, Account::delete_bucket)
            .await
    }
}

/// Everything that it tells of itself.
const ALL: &[&str] = &["*"];

/// What the account notes for itself.
const INTERNAL: &[&str] = &["subnet_group", "source"];

/// A thing without states of its own.
fn simple(thing: &Thing, environment: &str, kind: Kind, keys: &[&str]) -> Option<Observed> {
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
    seen.attributes
        .insert("created".into(), format!("{:012}", thing.made));
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
    seen.attributes
        .insert("created".into(), format!("{:012}", thing.made));
    if let Some(disk) = disk {
        seen.attributes.insert("disk_gib".into(), disk.to_owned());
    }
    (seen.state, seen.status) = match thing.gone {
        Some(gone) if now >= gone => (State::Gone, "terminated".to_owned()),
        Some(_) => (State::Deleting, "shutting-down".to_owned()),
        None if now < thing.ready => (State::Pending, "pending".to_owned()),
        None => (State::Ready, "running".to_owned()),
    };
    Some(seen)
}
