//! The in-memory cloud behind the engine's trait: the adapter's calls, one by one.
//!
//! Each function makes the same API calls in the same order as its namesake in `src/aws`,
//! and judges the answers alike. What it calls is in `wire.rs`, what answers in `ec2.rs`,
//! `iam.rs` and `data.rs`. Reads are in `looks.rs`.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::{Arc, Mutex};

use loadrig::blueprint::{Address, DatabaseRole, Desired, Kind, SubnetTier};
use loadrig::engine::{
    Account as Identity, Blocker, Cloud, CloudError, FailureClass, Looked, Observed, Request,
    Snapshot, State,
};
use loadrig::identity::names::{Names, digest};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::OnceCell;

use super::account::{ADDRESS, ENVIRONMENT, RuleRow, Texts};
use super::data::Service;
use super::ec2::Launch;
use super::wire::{Wire, foreign};

/// The account's number.
pub const ACCOUNT: &str = "123456789012";
/// The region.
pub const REGION: &str = "xx-test-1";

type Seen = Result<Observed, CloudError>;

/// One process's view of the account.
#[derive(Debug)]
pub struct Memory {
    pub(super) wire: Arc<Wire>,
    zones: OnceCell<Vec<String>>,
    image: OnceCell<()>,
    identity: OnceCell<()>,
    made: Mutex<BTreeMap<Address, String>>,
}

impl Memory {
    /// A fresh process: it remembers nothing.
    pub fn new(wire: Arc<Wire>) -> Self {
        Self {
            wire,
            zones: OnceCell::new(),
            image: OnceCell::new(),
            identity: OnceCell::new(),
            made: Mutex::default(),
        }
    }

    /// What this process made at the request's address, or what lists show there.
    async fn known(
        &self,
        request: &Request<'_>,
        look: impl Future<Output = Result<Vec<String>, CloudError>>,
    ) -> Result<Option<String>, CloudError> {
        let made = self
            .made
            .lock()
            .expect("no panic")
            .get(request.address)
            .cloned();
        match made {
            Some(id) => Ok(Some(id)),
            None => Ok(look.await?.pop()),
        }
    }

    fn remember(&self, request: &Request<'_>, id: &str) {
        let mut made = self.made.lock().expect("no panic");
        made.insert(request.address.clone(), id.to_owned());
    }

    pub(super) fn forget(&self, id: &str) {
        self.made
            .lock()
            .expect("no panic")
            .retain(|_, known| known != id);
    }

    async fn who(&self) -> Result<(), CloudError> {
        self.identity
            .get_or_try_init(|| self.wire.call("sts:GetCallerIdentity", "", |_| Ok(())))
            .await
            .copied()
    }

    pub(super) async fn bucket_name(&self, environment: &str) -> Result<String, CloudError> {
        self.who().await?;
        Ok(Names::of(environment).bucket(ACCOUNT, REGION))
    }

    async fn create_vpc(&self, request: &Request<'_>, cidr: String) -> Seen {
        let look = ids(self.vpcs(request.environment, at(request), None));
        let id = match self.known(request, look).await? {
            Some(id) => id,
            None => {
                let tags = tags(request);
                self.wire
                    .call("ec2:CreateVpc", "vpc", move |a| a.create_vpc(tags, &cidr))
                    .await?
            }
        };
        self.remember(request, &id);
        self.complete_vpc(request.environment, &id).await
    }

    async fn complete_vpc(&self, environment: &str, id: &str) -> Seen {
        for attribute in ["dns_support", "dns_hostnames"] {
            let vpc = id.to_owned();
            self.wire
                .call("ec2:ModifyVpcAttribute", id, move |a| {
                    a.modify_vpc(&vpc, attribute)
                })
                .await
                .or_soon()?;
        }
        visible(self.vpcs(environment, None, Some(id)).await?, id)
    }

    async fn create_internet_gateway(&self, request: &Request<'_>) -> Seen {
        let look = ids(self.gateways(request.environment, at(request), None));
        let id = match self.known(request, look).await? {
            Some(id) => id,
            None => {
                let tags = tags(request);
                self.wire
                    .call("ec2:CreateInternetGateway", "", |a| a.create_gateway(tags))
                    .await?
            }
        };
        self.remember(request, &id);
        self.complete_internet_gateway(request, &id).await
    }

    async fn complete_internet_gateway(&self, request: &Request<'_>, id: &str) -> Seen {
        let vpc = needed(request, &Address::vpc())?.id.clone();
        let gateway = id.to_owned();
        self.wire
            .call("ec2:AttachInternetGateway", id, move |a| {
                a.attach_gateway(&gateway, &vpc)
            })
            .await
            .or_done(&["Resource.AlreadyAssociated"])
            .or_soon()?;
        visible(
            self.gateways(request.environment, None, Some(id)).await?,
            id,
        )
    }

