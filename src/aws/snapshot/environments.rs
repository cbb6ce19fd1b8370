//! Under which names anything of an environment may exist in the account and region.
//!
//! No single service knows all: a run that died early may have left a bucket and nothing
//! else, a removed gold-standard deployment its final snapshots. Names of removed
//! environments may be among them: EC2 shows the tags of terminated hosts for an hour.

use std::collections::BTreeSet;

use aws_sdk_ssm::types::ParameterStringFilter;

use crate::aws::Aws;
use crate::aws::error::{CallContext, built};
use crate::aws::tags::{ENVIRONMENT, filter};
use crate::engine::CloudError;
use crate::identity::names::{Names, PARAMETER_ROOT};

impl Aws {
    pub(in crate::aws) async fn find_environments(&self) -> Result<BTreeSet<String>, CloudError> {
        let (tagged, seeds, buckets, snapshots, clusters, caches) = futures::try_join!(
            Box::pin(self.environments_of_tags()),
            Box::pin(self.environments_of_seeds()),
            Box::pin(self.environments_of_buckets()),
            Box::pin(self.environments_of_snapshots()),
            Box::pin(self.environments_of_cluster_snapshots()),
            Box::pin(self.environments_of_cache_snapshots()),
        )?;
        Ok([tagged, seeds, buckets, snapshots, clusters, caches]
            .concat()
            .into_iter()
            .collect())
    }

    /// Everything of EC2, whatever its kind.
    async fn environments_of_tags(&self) -> Result<Vec<String>, CloudError> {
        let tags: Vec<_> = self
            .ec2
            .describe_tags()
            .filters(filter("key", [ENVIRONMENT]))
            .into_paginator()
            .items()
            .send()
            .try_collect()
            .await
            .context("ec2:DescribeTags", ENVIRONMENT)?;
        Ok(tags.into_iter().filter_map(|tag| tag.value).collect())
    }

    async fn environments_of_seeds(&self) -> Result<Vec<String>, CloudError> {
        let operation = "ssm:DescribeParameters";
        let below = ParameterStringFilter::builder()
            .key("Path")
            .option("Recursive")
            .values(PARAMETER_ROOT)
            .build();
        let pages: Vec<_> = self
            .ssm
            .describe_parameters()
            .parameter_filters(built(below, operation, PARAMETER_ROOT)?)
            .into_paginator()
            .send()
            .try_collect()
            .await
            .context(operation, PARAMETER_ROOT)?;
        let parameters = pages.iter().flat_map(
            aws_sdk_ssm::operation::describe_parameters::DescribeParametersOutput::parameters,
        );
        let names = parameters.filter_map(|parameter| {
            let (environment, _) = parameter
                .name()?
                .strip_prefix(PARAMETER_ROOT)?
                .strip_prefix('/')?
                .split_once('/')?;
            Some(environment.to_owned())
        });
        Ok(names.collect())
    }

    async fn environments_of_buckets(&self) -> Result<Vec<String>, CloudError> {
        let operation = "s3:ListAllMyBuckets";
        let account = self.known_account().await?;
        let pages: Vec<_> = self
            .s3
            .list_buckets()
            .into_paginator()
            .send()
            .try_collect()
            .await
            .context(operation, "account")?;
        let buckets = pages
            .into_iter()
            .flat_map(|page| page.buckets.unwrap_or_default());
        let names = buckets.filter_map(|bucket| {
            Names::environment_of_bucket(bucket.name()?, &account.id, &account.region)
                .map(str::to_owned)
        });
        Ok(names.collect())
    }

    async fn environments_of_snapshots(&self) -> Result<Vec<String>, CloudError> {
        let snapshots: Vec<_> = self
            .rds
            .describe_db_snapshots()
            .snapshot_type("manual")
            .into_paginator()
            .items()
            .send()
            .try_collect()
            .await
            .context("rds:DescribeDBSnapshots", "account")?;
        let ids = snapshots
            .iter()
            .filter_map(|one| one.db_snapshot_identifier());
        Ok(of_snapshots(ids))
    }

    async fn environments_of_cluster_snapshots(&self) -> Result<Vec<String>, CloudError> {
        let snapshots = self.manual_cluster_snapshots().await?;
        let ids = snapshots
            .iter()
            .filter_map(|one| one.db_cluster_snapshot_identifier());
        Ok(of_snapshots(ids))
    }

    async fn environments_of_cache_snapshots(&self) -> Result<Vec<String>, CloudError> {
        let snapshots: Vec<_> = self
            .elasticache
            .describe_snapshots()
            .snapshot_source("manual")
            .into_paginator()
            .items()
            .send()
            .try_collect()
            .await
            .context("elasticache:DescribeSnapshots", "account")?;
        let names = snapshots.iter().filter_map(|one| one.snapshot_name());
        Ok(of_snapshots(names))
    }
}

fn of_snapshots<'a>(ids: impl Iterator<Item = &'a str>) -> Vec<String> {
    ids.filter_map(Names::environment_of_final_snapshot)
        .map(str::to_owned)
        .collect()
}
