//! Reads for the local cloud what its API reports: every instance, database, search
//! domain and cache with what makes them real. Knows the local cloud's plain types
//! and nothing of what it does with them.

mod caches;
mod failed;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_ec2::config::{Credentials, SharedCredentialsProvider};
use aws_sdk_ec2::types as ec2_types;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures::future::{BoxFuture, FutureExt, try_join_all};
use ipnet::Ipv4Net;

use crate::localcloud::{
    AttachedProfile, AttachedRole, CloudReadError, CloudReader, CloudView, DbInstance, Domain,
    InstanceState, InstanceView, SecurityGroupView, SubnetView, TrafficPeer, TrafficProtocol,
    TrafficRule, VpcView,
};

use caches::CacheReader;
use failed::failed;

type Result<T, E = CloudReadError> = std::result::Result<T, E>;

/// Reads the state of the cloud behind an endpoint that asks for no real
/// credentials.
#[derive(Debug, Clone)]
pub struct SdkCloudReader {
    ec2: aws_sdk_ec2::Client,
    rds: aws_sdk_rds::Client,
    iam: aws_sdk_iam::Client,
    opensearch: aws_sdk_opensearch::Client,
    caches: CacheReader,
}

impl SdkCloudReader {
    /// A reader of the cloud in `region` behind two endpoints: the emulator, and the API that
    /// clients call, which alone knows what the emulator lacks.
    #[must_use]
    pub fn new(emulator: &str, api: &str, region: &str) -> Self {
        let config = |endpoint: &str| {
            let credentials = Credentials::new("local", "local", None, None, "local cloud");
            SdkConfig::builder()
                .behavior_version(BehaviorVersion::v2026_01_12())
                .region(Region::new(region.to_owned()))
                .credentials_provider(SharedCredentialsProvider::new(credentials))
                .endpoint_url(endpoint)
                .build()
        };
        let (config, api) = (config(emulator), config(api));
        Self {
            ec2: aws_sdk_ec2::Client::new(&config),
            rds: aws_sdk_rds::Client::new(&config),
            iam: aws_sdk_iam::Client::new(&config),
            opensearch: aws_sdk_opensearch::Client::new(&config),
            caches: CacheReader::new(&api),
        }
    }

    async fn read_all(&self) -> Result<CloudView> {
        let (vpcs, subnets, security_groups, instances, db_instances, domains, caches) = tokio::try_join!(
            self.vpcs(),
            self.subnets(),
            self.security_groups(),
            self.instances(),
            self.db_instances(),
            self.domains(),
            self.caches.read()
        )?;
        Ok(CloudView {
            vpcs,
            subnets,
            security_groups,
            instances,
            db_instances,
            domains,
            caches,
        })
    }

    async fn vpcs(&self) -> Result<Vec<VpcView>> {
        let pages = self.ec2.describe_vpcs().into_paginator().items().send();
        let found: Vec<ec2_types::Vpc> =
            pages.try_collect().await.map_err(failed("DescribeVpcs"))?;
        Ok(found
            .iter()
            .filter_map(|vpc| {
                Some(VpcView {
                    id: text(vpc.vpc_id()),
                    range: vpc.cidr_block()?.parse().ok()?,
                })
            })
            .collect())
    }

    async fn subnets(&self) -> Result<Vec<SubnetView>> {
        let pages = self.ec2.describe_subnets().into_paginator().items().send();
        let found: Vec<ec2_types::Subnet> = pages
            .try_collect()
            .await
            .map_err(failed("DescribeSubnets"))?;
        Ok(found
            .iter()
            .filter_map(|subnet| {
                Some(SubnetView {
                    id: text(subnet.subnet_id()),
                    vpc: text(subnet.vpc_id()),
                    range: subnet.cidr_block()?.parse().ok()?,
                    zone: text(subnet.availability_zone()),
                })
            })
            .collect())
    }

