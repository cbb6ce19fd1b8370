//! Changes of a cache that is in use: other nodes, more nodes, fewer nodes.
//!
//! AWS takes one change of a replication group at a time, and each call makes one kind of change.
//! So a change is made in steps, and each attempt goes by what there is now. A cache that another
//! node joins can fail over only afterwards; one that keeps a single node must stop failing over
//! first ("Minimum number of replicas" of `DecreaseReplicaCount`, Amazon ElastiCache API Reference).

use crate::aws::Aws;
use crate::aws::error::{CallContext, ErrorPolicy, not_listed_yet};
use crate::aws::request::require_listed;
use crate::aws::tags;
use crate::blueprint::Attributes;
use crate::blueprint::kinds::CacheGroup;
use crate::engine::{CloudError, Observed, Request};

/// One call that changes a cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CacheStep {
    NodeType,
    MoreNodes,
    FewerNodes,
    Failover(bool),
}

impl Aws {
    pub(in crate::aws) async fn update_cache(
        &self,
        request: &Request<'_>,
        existing: &Observed,
        wanted: &CacheGroup,
    ) -> Result<Observed, CloudError> {
        let operation = "elasticache:ModifyReplicationGroup";
        let id = &existing.id;
        let tagged = self
            .cache_with_tags(request.environment, id, operation)
            .await?;
        let existing = tagged.ok_or_else(|| not_listed_yet(operation, id))?;
        let policy = request.desired.protection();
        if !existing.says("final_snapshot", policy.final_snapshot) {
            self.tag_cache(id, tags::protection_text(policy)).await?;
        }
        if let Some(step) = next_step(&existing, wanted)? {
            self.take_step(id, step, wanted)
                .await
                // The count is as it should be already.
                .ok_if_code(&["NoOperationFault"])?;
            self.changes
                .note(id, changed_by(step, wanted), size(wanted));
        }
        let found = self.cache(request.environment).await?;
        require_listed(found.into_iter().collect(), operation, id)
    }

    async fn take_step(
        &self,
        id: &str,
        step: CacheStep,
        wanted: &CacheGroup,
    ) -> Result<(), CloudError> {
        let replicas = node_count(wanted.nodes.saturating_sub(1));
        let modify = self
            .elasticache
            .modify_replication_group()
            .replication_group_id(id)
            .apply_immediately(true);
        let operation = "elasticache:ModifyReplicationGroup";
        match step {
            CacheStep::NodeType => {
                let call = modify.cache_node_type(&wanted.instance_type);
                call.send().await.context(operation, id)?;
            }
            CacheStep::Failover(on) => {
                let call = modify.automatic_failover_enabled(on).multi_az_enabled(on);
                call.send().await.context(operation, id)?;
            }
            CacheStep::MoreNodes => {
                self.elasticache
                    .increase_replica_count()
                    .replication_group_id(id)
                    .new_replica_count(replicas)
                    .apply_immediately(true)
                    .send()
                    .await
                    .context("elasticache:IncreaseReplicaCount", id)?;
            }
            CacheStep::FewerNodes => {
                self.elasticache
                    .decrease_replica_count()
                    .replication_group_id(id)
                    .new_replica_count(replicas)
                    .apply_immediately(true)
                    .send()
                    .await
                    .context("elasticache:DecreaseReplicaCount", id)?;
            }
        }
        Ok(())
    }
}

/// What a cache should be once all steps are taken.
fn size(wanted: &CacheGroup) -> Attributes {
    [
        ("nodes", wanted.nodes.into()),
        ("instance_type", wanted.instance_type.as_str().into()),
        ("failover", wanted.fails_over().into()),
    ]
    .into_iter()
    .collect()
}

/// What shows that a step was taken.
fn changed_by(step: CacheStep, wanted: &CacheGroup) -> Attributes {
    let (name, value) = match step {
        CacheStep::NodeType => ("instance_type", wanted.instance_type.as_str().into()),
        CacheStep::MoreNodes | CacheStep::FewerNodes => ("nodes", wanted.nodes.into()),
        CacheStep::Failover(on) => ("failover", on.into()),
    };
    [(name, value)].into_iter().collect()
}

/// The next step from what there is to what is wanted.
fn next_step(existing: &Observed, wanted: &CacheGroup) -> Result<Option<CacheStep>, CloudError> {
    let now = existing.number("nodes")?.unwrap_or(wanted.nodes.into());
    let nodes = u64::from(wanted.nodes);
    let failing_over = existing.says("failover", true);
    let step = if existing.text("instance_type") != Some(&wanted.instance_type) {
        Some(CacheStep::NodeType)
    } else if nodes > now {
        Some(CacheStep::MoreNodes)
    } else if failing_over && !wanted.fails_over() {
        Some(CacheStep::Failover(false))
    } else if nodes < now {
        Some(CacheStep::FewerNodes)
    } else if existing.says("failover", false) && wanted.fails_over() {
        Some(CacheStep::Failover(true))
    } else {
        None
    };
    Ok(step)
}

pub(super) fn node_count(nodes: u32) -> i32 {
    i32::try_from(nodes).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blueprint::{Address, Kind};
    use crate::engine::State;
    use crate::spec::CacheEngine;

    fn wanted(nodes: u32) -> CacheGroup {
        CacheGroup {
            nodes,
            instance_type: "cache.m7g.large".to_owned(),
            engine: CacheEngine::Redis,
            final_snapshot: false,
            subnets: Address::cache_subnets(),
            group: Address::parse("security-group/cache"),
        }
    }

    /// The steps from one cache to another, each of which does what it says.
    fn steps(from: &CacheGroup, to: &CacheGroup) -> Vec<CacheStep> {
        let mut now = Observed {
            address: Address::cache(),
            kind: Kind::Cache,
            id: "lr-demo-cache".to_owned(),
            state: State::Ready,
            status: "available".to_owned(),
            attributes: size(from),
        };
        let mut steps = Vec::new();
        while let Some(step) = next_step(&now, to).unwrap() {
            for (name, value) in changed_by(step, to).iter() {
                now.attributes.insert(name.to_owned(), value.clone());
            }
            steps.push(step);
        }
        steps
    }

    #[test]
    fn failover_begins_after_the_second_node_and_ends_before_the_last() {
        use CacheStep::{Failover, FewerNodes, MoreNodes, NodeType};
        assert_eq!(steps(&wanted(1), &wanted(3)), [MoreNodes, Failover(true)]);
        assert_eq!(steps(&wanted(3), &wanted(1)), [Failover(false), FewerNodes]);
        assert_eq!(steps(&wanted(3), &wanted(2)), [FewerNodes]);
        assert_eq!(steps(&wanted(2), &wanted(2)), []);
        let larger = CacheGroup {
            instance_type: "cache.m7g.xlarge".to_owned(),
            ..wanted(2)
        };
        assert_eq!(
            steps(&wanted(1), &larger),
            [NodeType, MoreNodes, Failover(true)]
        );
    }
}
