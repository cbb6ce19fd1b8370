//! The validated environment: what the rest of the program works from.
//!
//! Values of these types have passed every check; nothing downstream re-validates.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::Ipv4Net;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::edition::{LicenseSource, LicensedPart, ServiceEnvironment};
use super::services::{Protection, Purpose, Services};
use super::{
    GateSetting, HostExtras, LoadBalancer, MeasuredHashTime, Network, ProxyTls, ServerConfig,
    ServerConnections, ServerPlugin,
};

/// What a host is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Mattermost application node.
    App,
    /// Mattermost's job server, which runs the jobs in place of the application nodes.
    Job,
    /// nginx in front of the application nodes.
    Proxy,
    /// The signing proxy in front of the search domain, reachable inside the VPC on port 9200.
    SearchProxy,
    /// Prometheus.
    Metrics,
    /// Load-test agent.
    Agent,
    /// The one host with a public address that operators reach the others through.
    Bastion,
}

impl Role {
    /// Every role, in the order people read them.
    pub const ALL: [Role; 7] = [
        Role::Proxy,
        Role::App,
        Role::Job,
        Role::SearchProxy,
        Role::Metrics,
        Role::Agent,
        Role::Bastion,
    ];

    /// The role as it stands in names, tags and on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Role::App => "app",
            Role::Job => "job",
            Role::Proxy => "proxy",
            Role::SearchProxy => "search-proxy",
            Role::Metrics => "metrics",
            Role::Agent => "agent",
            Role::Bastion => "bastion",
        }
    }
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// Where an environment lives. The two differ in endpoint and network namespace alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CloudTarget {
    /// Amazon Web Services, with the credentials of the SDK's own chain.
    #[default]
    Aws,
    /// The local cloud of this machine (`loadrig local start`).
    Local,
}

/// Where a size comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// Published by Mattermost, or derived from published figures.
    pub kind: SourceKind,
    /// The page or data set.
    pub url: String,
    /// Why this shape; required for derived sizes.
    pub note: String,
}

/// Whether a size was published or derived.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SourceKind {
    /// A published, tested size.
    Published,
    /// Our own derivation from published figures.
    Derived,
}

/// Equal hosts of one role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeGroup {
    /// How many; zero leaves the role out where it may be left out.
    pub count: u32,
    /// EC2 instance type.
    pub instance_type: String,
    /// Root volume, GiB (gp3, encrypted).
    pub disk_gib: u32,
    /// Types to take, in this order, where AWS has no capacity for the first in any zone.
    pub fallback_instance_types: Vec<String>,
}

/// The RDS PostgreSQL database: one writer, N readers of the same class.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Database {
    /// Major PostgreSQL version, for example `15`.
    pub version: String,
    /// RDS instance class, for example `db.r7g.large`.
    pub instance_type: String,
    /// Number of read replicas.
    pub readers: u32,
    /// Allocated storage, GiB (gp3, encrypted).
    pub storage_gib: u32,
}

/// The OpenSearch domain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Search {
    /// Engine version, for example `OpenSearch_2.19`.
    pub version: String,
    /// Data nodes; zero means no search domain.
    pub nodes: u32,
    /// Data node type, for example `r6g.xlarge.search`.
    pub instance_type: String,
    /// EBS volume per node, GiB (gp3).
    pub storage_gib: u32,
}

/// The ElastiCache (Redis OSS) cache.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cache {
    /// Nodes; zero means no cache.
    pub nodes: u32,
    /// Node type, for example `cache.m7g.2xlarge`.
    pub instance_type: String,
}

/// Which server is installed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Release {
    /// The stand-in that ships with loadrig, for machines without internet.
    Standin,
    /// An official version, for example `11.7.9`.
    Version(String),
    /// A tarball at a URL, fetched by the hosts.
    Url(String),
    /// A tarball on the operator's machine.
    File(PathBuf),
}

/// The Mattermost server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mattermost {
    /// What to install.
    pub release: Release,
    /// SHA-256 of the tarball, lower-case hex; required for a URL or a file.
    pub sha256: Option<String>,
    /// Where its license comes from.
    #[serde(default)]
    pub license: LicenseSource,
    /// Which licenses it accepts.
    #[serde(default)]
    pub service_environment: ServiceEnvironment,
    /// What was left out of the size because there is no license.
    #[serde(default)]
    pub without: Vec<LicensedPart>,
    /// The settings that the environment's YAML gives.
    #[serde(default)]
    pub config: ServerConfig,
    /// The services of others that it uses.
    #[serde(default)]
    pub connections: ServerConnections,
    /// Plugins beyond those that come with it.
    #[serde(default)]
    pub plugins: Vec<ServerPlugin>,
    /// What a password hash was measured to cost; none is what the table of instance types says.
    #[serde(default)]
    pub hash_time: Option<MeasuredHashTime>,
}

/// The account's own key for parameters, with which SSM encrypts what names no key: its policy lets
/// in every principal of the account that may read the parameter.
pub const ACCOUNT_SEED_KEY: &str = "alias/aws/ssm";

