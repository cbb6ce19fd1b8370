//! The proof that nothing of an environment's databases is left, but what is kept on purpose.

use aws_sdk_rds::types::DbClusterSnapshot;

use crate::aws::Aws;
use crate::aws::error::{CallContext, ErrorPolicy};
use crate::aws::leftovers::search::{Remainder, both, kept, looked, looked_or_kept, named};
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

    /// Each place on its own: what cannot be looked at is a gap, and hides nothing of the others.
    pub(in crate::aws) async fn check_databases(
        &self,
        environment: &str,
    ) -> Result<Vec<LeftoverCheck>, CloudError> {
        let (instances, clusters) = futures::join!(
            Box::pin(self.check_instances(environment)),
            Box::pin(self.check_clusters(environment)),
        );
        Ok([instances?, clusters?].concat())
    }

    async fn check_instances(&self, environment: &str) -> Result<Vec<LeftoverCheck>, CloudError> {
        let names = Names::of(environment);
        let subnet_group = names.database_subnets();
        let (writer, reader) = (
            names.database_parameters(false),
            names.database_parameters(true),
        );
        let (instances, snapshots, backups, subnets, of_writer, of_readers) = futures::join!(
            Box::pin(self.raw_databases(environment)),
            Box::pin(self.instance_snapshots(names)),
            Box::pin(self.instance_backups(names)),
            Box::pin(self.raw_subnet_group(&subnet_group)),
            Box::pin(self.raw_parameter_group(&writer)),
            Box::pin(self.raw_parameter_group(&reader)),
        );
        let instances = instances.map(|found| {
            let ids = found.into_iter().filter_map(|db| db.db_instance_identifier);
            ids.collect::<Vec<_>>()
        });
        let parameters = both(
            named(of_writer, writer).map(Vec::from_iter),
            named(of_readers, reader).map(Vec::from_iter),
        );
        Ok(vec![
            looked("RDS instances", instances)?,
            looked_or_kept("RDS snapshots", snapshots)?,
            looked("RDS automated backups", backups)?,
            looked("RDS subnet groups", named(subnets, subnet_group))?,
            looked("RDS parameter groups", parameters)?,
        ])
    }

    async fn check_clusters(&self, environment: &str) -> Result<Vec<LeftoverCheck>, CloudError> {
        let names = Names::of(environment);
        let (cluster, group) = (names.database_cluster(), names.cluster_parameters());
        let (clusters, snapshots, backups, groups) = futures::join!(
            Box::pin(self.raw_cluster(&cluster)),
            Box::pin(self.cluster_snapshots(names)),
            Box::pin(self.cluster_backups(&cluster)),
            Box::pin(self.raw_cluster_parameter_group(&group)),
        );
        Ok(vec![
            looked("Aurora clusters", named(clusters, cluster))?,
            looked_or_kept("Aurora snapshots", snapshots)?,
            looked("Aurora automated backups", backups)?,
            looked("Aurora parameter groups", named(groups, group))?,
        ])
    }

    /// Snapshots of the environment's instances; final ones are there on purpose.
    async fn instance_snapshots(&self, names: Names<'_>) -> Result<Vec<Remainder>, CloudError> {
        let all: Vec<_> = self
            .rds
            .describe_db_snapshots()
            .into_paginator()
            .items()
            .send()
            .try_collect()
            .await
            .context("rds:DescribeDBSnapshots", "account")?;
        let price = Prices::of(&self.region).usd(PricedItem::RdsBackup);
        let found = all.into_iter().filter_map(|snapshot| {
            let of = snapshot.db_instance_identifier()?;
            if !names.is_database(of) {
                return None;
            }
            let gib = snapshot.allocated_storage();
            let id = snapshot.db_snapshot_identifier?;
            Some(match names.is_final_snapshot(&id) {
                true => Remainder::Kept(kept(id, gib, price)),
                false => Remainder::Left(id),
            })
        });
        Ok(found.collect())
    }

    /// The same of its cluster.
    async fn cluster_snapshots(&self, names: Names<'_>) -> Result<Vec<Remainder>, CloudError> {
        let cluster = names.database_cluster();
        let all = self.manual_cluster_snapshots().await?;
        let price = Prices::of(&self.region).usd(PricedItem::AuroraBackup);
        let found = all.into_iter().filter_map(|snapshot| {
            if snapshot.db_cluster_identifier() != Some(&cluster) {
                return None;
            }
            let gib = snapshot.allocated_storage().filter(|gib| *gib > 0);
            let id = snapshot.db_cluster_snapshot_identifier?;
            Some(match names.is_final_snapshot(&id) {
                true => Remainder::Kept(kept(id, gib, price)),
                false => Remainder::Left(id),
            })
        });
        Ok(found.collect())
    }

    /// The instances of which there are automated backups, also those that outlive them.
    async fn instance_backups(&self, names: Names<'_>) -> Result<Vec<String>, CloudError> {
        let all: Vec<_> = self
            .rds
            .describe_db_instance_automated_backups()
            .into_paginator()
            .items()
            .send()
            .try_collect()
            .await
            .context("rds:DescribeDBInstanceAutomatedBackups", "account")?;
        let ids = all.into_iter().filter_map(|one| one.db_instance_identifier);
        Ok(ids.filter(|id| names.is_database(id)).collect())
    }

    async fn raw_subnet_group(&self, name: &str) -> Result<Option<()>, CloudError> {
        let answer = self
            .rds
            .describe_db_subnet_groups()
            .db_subnet_group_name(name)
            .send()
            .await;
        let found = answer
            .context("rds:DescribeDBSubnetGroups", name)
            .ok_if_not_found()?;
        Ok(found.map(|_| ()))
    }
}
