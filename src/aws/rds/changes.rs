//! What happens to RDS instances that exist: changes in place, restarts, removal.

use aws_sdk_rds::types::Tag;

use crate::aws::Aws;
use crate::aws::error::{CallContext, ErrorPolicy, incomplete, refused};
use crate::aws::rds::settings::{count, master_password};
use crate::aws::request::{dependency, require_listed, wrong_kind};
use crate::aws::tags;
use crate::blueprint::Desired;
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
    ) -> Result<Observed, CloudError> {
        let version = match request.desired {
            Desired::Database { version, .. } => Some(version.as_str()),
            Desired::ClusterInstance { .. } => None,
            _ => return Err(wrong_kind(MODIFY, request)),
        };
        if let Some(version) = version
            && existing
                .get("version")
                .is_some_and(|found| found != version)
        {
            return Err(refused(
                MODIFY,
                request.address,
                "VersionChange",
                format!(
                    "a major version (`{}` to `{version}`) is not changed in place",
                    existing.get("version").unwrap_or_default()
                ),
            ));
        }
        let wanted = request.desired.attributes();
        let differs = |key: &str| {
            let wanted = wanted.get(key).map(String::as_str);
            wanted.is_some() && existing.get(key).is_some() && existing.get(key) != wanted
        };
        if differs("final_snapshot") {
            let policy = request.desired.protection();
            self.tag_database(&existing.id, tags::protection_text(policy))
                .await?;
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
        let unfinished = existing.get("finished") == Some("false");
        if unfinished || modified.into_iter().any(differs) {
            self.modify_database(request, existing, differs).await?;
        }
        if unfinished {
            let arn = self.database_arn(&existing.id).await?;
            self.tag_finished(&arn).await?;
        }
        if differs("parameters") {
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

    /// Names only what differs: what is named as it is may be refused, such as the size of
    /// storage that is still optimised.
    async fn modify_database(
        &self,
        request: &Request<'_>,
        existing: &Observed,
        differs: impl Fn(&str) -> bool,
    ) -> Result<(), CloudError> {
        let (Desired::Database {
            class, parameters, ..
        }
        | Desired::ClusterInstance {
            class, parameters, ..
        }) = request.desired
        else {
            return Err(wrong_kind(MODIFY, request));
        };
        let mut modify = self
            .rds
            .modify_db_instance()
            .db_instance_identifier(&existing.id)
            .db_parameter_group_name(&dependency(request, MODIFY, parameters)?.id)
            .apply_immediately(true)
            .set_publicly_accessible(differs("public_access").then_some(false));
        if differs("class") {
            modify = modify.db_instance_class(class);
        }
        if let Desired::Database {
            storage,
            multi_az,
            backup_days,
            protection,
            group,
            ..
        } = request.desired
        {
            if differs("groups") {
                let group = &dependency(request, MODIFY, group)?.id;
                modify = modify.vpc_security_group_ids(group);
            }
            // A snapshot may bring more than is asked for; the next plan then says so.
            let held = existing.get("storage_gib").and_then(|gib| gib.parse().ok());
            if differs("storage_gib") && held.is_none_or(|held: u32| held < storage.gib) {
                modify = modify.allocated_storage(count(storage.gib));
            }
            if differs("iops") || differs("throughput_mibps") {
                modify = modify
                    .set_iops(storage.iops.map(count))
                    .set_storage_throughput(storage.throughput_mibps.map(count));
            }
            if differs("multi_az") {
                modify = modify.multi_az(*multi_az);
            }
            if differs("backup_days") {
                modify = modify.backup_retention_period(count(*backup_days));
            }
            if differs("deletion_protection") {
                modify = modify.deletion_protection(protection.deletion);
            }
        }
        if existing.get("finished") == Some("false") {
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

    /// Lifts the protection that the plan saw, makes the final snapshot that the instance's
    /// policy asks for, and removes the automated backups too.
    ///
    /// AWS makes the snapshot as a part of the removal, so there never are two of one
    /// instance, nor a removal without it.
    pub(in crate::aws) async fn delete_database(
        &self,
        environment: &str,
        existing: &Observed,
    ) -> Result<(), CloudError> {
        let id = existing.id.as_str();
        if existing.get("deletion_protection") == Some("true") {
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
        let last = (existing.get("final_snapshot") == Some("true")).then(|| {
            let created = existing.get("created").unwrap_or_default();
            Names::of(environment).final_snapshot(id, created)
        });
        // The backups of a cluster's instance are the cluster's.
        let backups = (existing.get("cluster").is_none()).then_some(true);
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
