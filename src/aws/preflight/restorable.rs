//! The snapshots that databases are to be restored from, for the preflight.

use std::collections::BTreeSet;

use futures::future::join_all;

use crate::aws::Aws;
use crate::aws::error::{CallContext, ErrorPolicy};
use crate::aws::preflight::quotas::why;
use crate::engine::CloudError;
use crate::preflight::{Restorable, Restorables, Restore};

impl Aws {
    /// What there is of all that are wanted, side by side.
    pub async fn restorable(&self, wanted: &BTreeSet<Restore>) -> Restorables {
        let all = wanted.iter().map(|one| async move {
            let found = match one.cluster {
                true => Box::pin(self.cluster_snapshot(&one.snapshot)).await,
                false => Box::pin(self.instance_snapshot(&one.snapshot)).await,
            };
            (one.clone(), found.map_err(|error| why(&error)))
        });
        join_all(all).await.into_iter().collect()
    }

    async fn instance_snapshot(&self, id: &str) -> Result<Option<Restorable>, CloudError> {
        let answer = self
            .rds
            .describe_db_snapshots()
            .db_snapshot_identifier(id)
            .include_shared(id.starts_with("arn:"))
            .send()
            .await
            .context("rds:DescribeDBSnapshots", id)
            .ok_if_not_found()?;
        let found = answer.and_then(|answer| answer.db_snapshots?.into_iter().next());
        Ok(found.map(|snapshot| Restorable {
            status: snapshot.status.unwrap_or_default(),
            engine: snapshot.engine.unwrap_or_default(),
            version: snapshot.engine_version.unwrap_or_default(),
            encrypted: snapshot.encrypted.unwrap_or_default(),
        }))
    }

    async fn cluster_snapshot(&self, id: &str) -> Result<Option<Restorable>, CloudError> {
        let answer = self
            .rds
            .describe_db_cluster_snapshots()
            .db_cluster_snapshot_identifier(id)
            .include_shared(id.starts_with("arn:"))
            .send()
            .await
            .context("rds:DescribeDBClusterSnapshots", id)
            .ok_if_not_found()?;
        let found = answer.and_then(|answer| answer.db_cluster_snapshots?.into_iter().next());
        Ok(found.map(|snapshot| Restorable {
            status: snapshot.status.unwrap_or_default(),
            engine: snapshot.engine.unwrap_or_default(),
            version: snapshot.engine_version.unwrap_or_default(),
            encrypted: snapshot.storage_encrypted.unwrap_or_default(),
        }))
    }
}
