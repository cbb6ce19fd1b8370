//! Whether names that new resources get are taken by somebody else, for the preflight.

use futures::future::join_all;

use crate::aws::Aws;
use crate::aws::iam::tags::iam_pairs;
use crate::aws::ownership::Ownership;
use crate::aws::preflight::quotas::why;
use crate::aws::tags::{self, Pair};
use crate::blueprint::{Address, Kind};
use crate::engine::CloudError;
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
            _ => None,
        };
        // What bears the environment's tags is its own, only not in every list yet.
        Ok(ownership.is_some_and(|owner: Ownership<Address>| owner.ours().is_none()))
    }
}

fn rds_pairs(tags: &[aws_sdk_rds::types::Tag]) -> impl Iterator<Item = Pair<'_>> {
    tags.iter().map(|tag| (tag.key(), tag.value()))
}
