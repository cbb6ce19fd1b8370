//! Fails databases over, for tests of what their users notice.

use crate::aws::Aws;
use crate::aws::error::CallContext;
use crate::engine::{CloudError, Observed};

impl Aws {
    /// Fails a cluster over to one of its readers, an instance with a standby to that, and restarts an
    /// instance that has none.
    ///
    /// # Errors
    /// When RDS refuses: a cluster has no reader, or something else is under way.
    pub async fn fail_over(
        &self,
        writer: &Observed,
        cluster: Option<&Observed>,
        has_standby: bool,
    ) -> Result<(), CloudError> {
        match cluster {
            Some(cluster) => {
                let id = &cluster.id;
                let call = self.rds.failover_db_cluster().db_cluster_identifier(id);
                call.send().await.context("rds:FailoverDBCluster", id)?;
            }
            None if has_standby => {
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