    async fn security_groups(&self) -> Result<Vec<SecurityGroupView>> {
        let pages = self
            .ec2
            .describe_security_groups()
            .into_paginator()
            .items()
            .send();
        let found: Vec<ec2_types::SecurityGroup> = pages
            .try_collect()
            .await
            .map_err(failed("DescribeSecurityGroups"))?;
        Ok(found
            .iter()
            .map(|group| SecurityGroupView {
                id: text(group.group_id()),
                ingress: group.ip_permissions().iter().flat_map(rules).collect(),
                egress: group
                    .ip_permissions_egress()
                    .iter()
                    .flat_map(rules)
                    .collect(),
            })
            .collect())
    }

    async fn instances(&self) -> Result<Vec<InstanceView>> {
        let pages = self
            .ec2
            .describe_instances()
            .into_paginator()
            .items()
            .send();
        let reservations: Vec<ec2_types::Reservation> = pages
            .try_collect()
            .await
            .map_err(failed("DescribeInstances"))?;
        let found: Vec<&ec2_types::Instance> = reservations
            .iter()
            .flat_map(|one| one.instances())
            .collect();
        let (keys, profiles) = tokio::try_join!(self.public_keys(&found), self.profiles(&found))?;
        Ok(found
            .iter()
            .filter_map(|one| instance(one, &keys, &profiles))
            .collect())
    }

    /// Public keys by the names of their pairs.
    async fn public_keys(
        &self,
        instances: &[&ec2_types::Instance],
    ) -> Result<BTreeMap<String, String>> {
        if instances.iter().all(|one| one.key_name().is_none()) {
            return Ok(BTreeMap::new());
        }
        let answer = self
            .ec2
            .describe_key_pairs()
            .include_public_key(true)
            .send()
            .await
            .map_err(failed("DescribeKeyPairs"))?;
        Ok(answer
            .key_pairs()
            .iter()
            .map(|pair| (text(pair.key_name()), text(pair.public_key())))
            .collect())
    }

    /// Instance profiles by ARN.
    async fn profiles(
        &self,
        instances: &[&ec2_types::Instance],
    ) -> Result<BTreeMap<String, AttachedProfile>> {
        let arns: std::collections::BTreeSet<&str> = instances
            .iter()
            .filter_map(|one| one.iam_instance_profile()?.arn())
            .collect();
        let profiles = try_join_all(arns.into_iter().map(async |arn| {
            let name = arn.rsplit('/').next().unwrap_or(arn);
            let answer = self
                .iam
                .get_instance_profile()
                .instance_profile_name(name)
                .send()
                .await;
            let answer = match answer {
                Ok(answer) => answer,
                // Deleted under a running instance: AWS then answers without a role.
                Err(error)
                    if error
                        .as_service_error()
                        .is_some_and(|one| one.is_no_such_entity_exception()) =>
                {
                    return Ok(None);
                }
                Err(error) => return Err(failed("GetInstanceProfile")(error)),
            };
            let Some(profile) = answer.instance_profile() else {
                return Ok(None);
            };
            let role = profile.roles().first().map(|role| AttachedRole {
                name: role.role_name().to_owned(),
                arn: role.arn().to_owned(),
            });
            let id = profile.instance_profile_id().to_owned();
            Ok(Some((
                arn.to_owned(),
                AttachedProfile {
                    arn: arn.to_owned(),
                    id,
                    role,
                },
            )))
        }))
        .await?;
        Ok(profiles.into_iter().flatten().collect())
    }

