//! Fails databases over, for tests of what their users notice.

use crate::aws::Aws;
use crate::aws::error::CallContext;
use crate::engine::{CloudError, Observed};

impl Aws {
    /// Fails a cluster over to one of its readers, an instance with a standby to that, and restarts an
    /// instance that has none. RDS accepts it and does it afterwards.
    ///
    /// # Errors
    /// When RDS refuses: a cluster has no reader, or something else is under way.
    pub async fn fail_over(
        &self,
        writer: &Observed,
        cluster: Option<&Observed>,
    ) -> Result<(), CloudError> {
        match cluster {
            Some(cluster) => {
                let id = &cluster.id;
                let call = self.rds.failover_db_cluster().db_cluster_identifier(id);
                call.send().await.context("rds:FailoverDBCluster", id)?;
            }
            None if writer.says("multi_az", true) => {
                let id = &writer.id;
                let call = self.rds.reboot_db_instance().db_instance_identifier(id);
                let call = call.force_failover(true);
                call.send().await.context("rds:RebootDBInstance", id)?;
            }
            None => self.restart(&writer.id).await?,
        }
        Ok(())
    }
}
