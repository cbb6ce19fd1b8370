//! The shapes of the two kinds of file, as people write them.
//!
//! The single source of truth for keys, types and bounds: the JSON schema is generated
//! from here, and the reader checks files against that same schema. Descriptions become
//! the help texts of editors.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

use super::connection_shapes::{LdapShape, MailShape, PushShape};
use super::edition::ServiceEnvironment;
use super::host_extras::HostsShape;
use super::plugins::PluginShape;
use super::saml::SamlShape;
use super::service_shapes::{CacheShape, DatabaseShape, FilesShape, ProtectionShape, SearchShape};
use super::{
    AddressKind, BalancerKind, CloudTarget, Layout, Nat, Purpose, Scheme, ServerConfig, SourceKind,
    ZonePlacement, config_schema,
};

/// An environment: a named rig, laid over a reference architecture.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "loadrig environment")]
pub(crate) struct EnvironmentFile {
    /// Name of the environment: a letter, then letters, digits and single hyphens, at most
    /// 16 characters. Default: the name of the file.
    #[schemars(example = &"demo")]
    pub(crate) name: Option<String>,
    /// Reference architecture that this environment is made from, for example `10k`.
    #[schemars(example = &"10k")]
    #[schemars(required)]
    pub(crate) architecture: Option<String>,
    /// Where it runs. Default: `aws`.
    pub(crate) cloud: Option<CloudTarget>,
    /// AWS region. Default: `us-east-1`.
    #[schemars(example = &"us-east-1")]
    pub(crate) region: Option<String>,
    /// The server that is installed.
    pub(crate) mattermost: Option<MattermostShape>,
    /// What differs from the reference architecture; only the keys that differ.
    #[expect(dead_code, reason = "laid over the architecture before it is decoded")]
    pub(crate) sizes: Option<Sizes>,
    /// What it is for: `rig`, to be taken down again, or `gold-standard`, which people rely
    /// on. Protection, backups and versions follow from it. Default: `rig`.
    pub(crate) purpose: Option<Purpose>,
    /// What keeps the environment and its data from being removed.
    pub(crate) protection: Option<ProtectionShape>,
    /// How the database is run.
    pub(crate) database: Option<DatabaseShape>,
    /// How the search domain is run.
    pub(crate) search: Option<SearchShape>,
    /// How the cache is run.
    pub(crate) cache: Option<CacheShape>,
    /// The bucket of uploaded files.
    pub(crate) files: Option<FilesShape>,
    /// The environment's network.
    pub(crate) network: Option<NetworkShape>,
    /// What stands in front of the application nodes. Default: `nginx`.
    pub(crate) load_balancer: Option<BalancerKind>,
    /// The application load balancer, with `load_balancer: alb`.
    pub(crate) alb: Option<AlbShape>,
    /// TLS at the proxies. Default: plain HTTP.
    pub(crate) tls: Option<TlsShape>,
    /// nginx in front of the application nodes.
    pub(crate) proxy: Option<ProxyShape>,
    /// How operators reach the hosts.
    pub(crate) access: Option<AccessShape>,
    /// Your own files and commands on the hosts, by role. Default: none.
    pub(crate) hosts: Option<HostsShape>,
    /// How long the environment is meant to live, for example `8h`, `90m` or `2d`. Nothing is
    /// removed by itself when that is over. Default: for ever.
    #[schemars(example = &"8h")]
    pub(crate) time_to_live: Option<String>,
    /// Extra tags on every resource.
    #[serde(default)]
    #[schemars(schema_with = "tags_schema")]
    pub(crate) tags: Option<BTreeMap<String, String>>,
}

/// Keys and values; a value such as `4711` is read as text.
fn tags_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": ["object", "null"],
        "additionalProperties": { "type": ["string", "number"] },
    })
}