    async fn db_instances(&self) -> Result<Vec<DbInstance>> {
        let pages = self
            .rds
            .describe_db_instances()
            .into_paginator()
            .items()
            .send();
        let found: Vec<aws_sdk_rds::types::DbInstance> = pages
            .try_collect()
            .await
            .map_err(failed("DescribeDBInstances"))?;
        let groups: std::collections::BTreeSet<&str> =
            found.iter().filter_map(parameter_group).collect();
        let parameters: BTreeMap<String, BTreeMap<String, String>> =
            try_join_all(groups.into_iter().map(async |group| {
                Ok::<_, CloudReadError>((group.to_owned(), self.parameters(group).await?))
            }))
            .await?
            .into_iter()
            .collect();
        Ok(found
            .iter()
            .map(|one| {
                let subnets = one
                    .db_subnet_group()
                    .map(|one| one.subnets())
                    .unwrap_or_default();
                DbInstance {
                    id: text(one.db_instance_identifier()),
                    engine: text(one.engine()),
                    endpoint: text(one.endpoint().and_then(|endpoint| endpoint.address())),
                    master_user: text(one.master_username()),
                    database: one.db_name().map(str::to_owned),
                    source: one
                        .read_replica_source_db_instance_identifier()
                        .filter(|source| !source.is_empty())
                        // A source in another region is given by its ARN.
                        .map(|source| source.rsplit(':').next().unwrap_or(source).to_owned()),
                    subnets: subnets
                        .iter()
                        .map(|subnet| text(subnet.subnet_identifier()))
                        .collect(),
                    groups: one
                        .vpc_security_groups()
                        .iter()
                        .map(|group| text(group.vpc_security_group_id()))
                        .collect(),
                    parameters: parameter_group(one)
                        .and_then(|name| parameters.get(name))
                        .cloned()
                        .unwrap_or_default(),
                }
            })
            .collect())
    }

    /// What a parameter group sets itself.
    async fn parameters(&self, group: &str) -> Result<BTreeMap<String, String>> {
        if group.starts_with("default.") {
            return Ok(BTreeMap::new());
        }
        let pages = self
            .rds
            .describe_db_parameters()
            .db_parameter_group_name(group)
            .into_paginator()
            .items()
            .send();
        let found: Vec<aws_sdk_rds::types::Parameter> = pages
            .try_collect()
            .await
            .map_err(failed("DescribeDBParameters"))?;
        Ok(found
            .iter()
            .filter(|parameter| parameter.source().is_none_or(|source| source == "user"))
            .filter_map(|parameter| {
                Some((
                    parameter.parameter_name()?.to_owned(),
                    parameter.parameter_value()?.to_owned(),
                ))
            })
            .collect())
    }

    async fn domains(&self) -> Result<Vec<Domain>> {
        let names = self
            .opensearch
            .list_domain_names()
            .send()
            .await
            .map_err(failed("ListDomainNames"))?;
        let names: Vec<String> = names
            .domain_names()
            .iter()
            .map(|name| text(name.domain_name()))
            .collect();
        let mut domains = Vec::new();
        // Five names a call is what AWS takes.
        for names in names.chunks(5) {
            let answer = self
                .opensearch
                .describe_domains()
                .set_domain_names(Some(names.to_vec()))
                .send()
                .await
                .map_err(failed("DescribeDomains"))?;
            for domain in answer.domain_status_list() {
                if domain.deleted() == Some(true) {
                    continue;
                }
                let Some(vpc) = domain.vpc_options() else {
                    continue;
                };
                domains.push(Domain {
                    name: domain.domain_name().to_owned(),
                    subnets: vpc.subnet_ids().to_vec(),
                    groups: vpc.security_group_ids().to_vec(),
                    policy: text(domain.access_policies()),
                });
            }
        }
        Ok(domains)
    }

    async fn read_user_data(&self, instance: &str) -> Result<Option<Vec<u8>>> {
        let answer = self
            .ec2
            .describe_instance_attribute()
            .instance_id(instance)
            .attribute(ec2_types::InstanceAttributeName::UserData)
            .send()
            .await
            .map_err(failed("DescribeInstanceAttribute"))?;
        let encoded = answer
            .user_data()
            .and_then(|value| value.value())
            .filter(|value| !value.is_empty());
        encoded
            .map(|value| {
                STANDARD
                    .decode(value)
                    .map_err(failed("DescribeInstanceAttribute"))
            })
            .transpose()
    }
}