    async fn create_subnet(
        &self,
        request: &Request<'_>,
        tier: SubnetTier,
        zone: u8,
        cidr: String,
    ) -> Seen {
        let vpc = needed(request, &Address::vpc())?.id.clone();
        let look = ids(self.subnets(request.environment, at(request), None));
        let id = match self.known(request, look).await? {
            Some(id) => id,
            None => {
                let zones = self
                    .zones
                    .get_or_try_init(|| {
                        self.wire
                            .call("ec2:DescribeAvailabilityZones", "", |a| Ok(a.zones.clone()))
                    })
                    .await?;
                let zone = zones[usize::from(zone)].clone();
                let tags = tags(request);
                self.wire
                    .call("ec2:CreateSubnet", request.address.as_str(), move |a| {
                        a.create_subnet(tags, &vpc, &zone, &cidr)
                    })
                    .await
                    .or_soon()?
            }
        };
        self.remember(request, &id);
        self.complete_subnet(request.environment, &id, tier).await
    }

    async fn complete_subnet(&self, environment: &str, id: &str, tier: SubnetTier) -> Seen {
        let subnet = id.to_owned();
        self.wire
            .call("ec2:ModifySubnetAttribute", id, move |a| {
                a.modify_subnet(&subnet, tier == SubnetTier::Public)
            })
            .await
            .or_soon()?;
        visible(self.subnets(environment, None, Some(id)).await?, id)
    }

    async fn create_elastic_address(&self, request: &Request<'_>) -> Seen {
        let look = ids(self.elastic_addresses(request.environment, at(request), None));
        let id = match self.known(request, look).await? {
            Some(id) => id,
            None => {
                let tags = tags(request);
                self.wire
                    .call("ec2:AllocateAddress", "", |a| a.allocate_address(tags))
                    .await?
            }
        };
        self.remember(request, &id);
        let found = self
            .elastic_addresses(request.environment, None, Some(&id))
            .await?;
        visible(found, &id)
    }

    async fn create_nat_gateway(
        &self,
        request: &Request<'_>,
        subnet: &Address,
        address: &Address,
    ) -> Seen {
        let living = self.nat_gateways(request.environment, at(request)).await?;
        if let Some(found) = living
            .into_iter()
            .find(|found| matches!(found.state, State::Pending | State::Ready))
        {
            return Ok(found);
        }
        let subnet = needed(request, subnet)?.id.clone();
        let allocation = needed(request, address)?.id.clone();
        for attempt in 0..8_u32 {
            let attempt = attempt.to_string();
            let token = digest(&[
                request.environment,
                request.address.as_str(),
                &subnet,
                &allocation,
                &attempt,
            ]);
            let (tags, subnet, allocation) = (tags(request), subnet.clone(), allocation.clone());
            let (thing, now) = self
                .wire
                .call("ec2:CreateNatGateway", request.address.as_str(), move |a| {
                    let thing = a.create_nat(tags, &token, &subnet, &allocation)?;
                    Ok((thing, a.now))
                })
                .await
                .or_soon()?;
            let found = super::looks::nat(&thing, now, request.environment);
            let found = found.expect("a tagged gateway");
            if !found.state.is_leaving() {
                return Ok(found);
            }
        }
        panic!("eight tokens are used up");
    }

    async fn create_route_table(
        &self,
        request: &Request<'_>,
        subnets: &[Address],
        gateway: &Address,
    ) -> Seen {
        let vpc = needed(request, &Address::vpc())?.id.clone();
        let look = async {
            let operation = "ec2:DescribeRouteTables";
            let found = self
                .raw(
                    operation,
                    "route-table",
                    request.environment,
                    at(request),
                    None,
                )
                .await?;
            Ok(found.into_iter().map(|table| table.id).collect())
        };
        let id = match self.known(request, look).await? {
            Some(id) => id,
            None => {
                let tags = tags(request);
                self.wire
                    .call("ec2:CreateRouteTable", "", move |a| {
                        a.create_route_table(tags, &vpc)
                    })
                    .await
                    .or_soon()?
            }
        };
        self.remember(request, &id);
        self.complete_route_table(request, &id, subnets, gateway)
            .await
    }

    async fn complete_route_table(
        &self,
        request: &Request<'_>,
        id: &str,
        subnets: &[Address],
        gateway: &Address,
    ) -> Seen {
        let gateway = needed(request, gateway)?.id.clone();
        let (table, to) = (id.to_owned(), gateway.clone());
        let created = self
            .wire
            .call("ec2:CreateRoute", id, move |a| {
                a.create_route(&table, &to, false)
            })
            .await
            .or_done(&["RouteAlreadyExists"])
            .or_soon()?;
        if created.is_none() {
            let table = id.to_owned();
            self.wire
                .call("ec2:ReplaceRoute", id, move |a| {
                    a.create_route(&table, &gateway, true)
                })
                .await
                .or_soon()?;
        }
        let table = id.to_owned();
        let associated = self
            .wire
            .call("ec2:DescribeRouteTables", id, move |a| {
                Ok(a.associations(&table))
            })
            .await?;
        for subnet in needed_ids(request, subnets)? {
            if associated.iter().any(|(_, with)| *with == subnet) {
                continue;
            }
            let (table, subnet) = (id.to_owned(), subnet);
            self.wire
                .call("ec2:AssociateRouteTable", id, move |a| {
                    a.associate(&table, &subnet)
                })
                .await
                .or_done(&["Resource.AlreadyAssociated"])
                .or_soon()?;
        }
        visible(
            self.route_tables(request.environment, None, Some(id))
                .await?,
            id,
        )
    }

