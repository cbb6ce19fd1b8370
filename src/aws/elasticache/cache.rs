//! The ElastiCache replication group (Redis OSS or Valkey).
//!
//! AWS lists the tags of a group only while it is `available`
//! (<https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_ListTagsForResource.html>).
//! At other times its name, which only this environment has, says that it is ours. That is
//! enough to wait for it, and not enough to change or remove it: what protects it is in the tags.
//! Only one that could not be created is removed by its name.

use aws_sdk_elasticache::types::{
    AutomaticFailoverStatus, MultiAzStatus, ReplicationGroup, SourceType,
};

use crate::aws::Aws;
use crate::aws::elasticache::scale::node_count;
use crate::aws::elasticache::tags::{cache_tags, pairs};
use crate::aws::error::{CallContext, ErrorPolicy, foreign_resource, refused};
use crate::aws::ownership::Ownership;
use crate::aws::request::dependency;
use crate::aws::tags::{self, observed};
use crate::blueprint::kinds::CacheGroup;
use crate::blueprint::{Address, Kind};
use crate::engine::{CloudError, FailureClass, Observed, Request, State};
use crate::identity::names::Names;
use crate::spec::{CacheEngine, Protection};

/// The attribute of a cache whose tags AWS does not list now, and its value.
const TAGS_UNKNOWN: (&str, &str) = ("tags", "unknown");

/// How far back events are read: a day, in minutes.
const EVENT_MINUTES: i32 = 24 * 60;

/// The newest versions that Mattermost's Redis client is known to speak to.
fn version(engine: CacheEngine) -> &'static str {
    match engine {
        CacheEngine::Redis => "7.1",
        CacheEngine::Valkey => "8.0",
    }
}

impl Aws {
    pub(in crate::aws) async fn create_cache(
        &self,
        request: &Request<'_>,
        wanted: &CacheGroup,
    ) -> Result<Observed, CloudError> {
        let operation = "elasticache:CreateReplicationGroup";
        let CacheGroup {
            nodes,
            instance_type,
            engine,
            subnets,
            group,
            ..
        } = wanted;
        let id = Names::of(request.environment).cache();
        let created = self
            .elasticache
            .create_replication_group()
            .replication_group_id(&id)
            .replication_group_description(format!("cache of {}", request.environment))
            .engine(engine.as_str())
            .engine_version(version(*engine))
            .cache_node_type(instance_type)
            .num_cache_clusters(node_count(*nodes))
            .automatic_failover_enabled(wanted.fails_over())
            .multi_az_enabled(wanted.fails_over())
            .at_rest_encryption_enabled(true)
            // Mattermost's client speaks no TLS to its cache, and without TLS ElastiCache takes
            // no password either: the security group admits the app nodes alone.
            .transit_encryption_enabled(false)
            .snapshot_retention_limit(0)
            .auto_minor_version_upgrade(false)
            .cache_subnet_group_name(&dependency(request, operation, subnets)?.id)
            .security_group_ids(&dependency(request, operation, group)?.id)
            .set_tags(Some(cache_tags(request)))
            .send()
            .await
            .context(operation, request.address)
            .ok_if_code(&[
                "ReplicationGroupAlreadyExists",
                "ReplicationGroupAlreadyExistsFault",
            ])
            .retry_if_not_found()?;
        let ownership = self.cache_ownership(request.environment).await?;
        self.resolve_creation(request, operation, &id, created.is_some(), ownership)
    }

    pub(in crate::aws) async fn cache(
        &self,
        environment: &str,
    ) -> Result<Option<Observed>, CloudError> {
        Ok(self.cache_ownership(environment).await?.ours())
    }

