//! How databases and clusters are deleted: protection lifted, data kept where that is wanted.

use aws_sdk_rds::types::DbInstance;

use crate::aws::Aws;
use crate::aws::error::{CallContext, ErrorPolicy, refused};
use crate::aws::rds::settings::MODIFY;
use crate::blueprint::kinds::WITHOUT_FINAL_SNAPSHOT;
use crate::engine::{Blocker, CloudError, FailureClass, Observed};
use crate::identity::names::Names;

const DELETE: &str = "rds:DeleteDBInstance";
const DELETE_CLUSTER: &str = "rds:DeleteDBCluster";

impl Aws {
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
        let Some(found) = self.raw_database(id).await? else {
            return Ok(());
        };
        let status = found.db_instance_status().unwrap_or_default();
        if is_deleting(status) {
            return Ok(());
        }
        self.require_readers_to_go(environment, &found).await?;
        let snapshot = wants_final_snapshot(DELETE, existing, status)?;
        if found.deletion_protection() == Some(true) {
            require_planned_lift(DELETE, existing)?;
            let lifted = self
                .rds
                .modify_db_instance()
                .db_instance_identifier(id)
                .deletion_protection(false)
                .apply_immediately(true)
                .send()
                .await
                .context(MODIFY, id)
                .ok_if_not_found()?;
            let after = lifted.and_then(|answer| answer.db_instance);
            let protected = after
                .as_ref()
                .is_some_and(|after| after.deletion_protection() == Some(true));
            if protected {
                return Err(still_protected(DELETE, id));
            }
        }
        let last = snapshot.then(|| {
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
        match answer.context(DELETE, id).ok_if_not_found() {
            Ok(_) => Ok(()),
            Err(error) => match self.raw_database(id).await? {
                // Somebody else was first.
                Some(found) if is_deleting(found.db_instance_status().unwrap_or_default()) => {
                    Ok(())
                }
                None => Ok(()),
                Some(_) => Err(error),
            },
        }
    }

    /// RDS promotes the replicas of a PostgreSQL instance that is deleted before them: each would
    /// be a database of its own, with its bill ("Working with DB instance read replicas",
    /// deleting). Those that are going already stay replicas.
    async fn require_readers_to_go(
        &self,
        environment: &str,
        writer: &DbInstance,
    ) -> Result<(), CloudError> {
        let staying = self.readers_that_stay(environment, writer).await?;
        let Some(reader) = staying.first().and_then(|one| one.db_instance_identifier()) else {
            return Ok(());
        };
        let id = writer.db_instance_identifier().unwrap_or_default();
        Err(CloudError {
            class: FailureClass::Converging,
            ..refused(
                DELETE,
                id,
                "ReadersFirst",
                format!("its read replica `{reader}` is to be deleted first"),
            )
        })
    }

    /// The environment's read replicas of a database that nobody deletes yet.
    async fn readers_that_stay(
        &self,
        environment: &str,
        writer: &DbInstance,
    ) -> Result<Vec<DbInstance>, CloudError> {
        let names = Names::of(environment);
        let readers = writer.read_replica_db_instance_identifiers();
        if !readers.iter().any(|id| names.is_database(id)) {
            return Ok(Vec::new());
        }
        let mut databases = self.raw_databases(environment).await?;
        databases.retain(|one| {
            let id = one.db_instance_identifier().unwrap_or_default();
            readers.iter().any(|reader| reader == id)
                && !is_deleting(one.db_instance_status().unwrap_or_default())
        });
        Ok(databases)
    }

    /// The readers that keep a writer. One that is available could be deleted by now, so it does
    /// not go by itself: its own deletion failed.
    pub(in crate::aws) async fn readers_of(
        &self,
        environment: &str,
        existing: &Observed,
    ) -> Result<Vec<Blocker>, CloudError> {
        let Some(writer) = self.raw_database(&existing.id).await? else {
            return Ok(Vec::new());
        };
        let staying = self.readers_that_stay(environment, &writer).await?;
        let blockers = staying.iter().map(|reader| {
            let id = reader.db_instance_identifier().unwrap_or_default();
            let status = reader.db_instance_status().unwrap_or("without a state");
            Blocker {
                what: format!("read replica `{id}`, which is {status}"),
                passing: status != "available",
            }
        });
        Ok(blockers.collect())
    }

    /// Lifts the protection that the plan saw and takes the final snapshot that the cluster's
    /// policy asks for; AWS takes it as part of the deletion. Its instances are deleted by now.
    pub(in crate::aws) async fn delete_cluster(
        &self,
        environment: &str,
        existing: &Observed,
    ) -> Result<(), CloudError> {
        let id = existing.id.as_str();
        let Some(found) = self.raw_cluster(id).await? else {
            return Ok(());
        };
        let status = found.status().unwrap_or_default();
        if is_deleting(status) {
            return Ok(());
        }
        let snapshot = wants_final_snapshot(DELETE_CLUSTER, existing, status)?;
        if found.deletion_protection() == Some(true) {
            require_planned_lift(DELETE_CLUSTER, existing)?;
            let lifted = self
                .rds
                .modify_db_cluster()
                .db_cluster_identifier(id)
                .deletion_protection(false)
                .apply_immediately(true)
                .send()
                .await
                .context("rds:ModifyDBCluster", id)
                .ok_if_not_found()?;
            let after = lifted.and_then(|answer| answer.db_cluster);
            let protected = after
                .as_ref()
                .is_some_and(|after| after.deletion_protection() == Some(true));
            if protected {
                return Err(still_protected(DELETE_CLUSTER, id));
            }
        }
        let last = snapshot.then(|| {
            let created = existing.text("created").unwrap_or_default();
            Names::of(environment).final_snapshot(id, created)
        });
        let answer = self
            .rds
            .delete_db_cluster()
            .db_cluster_identifier(id)
            .skip_final_snapshot(last.is_none())
            .set_final_db_snapshot_identifier(last)
            .delete_automated_backups(true)
            .send()
            .await;
        match answer.context(DELETE_CLUSTER, id).ok_if_not_found() {
            Ok(_) => Ok(()),
            Err(error) => match self.raw_cluster(id).await? {
                // Somebody else was first.
                Some(found) if is_deleting(found.status().unwrap_or_default()) => Ok(()),
                None => Ok(()),
                Some(_) => Err(error),
            },
        }
    }
}

fn is_deleting(status: &str) -> bool {
    matches!(status, "deleting" | "delete-precheck")
}

/// Whether the final snapshot that the policy asks for is to be taken. Of a database in one of
/// these states RDS takes none (Amazon RDS API Reference, `DeleteDBInstance`).
fn wants_final_snapshot(
    operation: &str,
    existing: &Observed,
    status: &str,
) -> Result<bool, CloudError> {
    if !existing.is("final_snapshot")? {
        return Ok(false);
    }
    if !WITHOUT_FINAL_SNAPSHOT.contains(&status) {
        return Ok(true);
    }
    Err(refused(
        operation,
        &existing.id,
        "NoFinalSnapshot",
        format!(
            "in state `{status}` RDS creates no final snapshot: repair it, or restore its last \
             backup elsewhere, then delete it without one (`down --discard-data`)"
        ),
    ))
}

/// A protection that the plan did not see was set since then, by somebody who meant it.
fn require_planned_lift(operation: &str, existing: &Observed) -> Result<(), CloudError> {
    if existing.is("deletion_protection")? {
        return Ok(());
    }
    Err(CloudError {
        class: FailureClass::Blocked,
        ..refused(
            operation,
            &existing.id,
            "ProtectedSince",
            "it was protected from deletion after the plan was made",
        )
    })
}

/// What RDS was told a moment ago does not show yet.
fn still_protected(operation: &str, id: &str) -> CloudError {
    CloudError {
        class: FailureClass::Converging,
        ..refused(
            operation,
            id,
            "StillProtected",
            "its protection from deletion was lifted, which does not show yet",
        )
    }
}
