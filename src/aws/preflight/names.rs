//! Whether names that new resources get are taken by somebody else, for the preflight.

use futures::future::join_all;

use crate::aws::Aws;
use crate::aws::iam::tags::iam_pairs;
use crate::aws::ownership::Ownership;
use crate::aws::preflight::quotas::why;
use crate::aws::s3::bucket::BucketOwner;
use crate::aws::tags::{self, Pair};
use crate::blueprint::{Address, Kind};
use crate::engine::{CloudError, Observed};
use crate::preflight::{NewName, TakenNames};

impl Aws {
    /// Which of the names somebody else's resource has, side by side.
    pub async fn taken_names(&self, environment: &str, names: &[NewName]) -> TakenNames {
        let all = names.iter().map(|one| async move {
            let taken = Box::pin(self.is_taken(environment, one)).await;
            (one.clone(), taken.map_err(|error| why(&error)))
        });
        join_all(all).await.into_iter().collect()
    }

    async fn is_taken(&self, environment: &str, one: &NewName) -> Result<bool, CloudError> {
        let name = one.name.as_str();
        let ownership = match one.kind {
            Kind::Role => self.get_role(name).await?.map(|role| {
                let pairs = iam_pairs(role.tags());
                tags::ownership(pairs, environment)
            }),
            Kind::InstanceProfile => self.get_instance_profile(name).await?.map(|profile| {
                let pairs = iam_pairs(profile.tags());
                tags::ownership(pairs, environment)
            }),
            Kind::KeyPair => self
                .key_pairs("key-name", name)
                .await?
                .first()
                .map(|pair| tags::ownership(tags::pairs(pair.tags()), environment)),
            Kind::Database => self
                .raw_database(name)
                .await?
                .map(|database| tags::ownership(rds_pairs(database.tag_list()), environment)),
            Kind::DatabaseCluster => self
                .raw_cluster(name)
                .await?
                .map(|cluster| tags::ownership(rds_pairs(cluster.tag_list()), environment)),
            Kind::Bucket => match self.bucket_owner(name, environment).await? {
                Some(BucketOwner::Foreign) => Some(Ownership::Foreign),
                // Without tags it is still the environment's: its name holds a hash of it.
                Some(BucketOwner::Ours(..) | BucketOwner::Untagged) | None => None,
            },
            Kind::Cache => Some(self.cache_ownership(environment).await?.and_then(address)),
            Kind::Search => Some(self.domain_ownership(environment).await?.and_then(address)),
            Kind::LoadBalancer => {
                let balancer = self.raw_load_balancer(environment).await?;
                let arn = balancer.and_then(|balancer| balancer.load_balancer_arn);
                self.owner_of_arn(environment, arn).await?
            }
            Kind::TargetGroup => {
                let group = self.raw_target_group(environment).await?;
                let arn = group.and_then(|group| group.target_group_arn);
                self.owner_of_arn(environment, arn).await?
            }
            _ => None,
        };
        // What bears the environment's tags is its own, only not in every list yet.
        Ok(matches!(
            ownership,
            Some(Ownership::Foreign | Ownership::Untagged)
        ))
    }
}

fn address(found: Observed) -> Option<Address> {
    Some(found.address)
}

fn rds_pairs(tags: &[aws_sdk_rds::types::Tag]) -> impl Iterator<Item = Pair<'_>> {
    tags.iter().map(|tag| (tag.key(), tag.value()))
}