    /// Whose the cache of the environment's name is.
    pub(in crate::aws) async fn cache_ownership(
        &self,
        environment: &str,
    ) -> Result<Ownership, CloudError> {
        let id = Names::of(environment).cache();
        let Some(group) = self.raw_cache(&id).await? else {
            return Ok(Ownership::NotListed);
        };
        let Some(arn) = group.arn() else {
            return Ok(Ownership::NotListed);
        };
        let tags = match self.cache_tags_of(arn).await {
            Err(error) if is_without_tags(&error) => {
                let mut seen = observe(&group, Address::cache(), None);
                if seen.state == State::Failed {
                    seen.attributes.insert("reason", self.why_failed(&id).await);
                }
                return Ok(Ownership::Ours(seen));
            }
            other => other?.unwrap_or_default(),
        };
        let owner = tags::ownership(pairs(&tags), environment);
        let policy = tags::protection(pairs(&tags));
        Ok(owner.and_then(|address| {
            let seen = observe(&group, address, Some(policy));
            Some(self.changes.apply_to(seen))
        }))
    }

    /// Why a cache could not be created: only its events say so.
    async fn why_failed(&self, id: &str) -> String {
        let answer = self
            .elasticache
            .describe_events()
            .source_type(SourceType::ReplicationGroup)
            .source_identifier(id)
            .duration(EVENT_MINUTES)
            .send()
            .await
            .context("elasticache:DescribeEvents", id);
        match answer {
            Ok(answer) => {
                let events = answer.events().iter();
                let messages: Vec<&str> = events.filter_map(|event| event.message()).collect();
                match messages.as_slice() {
                    [] => "its events give no reason".to_owned(),
                    _ => messages.join("; "),
                }
            }
            Err(error) => format!("its events cannot be read: {error}"),
        }
    }

    /// The cache with what its tags say, without which nothing is done to it; `None` when it is
    /// gone or going.
    pub(super) async fn cache_with_tags(
        &self,
        environment: &str,
        id: &str,
        operation: &str,
    ) -> Result<Option<Observed>, CloudError> {
        let seen = match self.cache_ownership(environment).await? {
            Ownership::Ours(seen) => seen,
            Ownership::NotListed => return Ok(None),
            Ownership::Foreign | Ownership::Untagged => {
                return Err(foreign_resource(operation, id, environment));
            }
        };
        if seen.state == State::Deleting {
            return Ok(None);
        }
        if seen.value(TAGS_UNKNOWN.0).is_some() {
            return Err(CloudError {
                class: FailureClass::Converging,
                ..refused(
                    operation,
                    id,
                    "InvalidReplicationGroupState",
                    format!(
                        "it is `{}`, and whether it is protected stands in its tags, which AWS \
                         lists only while it is `available`",
                        seen.status
                    ),
                )
            });
        }
        Ok(Some(seen))
    }

    /// Whatever has the cache's name.
    pub(in crate::aws) async fn raw_cache(
        &self,
        id: &str,
    ) -> Result<Option<ReplicationGroup>, CloudError> {
        let answer = self
            .elasticache
            .describe_replication_groups()
            .replication_group_id(id)
            .send()
            .await;
        let found = answer
            .context("elasticache:DescribeReplicationGroups", id)
            .ok_if_not_found()?;
        Ok(found.and_then(|answer| answer.replication_groups.unwrap_or_default().pop()))
    }

    /// With the final snapshot that its policy asks for.
    pub(in crate::aws) async fn delete_cache(
        &self,
        environment: &str,
        existing: &Observed,
    ) -> Result<(), CloudError> {
        let operation = "elasticache:DeleteReplicationGroup";
        let id = existing.id.as_str();
        self.changes.forget(id);
        let mut existing = existing.clone();
        // One that could not be created holds no data, and AWS never tells its tags.
        let failed = existing.state == State::Failed;
        if existing.value(TAGS_UNKNOWN.0).is_some() && !failed {
            let Some(tagged) = self.cache_with_tags(environment, id, operation).await? else {
                return Ok(());
            };
            existing = tagged;
        }
        let keeps_data = !failed && existing.is("final_snapshot")?;
        let last = keeps_data.then(|| {
            let created = existing.text("created").unwrap_or_default();
            Names::of(environment).final_snapshot(id, created)
        });
        let answer = self
            .elasticache
            .delete_replication_group()
            .replication_group_id(id)
            .retain_primary_cluster(false)
            .set_final_snapshot_identifier(last)
            .send()
            .await;
        match answer.context(operation, id).ok_if_not_found() {
            Ok(_) => Ok(()),
            Err(error) => match self.raw_cache(id).await? {
                // Somebody else was first.
                Some(found) if found.status() == Some("deleting") => Ok(()),
                None => Ok(()),
                Some(_) => Err(error),
            },
        }
    }
}

