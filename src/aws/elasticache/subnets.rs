//! The subnet group of the cache.

use crate::aws::Aws;
use crate::aws::elasticache::tags::{cache_tags, pairs};
use crate::aws::error::{CallContext, ErrorPolicy};
use crate::aws::ownership::Ownership;
use crate::aws::request::dependency_ids;
use crate::aws::tags::{self, observed};
use crate::blueprint::Kind;
use crate::blueprint::kinds::CacheSubnets;
use crate::engine::{CloudError, Observed, Request, State};
use crate::identity::names::Names;

impl Aws {
    pub(in crate::aws) async fn create_cache_subnets(
        &self,
        request: &Request<'_>,
        group: &CacheSubnets,
    ) -> Result<Observed, CloudError> {
        let operation = "elasticache:CreateCacheSubnetGroup";
        let name = Names::of(request.environment).cache_subnets();
        let created = self
            .elasticache
            .create_cache_subnet_group()
            .cache_subnet_group_name(&name)
            .cache_subnet_group_description(format!("cache of {}", request.environment))
            .set_subnet_ids(Some(dependency_ids(request, operation, &group.subnets)?))
            .set_tags(Some(cache_tags(request)))
            .send()
            .await
            .context(operation, request.address)
            .ok_if_code(&[
                "CacheSubnetGroupAlreadyExists",
                "CacheSubnetGroupAlreadyExistsFault",
            ])
            .retry_if_not_found()?;
        let ownership = self.cache_subnets_ownership(request.environment).await?;
        self.resolve_creation(request, operation, &name, created.is_some(), ownership)
    }

    pub(in crate::aws) async fn cache_subnets(
        &self,
        environment: &str,
    ) -> Result<Option<Observed>, CloudError> {
        Ok(self.cache_subnets_ownership(environment).await?.ours())
    }

    async fn cache_subnets_ownership(&self, environment: &str) -> Result<Ownership, CloudError> {
        let name = Names::of(environment).cache_subnets();
        let operation = "elasticache:DescribeCacheSubnetGroups";
        let answer = self
            .elasticache
            .describe_cache_subnet_groups()
            .cache_subnet_group_name(&name)
            .send()
            .await;
        let found = answer.context(operation, &name).ok_if_not_found()?;
        let group = found.and_then(|answer| answer.cache_subnet_groups.unwrap_or_default().pop());
        let Some(arn) = group.and_then(|group| group.arn) else {
            return Ok(Ownership::NotListed);
        };
        let tags = self.cache_tags_of(&arn).await?;
        let owner = tags.map(|tags| tags::ownership(pairs(&tags), environment));
        Ok(owner.unwrap_or(Ownership::NotListed).and_then(|address| {
            Some(observed(
                address,
                Kind::CacheSubnets,
                name,
                (State::Ready, "available"),
                [],
            ))
        }))
    }

    pub(in crate::aws) async fn delete_cache_subnets(&self, name: &str) -> Result<(), CloudError> {
        let answer = self
            .elasticache
            .delete_cache_subnet_group()
            .cache_subnet_group_name(name)
            .send()
            .await;
        answer
            .context("elasticache:DeleteCacheSubnetGroup", name)
            .ok_if_not_found()?;
        Ok(())
    }
}