    async fn create_security_group(&self, request: &Request<'_>, name: String) -> Seen {
        let vpc = needed(request, &Address::vpc())?.id.clone();
        let (tags, at, named) = (tags(request), vpc.clone(), name.clone());
        let created = self
            .wire
            .call(
                "ec2:CreateSecurityGroup",
                request.address.as_str(),
                move |a| a.create_group(tags, &at, &named),
            )
            .await
            .or_done(&["InvalidGroup.Duplicate"])
            .or_soon()?;
        if let Some(id) = created {
            return Ok(observed(request.address, Kind::SecurityGroup, &id, &[]));
        }
        let named = name.clone();
        let found = self
            .wire
            .call("ec2:DescribeSecurityGroups", &name, move |a| {
                Ok(a.listed("security-group")
                    .find(|t| t.attr("vpc") == vpc && t.attr("name") == named)
                    .cloned())
            })
            .await?;
        match found {
            None => visible(vec![], &name),
            Some(group) => match address_of(&group.tags, request.environment) {
                Some(address) => Ok(observed(&address, Kind::SecurityGroup, &group.id, &[])),
                None => Err(foreign("ec2:CreateSecurityGroup", &name)),
            },
        }
    }

    async fn set_security_rules(
        &self,
        request: &Request<'_>,
        group: &Address,
        rules: &[loadrig::blueprint::Rule],
    ) -> Seen {
        let id = needed(request, group)?.id.clone();
        let groups = self.groups_by_id(request.environment).await?;
        let existing = self.rows(std::slice::from_ref(&id)).await?;
        let wanted: BTreeSet<String> = rules.iter().map(ToString::to_string).collect();
        let mut kept = BTreeSet::new();
        let mut surplus = Vec::new();
        for row in existing {
            let line = line(&row, &groups);
            if !wanted.contains(&line) || !kept.insert(line) {
                surplus.push(row);
            }
        }
        let mut missing = Vec::new();
        for rule in rules {
            if !kept.contains(&rule.to_string()) {
                missing.push(RuleRow {
                    group: id.clone(),
                    port: format!("{}/{}", rule.protocol.as_str(), rule.port),
                    from: match rule.from {
                        loadrig::blueprint::Peer::Range(range) => range.to_string(),
                        loadrig::blueprint::Peer::Group(peer) => {
                            needed(request, &Address::security_group(peer))?.id.clone()
                        }
                    },
                });
            }
        }
        if !missing.is_empty() {
            let group = id.clone();
            self.wire
                .call("ec2:AuthorizeSecurityGroupIngress", &id, move |a| {
                    a.authorize(&group, &missing)
                })
                .await
                .or_soon()?;
        }
        self.revoke(surplus).await?;
        let lines: Vec<String> = wanted.into_iter().collect();
        Ok(observed(
            request.address,
            Kind::SecurityRules,
            &id,
            &[("rules", &lines.join("\n"))],
        ))
    }

    pub(super) async fn revoke(&self, rows: Vec<RuleRow>) -> Result<(), CloudError> {
        let mut by_group: BTreeMap<String, Vec<RuleRow>> = BTreeMap::new();
        for row in rows {
            by_group.entry(row.group.clone()).or_default().push(row);
        }
        for (group, rows) in by_group {
            let id = group.clone();
            self.wire
                .call("ec2:RevokeSecurityGroupIngress", &id, move |a| {
                    a.revoke(&group, &rows)
                })
                .await
                .or_gone()?;
        }
        Ok(())
    }

    async fn create_seed(&self, request: &Request<'_>) -> Seen {
        let name = Names::of(request.environment).seed();
        let seed = request.secrets.seed.as_ref().expect("a seed");
        let (tags, named, value) = (tags(request), name.clone(), seed.expose_secret().to_owned());
        let created = self
            .wire
            .call("ssm:PutParameter", &name, move |a| {
                a.put_parameter(tags, &named, &value)
            })
            .await
            .or_done(&["ParameterAlreadyExists"])?;
        let found = self.seed_parameter(request.environment).await?;
        found_or(found, created.is_some(), "ssm:PutParameter", &name)
    }