/// Whether a resource's tags are not listed because of its state.
fn is_without_tags(error: &CloudError) -> bool {
    matches!(
        error.code.as_str(),
        "InvalidReplicationGroupState" | "InvalidReplicationGroupStateFault"
    )
}

/// A cache as far as it is known; without a policy its tags are not known.
fn observe(group: &ReplicationGroup, address: Address, policy: Option<Protection>) -> Observed {
    let status = group.status().unwrap_or("creating");
    let endpoint = group
        .node_groups()
        .first()
        .and_then(|nodes| nodes.primary_endpoint());
    let state = match status {
        "available" if endpoint.is_some() && policy.is_some() => State::Ready,
        "deleting" => State::Deleting,
        "create-failed" => State::Failed,
        // `creating`, `modifying`, `snapshotting`.
        _ => State::Pending,
    };
    observed(
        address,
        Kind::Cache,
        group.replication_group_id().unwrap_or_default(),
        (state, status),
        [
            (
                "nodes",
                u32::try_from(group.member_clusters().len())
                    .ok()
                    .map(Into::into),
            ),
            ("instance_type", group.cache_node_type().map(Into::into)),
            ("engine", group.engine().map(Into::into)),
            ("failover", fails_over(group).map(Into::into)),
            (
                "final_snapshot",
                policy.map(|policy| policy.final_snapshot.into()),
            ),
            (
                TAGS_UNKNOWN.0,
                policy.is_none().then(|| TAGS_UNKNOWN.1.into()),
            ),
            (
                "endpoint",
                endpoint.and_then(|e| e.address()).map(Into::into),
            ),
            ("port", endpoint.and_then(|e| e.port()).map(Into::into)),
            (
                "created",
                group
                    .replication_group_create_time()
                    .map(|time| time.to_string().into()),
            ),
        ],
    )
}

/// Whether a replica in another zone takes over; `None` when it is not told.
fn fails_over(group: &ReplicationGroup) -> Option<bool> {
    let failover = matches!(
        group.automatic_failover()?,
        AutomaticFailoverStatus::Enabled | AutomaticFailoverStatus::Enabling
    );
    let zones = group
        .multi_az()
        .is_none_or(|zones| *zones == MultiAzStatus::Enabled);
    Some(failover && zones)
}

#[cfg(test)]
mod tests {
    use aws_sdk_elasticache::types::{Endpoint, NodeGroup};

    use super::*;

    #[test]
    fn a_cache_is_ready_when_it_is_available_and_has_an_address() {
        let group = |status: &str| ReplicationGroup::builder().status(status);
        let endpoint = NodeGroup::builder()
            .primary_endpoint(Endpoint::builder().address("cache").port(6379).build())
            .build();
        let state = |group: ReplicationGroup| {
            observe(&group, Address::cache(), Some(Protection::default())).state
        };
        assert_eq!(state(group("available").build()), State::Pending);
        assert_eq!(
            state(group("available").node_groups(endpoint).build()),
            State::Ready
        );
        assert_eq!(state(group("create-failed").build()), State::Failed);
        assert_eq!(state(group("deleting").build()), State::Deleting);
    }

    #[test]
    fn a_cache_without_readable_tags_is_not_ready_and_has_no_protection_attribute() {
        let endpoint = NodeGroup::builder()
            .primary_endpoint(Endpoint::builder().address("cache").port(6379).build())
            .build();
        for (status, state) in [
            ("creating", State::Pending),
            ("modifying", State::Pending),
            ("snapshotting", State::Pending),
            // It became so between the two calls.
            ("available", State::Pending),
            ("deleting", State::Deleting),
            ("create-failed", State::Failed),
        ] {
            let group = ReplicationGroup::builder()
                .status(status)
                .node_groups(endpoint.clone());
            let found = observe(&group.build(), Address::cache(), None);
            assert_eq!(found.state, state, "{status}");
            assert_eq!(found.value("final_snapshot"), None);
            assert_eq!(found.text(TAGS_UNKNOWN.0), Some(TAGS_UNKNOWN.1));
        }
    }
}
