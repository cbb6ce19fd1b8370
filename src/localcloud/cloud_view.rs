//! What the API says exists, in the few words that the local cloud needs to make
//! it real. Plain data: no client, no I/O.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use futures::future::BoxFuture;
use ipnet::Ipv4Net;

/// Everything that the API reports at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CloudView {
    /// Every VPC.
    pub vpcs: Vec<VpcView>,
    /// Every subnet.
    pub subnets: Vec<SubnetView>,
    /// Every security group.
    pub security_groups: Vec<SecurityGroupView>,
    /// Instances that are not terminated.
    pub instances: Vec<InstanceView>,
    /// RDS instances.
    pub db_instances: Vec<DbInstance>,
    /// OpenSearch domains.
    pub domains: Vec<Domain>,
    /// ElastiCache replication groups.
    pub caches: Vec<CacheView>,
}

/// A VPC as EC2 describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VpcView {
    /// `vpc-…`.
    pub id: String,
    /// Its primary range.
    pub range: Ipv4Net,
}

/// A subnet as EC2 describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubnetView {
    /// `subnet-…`.
    pub id: String,
    /// Id of its VPC.
    pub vpc: String,
    /// IPv4 range, part of that of the VPC.
    pub range: Ipv4Net,
    /// Its availability zone.
    pub zone: String,
}

/// What an instance is meant to be doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InstanceState {
    /// Running or about to.
    Running,
    /// Stopped: its disk is kept.
    Stopped,
}

/// An EC2 instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceView {
    /// `i-…`.
    pub id: String,
    /// What it is meant to be doing.
    pub state: InstanceState,
    /// Its private address.
    pub address: Ipv4Addr,
    /// Its public address, if it has one.
    pub public_address: Option<Ipv4Addr>,
    /// Its private DNS name.
    pub name: String,
    /// Id of its VPC.
    pub vpc: String,
    /// Its availability zone.
    pub zone: String,
    /// Its type, such as `c7i.xlarge`.
    pub instance_type: String,
    /// Id of its machine image, `ami-…`.
    pub image: String,
    /// The public half of its key pair, in OpenSSH form.
    pub public_key: Option<String>,
    /// Ids of its security groups.
    pub groups: Vec<String>,
    /// Its instance profile.
    pub profile: Option<AttachedProfile>,
}

/// An instance profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttachedProfile {
    /// The profile's ARN.
    pub arn: String,
    /// `AIPA…`.
    pub id: String,
    /// The role in it; `None` when it was taken out.
    pub role: Option<AttachedRole>,
}

/// A role that an instance acts in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttachedRole {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
}

/// A security group with all of its rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecurityGroupView {
    /// `sg-…`.
    pub id: String,
    /// What may come in.
    pub ingress: Vec<TrafficRule>,
    /// What may go out.
    pub egress: Vec<TrafficRule>,
}

/// One permission of a security group.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TrafficRule {
    /// What kind of traffic.
    pub protocol: TrafficProtocol,
    /// With whom.
    pub peer: TrafficPeer,
}

/// The traffic that a rule is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TrafficProtocol {
    /// Everything.
    Any,
    /// TCP, first to last port.
    Tcp(u16, u16),
    /// UDP, first to last port.
    Udp(u16, u16),
    /// ICMP, every type.
    Icmp,
}

/// The other side of a rule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum TrafficPeer {
    /// An address range.
    Range(Ipv4Net),
    /// The members of a security group.
    Group(String),
}

/// An RDS instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DbInstance {
    /// Its identifier.
    pub id: String,
    /// The engine, such as `postgres`.
    pub engine: String,
    /// Host name of its endpoint.
    pub endpoint: String,
    /// Name of the user that is created with it.
    pub master_user: String,
    /// The database made with it.
    pub database: Option<String>,
    /// Identifier of the instance that it replicates.
    pub source: Option<String>,
    /// Ids of its subnet group's subnets.
    pub subnets: Vec<String>,
    /// Ids of its security groups.
    pub groups: Vec<String>,
    /// What its parameter group sets.
    pub parameters: BTreeMap<String, String>,
}

/// An OpenSearch domain inside a VPC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Domain {
    /// Name, unique in account and region.
    pub name: String,
    /// Ids of its subnets.
    pub subnets: Vec<String>,
    /// Ids of its security groups.
    pub groups: Vec<String>,
    /// Its access policy, a document; empty without one.
    pub policy: String,
}

/// An ElastiCache replication group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheView {
    /// Its identifier.
    pub id: String,
    /// Host names of its endpoints: the primary's, the readers' and each node's.
    pub endpoints: Vec<String>,
    /// Whether clients have to speak TLS.
    pub encrypted: bool,
    /// Ids of the subnets that its nodes are in.
    pub subnets: Vec<String>,
    /// Ids of its security groups.
    pub groups: Vec<String>,
}

/// Why the state of the cloud could not be read.
#[derive(Debug, thiserror::Error)]
#[error("`{call}` failed")]
pub struct CloudReadError {
    /// The API call.
    pub call: &'static str,
    /// The client's error.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

/// Reads what exists from the cloud's API.
pub trait CloudReader: Send + Sync {
    /// Everything that exists now.
    ///
    /// # Errors
    /// When a call fails.
    fn read(&self) -> BoxFuture<'_, Result<CloudView, CloudReadError>>;

    /// The user data of an instance, as given to it (decoded from base64).
    ///
    /// # Errors
    /// When the call fails.
    fn user_data<'a>(
        &'a self,
        instance: &'a str,
    ) -> BoxFuture<'a, Result<Option<Vec<u8>>, CloudReadError>>;
}