    async fn create_key_pair(&self, request: &Request<'_>) -> Seen {
        let name = Names::of(request.environment).key_pair();
        let (tags, named) = (tags(request), name.clone());
        self.wire
            .call("ec2:ImportKeyPair", &name, move |a| {
                a.import_key(tags, &named)
            })
            .await
            .or_done(&["InvalidKeyPair.Duplicate"])?;
        let named = name.clone();
        let found = self
            .wire
            .call("ec2:DescribeKeyPairs", &name, move |a| {
                Ok(a.listed("key-pair").find(|t| t.id == named).cloned())
            })
            .await?;
        match found {
            Some(pair) => match address_of(&pair.tags, request.environment) {
                Some(address) => Ok(observed(&address, Kind::KeyPair, &name, &[])),
                None => Err(foreign("ec2:ImportKeyPair", &name)),
            },
            None => visible(vec![], &name),
        }
    }

    async fn create_role(&self, request: &Request<'_>, bucket: &Address) -> Seen {
        needed(request, bucket)?;
        let name = Names::of(request.environment).role();
        let (tags, named) = (tags(request), name.clone());
        self.wire
            .call("iam:CreateRole", &name, move |a| {
                a.create_role(tags, &named)
            })
            .await
            .or_done(&["EntityAlreadyExists"])?;
        match self.get_role(&name).await? {
            None => return visible(vec![], &name),
            Some(role) if address_of(&role.tags, request.environment).is_none() => {
                return Err(foreign("iam:CreateRole", &name));
            }
            Some(_) => {}
        }
        self.complete_role(request).await
    }

    async fn complete_role(&self, request: &Request<'_>) -> Seen {
        let name = Names::of(request.environment).role();
        self.who().await?;
        let role = name.clone();
        self.wire
            .call("iam:PutRolePolicy", &name, move |a| {
                a.put_policy(&role, Address::bucket().as_str())
            })
            .await
            .or_soon()?;
        let found = self.role(request.environment).await?;
        visible(found.into_iter().collect(), &name)
    }

    async fn create_instance_profile(&self, request: &Request<'_>) -> Seen {
        let name = Names::of(request.environment).instance_profile();
        let (tags, named) = (tags(request), name.clone());
        self.wire
            .call("iam:CreateInstanceProfile", &name, move |a| {
                a.create_profile(tags, &named)
            })
            .await
            .or_done(&["EntityAlreadyExists"])?;
        match self.get_profile(&name).await? {
            None => return visible(vec![], &name),
            Some(profile) if address_of(&profile.tags, request.environment).is_none() => {
                return Err(foreign("iam:CreateInstanceProfile", &name));
            }
            Some(_) => {}
        }
        self.complete_instance_profile(request).await
    }

    async fn complete_instance_profile(&self, request: &Request<'_>) -> Seen {
        let names = Names::of(request.environment);
        let (profile, role) = (names.instance_profile(), names.role());
        let holds = self.get_profile(&profile).await?;
        if let Some(other) = holds.map(|held| held.attr("role").to_owned())
            && !other.is_empty()
            && other != role
        {
            self.detach(&profile, &other).await?;
        }
        let (p, r) = (profile.clone(), role.clone());
        self.wire
            .call("iam:AddRoleToInstanceProfile", &profile, move |a| {
                a.add_role(&p, &r)
            })
            .await
            .or_done(&["LimitExceeded"])
            .or_soon()?;
        let found = self.profile(request.environment).await?;
        visible(found.into_iter().collect(), &profile)
    }

    pub(super) async fn detach(&self, profile: &str, role: &str) -> Result<(), CloudError> {
        let (p, r) = (profile.to_owned(), role.to_owned());
        self.wire
            .call("iam:RemoveRoleFromInstanceProfile", profile, move |a| {
                a.remove_role(&p, &r)
            })
            .await
            .or_gone()?;
        Ok(())
    }

    async fn create_bucket(&self, request: &Request<'_>) -> Seen {
        let name = self.bucket_name(request.environment).await?;
        let (tags, named) = (tags(request), name.clone());
        self.wire
            .call("s3:CreateBucket", &name, move |a| {
                a.create_bucket(tags, &named)
            })
            .await
            .or_done(&["BucketAlreadyOwnedByYou"])?;
        self.complete_bucket(request, &name).await
    }

    async fn complete_bucket(&self, request: &Request<'_>, name: &str) -> Seen {
        if let Some(theirs) = self.bucket_tags(name).await? {
            if theirs.is_empty() {
                let (named, tags) = (name.to_owned(), tags(request));
                self.wire
                    .call("s3:PutBucketTagging", name, move |a| {
                        a.tag_bucket(&named, tags)
                    })
                    .await
                    .or_soon()?;
            } else if address_of(&theirs, request.environment).is_none() {
                return Err(foreign("s3:CreateBucket", name));
            }
        }
        let Desired::Bucket { versioning, .. } = request.desired else {
            unreachable!("a bucket");
        };
        for (operation, key, value) in [
            ("s3:PutBucketPublicAccessBlock", "public_access", "blocked"),
            ("s3:PutEncryptionConfiguration", "encryption", "AES256"),
            (
                "s3:PutLifecycleConfiguration",
                "unfinished_uploads",
                "removed",
            ),
        ] {
            let named = name.to_owned();
            self.wire
                .call(operation, name, move |a| a.set_bucket(&named, key, value))
                .await
                .or_soon()?;
        }
        let (named, versioning) = (name.to_owned(), versioning.to_string());
        self.wire
            .call("s3:PutBucketVersioning", name, move |a| {
                a.set_bucket(&named, "versioning", &versioning)
            })
            .await
            .or_soon()?;
        let found = self.bucket(request.environment).await?;
        visible(found.into_iter().collect(), name)
    }

