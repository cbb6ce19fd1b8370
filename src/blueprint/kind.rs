//! Kinds of resource.

use serde::{Deserialize, Serialize};

/// Kinds of resource, for limits, deadlines and reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Kind {
    Vpc,
    InternetGateway,
    Subnet,
    RouteTable,
    ElasticAddress,
    NatGateway,
    Adopted,
    Endpoint,
    LoadBalancer,
    Listener,
    TargetGroup,
    Targets,
    Zone,
    Records,
    SecurityGroup,
    SecurityRules,
    Seed,
    KeyPair,
    Role,
    InstanceProfile,
    Bucket,
    DatabaseSubnets,
    DatabaseParameters,
    Database,
    DatabaseCluster,
    DatabaseClusterParameters,
    Search,
    CacheSubnets,
    Cache,
    Instance,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 30] = [
        Kind::Vpc,
        Kind::InternetGateway,
        Kind::Subnet,
        Kind::RouteTable,
        Kind::ElasticAddress,
        Kind::NatGateway,
        Kind::Adopted,
        Kind::Endpoint,
        Kind::LoadBalancer,
        Kind::Listener,
        Kind::TargetGroup,
        Kind::Targets,
        Kind::Zone,
        Kind::Records,
        Kind::SecurityGroup,
        Kind::SecurityRules,
        Kind::Seed,
        Kind::KeyPair,
        Kind::Role,
        Kind::InstanceProfile,
        Kind::Bucket,
        Kind::DatabaseSubnets,
        Kind::DatabaseParameters,
        Kind::Database,
        Kind::DatabaseCluster,
        Kind::DatabaseClusterParameters,
        Kind::Search,
        Kind::CacheSubnets,
        Kind::Cache,
        Kind::Instance,
    ];
}