/// How operators reach the hosts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Access {
    /// Which address of a host operators use.
    pub address: AddressKind,
    /// Who may reach SSH and the web; empty means the operator's own address, found at run time.
    pub operators: Vec<Ipv4Net>,
    /// The operator's key.
    pub key: SshKey,
    /// The KMS key that encrypts the seed; none means the account's own for parameters.
    #[serde(default)]
    pub seed_key: Option<String>,
}

/// Which address of a host operators use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AddressKind {
    /// The public address.
    #[default]
    Public,
    /// The private address, over a VPN, a peering or from inside.
    Private,
}

/// The operator's SSH key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SshKey {
    /// Made for the environment and kept in SSM Parameter Store.
    #[default]
    Generated,
    /// The user's own public key file; the private key comes from beside it or the agent.
    File(PathBuf),
    /// The first key that the user's ssh-agent offers.
    Agent,
}

/// An environment, merged over its reference architecture and checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spec {
    /// Name: starts with a letter, `[a-z0-9-]`, at most 16 characters.
    pub name: String,
    /// Where it lives.
    pub cloud: CloudTarget,
    /// AWS region.
    pub region: String,
    /// Name of the reference architecture, for example `10k`.
    pub architecture: String,
    /// Concurrent users that the architecture is for.
    pub concurrent_users: u32,
    /// Where the size comes from.
    pub source: Source,
    /// Application nodes of the reference architecture by itself.
    #[serde(default)]
    pub app_nodes_of_size: u32,
    /// Hosts by role.
    pub nodes: BTreeMap<Role, NodeGroup>,
    /// Version, class, readers and storage.
    pub database: Database,
    /// Search domain.
    pub search: Search,
    /// Node type and number; no cache with 0 nodes.
    pub cache: Cache,
    /// What it is for.
    pub purpose: Purpose,
    /// What keeps it from being removed.
    pub protection: Protection,
    /// How the managed services are run.
    pub services: Services,
    /// Release and license of Mattermost.
    pub mattermost: Mattermost,
    /// Layout, zones, ranges, NAT and DNS.
    pub network: Network,
    /// What stands in front of the application nodes.
    pub load_balancer: LoadBalancer,
    /// TLS at the proxies; none is plain HTTP.
    #[serde(default)]
    pub tls: Option<ProxyTls>,
    /// Whether and how logins are limited at the proxies.
    #[serde(default)]
    pub login_gate: GateSetting,
    /// Who reaches hosts, and with which key.
    pub access: Access,
    /// What hosts get beyond loadrig's own, by role.
    #[serde(default)]
    pub extras: BTreeMap<Role, HostExtras>,
    /// PEM files of authorities that every host trusts besides those of its system.
    #[serde(default)]
    pub authorities: Vec<PathBuf>,
    /// How long it may live before `sweep` may remove it.
    pub time_to_live: Option<Duration>,
    /// Extra tags on every resource.
    pub tags: BTreeMap<String, String>,
}

impl Spec {
    /// What a command takes for it: the name of the environment, or of the size that it was made from
    /// alone.
    #[must_use]
    pub fn argument(&self) -> &str {
        let size = self.name.strip_prefix(super::architecture::SIZE_PREFIX);
        size.filter(|size| *size == self.architecture)
            .unwrap_or(&self.name)
    }

    /// Number of hosts of a role.
    #[must_use]
    pub fn count(&self, role: Role) -> u32 {
        self.nodes.get(&role).map_or(0, |group| group.count)
    }

    /// How many readers of the database the server uses: without a license none.
    #[must_use]
    pub fn readers(&self) -> u32 {
        let existing = self.services.database.existing.as_ref();
        match self.mattermost.license.is_licensed() {
            true => existing.map_or(self.database.readers, |own| own.readers.len() as u32),
            false => 0,
        }
    }

    /// Whether a host of its own runs the server's jobs, and no application node does.
    #[must_use]
    pub fn has_job_server(&self) -> bool {
        self.count(Role::Job) > 0
    }

    /// The hosts of a role.
    pub fn hosts_of(&self, role: Role) -> impl Iterator<Item = HostName> + use<> {
        (1..=self.count(role)).map(move |index| HostName { role, index })
    }

    /// Every host, in the order people read them.
    #[must_use]
    pub fn hosts(&self) -> Vec<HostName> {
        Role::ALL
            .into_iter()
            .flat_map(|role| self.hosts_of(role))
            .collect()
    }
}

/// A host within its environment: `app-1`, `proxy-1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct HostName {
    /// What the host is for.
    pub role: Role,
    /// Its number within the role, from 1.
    pub index: u32,
}

impl std::fmt::Display for HostName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&format!("{}-{}", self.role, self.index))
    }
}

impl std::str::FromStr for HostName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parsed = text.rsplit_once('-').and_then(|(role, index)| {
            let role = Role::ALL.into_iter().find(|r| r.as_str() == role)?;
            let index = index.parse().ok().filter(|i| *i > 0)?;
            Some(HostName { role, index })
        });
        parsed.ok_or_else(|| format!("`{text}` is not a host name like `app-1`"))
    }
}