/// A reference architecture: the shape of a size.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "loadrig reference architecture")]
pub(crate) struct ArchitectureFile {
    /// Where the size comes from.
    #[schemars(required)]
    pub(crate) source: Option<SourceShape>,
    /// Concurrent users that the size is for (active at the same time, not registered).
    #[schemars(required, range(min = 1, max = 1_000_000))]
    pub(crate) concurrent_users: Option<u32>,
    /// The most users that a ceiling test of this shape has carried, where one is published.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(crate) measured_ceiling_users: Option<u32>,
    /// Hosts by role.
    #[schemars(required)]
    pub(crate) nodes: Option<Nodes>,
    /// The RDS PostgreSQL database.
    #[schemars(required)]
    pub(crate) database: Option<DatabaseSizes>,
    /// The OpenSearch domain.
    #[schemars(required)]
    pub(crate) search: Option<SearchSizes>,
    /// The ElastiCache (Redis OSS) cache.
    #[schemars(required)]
    pub(crate) cache: Option<CacheSizes>,
}

/// Where a size comes from.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SourceShape {
    /// Published by Mattermost, or derived from published figures.
    #[schemars(required)]
    pub(crate) kind: Option<SourceKind>,
    /// The page or data set.
    #[schemars(example = &"https://docs.mattermost.com/")]
    #[schemars(required)]
    pub(crate) url: Option<String>,
    /// Why this shape.
    #[schemars(required)]
    pub(crate) note: Option<String>,
}

/// What makes a rig large or small.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sizes {
    /// Hosts by role.
    pub(crate) nodes: Option<Nodes>,
    /// The RDS PostgreSQL database.
    pub(crate) database: Option<DatabaseSizes>,
    /// The OpenSearch domain.
    pub(crate) search: Option<SearchSizes>,
    /// The ElastiCache (Redis OSS) cache.
    pub(crate) cache: Option<CacheSizes>,
}

/// Hosts by role.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Nodes {
    /// Mattermost application nodes.
    pub(crate) app: Option<NodeSizes>,
    /// A host of its own for the server's jobs, which then no application node runs: none or one.
    /// Default: none; with a `count`, of the type and disk of an application node.
    #[schemars(extend("x-optional" = true))]
    pub(crate) job: Option<NodeSizes>,
    /// nginx in front of the application nodes.
    pub(crate) proxy: Option<NodeSizes>,
    /// The signing proxy in front of the search domain: one address inside the VPC, port 9200.
    pub(crate) search_proxy: Option<NodeSizes>,
    /// Prometheus; at most one.
    pub(crate) metrics: Option<NodeSizes>,
    /// Load-test agents: about 500 simulated users per vCPU.
    pub(crate) agent: Option<NodeSizes>,
    /// The host that operators go through with `network.layout: bastion`; it needs no entry.
    /// Default: one `t3.small` with 20 GiB for that layout, none for others.
    pub(crate) bastion: Option<NodeSizes>,
}

/// Equal hosts of one role.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NodeSizes {
    /// How many; 0 leaves the role out where it may be left out.
    #[schemars(range(min = 0, max = 200))]
    pub(crate) count: Option<u32>,
    /// EC2 instance type, x86_64, for example `c7i.xlarge`.
    #[schemars(example = &"c7i.xlarge")]
    pub(crate) instance_type: Option<String>,
    /// Root volume in GiB (gp3, encrypted).
    #[schemars(range(min = 8, max = 16384))]
    pub(crate) disk_gib: Option<u32>,
    /// Types to take, in this order, where AWS has no capacity for `instance_type` in any zone.
    /// Default: none.
    #[schemars(extend("x-optional" = true))]
    pub(crate) fallback_instance_types: Option<Vec<String>>,
}

/// The RDS PostgreSQL database: one writer and its readers, all of one class.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DatabaseSizes {
    /// Major PostgreSQL version, for example `"15"`.
    #[schemars(example = &"15", extend("type" = ["string", "number"]))]
    pub(crate) version: Option<String>,
    /// RDS instance class, for example `db.r7g.large`.
    #[schemars(example = &"db.r7g.large")]
    pub(crate) instance_type: Option<String>,
    /// Read replicas.
    #[schemars(range(min = 0, max = 15))]
    pub(crate) readers: Option<u32>,
    /// Allocated storage in GiB of the writer and of each reader (gp3, encrypted).
    #[schemars(range(min = 20, max = 65536))]
    pub(crate) storage_gib: Option<u32>,
}