    async fn create_instance(&self, request: &Request<'_>) -> Seen {
        let Desired::Instance {
            instance_type,
            disk_gib,
            subnet,
            group,
            key_pair,
            profile,
            ..
        } = request.desired
        else {
            unreachable!("an instance");
        };
        let vpc = needed(request, &Address::vpc())?.id.clone();
        for attempt in 0..8_u32 {
            let attempt = attempt.to_string();
            let mut parts = vec![
                request.environment,
                request.address.as_str(),
                &vpc,
                &attempt,
            ];
            parts.extend(request.predecessors.iter().map(String::as_str));
            self.image
                .get_or_try_init(|| self.wire.call("ec2:DescribeImages", "", |_| Ok(())))
                .await?;
            let launch = Launch {
                token: digest(&parts),
                instance_type: instance_type.clone(),
                disk: disk_gib.to_string(),
                attrs: request.desired.attributes(),
                subnet: needed(request, subnet)?.id.clone(),
                group: needed(request, group)?.id.clone(),
                key: needed(request, key_pair)?.id.clone(),
                profile: needed(request, profile)?.id.clone(),
                tags: tags(request),
            };
            let ran = self
                .wire
                .call("ec2:RunInstances", request.address.as_str(), move |a| {
                    let thing = a.run_instance(&launch)?;
                    Ok((thing, a.now))
                })
                .await
                .map_err(profile_may_follow)
                .or_soon();
            match ran {
                Err(error) if error.code == "IdempotentParameterMismatch" => {
                    let live = self.instances(request.environment, at(request)).await?;
                    return live
                        .into_iter()
                        .find(|found| !found.state.is_leaving())
                        .ok_or(CloudError {
                            class: FailureClass::Converging,
                            ..error
                        });
                }
                Err(error) => return Err(error),
                Ok((thing, now)) => {
                    let found = super::looks::instance(&thing, now, None, request.environment)
                        .expect("a tagged instance");
                    if !found.state.is_leaving() {
                        return Ok(found);
                    }
                }
            }
        }
        panic!("eight tokens are used up");
    }

    async fn create_database_subnets(&self, request: &Request<'_>, subnets: &[Address]) -> Seen {
        let name = Names::of(request.environment).database_subnets();
        let (tags, named) = (tags(request), name.clone());
        let subnets = needed_ids(request, subnets)?;
        let created = self
            .wire
            .call("rds:CreateDBSubnetGroup", &name, move |a| {
                let exists = "DBSubnetGroupAlreadyExists";
                a.create_data_group("db-subnets", tags, &named, &subnets, exists)
            })
            .await
            .or_done(&["DBSubnetGroupAlreadyExists"])
            .or_soon()?;
        let found = self.database_subnets(request.environment).await?;
        found_or(found, created.is_some(), "rds:CreateDBSubnetGroup", &name)
    }

    async fn create_cache_subnets(&self, request: &Request<'_>, subnets: &[Address]) -> Seen {
        let name = Names::of(request.environment).cache_subnets();
        let (tags, named) = (tags(request), name.clone());
        let subnets = needed_ids(request, subnets)?;
        let created = self
            .wire
            .call("elasticache:CreateCacheSubnetGroup", &name, move |a| {
                let exists = "CacheSubnetGroupAlreadyExists";
                a.create_data_group("cache-subnets", tags, &named, &subnets, exists)
            })
            .await
            .or_done(&["CacheSubnetGroupAlreadyExists"])
            .or_soon()?;
        let found = self.cache_subnets(request.environment).await?;
        found_or(
            found,
            created.is_some(),
            "elasticache:CreateCacheSubnetGroup",
            &name,
        )
    }

    async fn create_database_parameters(
        &self,
        request: &Request<'_>,
        reader: bool,
        family: &str,
        parameters: &Texts,
    ) -> Seen {
        let name = Names::of(request.environment).database_parameters(reader);
        let (tags, named, family) = (tags(request), name.clone(), family.to_owned());
        let created = self
            .wire
            .call("rds:CreateDBParameterGroup", &name, move |a| {
                let exists = "DBParameterGroupAlreadyExists";
                a.create_data_group("db-parameters", tags, &named, &[], exists)?;
                if let Some(group) = a.living_mut("db-parameters", &named) {
                    group.attrs.insert("family".into(), family);
                }
                Ok(())
            })
            .await
            .or_done(&["DBParameterGroupAlreadyExists"])?;
        if created.is_none()
            && self
                .database_parameters(request.environment, reader)
                .await?
                .is_none()
        {
            return Err(foreign("rds:CreateDBParameterGroup", &name));
        }
        self.update_database_parameters(request, reader, parameters)
            .await
    }

