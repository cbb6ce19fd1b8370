//! What each node should be.

use std::collections::BTreeMap;

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use crate::spec::{CacheEngine, HostName, Masters, Protection, Scheme};

use super::{Address, Adoptee, DatabaseRole, Group, Kind, Rule, SubnetTier};

/// Storage of a database instance (gp3, encrypted).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Storage {
    /// Size, GiB.
    pub gib: u32,
    /// IOPS, where more than the size has by itself.
    pub iops: Option<u32>,
    /// MiB/s, where more than the size has by itself.
    pub throughput_mibps: Option<u32>,
}

/// A resource as it should be. References are addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "the fields are EC2's, RDS's and so on, by their names"
)]
pub enum Desired {
    Vpc {
        cidr: Ipv4Net,
    },
    InternetGateway,
    Subnet {
        tier: SubnetTier,
        /// Index into the region's usable zones, from 0.
        zone: u8,
        cidr: Ipv4Net,
    },
    /// Default route to a gateway, associated with these subnets.
    RouteTable {
        subnets: Vec<Address>,
        /// The internet gateway or a NAT gateway.
        gateway: Address,
    },
    /// A public address that stays the same.
    ElasticAddress,
    /// The way out of private subnets, with an address of its own.
    NatGateway {
        subnet: Address,
        address: Address,
    },
    /// What belongs to somebody else: looked up, and never made, changed or removed.
    Adopted {
        what: Adoptee,
        id: String,
        /// The VPC that it is or lies in.
        vpc: String,
    },
    /// The gateway endpoint of S3, with a route in each of these tables.
    Endpoint {
        tables: Vec<Address>,
    },
    LoadBalancer {
        scheme: Scheme,
        subnets: Vec<Address>,
        group: Address,
        /// Seconds.
        idle_timeout: u32,
    },
    /// HTTPS where there is a certificate.
    Listener {
        load_balancer: Address,
        target_group: Address,
        port: u16,
        certificate: Option<String>,
    },
    TargetGroup {
        port: u16,
        health_path: String,
        /// Seconds that a node which leaves may finish what it began.
        drain_seconds: u32,
    },
    Targets {
        target_group: Address,
        instances: Vec<Address>,
        port: u16,
    },
    /// A private DNS zone, seen inside the VPC alone.
    Zone,
    Records {
        zone: Address,
        /// What each name leads to.
        names: BTreeMap<String, Address>,
    },
    SecurityGroup {
        group: Group,
        description: String,
    },
    SecurityRules {
        group: Group,
        rules: Vec<Rule>,
    },
    /// SSM SecureString of 32 random bytes (base64); every secret derives from it.
    Seed,
    /// The public key comes with the request: it derives from the seed or is the user's own.
    KeyPair,
    /// May read and write the files bucket, nothing else.
    Role {
        bucket: Address,
    },
    InstanceProfile {
        role: Address,
    },
    Bucket {
        versioning: bool,
        /// `final_snapshot` keeps the files.
        protection: Protection,
    },
    DatabaseSubnets {
        subnets: Vec<Address>,
    },
    DatabaseParameters {
        reader: bool,
        /// For example `postgres15`.
        family: String,
        parameters: BTreeMap<String, String>,
    },
    Database {
        role: DatabaseRole,
        /// Major PostgreSQL version.
        version: String,
        class: String,
        storage: Storage,
        multi_az: bool,
        /// Of the writer; readers keep none.
        backup_days: u32,
        /// The snapshot that a writer is made from.
        snapshot: Option<String>,
        protection: Protection,
        subnets: Address,
        parameters: Address,
        group: Address,
    },
    /// An Aurora cluster: storage, password and policy of its instances.
    DatabaseCluster {
        /// Major PostgreSQL version.
        version: String,
        io_optimized: bool,
        backup_days: u32,
        /// The snapshot that it is made from.
        snapshot: Option<String>,
        protection: Protection,
        subnets: Address,
        parameters: Address,
        group: Address,
    },
    DatabaseClusterParameters {
        /// For example `aurora-postgresql15`.
        family: String,
        parameters: BTreeMap<String, String>,
    },
    /// An instance of an Aurora cluster.
    ClusterInstance {
        role: DatabaseRole,
        class: String,
        cluster: Address,
        parameters: Address,
    },
    Search {
        version: String,
        nodes: u32,
        instance_type: String,
        storage_gib: u32,
        /// Nodes that hold no data.
        masters: Option<Masters>,
        /// One subnet for one node, else as many as zones.
        subnets: Vec<Address>,
        group: Address,
    },
    CacheSubnets {
        subnets: Vec<Address>,
    },
    Cache {
        nodes: u32,
        instance_type: String,
        engine: CacheEngine,
        final_snapshot: bool,
        subnets: Address,
        group: Address,
    },
    Instance {
        host: HostName,
        instance_type: String,
        disk_gib: u32,
        /// Whether AWS refuses to terminate it.
        protected: bool,
        subnet: Address,
        /// Subnets of the other zones, for when this one has no capacity.
        other_subnets: Vec<Address>,
        /// Types for when no zone has capacity for the first.
        fallback_types: Vec<String>,
        group: Address,
        key_pair: Address,
        profile: Address,
    },
}