/// The OpenSearch domain.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SearchSizes {
    /// Engine version, for example `OpenSearch_2.19`.
    #[schemars(example = &"OpenSearch_2.19")]
    pub(crate) version: Option<String>,
    /// Data nodes; 0 means no search domain.
    #[schemars(range(min = 0, max = 80))]
    pub(crate) nodes: Option<u32>,
    /// Data node type, for example `r6g.xlarge.search`.
    #[schemars(example = &"r6g.xlarge.search")]
    pub(crate) instance_type: Option<String>,
    /// EBS volume per data node in GiB (gp3).
    #[schemars(range(min = 10, max = 24576))]
    pub(crate) storage_gib: Option<u32>,
}

/// The ElastiCache (Redis OSS) cache.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CacheSizes {
    /// Nodes; 0 means no cache. More than one adds replicas.
    #[schemars(range(min = 0, max = 6))]
    pub(crate) nodes: Option<u32>,
    /// Node type, for example `cache.m7g.2xlarge`.
    #[schemars(example = &"cache.m7g.2xlarge")]
    pub(crate) instance_type: Option<String>,
}

/// The server that is installed.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MattermostShape {
    /// `standin`, an official version such as `11.7.9`, the URL of a tarball, or the path of
    /// one (relative to this file). Default: `standin`.
    #[schemars(example = &"11.7.9")]
    pub(crate) release: Option<String>,
    /// SHA-256 of the tarball, 64 hexadecimal digits; required for a URL or a file, advised
    /// for an official version.
    pub(crate) sha256: Option<String>,
    /// License file on the operator's machine (relative to this file).
    #[schemars(example = &"./company.mattermost-license")]
    pub(crate) license_file: Option<PathBuf>,
    /// Environment variable, on the operator's machine, that holds the text of the license.
    #[schemars(example = &"MATTERMOST_LICENSE")]
    pub(crate) license_env: Option<String>,
    /// `accept` for a server without a license: what does not work then is left out of the size.
    pub(crate) unlicensed: Option<UnlicensedShape>,
    /// Which licenses the server accepts, `production` or `test`: its `MM_SERVICEENVIRONMENT`.
    /// Default: `production`.
    pub(crate) service_environment: Option<ServiceEnvironment>,
    /// Settings of the server, by section and key as in its `config.json`. They apply on every `up`, and
    /// the System Console shows them as locked. What does not stand here is the administrator's.
    #[serde(default)]
    #[schemars(schema_with = "config_schema")]
    pub(crate) config: Option<ServerConfig>,
    /// The mail server. Default: none, and the server sends no mail.
    pub(crate) mail: Option<MailShape>,
    /// The push proxy. Default: none, and the server sends no push notifications.
    pub(crate) push: Option<PushShape>,
    /// A directory that people log in from, by LDAP. Default: none.
    pub(crate) ldap: Option<LdapShape>,
    /// Logging in through an identity provider, by SAML. Default: none.
    pub(crate) saml: Option<SamlShape>,
    /// Plugins beyond those that come with the server. Default: none.
    pub(crate) plugins: Option<Vec<PluginShape>>,
    /// Seconds of one vCPU that a password hash takes on the application nodes, as `loadrig measure-hash`
    /// measures it. The login gate and `loadrig predict` go by it. Default: by instance type, from a table.
    #[schemars(range(min = 0.001, max = 60.0), example = &0.163)]
    pub(crate) hash_seconds: Option<f64>,
    /// Seconds that a login takes an application node that checks one password at a time, as `loadrig
    /// measure-hash ENV --logins` measures it; nothing is left to estimate then. In place of `hash_seconds`.
    #[schemars(range(min = 0.001, max = 60.0), example = &0.204)]
    pub(crate) login_seconds: Option<f64>,
}

/// What to do about a size that needs a license when there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum UnlicensedShape {
    /// Leave out what does not work without one.
    Accept,
}

