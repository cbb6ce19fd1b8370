//! Databases that are restored from a snapshot.
//!
//! A snapshot brings its password and settings along. What the restoring call cannot set is
//! set by a second one, once the database is there; a tag says until when that is to be done.

use crate::aws::Aws;
use crate::aws::error::{CallContext, incomplete};
use crate::aws::rds::settings::{AURORA, IO_OPTIMIZED, STORAGE, count, unfinished_tags};
use crate::aws::request::{dependency, zone_of_subnet};
use crate::aws::tags::FINISHED;
use crate::blueprint::kinds::{DatabaseCluster, DatabaseInstance};
use crate::engine::{CloudError, Request};
use aws_sdk_rds::types::{DbInstance, Tag};

impl Aws {
    pub(in crate::aws) async fn restore_writer(
        &self,
        request: &Request<'_>,
        wanted: &DatabaseInstance,
        snapshot: &str,
        id: &str,
    ) -> Result<DbInstance, CloudError> {
        let operation = "rds:RestoreDBInstanceFromDBSnapshot";
        let DatabaseInstance {
            zone,
            class,
            multi_az,
            backup_days,
            protection,
            subnets,
            parameters,
            group,
            ..
        } = wanted;
        self.rds
            .restore_db_instance_from_db_snapshot()
            .db_instance_identifier(id)
            .db_snapshot_identifier(snapshot)
            .db_instance_class(class)
            .storage_type(STORAGE)
            // How much storage it gets, and so what performance is allowed, is the snapshot's
            // to say.
            .publicly_accessible(false)
            .multi_az(*multi_az)
            .set_availability_zone(zone_of_subnet(request, operation, zone.as_ref())?)
            .backup_retention_period(count(*backup_days))
            .deletion_protection(protection.deletion)
            .auto_minor_version_upgrade(false)
            .copy_tags_to_snapshot(true)
            .db_subnet_group_name(&dependency(request, operation, subnets)?.id)
            .db_parameter_group_name(&dependency(request, operation, parameters)?.id)
            .vpc_security_group_ids(&dependency(request, operation, group)?.id)
            .set_tags(Some(unfinished_tags(request)))
            .send()
            .await
            .context(operation, request.address)?
            .db_instance
            .ok_or_else(|| incomplete(operation, request.address, "instance"))
    }

    pub(in crate::aws) async fn restore_cluster(
        &self,
        request: &Request<'_>,
        wanted: &DatabaseCluster,
        snapshot: &str,
        id: &str,
    ) -> Result<(), CloudError> {
        let operation = "rds:RestoreDBClusterFromSnapshot";
        let DatabaseCluster {
            io_optimized,
            backup_days,
            protection,
            subnets,
            parameters,
            group,
            ..
        } = wanted;
        self.rds
            .restore_db_cluster_from_snapshot()
            .db_cluster_identifier(id)
            .snapshot_identifier(snapshot)
            .engine(AURORA)
            .set_storage_type(io_optimized.then(|| IO_OPTIMIZED.to_owned()))
            .backup_retention_period(count(*backup_days))
            .deletion_protection(protection.deletion)
            .copy_tags_to_snapshot(true)
            .db_subnet_group_name(&dependency(request, operation, subnets)?.id)
            .db_cluster_parameter_group_name(&dependency(request, operation, parameters)?.id)
            .vpc_security_group_ids(&dependency(request, operation, group)?.id)
            .set_tags(Some(unfinished_tags(request)))
            .send()
            .await
            .context(operation, request.address)?;
        Ok(())
    }

    /// Says that nothing is left to do.
    pub(in crate::aws) async fn tag_finished(&self, arn: &str) -> Result<(), CloudError> {
        self.rds
            .add_tags_to_resource()
            .resource_name(arn)
            .tags(Tag::builder().key(FINISHED).value("true").build())
            .send()
            .await
            .context("rds:AddTagsToResource", arn)?;
        Ok(())
    }
}