    async fn update_database_parameters(
        &self,
        request: &Request<'_>,
        reader: bool,
        parameters: &Texts,
    ) -> Seen {
        let name = Names::of(request.environment).database_parameters(reader);
        let set = self.set_parameters(&name).await?;
        if set != *parameters {
            self.wire
                .call("rds:DescribeDBParameters", &name, |_| Ok(()))
                .await?;
            let (named, wanted) = (name.clone(), parameters.clone());
            self.wire
                .call("rds:ModifyDBParameterGroup", &name, move |a| {
                    a.set_parameters(&named, &wanted)
                })
                .await
                .or_soon()?;
        }
        let found = self
            .database_parameters(request.environment, reader)
            .await?;
        visible(found.into_iter().collect(), &name)
    }

    async fn create_database(&self, request: &Request<'_>, role: DatabaseRole) -> Seen {
        let Desired::Database {
            subnets,
            parameters,
            group,
            ..
        } = request.desired
        else {
            unreachable!("a database");
        };
        let id = Names::of(request.environment).database(role);
        let subnet_group = needed(request, subnets)?.id.clone();
        let mut attrs = request.desired.attributes();
        attrs.insert("subnet_group".into(), subnet_group.clone());
        let mut service = Service {
            name: id.clone(),
            tags: tags(request),
            attrs,
            groups: vec![("db-parameters", needed(request, parameters)?.id.clone())],
            subnets: vec![],
            group: needed(request, group)?.id.clone(),
        };
        let created = match role {
            DatabaseRole::Writer => {
                service.groups.push(("db-subnets", subnet_group));
                self.wire
                    .call("rds:CreateDBInstance", &id, move |a| a.create_db(&service))
                    .await
            }
            DatabaseRole::Reader(_) => {
                let writer = needed(request, &Address::database(DatabaseRole::Writer))?;
                let source = writer.id.clone();
                self.wire
                    .call("rds:CreateDBInstanceReadReplica", &id, move |a| {
                        a.create_replica(&service, &source)
                    })
                    .await
            }
        }
        .or_done(&["DBInstanceAlreadyExists"])
        .or_soon()?;
        let found = self.read_database(request.environment, &id).await?;
        found_or(found, created.is_some(), "rds:CreateDBInstance", &id)
    }

    async fn update_database(&self, request: &Request<'_>, existing: &Observed) -> Seen {
        let changes = request.desired.attributes();
        let id = existing.id.clone();
        self.wire
            .call("rds:ModifyDBInstance", &existing.id, move |a| {
                a.modify_db(&id, &changes)
            })
            .await?;
        let found = self
            .read_database(request.environment, &existing.id)
            .await?;
        visible(found.into_iter().collect(), &existing.id)
    }

    async fn create_search(&self, request: &Request<'_>) -> Seen {
        let Desired::Search { subnets, group, .. } = request.desired else {
            unreachable!("a domain");
        };
        self.who().await?;
        let name = Names::of(request.environment).search();
        let service = Service {
            name: name.clone(),
            tags: tags(request),
            attrs: request.desired.attributes(),
            groups: vec![],
            subnets: needed_ids(request, subnets)?,
            group: needed(request, group)?.id.clone(),
        };
        let created = self
            .wire
            .call("es:CreateDomain", &name, move |a| a.create_domain(&service))
            .await
            .or_done(&["ResourceAlreadyExistsException"])
            .or_soon();
        let created = match created {
            Err(error) if error.message.contains("service-linked role") => {
                self.wire
                    .call("iam:CreateServiceLinkedRole", &name, |a| {
                        a.create_service_role("opensearchservice.amazonaws.com")
                    })
                    .await
                    .or_done(&["InvalidInput"])?;
                return Err(CloudError {
                    class: FailureClass::Converging,
                    ..error
                });
            }
            other => other?,
        };
        let found = self.domain(request.environment).await?;
        found_or(found, created.is_some(), "es:CreateDomain", &name)
    }

    async fn update_search(&self, request: &Request<'_>, existing: &Observed) -> Seen {
        let changes: Texts = request.desired.attributes();
        let id = existing.id.clone();
        self.wire
            .call("es:UpdateDomainConfig", &existing.id, move |a| {
                a.update_domain(&id, &changes)
            })
            .await?;
        let found = self.domain(request.environment).await?;
        visible(found.into_iter().collect(), &existing.id)
    }

    async fn create_cache(&self, request: &Request<'_>) -> Seen {
        let Desired::Cache { subnets, group, .. } = request.desired else {
            unreachable!("a cache");
        };
        let id = Names::of(request.environment).cache();
        let service = Service {
            name: id.clone(),
            tags: tags(request),
            attrs: request.desired.attributes(),
            groups: vec![("cache-subnets", needed(request, subnets)?.id.clone())],
            subnets: vec![],
            group: needed(request, group)?.id.clone(),
        };
        let created = self
            .wire
            .call("elasticache:CreateReplicationGroup", &id, move |a| {
                a.create_cache(&service)
            })
            .await
            .or_done(&["ReplicationGroupAlreadyExists"])
            .or_soon()?;
        let found = self.cache(request.environment).await?;
        found_or(
            found,
            created.is_some(),
            "elasticache:CreateReplicationGroup",
            &id,
        )
    }
}

