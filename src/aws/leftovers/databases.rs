//! The proof that nothing of an environment's databases is left, but what is kept on purpose.

use aws_sdk_rds::types::DbClusterSnapshot;

use crate::aws::Aws;
use crate::aws::error::{CallContext, ErrorPolicy};
use crate::aws::leftovers::search::{Remainder, all_left, kept, left_or_kept};
use crate::engine::{CloudError, LeftoverCheck};
use crate::identity::names::Names;
use crate::spec::{PricedItem, Prices};

impl Aws {
    /// Automated ones are a cluster's backups, and AWS removes them with it.
    pub(in crate::aws) async fn manual_cluster_snapshots(
        &self,
    ) -> Result<Vec<DbClusterSnapshot>, CloudError> {
        self.rds
            .describe_db_cluster_snapshots()
            .snapshot_type("manual")
            .into_paginator()
            .items()
            .send()
            .try_collect()
            .await
            .context("rds:DescribeDBClusterSnapshots", "account")
    }

    /// Automated backups of the environment's cluster, also those that outlive it.
    async fn cluster_backups(&self, id: &str) -> Result<Vec<String>, CloudError> {
        let all: Vec<_> = self
            .rds
            .describe_db_cluster_automated_backups()
            .into_paginator()
            .items()
            .send()
            .try_collect()
            .await
            .context("rds:DescribeDBClusterAutomatedBackups", id)?;
        let ids = all.into_iter().filter_map(|one| one.db_cluster_identifier);
        Ok(ids.filter(|one| one == id).collect())
    }

    pub(in crate::aws) async fn check_databases(
        &self,
        environment: &str,
    ) -> Result<Vec<LeftoverCheck>, CloudError> {
        let names = Names::of(environment);
        let ours = |id: &Option<String>| id.as_deref().is_some_and(|id| names.is_database(id));
        let snapshots = Box::pin(async {
            let all: Vec<_> = self
                .rds
                .describe_db_snapshots()
                .into_paginator()
                .items()
                .send()
                .try_collect()
                .await
                .context("rds:DescribeDBSnapshots", environment)?;
            Ok(all
                .into_iter()
                .filter(|one| ours(&one.db_instance_identifier))
                .collect::<Vec<_>>())
        });
        let backups = Box::pin(async {
            let all: Vec<_> = self
                .rds
                .describe_db_instance_automated_backups()
                .into_paginator()
                .items()
                .send()
                .try_collect()
                .await
                .context("rds:DescribeDBInstanceAutomatedBackups", environment)?;
            let found = all
                .into_iter()
                .filter(|one| ours(&one.db_instance_identifier));
            let ids = found.filter_map(|backup| backup.db_instance_identifier);
            Ok(ids.collect::<Vec<_>>())
        });
        let cluster_id = names.database_cluster();
        let cluster_snapshots = Box::pin(async {
            let all = self.manual_cluster_snapshots().await?;
            Ok(all
                .into_iter()
                .filter(|one| one.db_cluster_identifier() == Some(&cluster_id))
                .collect::<Vec<_>>())
        });
        let cluster_group = names.cluster_parameters();
        let subnet_group = Box::pin(async {
            let name = names.database_subnets();
            let answer = self
                .rds
                .describe_db_subnet_groups()
                .db_subnet_group_name(&name)
                .send()
                .await;
            let found = answer
                .context("rds:DescribeDBSubnetGroups", &name)
                .ok_if_not_found()?;
            Ok(found.map(|_| name))
        });
        let (writer, reader) = (
            names.database_parameters(false),
            names.database_parameters(true),
        );
        let (clusters, cluster_snapshots, cluster_backups, cluster_groups) = futures::try_join!(
            Box::pin(self.raw_cluster(&cluster_id)),
            cluster_snapshots,
            Box::pin(self.cluster_backups(&cluster_id)),
            Box::pin(self.raw_cluster_parameter_group(&cluster_group)),
        )?;
        let (instances, snapshots, backups, subnets, of_writer, of_readers) = futures::try_join!(
            Box::pin(self.raw_databases(environment)),
            snapshots,
            backups,
            subnet_group,
            Box::pin(self.raw_parameter_group(&writer)),
            Box::pin(self.raw_parameter_group(&reader)),
        )?;
        let prices = Prices::of(&self.region);
        let parameters = [of_writer.map(|_| writer), of_readers.map(|_| reader)];
        let instances = instances
            .into_iter()
            .filter_map(|db| db.db_instance_identifier);
        Ok(vec![
            all_left("RDS instances", instances),
            left_or_kept(
                "RDS snapshots",
                snapshots.into_iter().filter_map(|snapshot| {
                    let gib = snapshot.allocated_storage();
                    let id = snapshot.db_snapshot_identifier?;
                    let price = prices.usd(PricedItem::RdsBackup);
                    Some(match names.is_final_snapshot(&id) {
                        true => Remainder::Kept(kept(id, gib, price)),
                        false => Remainder::Left(id),
                    })
                }),
            ),
            all_left(
                "Aurora clusters",
                clusters.and_then(|cluster| cluster.db_cluster_identifier),
            ),
            left_or_kept(
                "Aurora snapshots",
                cluster_snapshots.into_iter().filter_map(|snapshot| {
                    let gib = snapshot.allocated_storage().filter(|gib| *gib > 0);
                    let id = snapshot.db_cluster_snapshot_identifier?;
                    let price = prices.usd(PricedItem::AuroraBackup);
                    Some(match names.is_final_snapshot(&id) {
                        true => Remainder::Kept(kept(id, gib, price)),
                        false => Remainder::Left(id),
                    })
                }),
            ),
            all_left(
                "Aurora parameter groups",
                cluster_groups.and_then(|group| group.db_cluster_parameter_group_name),
            ),
            all_left("RDS automated backups", backups),
            all_left("Aurora automated backups", cluster_backups),
            all_left("RDS subnet groups", subnets),
            all_left("RDS parameter groups", parameters.into_iter().flatten()),
        ])
    }
}
