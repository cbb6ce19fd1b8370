//! What happens to RDS instances that exist: changes in place, restarts, removal.

use aws_sdk_rds::operation::modify_db_instance::builders::ModifyDBInstanceFluentBuilder;
use aws_sdk_rds::types::Tag;

use crate::aws::Aws;
use crate::aws::error::{CallContext, ErrorPolicy, incomplete, refused};
use crate::aws::rds::settings::{count, master_password};
use crate::aws::request::{dependency, differs, require_listed};
use crate::aws::tags;
use crate::blueprint::Address;
use crate::blueprint::kinds::{ClusterInstance, DatabaseInstance};
use crate::engine::{CloudError, Observed, Request};
use crate::identity::names::Names;

const MODIFY: &str = "rds:ModifyDBInstance";

impl Aws {
    /// Everything that changes in place, at once; then the restart that changed parameters
    /// wait for. Storage can only grow.
    pub(in crate::aws) async fn update_database(
        &self,
        request: &Request<'_>,
        existing: &Observed,
        wanted: &DatabaseInstance,
    ) -> Result<Observed, CloudError> {
        let version = &wanted.version;
        if let Some(found) = existing.text("version")
            && found != version
        {
            return Err(refused(
                MODIFY,
                request.address,
                "VersionChange",
                format!("a major version (`{found}` to `{version}`) is not changed in place"),
            ));
        }
        let differs = |name: &str| differs(request, existing, name);
        if differs("final_snapshot") {
            let policy = tags::protection_text(wanted.protection);
            self.tag_database(&existing.id, policy).await?;
        }
        let modified = [
            "class",
            "storage_gib",
            "iops",
            "throughput_mibps",
            "multi_az",
            "backup_days",
            "deletion_protection",
            "public_access",
            "groups",
        ];
        let unfinished = existing.says("finished", false);
        if unfinished || modified.into_iter().any(differs) {
            self.modify_database(request, existing, wanted).await?;
        }
        if unfinished {
            let arn = self.database_arn(&existing.id).await?;
            self.tag_finished(&arn).await?;
        }
        self.restart_if_pending(request, existing).await
    }

    /// An instance of a cluster: what it does not share with the cluster.
    pub(in crate::aws) async fn update_cluster_instance(
        &self,
        request: &Request<'_>,
        existing: &Observed,
        wanted: &ClusterInstance,
    ) -> Result<Observed, CloudError> {
        let differs = |name: &str| differs(request, existing, name);
        if differs("class") || differs("public_access") {
            let parameters = &wanted.parameters;
            self.modify_of_all(request, existing, &wanted.class, parameters)?
                .send()
                .await
                .context(MODIFY, &existing.id)?;
        }
        self.restart_if_pending(request, existing).await
    }

    async fn restart_if_pending(
        &self,
        request: &Request<'_>,
        existing: &Observed,
    ) -> Result<Observed, CloudError> {
        if differs(request, existing, "parameters") {
            self.rds
                .reboot_db_instance()
                .db_instance_identifier(&existing.id)
                .send()
                .await
                .context("rds:RebootDBInstance", &existing.id)?;
        }
        let found = self
            .read_database(request.environment, &existing.id)
            .await?;
        require_listed(found.into_iter().collect(), MODIFY, &existing.id)
    }

    /// What is changed alike on every instance. Names only what differs: what is named as it is
    /// may be refused, such as the size of storage that is still optimised.
    fn modify_of_all(
        &self,
        request: &Request<'_>,
        existing: &Observed,
        class: &str,
        parameters: &Address,
    ) -> Result<ModifyDBInstanceFluentBuilder, CloudError> {
        let differs = |name: &str| differs(request, existing, name);
        Ok(self
            .rds
            .modify_db_instance()
            .db_instance_identifier(&existing.id)
            .db_parameter_group_name(&dependency(request, MODIFY, parameters)?.id)
            .apply_immediately(true)
            .set_publicly_accessible(differs("public_access").then_some(false))
            .set_db_instance_class(differs("class").then(|| class.to_owned())))
    }

