//! Addresses: how nodes are named, in tags, on screen and in each other's dependencies.

use serde::{Deserialize, Serialize};

use crate::spec::HostName;

use super::{DatabaseRole, Group, Stage, SubnetTier};

/// The identity of a node within its environment: `vpc`, `instance/app-1`.
///
/// It is stamped on the resource as a tag and never changes for the resource's life.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Address(String);

impl Address {
    /// An address as read from a tag.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `vpc`.
    #[must_use]
    pub fn vpc() -> Self {
        Self("vpc".into())
    }

    /// `internet-gateway`.
    #[must_use]
    pub fn internet_gateway() -> Self {
        Self("internet-gateway".into())
    }

    /// The route table of the public subnets.
    #[must_use]
    pub fn route_table() -> Self {
        Self("route-table/public".into())
    }

    /// The route table of a zone's private subnet, where that has a way out.
    #[must_use]
    pub fn private_route_table(zone: u8) -> Self {
        Self(format!("route-table/private-{}", zone_letter(zone)))
    }

    /// The NAT gateway in a zone.
    #[must_use]
    pub fn nat_gateway(zone: u8) -> Self {
        Self(format!("nat-gateway/{}", zone_letter(zone)))
    }

    /// The fixed public address of a zone's NAT gateway.
    #[must_use]
    pub fn nat_address(zone: u8) -> Self {
        Self(format!("elastic-address/nat-{}", zone_letter(zone)))
    }

    /// The gateway endpoint of S3.
    #[must_use]
    pub fn endpoint() -> Self {
        Self("s3-endpoint".into())
    }

    /// The private DNS zone.
    #[must_use]
    pub fn zone() -> Self {
        Self("dns-zone".into())
    }

    /// The records of the private DNS zone.
    #[must_use]
    pub fn records() -> Self {
        Self("dns-records".into())
    }

    /// The application load balancer.
    #[must_use]
    pub fn load_balancer() -> Self {
        Self("load-balancer".into())
    }

    /// `listener`: that of the load balancer.
    #[must_use]
    pub fn listener() -> Self {
        Self("listener".into())
    }

    /// `target-group`: that of the load balancer.
    #[must_use]
    pub fn target_group() -> Self {
        Self("target-group".into())
    }

    /// The application nodes in its target group.
    #[must_use]
    pub fn targets() -> Self {
        Self("targets".into())
    }

    /// A subnet; zones count from 0.
    #[must_use]
    pub fn subnet(tier: SubnetTier, zone: u8) -> Self {
        Self(format!("subnet/{}-{}", tier.as_str(), zone_letter(zone)))
    }

    /// Whether it is that of a public subnet.
    #[must_use]
    pub fn is_public_subnet(&self) -> bool {
        self.0.starts_with("subnet/public-")
    }

    /// For example `security-group/app`.
    #[must_use]
    pub fn security_group(group: Group) -> Self {
        Self(format!("security-group/{}", group.as_str()))
    }

    /// The rules of a security group.
    #[must_use]
    pub fn security_rules(group: Group) -> Self {
        Self(format!("security-rules/{}", group.as_str()))
    }

    /// The parameter that every secret of the environment derives from.
    #[must_use]
    pub fn seed() -> Self {
        Self("seed".into())
    }

    /// `key-pair`: the operator's public key.
    #[must_use]
    pub fn key_pair() -> Self {
        Self("key-pair".into())
    }

    /// The hosts' IAM role.
    #[must_use]
    pub fn role() -> Self {
        Self("role".into())
    }

    /// The hosts' instance profile.
    #[must_use]
    pub fn instance_profile() -> Self {
        Self("instance-profile".into())
    }

    /// The IAM role of the search proxies, which their domain's policy names.
    #[must_use]
    pub fn search_role() -> Self {
        Self("role/search-proxy".into())
    }

    /// The search proxies' instance profile.
    #[must_use]
    pub fn search_profile() -> Self {
        Self("instance-profile/search-proxy".into())
    }

    /// The bucket of uploaded files.
    #[must_use]
    pub fn bucket() -> Self {
        Self("bucket/files".into())
    }

    /// The subnet group of the database.
    #[must_use]
    pub fn database_subnets() -> Self {
        Self("database-subnets".into())
    }

    /// The parameter group of the writer or of the readers.
    #[must_use]
    pub fn database_parameters(reader: bool) -> Self {
        Self(format!(
            "database-parameters/{}",
            if reader { "reader" } else { "writer" }
        ))
    }

    /// The Aurora cluster that the database's instances belong to.
    #[must_use]
    pub fn database_cluster() -> Self {
        Self("database-cluster".into())
    }

    /// The parameter group of the Aurora cluster.
    #[must_use]
    pub fn cluster_parameters() -> Self {
        Self("database-cluster-parameters".into())
    }

    /// A database instance.
    #[must_use]
    pub fn database(role: DatabaseRole) -> Self {
        match role {
            DatabaseRole::Writer => Self("database/writer".into()),
            DatabaseRole::Reader(index) => Self(format!("database/reader-{index}")),
        }
    }

    /// Whether it is that of a reader of the database.
    pub(in crate::blueprint) fn is_reader(&self) -> bool {
        self.0.starts_with("database/reader-")
    }

    /// The role of the host at it, as text: `app` for `instance/app-1`.
    pub(in crate::blueprint) fn role_text(&self) -> &str {
        let host = self.0.strip_prefix("instance/").unwrap_or(&self.0);
        host.rsplit_once('-').map_or(host, |(role, _)| role)
    }

    /// The search domain.
    #[must_use]
    pub fn search() -> Self {
        Self("search".into())
    }

    /// The subnet group of the cache.
    #[must_use]
    pub fn cache_subnets() -> Self {
        Self("cache-subnets".into())
    }

    /// `cache`: the ElastiCache replication group.
    #[must_use]
    pub fn cache() -> Self {
        Self("cache".into())
    }

    /// A host's instance.
    #[must_use]
    pub fn instance(host: HostName) -> Self {
        Self(format!("instance/{host}"))
    }

    /// A host step.
    #[must_use]
    pub fn host(host: HostName, stage: Stage) -> Self {
        Self(format!("host/{host}/{}", stage.as_str()))
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.0)
    }
}

/// Zone 0 is `a`.
pub(crate) fn zone_letter(zone: u8) -> char {
    char::from(b'a' + zone.min(25))
}