impl Cloud for Memory {
    async fn account(&self) -> Result<Identity, CloudError> {
        self.who().await?;
        Ok(Identity {
            id: ACCOUNT.to_owned(),
            arn: format!("arn:aws:iam::{ACCOUNT}:user/test"),
            region: REGION.to_owned(),
        })
    }

    async fn snapshot(&self, environment: &str) -> Result<Snapshot, CloudError> {
        self.take_snapshot(environment).await
    }

    async fn create(&self, request: Request<'_>) -> Seen {
        let names = Names::of(request.environment);
        match request.desired {
            Desired::Vpc { cidr } => self.create_vpc(&request, cidr.to_string()).await,
            Desired::InternetGateway => self.create_internet_gateway(&request).await,
            Desired::Subnet { tier, zone, cidr } => {
                self.create_subnet(&request, *tier, *zone, cidr.to_string())
                    .await
            }
            Desired::RouteTable { subnets, gateway } => {
                self.create_route_table(&request, subnets, gateway).await
            }
            Desired::ElasticAddress => self.create_elastic_address(&request).await,
            Desired::NatGateway { subnet, address } => {
                self.create_nat_gateway(&request, subnet, address).await
            }
            Desired::SecurityGroup { group, .. } => {
                self.create_security_group(&request, names.security_group(*group))
                    .await
            }
            Desired::SecurityRules { group, rules } => {
                let group = Address::security_group(*group);
                self.set_security_rules(&request, &group, rules).await
            }
            Desired::Seed => self.create_seed(&request).await,
            Desired::KeyPair => self.create_key_pair(&request).await,
            Desired::Role { bucket } => self.create_role(&request, bucket).await,
            Desired::InstanceProfile { .. } => self.create_instance_profile(&request).await,
            Desired::Bucket { .. } => self.create_bucket(&request).await,
            Desired::DatabaseSubnets { subnets } => {
                self.create_database_subnets(&request, subnets).await
            }
            Desired::DatabaseParameters {
                reader,
                family,
                parameters,
            } => {
                self.create_database_parameters(&request, *reader, family, parameters)
                    .await
            }
            Desired::Database { role, .. } => self.create_database(&request, *role).await,
            Desired::Search { .. } => self.create_search(&request).await,
            Desired::CacheSubnets { subnets } => self.create_cache_subnets(&request, subnets).await,
            Desired::Cache { .. } => self.create_cache(&request).await,
            Desired::Instance { .. } => self.create_instance(&request).await,
        }
    }

    async fn update(&self, request: Request<'_>, existing: &Observed) -> Seen {
        let (environment, id) = (request.environment, existing.id.as_str());
        match request.desired {
            Desired::Vpc { .. } => self.complete_vpc(environment, id).await,
            Desired::InternetGateway => self.complete_internet_gateway(&request, id).await,
            Desired::Subnet { tier, .. } => self.complete_subnet(environment, id, *tier).await,
            Desired::RouteTable { subnets, gateway } => {
                self.complete_route_table(&request, id, subnets, gateway)
                    .await
            }
            Desired::SecurityRules { group, rules } => {
                let group = Address::security_group(*group);
                self.set_security_rules(&request, &group, rules).await
            }
            Desired::Role { .. } => self.complete_role(&request).await,
            Desired::InstanceProfile { .. } => self.complete_instance_profile(&request).await,
            Desired::Bucket { .. } => self.complete_bucket(&request, id).await,
            Desired::DatabaseParameters {
                reader, parameters, ..
            } => {
                self.update_database_parameters(&request, *reader, parameters)
                    .await
            }
            Desired::Database { .. } => self.update_database(&request, existing).await,
            Desired::Search { .. } => self.update_search(&request, existing).await,
            other => panic!("{other:?} is not changed in place"),
        }
    }

    async fn list(&self, environment: &str, kind: Kind) -> Result<Vec<Observed>, CloudError> {
        self.list_kind(environment, kind).await
    }

    async fn delete(&self, environment: &str, existing: &Observed) -> Result<(), CloudError> {
        self.forget(&existing.id);
        self.remove(environment, existing).await
    }

    async fn blockers(
        &self,
        environment: &str,
        existing: &Observed,
    ) -> Result<Vec<Blocker>, CloudError> {
        self.find_blockers(environment, existing).await
    }

    async fn seed(&self, environment: &str) -> Result<Option<SecretString>, CloudError> {
        let name = Names::of(environment).seed();
        self.wire
            .call("ssm:GetParameter", "seed", move |a| {
                Ok(a.living("parameter", &name)
                    .map(|t| SecretString::from(t.attr("value").to_owned())))
            })
            .await
    }

