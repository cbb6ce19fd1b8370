//! What happens to RDS instances that exist: changes in place and restarts.
//!
//! RDS changes one thing at a time, so an update makes one change: a modification while anything
//! differs that one can settle, else the restart that changed parameters wait for. The engine
//! repeats the update until nothing is left to do.

use aws_sdk_rds::operation::modify_db_instance::builders::ModifyDBInstanceFluentBuilder;
use aws_sdk_rds::types::Tag;

use crate::aws::Aws;
use crate::aws::error::{CallContext, incomplete, refused};
use crate::aws::rds::settings::{MODIFY, count, master_password};
use crate::aws::rds::storage::{StorageChange, advise};
use crate::aws::request::{dependency, differs, require_listed};
use crate::aws::tags;
use crate::blueprint::kinds::{ClusterInstance, DatabaseInstance};
use crate::blueprint::{Address, DatabaseRole};
use crate::engine::{CloudError, Observed, Request};

/// What one modification changes on every instance.
const OF_ALL: &[&str] = &["class", "public_access", "parameter_group"];
/// What it changes on instances that are no cluster's; storage is told by itself.
const OF_ITS_OWN: &[&str] = &["multi_az", "backup_days", "deletion_protection", "groups"];

impl Aws {
    /// Everything that one modification changes in place, or a restart. Storage can only grow.
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
        let unfinished = existing.says("finished", false);
        // A snapshot brings its password along, which nobody can read to compare it.
        let password = unfinished && wanted.role == DatabaseRole::Writer;
        let storage = StorageChange::of(request, existing, wanted)?;
        let mut names = OF_ALL.iter().chain(OF_ITS_OWN);
        if password || storage.is_some() || names.any(|name| differs(name)) {
            self.modify_database(request, existing, wanted, (storage, password))
                .await?;
        } else if !unfinished && differs("parameters") {
            self.restart(&existing.id).await?;
        }
        if unfinished {
            let arn = self.database_arn(&existing.id).await?;
            self.tag_finished(&arn).await?;
        }
        self.reread_database(request, existing).await
    }

    /// An instance of a cluster: what it does not share with the cluster.
    pub(in crate::aws) async fn update_cluster_instance(
        &self,
        request: &Request<'_>,
        existing: &Observed,
        wanted: &ClusterInstance,
    ) -> Result<Observed, CloudError> {
        let differs = |name: &str| differs(request, existing, name);
        if OF_ALL.iter().any(|name| differs(name)) {
            let parameters = &wanted.parameters;
            let modify = self.modify_of_all(request, existing, &wanted.class, parameters)?;
            send(modify, &existing.id).await?;
        } else if differs("parameters") {
            self.restart(&existing.id).await?;
        }
        self.reread_database(request, existing).await
    }

    pub(in crate::aws) async fn restart(&self, id: &str) -> Result<(), CloudError> {
        self.rds
            .reboot_db_instance()
            .db_instance_identifier(id)
            .send()
            .await
            .context("rds:RebootDBInstance", id)?;
        Ok(())
    }

    async fn reread_database(
        &self,
        request: &Request<'_>,
        existing: &Observed,
    ) -> Result<Observed, CloudError> {
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
        let mut modify = self
            .rds
            .modify_db_instance()
            .db_instance_identifier(&existing.id)
            .apply_immediately(true)
            .set_publicly_accessible(differs("public_access").then_some(false))
            .set_db_instance_class(differs("class").then(|| class.to_owned()));
        if differs("parameter_group") {
            let group = &dependency(request, MODIFY, parameters)?.id;
            modify = modify.db_parameter_group_name(group);
        }
        Ok(modify)
    }

    async fn modify_database(
        &self,
        request: &Request<'_>,
        existing: &Observed,
        wanted: &DatabaseInstance,
        (storage, password): (Option<StorageChange>, bool),
    ) -> Result<(), CloudError> {
        let differs = |name: &str| differs(request, existing, name);
        let mut modify =
            self.modify_of_all(request, existing, &wanted.class, &wanted.parameters)?;
        if differs("groups") {
            let group = &dependency(request, MODIFY, &wanted.group)?.id;
            modify = modify.vpc_security_group_ids(group);
        }
        if let Some(storage) = storage {
            modify = modify
                .allocated_storage(count(storage.gib))
                .set_iops(storage.performance.map(|(iops, _)| count(iops)))
                .set_storage_throughput(storage.performance.map(|(_, rate)| count(rate)));
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
        if password {
            modify = modify.master_user_password(master_password(request, MODIFY)?);
        }
        send(modify, &existing.id).await
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
}

/// Sends a modification. One that changes nothing is refused, and done: an earlier answer was
/// lost.
async fn send(modify: ModifyDBInstanceFluentBuilder, id: &str) -> Result<(), CloudError> {
    match modify.send().await.context(MODIFY, id) {
        Ok(_) => Ok(()),
        Err(error) if error.message.contains("No modifications were requested") => Ok(()),
        Err(error) => Err(advise(error)),
    }
}