/// The environment's network.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NetworkShape {
    /// Private address range of the VPC, /16 to /20. Default: a /16 of 10.0.0.0/8 that
    /// follows from the name, so that two environments rarely clash.
    #[schemars(example = &"10.20.0.0/16")]
    pub(crate) cidr: Option<String>,
    /// Availability zones that subnets are spread over. Default: 2.
    #[schemars(range(min = 2, max = 3))]
    pub(crate) zones: Option<u8>,
    /// The names of those zones, two or three. Default: loadrig chooses the first ones that
    /// offer all instance types of the plan.
    #[schemars(example = &["us-east-1a", "us-east-1c"])]
    pub(crate) availability_zones: Option<Vec<String>>,
    /// In which zones hosts and services are placed: `one-zone`, the first of them, or `all-zones`. Nothing
    /// that exists moves. Default: `all-zones` for the purpose `gold-standard` or with `zones`, else
    /// `one-zone`.
    pub(crate) placement: Option<ZonePlacement>,
    /// Where hosts stand and how operators get to them. Default: `public`.
    pub(crate) layout: Option<Layout>,
    /// NAT gateways of hosts in private subnets: `single`, or one `per-zone`. Default:
    /// `single`.
    pub(crate) nat: Option<Nat>,
    /// A VPC and subnets that are there already: used, and never changed, tagged or removed.
    pub(crate) existing: Option<ExistingShape>,
    /// Whether S3 is reached by a gateway endpoint instead of NAT gateway and internet.
    /// Default: `true` for hosts in private subnets of a VPC of their own, else `false`.
    pub(crate) s3_endpoint: Option<bool>,
    /// Whether hosts and services also get names in a private DNS zone,
    /// `NAME.loadrig.internal`. Default: `false`.
    pub(crate) private_dns: Option<bool>,
}

/// A VPC and subnets that are there already.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExistingShape {
    /// Id of the VPC.
    #[schemars(required, example = &"vpc-0a1b2c3d4e5f60718")]
    pub(crate) vpc: Option<String>,
    /// Ids of subnets with a route to an internet gateway, as many as private ones, each in
    /// a zone of its own. Default: none, for a rig that nobody reaches from the internet.
    pub(crate) public_subnets: Option<Vec<String>>,
    /// Ids of two or three subnets for hosts and services, each in a zone of its own, with a
    /// way out to the internet for hosts.
    #[schemars(required)]
    pub(crate) private_subnets: Option<Vec<String>>,
}

/// The application load balancer.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AlbShape {
    /// Whether it has public addresses, or private ones only. Default: `public`.
    pub(crate) scheme: Option<Scheme>,
    /// ARN of a certificate in AWS Certificate Manager, of the same region: HTTPS on port 443
    /// instead of HTTP on port 80.
    #[schemars(example = &"arn:aws:acm:us-east-1:123456789012:certificate/0a1b2c3d")]
    pub(crate) certificate_arn: Option<String>,
    /// The name that the certificate is for; your own DNS leads it to the load balancer.
    #[schemars(example = &"chat.example.com")]
    pub(crate) host_name: Option<String>,
    /// The certificate's authority, PEM, if it is not one that systems trust, such as a private one of AWS
    /// Certificate Manager (relative to this file).
    #[schemars(example = &"./authority.pem")]
    pub(crate) authority_file: Option<PathBuf>,
    /// Seconds after which an idle connection is closed: longer than the server's pings every
    /// 60 seconds, shorter than the 90 that it keeps idle connections. Default: 75.
    #[schemars(range(min = 61, max = 89))]
    pub(crate) idle_timeout_seconds: Option<u32>,
}

/// TLS at the proxies.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TlsShape {
    /// The name that people use; your own DNS leads it to the proxies.
    #[schemars(required, example = &"chat.example.com")]
    pub(crate) host_name: Option<String>,
    /// Who issues the certificate, in place of files.
    pub(crate) issuer: Option<CertificateIssuer>,
    /// The certificate and those between it and its authority, PEM (relative to this file).
    #[schemars(example = &"./chat.pem")]
    pub(crate) certificate_file: Option<PathBuf>,
    /// The certificate's private key, PEM (relative to this file).
    #[schemars(example = &"./chat.key")]
    pub(crate) key_file: Option<PathBuf>,
    /// The certificate's authority, PEM, if it is not one that systems trust (relative to this file).
    /// With `issuer: acme` also that of the ACME server itself.
    pub(crate) authority_file: Option<PathBuf>,
    /// The account at the ACME server, with `issuer: acme`.
    pub(crate) acme: Option<AcmeShape>,
}