    async fn modify_database(
        &self,
        request: &Request<'_>,
        existing: &Observed,
        wanted: &DatabaseInstance,
    ) -> Result<(), CloudError> {
        let differs = |name: &str| differs(request, existing, name);
        let DatabaseInstance {
            class,
            parameters,
            storage,
            ..
        } = wanted;
        let mut modify = self.modify_of_all(request, existing, class, parameters)?;
        if differs("groups") {
            let group = &dependency(request, MODIFY, &wanted.group)?.id;
            modify = modify.vpc_security_group_ids(group);
        }
        // A snapshot may bring more than is asked for; the next plan then says so.
        let held = existing.number("storage_gib")?;
        let grows = held.is_none_or(|held| held < u64::from(storage.gib));
        if differs("storage_gib") && grows {
            modify = modify.allocated_storage(count(storage.gib));
        }
        if differs("iops") || differs("throughput_mibps") {
            modify = modify
                .set_iops(storage.iops.map(count))
                .set_storage_throughput(storage.throughput_mibps.map(count));
        }
        if differs("multi_az") {
            modify = modify.multi_az(wanted.multi_az);
        }
        if differs("backup_days") {
            modify = modify.backup_retention_period(count(wanted.backup_days));
        }
        if differs("deletion_protection") {
            modify = modify.deletion_protection(wanted.protection.deletion);
        }
        if existing.says("finished", false) {
            modify = modify.master_user_password(master_password(request, MODIFY)?);
        }
        modify.send().await.context(MODIFY, &existing.id)?;
        Ok(())
    }

    async fn database_arn(&self, id: &str) -> Result<String, CloudError> {
        let found = self.raw_database(id).await?;
        let arn = found.and_then(|instance| instance.db_instance_arn);
        arn.ok_or_else(|| incomplete("rds:DescribeDBInstances", id, "ARN"))
    }

    async fn tag_database(&self, id: &str, policy: &str) -> Result<(), CloudError> {
        let operation = "rds:AddTagsToResource";
        let arn = self.database_arn(id).await?;
        let tag = Tag::builder().key(tags::PROTECTION).value(policy).build();
        self.rds
            .add_tags_to_resource()
            .resource_name(arn)
            .tags(tag)
            .send()
            .await
            .context(operation, id)?;
        Ok(())
    }

    /// Lifts the protection that the plan saw, takes the final snapshot that the instance's
    /// policy asks for, and removes the automated backups too.
    ///
    /// AWS takes the snapshot as part of the deletion, so there never are two of one
    /// instance, nor a removal without it.
    pub(in crate::aws) async fn delete_database(
        &self,
        environment: &str,
        existing: &Observed,
    ) -> Result<(), CloudError> {
        let id = existing.id.as_str();
        if existing.is("deletion_protection")? {
            let lifted = self
                .rds
                .modify_db_instance()
                .db_instance_identifier(id)
                .deletion_protection(false)
                .apply_immediately(true)
                .send()
                .await;
            lifted.context(MODIFY, id).ok_if_not_found()?;
        }
        let last = existing.is("final_snapshot")?.then(|| {
            let created = existing.text("created").unwrap_or_default();
            Names::of(environment).final_snapshot(id, created)
        });
        // The backups of a cluster's instance are the cluster's.
        let backups = (existing.text("cluster").is_none()).then_some(true);
        let answer = self
            .rds
            .delete_db_instance()
            .db_instance_identifier(id)
            .skip_final_snapshot(last.is_none())
            .set_final_db_snapshot_identifier(last)
            .set_delete_automated_backups(backups)
            .send()
            .await;
        match answer.context("rds:DeleteDBInstance", id).ok_if_not_found() {
            Ok(_) => Ok(()),
            Err(error) => match self.raw_database(id).await? {
                // Somebody else was first.
                Some(found) if found.db_instance_status() == Some("deleting") => Ok(()),
                None => Ok(()),
                Some(_) => Err(error),
            },
        }
    }
}
