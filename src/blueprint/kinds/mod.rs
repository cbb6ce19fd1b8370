//! All that is true of each kind of resource: a file each.
//!
//! A file holds the struct that says what one resource of the kind should be, and the row of
//! the kind ([`KindInfo`]): what it is deleted before, how long it takes, which attributes
//! change in place, what it costs, which permissions it needs. A new kind is one more file here,
//! one line in `blueprint/kind.rs`, and its calls in `aws`.

pub(super) mod adopted;
pub(super) mod bucket;
pub(super) mod cache;
pub(super) mod cache_subnets;
mod charge;
pub(super) mod cluster_instance;
pub(super) mod cluster_parameters;
pub(super) mod database;
pub(super) mod database_cluster;
pub(super) mod database_parameters;
pub(super) mod database_subnets;
pub(super) mod elastic_address;
pub(super) mod endpoint;
pub(crate) mod grants;
mod info;
pub(super) mod instance;
pub(super) mod instance_profile;
pub(super) mod internet_gateway;
pub(super) mod key_pair;
pub(super) mod listener;
pub(super) mod load_balancer;
pub(super) mod nat_gateway;
mod quota;
pub(super) mod records;
mod resource;
pub(super) mod role;
pub(super) mod route_table;
pub(super) mod search;
pub(super) mod security_group;
pub(super) mod security_rules;
pub(super) mod seed;
pub(super) mod subnet;
pub(super) mod target_group;
pub(super) mod targets;
pub(super) mod vpc;
pub(super) mod zone;

pub use adopted::{Adopted, Adoptee};
pub use bucket::FilesBucket;
pub use cache::CacheGroup;
pub use cache_subnets::CacheSubnets;
pub use charge::{Billing, Charge, Charges, Priced};
pub use cluster_instance::ClusterInstance;
pub use cluster_parameters::ClusterParameters;
pub(crate) use database::{AURORA, POSTGRES};
pub use database::{
    DatabaseInstance, PENDING_RESTART, STORAGE_FULL, Storage, WITHOUT_FINAL_SNAPSHOT,
};
pub use database_cluster::DatabaseCluster;
pub use database_parameters::DatabaseParameters;
pub use database_subnets::DatabaseSubnets;
pub use elastic_address::ElasticAddress;
pub use endpoint::S3Endpoint;
pub use grants::{Grant, GrantCondition, GrantUse};
pub use info::{AttributeInfo, Band, KindInfo, OnDifference, Patience, WhenFailed};
pub use instance::Instance;
pub use instance_profile::InstanceProfile;
pub use internet_gateway::InternetGateway;
pub use key_pair::KeyPair;
pub use listener::BalancerListener;
pub use load_balancer::ApplicationLoadBalancer;
pub use nat_gateway::NatGateway;
pub use quota::Quota;
pub use records::ZoneRecords;
pub use resource::Resource;
pub use role::HostRole;
pub use route_table::RouteTable;
pub use search::SearchDomain;
pub use security_group::SecurityGroup;
pub use security_rules::SecurityRules;
pub use seed::Seed;
pub use subnet::Subnet;
pub use target_group::TargetGroup;
pub use targets::RegisteredTargets;
pub use vpc::Vpc;
pub use zone::PrivateZone;