impl Desired {
    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Desired::Vpc { .. } => Kind::Vpc,
            Desired::InternetGateway => Kind::InternetGateway,
            Desired::Subnet { .. } => Kind::Subnet,
            Desired::RouteTable { .. } => Kind::RouteTable,
            Desired::ElasticAddress => Kind::ElasticAddress,
            Desired::NatGateway { .. } => Kind::NatGateway,
            Desired::Adopted { .. } => Kind::Adopted,
            Desired::Endpoint { .. } => Kind::Endpoint,
            Desired::LoadBalancer { .. } => Kind::LoadBalancer,
            Desired::Listener { .. } => Kind::Listener,
            Desired::TargetGroup { .. } => Kind::TargetGroup,
            Desired::Targets { .. } => Kind::Targets,
            Desired::Zone => Kind::Zone,
            Desired::Records { .. } => Kind::Records,
            Desired::SecurityGroup { .. } => Kind::SecurityGroup,
            Desired::SecurityRules { .. } => Kind::SecurityRules,
            Desired::Seed => Kind::Seed,
            Desired::KeyPair => Kind::KeyPair,
            Desired::Role { .. } => Kind::Role,
            Desired::InstanceProfile { .. } => Kind::InstanceProfile,
            Desired::Bucket { .. } => Kind::Bucket,
            Desired::DatabaseSubnets { .. } => Kind::DatabaseSubnets,
            Desired::DatabaseParameters { .. } => Kind::DatabaseParameters,
            Desired::Database { .. } | Desired::ClusterInstance { .. } => Kind::Database,
            Desired::DatabaseCluster { .. } => Kind::DatabaseCluster,
            Desired::DatabaseClusterParameters { .. } => Kind::DatabaseClusterParameters,
            Desired::Search { .. } => Kind::Search,
            Desired::CacheSubnets { .. } => Kind::CacheSubnets,
            Desired::Cache { .. } => Kind::Cache,
            Desired::Instance { .. } => Kind::Instance,
        }
    }

    /// Whether an existing value that is not the first choice is as good: another type that
    /// was taken where the first had no capacity.
    #[must_use]
    pub fn accepts(&self, attribute: &str, value: &str) -> bool {
        match self {
            Desired::Instance { fallback_types, .. } => {
                attribute == "instance_type" && fallback_types.iter().any(|name| name == value)
            }
            _ => false,
        }
    }

    /// The same with the other places and types that may be taken where AWS has no capacity,
    /// best first: the wanted type in every zone, then the next type. The first is `self`.
    #[must_use]
    pub fn candidates(&self) -> Vec<Desired> {
        let Desired::Instance {
            instance_type,
            subnet,
            other_subnets,
            fallback_types,
            ..
        } = self
        else {
            return vec![self.clone()];
        };
        let types = std::iter::once(instance_type).chain(fallback_types);
        types
            .flat_map(|kind| {
                std::iter::once(subnet)
                    .chain(other_subnets)
                    .map(move |place| (kind, place))
            })
            .map(|(kind, place)| {
                let mut candidate = self.clone();
                if let Desired::Instance {
                    instance_type,
                    subnet,
                    ..
                } = &mut candidate
                {
                    kind.clone_into(instance_type);
                    place.clone_into(subnet);
                }
                candidate
            })
            .collect()
    }

    /// What tells candidates apart, for people.
    #[must_use]
    pub fn placement(&self) -> String {
        match self {
            Desired::Instance {
                instance_type,
                subnet,
                ..
            } => format!("{instance_type} in {subnet}"),
            _ => String::new(),
        }
    }

    /// Resources whose ids or addresses it holds a copy of: when one of them is made anew,
    /// it has to be brought up to date although nothing about it differs yet.
    #[must_use]
    pub fn follows(&self) -> Vec<Address> {
        match self {
            Desired::RouteTable { gateway, .. } => vec![gateway.clone()],
            Desired::Listener {
                load_balancer,
                target_group,
                ..
            } => vec![load_balancer.clone(), target_group.clone()],
            Desired::Targets { instances, .. } => instances.clone(),
            Desired::Records { names, .. } => names.values().cloned().collect(),
            Desired::SecurityRules { rules, .. } => rules
                .iter()
                .filter_map(|rule| rule.from.public_address_of())
                .collect(),
            _ => vec![],
        }
    }

    /// What keeps it from being removed.
    #[must_use]
    pub fn protection(&self) -> Protection {
        match self {
            Desired::Bucket { protection, .. }
            | Desired::Database { protection, .. }
            | Desired::DatabaseCluster { protection, .. } => *protection,
            Desired::Cache { final_snapshot, .. } => Protection {
                deletion: false,
                final_snapshot: *final_snapshot,
            },
            Desired::Instance { protected, .. } => Protection {
                deletion: *protected,
                final_snapshot: false,
            },
            _ => Protection::default(),
        }
    }
}

/// Host work comes in two stages, so that packages install while the database is still made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Packages, kernel settings, artefacts: needs nothing but the host itself.
    Prepare,
    /// Configuration and services: needs endpoints and addresses of others.
    Configure,
}

impl Stage {
    /// As it stands in addresses.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Stage::Prepare => "prepare",
            Stage::Configure => "configure",
        }
    }
}

/// What a node of the graph is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A cloud resource.
    Resource(Desired),
    /// A stage of a host's bundle.
    Host {
        /// The host.
        host: HostName,
        /// The stage.
        stage: Stage,
    },
}
