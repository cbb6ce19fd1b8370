//! The cache.

use crate::spec::{CacheEngine, Prices, Protection};

use super::super::{Address, AttributeValue, Attributes, Kind, UnreadableAttribute};
use super::charge::{Billing, Charge, Priced};
use super::grants::{CREATE, DELETE, NamedResources, TAKING_DOWN, UPDATE, read, service_role};
use super::info::{AttributeInfo, Band, KindInfo, OnDifference, WhenFailed, minutes_each};
use super::quota::Quota;
use super::resource::Resource;

/// An ElastiCache replication group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheGroup {
    /// Primary and replicas.
    pub nodes: u32,
    /// Type of the nodes.
    pub instance_type: String,
    /// Redis OSS or Valkey.
    pub engine: CacheEngine,
    /// Whether it leaves a snapshot when it is deleted.
    pub final_snapshot: bool,
    /// Subnet group.
    pub subnets: Address,
    /// Security group.
    pub group: Address,
}

impl CacheGroup {
    /// Whether a replica in another zone takes over when the primary fails.
    #[must_use]
    pub fn fails_over(&self) -> bool {
        self.nodes > 1
    }
}

impl Resource for CacheGroup {
    fn attributes(&self) -> Attributes {
        [
            ("nodes", AttributeValue::from(self.nodes)),
            ("instance_type", self.instance_type.as_str().into()),
            ("engine", self.engine.as_str().into()),
            ("failover", self.fails_over().into()),
            ("final_snapshot", self.final_snapshot.into()),
        ]
        .into_iter()
        .collect()
    }

    fn protection(&self) -> Protection {
        Protection {
            deletion: false,
            final_snapshot: self.final_snapshot,
        }
    }

    fn dns_name(&self) -> Option<String> {
        Some("cache".to_owned())
    }
}

pub(in crate::blueprint) const INFO: KindInfo = KindInfo {
    deleted_before: &[
        Kind::CacheSubnets,
        Kind::SecurityRules,
        Kind::SecurityGroup,
        Kind::Subnet,
        Kind::Seed,
    ],
    // 5 to 20 min.
    typical_seconds: 480,
    // As Terraform's AWS provider 1a5174b, internal/service/elasticache/replication_group.go: it
    // repeats a deletion that is refused for 10 min before those 40.
    patience: minutes_each(60, 40, 50),
    when_failed: WhenFailed::Replace,
    attributes: &[
        AttributeInfo::number("nodes"),
        AttributeInfo::text("instance_type"),
        // AWS can turn Redis OSS into Valkey, and not back.
        AttributeInfo::text("engine").or(OnDifference::Replace),
        AttributeInfo::flag("failover"),
        AttributeInfo::flag("final_snapshot"),
        AttributeInfo::number("port").output(),
    ],
    band: Band::ManagedServices,
    charges,
    quotas: |of, _| {
        let nodes = of.quantity("nodes")?;
        Ok(nodes
            .map(|nodes| (Quota::CacheNodes, nodes))
            .into_iter()
            .collect())
    },
    grants: &[
        read(
            "elasticache:DescribeReplicationGroups elasticache:ListTagsForResource",
            "finding the cache and what it uses",
        ),
        read(
            "elasticache:DescribeEvents",
            "why a cache could not be created",
        ),
        CACHES.grant(
            CREATE,
            "elasticache:AddTagsToResource elasticache:CreateReplicationGroup",
            "the cache",
        ),
        PARAMETERS.grant(
            CREATE,
            "elasticache:CreateReplicationGroup",
            "the cache has the parameters of its engine's defaults",
        ),
        service_role(
            "elasticache.amazonaws.com",
            "the role of ElastiCache, where the account lacks it; the role stays",
        ),
        CACHES.grant(
            UPDATE,
            "elasticache:DecreaseReplicaCount elasticache:IncreaseReplicaCount \
         elasticache:ModifyReplicationGroup",
            "other nodes",
        ),
        CACHES.grant(
            DELETE,
            "elasticache:AddTagsToResource elasticache:CreateSnapshot",
            "a protected cache leaves a final snapshot, which loadrig may not delete",
        ),
        CACHES.grant(DELETE, "elasticache:DeleteReplicationGroup", TAKING_DOWN),
    ],
    ..KindInfo::COMMON
};

pub(super) const CACHES: NamedResources = NamedResources {
    statement: "Cache",
    // Nodes are called after their group, with a number of three digits.
    on: "arn:{partition}:elasticache:{region}:{account}:cluster:lr-{environment}-cache-??? \
         arn:{partition}:elasticache:{region}:{account}:replicationgroup:lr-{environment}-cache \
         arn:{partition}:elasticache:{region}:{account}:snapshot:{final_snapshot} \
         arn:{partition}:elasticache:{region}:{account}:subnetgroup:lr-{environment}-cache-subnets",
};

/// Parameter groups, which a cache uses and does not change.
const PARAMETERS: NamedResources = NamedResources {
    statement: "CacheParameters",
    on: "arn:{partition}:elasticache:{region}:{account}:parametergroup:*",
};

fn charges(priced: Priced<'_>, prices: &Prices) -> Result<Vec<Charge>, UnreadableAttribute> {
    let of = priced.attributes;
    let name = of.text("instance_type").unwrap_or_default();
    let engine = match of.text("engine") {
        Some("valkey") => CacheEngine::Valkey,
        _ => CacheEngine::Redis,
    };
    let nodes = of.quantity("nodes")?.unwrap_or(0.0);
    let nodes = Charge::new(
        format!("cache {name}"),
        nodes,
        prices.cache_node(engine, name),
    );
    Ok(vec![nodes.billed(Billing::StartedHour)])
}