/// The account at an ACME server.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AcmeShape {
    /// Where the server writes to about certificates and the account.
    #[schemars(required, example = &"operations@example.com")]
    pub(crate) email: Option<String>,
    /// `true` once you have read the server's terms of use and agree to them.
    #[schemars(required)]
    pub(crate) agree_to_terms: Option<bool>,
    /// URL of the server's directory. Default: Let's Encrypt,
    /// `https://acme-v02.api.letsencrypt.org/directory`.
    #[schemars(example = &"https://acme-staging-v02.api.letsencrypt.org/directory")]
    pub(crate) directory: Option<String>,
}

/// Who issues certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum CertificateIssuer {
    /// An authority of the environment's own, which derives from its seed.
    Private,
    /// An authority that is asked by ACME, such as Let's Encrypt.
    Acme,
}

/// nginx in front of the application nodes.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProxyShape {
    /// The limit on logins: `on`, `off` or what differs from its defaults. Default: `on`, a gate whose rate follows
    /// from the instance type of the application nodes and the server's version.
    #[schemars(schema_with = "gate_schema")]
    pub(crate) login_gate: Option<GateShape>,
}

/// The limit on logins.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum GateShape {
    /// `on` or `off`.
    Word(GateWord),
    /// What differs from the defaults.
    Limits(GateLimitsShape),
}

/// Whether there is a limit on logins.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum GateWord {
    On,
    Off,
}

/// What differs from the login gate's defaults.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct GateLimitsShape {
    /// Logins per second of all proxies together. Default: just below what the application nodes can
    /// check.
    #[schemars(range(min = 0.1, max = 100_000.0))]
    pub(crate) rate: Option<f64>,
    /// Logins that may wait at all proxies together. Default: the rate times half of the clients' patience.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(crate) burst: Option<u32>,
    /// Seconds for which clients wait for an answer. Default: 5 for `rig`, 10 for `gold-standard`.
    #[schemars(range(min = 1, max = 600))]
    pub(crate) patience_seconds: Option<u32>,
}

/// A word or a mapping.
fn gate_schema(_: &mut SchemaGenerator) -> Schema {
    let limits = super::schema_of::<GateLimitsShape>();
    json_schema!({ "oneOf": [
        { "const": "off", "type": "string", "description": "No limit." },
        { "const": "on", "type": "string", "description": "The defaults." },
        {
            "type": "object",
            "description": "What differs from the defaults.",
            "properties": limits["properties"],
            "additionalProperties": false,
        },
    ] })
}

/// How operators reach the hosts.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AccessShape {
    /// Which address of a host operators use. Default: `public`.
    pub(crate) address: Option<AddressKind>,
    /// Who may reach SSH and the web: `auto` (the operator's own address, found when the
    /// command runs) or address ranges. Default: `[auto]`.
    pub(crate) operators: Option<Vec<String>>,
    /// The operator's SSH key. Default: `generated`.
    pub(crate) key: Option<KeyShape>,
    /// The KMS key that encrypts the seed of all secrets: an alias, an id or an ARN. Whoever may
    /// decrypt with it and read the parameter has all secrets. Default: the account's `alias/aws/ssm`,
    /// which everybody may use who may read parameters; `gold-standard` has to name one.
    #[schemars(example = &"alias/loadrig-operators")]
    pub(crate) seed_key: Option<String>,
}

/// The operator's SSH key.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum KeyShape {
    /// Made for the environment and kept in SSM Parameter Store.
    Generated,
    /// The first key that the operator's ssh-agent offers.
    Agent,
    /// The operator's own public key file (relative to this file, or `~/…`).
    File(PathBuf),
}
