//! Tags of ElastiCache's resources, which are read by ARN.

use aws_sdk_elasticache::types::Tag;

use crate::aws::Aws;
use crate::aws::error::{CallContext, ErrorPolicy, incomplete};
use crate::aws::tags::{self, Pair};
use crate::engine::{CloudError, Request};

impl Aws {
    /// `None` when there is no such resource.
    pub(super) async fn cache_tags_of(&self, arn: &str) -> Result<Option<Vec<Tag>>, CloudError> {
        let answer = self
            .elasticache
            .list_tags_for_resource()
            .resource_name(arn)
            .send()
            .await;
        let found = answer
            .context("elasticache:ListTagsForResource", arn)
            .ok_if_not_found()?;
        Ok(found.map(|answer| answer.tag_list.unwrap_or_default()))
    }

    pub(super) async fn tag_cache(&self, id: &str, policy: &str) -> Result<(), CloudError> {
        let operation = "elasticache:AddTagsToResource";
        let arn = self.raw_cache(id).await?.and_then(|group| group.arn);
        let arn = arn.ok_or_else(|| incomplete(operation, id, "ARN"))?;
        let tag = Tag::builder().key(tags::PROTECTION).value(policy).build();
        self.elasticache
            .add_tags_to_resource()
            .resource_name(arn)
            .tags(tag)
            .send()
            .await
            .context(operation, id)?;
        Ok(())
    }
}

pub(super) fn pairs(tags: &[Tag]) -> impl Iterator<Item = Pair<'_>> {
    tags.iter().map(|tag| (tag.key(), tag.value()))
}

pub(super) fn cache_tags(request: &Request<'_>) -> Vec<Tag> {
    tags::of(request)
        .into_iter()
        .map(|(key, value)| Tag::builder().key(key).value(value).build())
        .collect()
}