    async fn environments(&self) -> Result<Vec<String>, CloudError> {
        self.wire
            .call("ec2:DescribeVpcs", "", |a| {
                let names: BTreeSet<String> = a
                    .listed("vpc")
                    .filter_map(|t| t.tags.get(ENVIRONMENT).cloned())
                    .collect();
                Ok(names.into_iter().collect())
            })
            .await
    }

    async fn prove_empty(&self, environment: &str) -> Result<Vec<Looked>, CloudError> {
        let left = self.take_snapshot(environment).await?.resources;
        Ok(vec![Looked {
            at: "everything".to_owned(),
            left: left
                .into_iter()
                .filter(|r| r.state != State::Gone)
                .map(|r| r.id)
                .collect(),
            kept: vec![],
        }])
    }
}

/// What the adapter makes of a failure, as in `src/aws/error.rs`.
pub(super) trait Judge<T> {
    /// Success when it is not there.
    fn or_gone(self) -> Result<Option<T>, CloudError>;
    /// Success when somebody did it already.
    fn or_done(self, codes: &[&str]) -> Result<Option<T>, CloudError>;
    /// While creating, what is not found is not visible yet.
    fn or_soon(self) -> Result<T, CloudError>;
}

impl<T> Judge<T> for Result<T, CloudError> {
    fn or_gone(self) -> Result<Option<T>, CloudError> {
        match self {
            Ok(value) => Ok(Some(value)),
            Err(error) if error.class == FailureClass::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn or_done(self, codes: &[&str]) -> Result<Option<T>, CloudError> {
        match self {
            Ok(value) => Ok(Some(value)),
            Err(error) if codes.contains(&error.code.as_str()) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn or_soon(self) -> Result<T, CloudError> {
        self.map_err(|mut error| {
            if error.class == FailureClass::NotFound {
                error.class = FailureClass::Converging;
            }
            error
        })
    }
}

fn profile_may_follow(mut error: CloudError) -> CloudError {
    if error.code == "InvalidParameterValue"
        && error.message.contains("Invalid IAM Instance Profile")
    {
        error.class = FailureClass::Converging;
    }
    error
}

fn needed<'a>(request: &'a Request<'_>, address: &Address) -> Result<&'a Observed, CloudError> {
    request.world.get(address).ok_or_else(|| CloudError {
        operation: "world".to_owned(),
        target: request.address.to_string(),
        code: "DependencyMissing".to_owned(),
        message: format!("`{address}` does not exist yet"),
        request_id: None,
        class: FailureClass::Converging,
    })
}

fn needed_ids(request: &Request<'_>, addresses: &[Address]) -> Result<Vec<String>, CloudError> {
    addresses
        .iter()
        .map(|address| needed(request, address).map(|found| found.id.clone()))
        .collect()
}

fn at(request: &Request<'_>) -> Option<String> {
    Some(request.address.to_string())
}

/// The tags that are stamped on in the call that creates.
pub fn tags(request: &Request<'_>) -> Texts {
    let mut tags = request.tags.clone();
    tags.insert(ENVIRONMENT.into(), request.environment.into());
    tags.insert(ADDRESS.into(), request.address.to_string());
    tags
}

/// The address in tags that bear the environment's name.
pub fn address_of(tags: &Texts, environment: &str) -> Option<Address> {
    let ours = tags.get(ENVIRONMENT).map(String::as_str) == Some(environment);
    tags.get(ADDRESS)
        .filter(|_| ours)
        .map(|text| Address::parse(text))
}

async fn ids(
    look: impl Future<Output = Result<Vec<Observed>, CloudError>>,
) -> Result<Vec<String>, CloudError> {
    Ok(look.await?.into_iter().map(|found| found.id).collect())
}

pub(super) fn texts(pairs: &[(&str, &str)]) -> Texts {
    pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

/// Something usable, as the engine sees it.
pub(super) fn observed(
    address: &Address,
    kind: Kind,
    id: &str,
    attributes: &[(&str, &str)],
) -> Observed {
    Observed {
        address: address.clone(),
        kind,
        id: id.to_owned(),
        state: State::Ready,
        status: "available".to_owned(),
        attributes: texts(attributes),
    }
}

pub(super) fn line(row: &RuleRow, groups: &Texts) -> String {
    let from = groups.get(&row.from).unwrap_or(&row.from);
    format!("{} from {from}", row.port)
}

fn visible(found: Vec<Observed>, id: &str) -> Seen {
    found.into_iter().next_back().ok_or_else(|| CloudError {
        operation: "look".to_owned(),
        target: id.to_owned(),
        code: "NotVisibleYet".to_owned(),
        message: "it was made but is not listed yet".to_owned(),
        request_id: None,
        class: FailureClass::Converging,
    })
}

fn found_or(found: Option<Observed>, created: bool, operation: &str, name: &str) -> Seen {
    match found {
        Some(found) => Ok(found),
        None if created => visible(vec![], name),
        None => Err(foreign(operation, name)),
    }
}