impl CloudReader for SdkCloudReader {
    fn read(&self) -> BoxFuture<'_, Result<CloudView>> {
        self.read_all().boxed()
    }

    fn user_data<'a>(&'a self, instance: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>>> {
        self.read_user_data(instance).boxed()
    }
}

/// An instance with an address that is not on its way out.
fn instance(
    one: &ec2_types::Instance,
    keys: &BTreeMap<String, String>,
    profiles: &BTreeMap<String, AttachedProfile>,
) -> Option<InstanceView> {
    use ec2_types::InstanceStateName as Name;
    let state = match one.state()?.name()? {
        Name::Pending | Name::Running => InstanceState::Running,
        Name::Stopping | Name::Stopped => InstanceState::Stopped,
        _ => return None,
    };
    let address: Ipv4Addr = one.private_ip_address()?.parse().ok()?;
    let arn = one.iam_instance_profile().and_then(|profile| profile.arn());
    Some(InstanceView {
        id: text(one.instance_id()),
        state,
        address,
        public_address: one
            .public_ip_address()
            .and_then(|address| address.parse().ok()),
        name: text(one.private_dns_name()),
        vpc: text(one.vpc_id()),
        zone: text(
            one.placement()
                .and_then(|placement| placement.availability_zone()),
        ),
        instance_type: one
            .instance_type()
            .map(|kind| kind.as_str().to_owned())
            .unwrap_or_default(),
        image: text(one.image_id()),
        public_key: one.key_name().and_then(|name| keys.get(name)).cloned(),
        groups: groups(one),
        profile: arn.map(|arn| {
            let bare = || AttachedProfile {
                arn: arn.to_owned(),
                id: String::new(),
                role: None,
            };
            profiles.get(arn).cloned().unwrap_or_else(bare)
        }),
    })
}

/// The groups of the instance's interfaces. AWS repeats them on the instance itself,
/// moto does so only when they were given there.
fn groups(instance: &ec2_types::Instance) -> Vec<String> {
    let interfaces = instance.network_interfaces().iter();
    let groups: std::collections::BTreeSet<String> = instance
        .security_groups()
        .iter()
        .chain(interfaces.flat_map(|one| one.groups()))
        .map(|group| text(group.group_id()))
        .collect();
    groups.into_iter().collect()
}

/// A permission as one rule per peer.
fn rules(permission: &ec2_types::IpPermission) -> Vec<TrafficRule> {
    let port = |port: Option<i32>, absent| {
        port.and_then(|port| u16::try_from(port).ok())
            .unwrap_or(absent)
    };
    let (first, last) = (
        port(permission.from_port(), 0),
        port(permission.to_port(), u16::MAX),
    );
    let protocol = match permission.ip_protocol().unwrap_or("-1") {
        "tcp" | "6" => TrafficProtocol::Tcp(first, last),
        "udp" | "17" => TrafficProtocol::Udp(first, last),
        "icmp" | "1" => TrafficProtocol::Icmp,
        _ => TrafficProtocol::Any,
    };
    let ranges = permission.ip_ranges().iter().filter_map(|range| {
        Some(TrafficPeer::Range(
            range.cidr_ip()?.parse::<Ipv4Net>().ok()?,
        ))
    });
    let groups = permission
        .user_id_group_pairs()
        .iter()
        .filter_map(|pair| Some(TrafficPeer::Group(pair.group_id()?.into())));
    ranges
        .chain(groups)
        .map(|peer| TrafficRule { protocol, peer })
        .collect()
}

fn parameter_group(database: &aws_sdk_rds::types::DbInstance) -> Option<&str> {
    database
        .db_parameter_groups()
        .first()?
        .db_parameter_group_name()
}

fn text(value: Option<&str>) -> String {
    value.unwrap_or_default().to_owned()
}
