//! RDS PostgreSQL instances: the writer and its read replicas.

use aws_sdk_rds::types::DbInstance;

use crate::aws::Aws;
use crate::aws::error::{CallContext, ErrorPolicy, incomplete};
use crate::aws::ownership::Ownership;
use crate::aws::rds::settings::{
    NAME, STORAGE, count, group_ids, major, master_password, rds_pairs, rds_tags,
    settle_if_not_found, unfinished_tags,
};
use crate::aws::request::{dependency, zone_of_subnet};
use crate::aws::tags::{self, observed};
use crate::blueprint::kinds::{DatabaseInstance, POSTGRES};
use crate::blueprint::{Address, AttributeValue, DatabaseRole, Kind};
use crate::engine::{CloudError, Observed, Request, State};
use crate::identity::names::Names;

/// Creates writers and instances of clusters.
pub(in crate::aws) const CREATE: &str = "rds:CreateDBInstance";

impl Aws {
    pub(in crate::aws) async fn create_database(
        &self,
        request: &Request<'_>,
        wanted: &DatabaseInstance,
    ) -> Result<Observed, CloudError> {
        let operation = match wanted.role {
            DatabaseRole::Reader(_) => "rds:CreateDBInstanceReadReplica",
            DatabaseRole::Writer => CREATE,
        };
        let id = Names::of(request.environment).database(wanted.role);
        let created = match (wanted.role, &wanted.snapshot) {
            (DatabaseRole::Writer, Some(snapshot)) => {
                self.restore_writer(request, wanted, snapshot, &id).await
            }
            (DatabaseRole::Writer, None) => {
                self.create_writer(request, wanted, operation, &id).await
            }
            (DatabaseRole::Reader(_), _) => {
                self.create_reader(request, wanted, operation, &id).await
            }
        };
        self.resolve_database(request, operation, &id, created)
            .await
    }

    /// What a creation came to: the environment's own instance, or somebody else's of its name.
    pub(in crate::aws) async fn resolve_database(
        &self,
        request: &Request<'_>,
        operation: &str,
        id: &str,
        created: Result<DbInstance, CloudError>,
    ) -> Result<Observed, CloudError> {
        let created =
            created.ok_if_code(&["DBInstanceAlreadyExists", "DBInstanceAlreadyExistsFault"]);
        let created = settle_if_not_found(created)?;
        // The answer to a creation need not repeat the tags.
        let seen = created
            .as_ref()
            .and_then(|instance| observe(instance, request.environment));
        let ownership = match seen {
            Some(found) => Ownership::Ours(found),
            None => self.database_ownership(request.environment, id).await?,
        };
        self.resolve_creation(request, operation, id, created.is_some(), ownership)
    }

    async fn create_writer(
        &self,
        request: &Request<'_>,
        wanted: &DatabaseInstance,
        operation: &str,
        id: &str,
    ) -> Result<DbInstance, CloudError> {
        let DatabaseInstance {
            zone,
            version,
            class,
            storage,
            multi_az,
            backup_days,
            protection,
            subnets,
            parameters,
            group,
            ..
        } = wanted;
        let provisioned = storage.provisioned();
        self.rds
            .create_db_instance()
            .db_instance_identifier(id)
            .engine(POSTGRES)
            .engine_version(version)
            .db_instance_class(class)
            .db_name(NAME)
            .master_username(NAME)
            .master_user_password(master_password(request, operation)?)
            .allocated_storage(count(storage.gib))
            .storage_type(STORAGE)
            .set_iops(provisioned.map(|(iops, _)| count(iops)))
            .set_storage_throughput(provisioned.map(|(_, rate)| count(rate)))
            .storage_encrypted(true)
            .publicly_accessible(false)
            .multi_az(*multi_az)
            .set_availability_zone(zone_of_subnet(request, operation, zone.as_ref())?)
            .backup_retention_period(count(*backup_days))
            .deletion_protection(protection.deletion)
            // A rig that is measured must not be restarted under the measurement.
            .auto_minor_version_upgrade(false)
            .copy_tags_to_snapshot(true)
            .db_subnet_group_name(&dependency(request, operation, subnets)?.id)
            .db_parameter_group_name(&dependency(request, operation, parameters)?.id)
            .vpc_security_group_ids(&dependency(request, operation, group)?.id)
            .set_tags(Some(rds_tags(request)))
            .send()
            .await
            .context(operation, request.address)?
            .db_instance
            .ok_or_else(|| incomplete(operation, request.address, "instance"))
    }

    /// A replica takes the parameter group of its source: PostgreSQL's may not name another one
    /// in this call (terraform-provider-aws issue 38056), but in a second one.
    async fn create_reader(
        &self,
        request: &Request<'_>,
        wanted: &DatabaseInstance,
        operation: &str,
        id: &str,
    ) -> Result<DbInstance, CloudError> {
        let DatabaseInstance {
            zone,
            class,
            storage,
            multi_az,
            protection,
            group,
            ..
        } = wanted;
        let provisioned = storage.provisioned();
        let writer = dependency(request, operation, &Address::database(DatabaseRole::Writer))?;
        self.rds
            .create_db_instance_read_replica()
            .db_instance_identifier(id)
            .source_db_instance_identifier(&writer.id)
            .db_instance_class(class)
            .storage_type(STORAGE)
            .set_iops(provisioned.map(|(iops, _)| count(iops)))
            .set_storage_throughput(provisioned.map(|(_, rate)| count(rate)))
            .publicly_accessible(false)
            .multi_az(*multi_az)
            .set_availability_zone(zone_of_subnet(request, operation, zone.as_ref())?)
            .deletion_protection(protection.deletion)
            .auto_minor_version_upgrade(false)
            .copy_tags_to_snapshot(true)
            .vpc_security_group_ids(&dependency(request, operation, group)?.id)
            .set_tags(Some(unfinished_tags(request)))
            .send()
            .await
            .context(operation, request.address)?
            .db_instance
            .ok_or_else(|| incomplete(operation, request.address, "instance"))
    }

    pub(in crate::aws) async fn databases(
        &self,
        environment: &str,
    ) -> Result<Vec<Observed>, CloudError> {
        let found = self.raw_databases(environment).await?;
        Ok(found
            .iter()
            .filter_map(|instance| observe(instance, environment))
            .collect())
    }

    /// Whatever has the name of one of the environment's databases.
    pub(in crate::aws) async fn raw_databases(
        &self,
        environment: &str,
    ) -> Result<Vec<DbInstance>, CloudError> {
        // There is no filter by tag or prefix.
        let all: Vec<DbInstance> = self
            .rds
            .describe_db_instances()
            .into_paginator()
            .items()
            .send()
            .try_collect()
            .await
            .context("rds:DescribeDBInstances", environment)?;
        let names = Names::of(environment);
        Ok(all
            .into_iter()
            .filter(|db| {
                db.db_instance_identifier()
                    .is_some_and(|id| names.is_database(id))
            })
            .collect())
    }

    pub(in crate::aws) async fn raw_database(
        &self,
        id: &str,
    ) -> Result<Option<DbInstance>, CloudError> {
        let answer = self
            .rds
            .describe_db_instances()
            .db_instance_identifier(id)
            .send()
            .await;
        let found = answer
            .context("rds:DescribeDBInstances", id)
            .ok_if_not_found()?;
        Ok(found.and_then(|answer| answer.db_instances.unwrap_or_default().pop()))
    }

    pub(in crate::aws) async fn read_database(
        &self,
        environment: &str,
        id: &str,
    ) -> Result<Option<Observed>, CloudError> {
        Ok(self.database_ownership(environment, id).await?.ours())
    }

    async fn database_ownership(
        &self,
        environment: &str,
        id: &str,
    ) -> Result<Ownership, CloudError> {
        let Some(instance) = self.raw_database(id).await? else {
            return Ok(Ownership::NotListed);
        };
        let owner = tags::ownership(rds_pairs(instance.tag_list()), environment);
        Ok(owner.and_then(|_| observe(&instance, environment)))
    }
}

pub(in crate::aws) fn observe(instance: &DbInstance, environment: &str) -> Option<Observed> {
    let status = instance.db_instance_status().unwrap_or("creating");
    let endpoint = instance.endpoint();
    let mut state = state_of(status);
    let changing = instance.pending_modified_values().is_some_and(|pending| {
        pending.db_instance_class().is_some()
            || pending.allocated_storage().is_some()
            || pending.multi_az().is_some()
            || pending.iops().is_some()
            || pending.storage_throughput().is_some()
            || pending.backup_retention_period().is_some()
            || pending.master_user_password().is_some()
    });
    let parameters = instance.db_parameter_groups().first();
    let applying = parameters.and_then(|group| group.parameter_apply_status()) == Some("applying");
    // Of a read replica; a writer has none.
    let interrupted = instance
        .status_infos()
        .iter()
        .any(|info| info.normal() == Some(false));
    // For some seconds after a change was accepted it still is `available`; and it is of
    // no use to anybody before it has an address.
    if state == State::Ready && (changing || applying || interrupted || endpoint.is_none()) {
        state = State::Pending;
    }
    let policy = tags::protection(rds_pairs(instance.tag_list()));
    let flag = |value: Option<bool>| value.map(Into::into);
    let number = |value: Option<i32>| value.map(Into::into);
    Some(observed(
        tags::address(rds_pairs(instance.tag_list()), environment)?,
        Kind::Database,
        instance.db_instance_identifier()?,
        (state, status),
        [
            (
                "version",
                instance
                    .engine_version()
                    .map(|version| major(version).into()),
            ),
            ("engine_version", instance.engine_version().map(Into::into)),
            ("class", instance.db_instance_class().map(Into::into)),
            ("storage_gib", number(instance.allocated_storage())),
            ("cluster", instance.db_cluster_identifier().map(Into::into)),
            (
                "source",
                instance
                    .read_replica_source_db_instance_identifier()
                    .map(Into::into),
            ),
            ("engine", instance.engine().map(Into::into)),
            ("zone", instance.availability_zone().map(Into::into)),
            (
                "endpoint",
                endpoint.and_then(|e| e.address()).map(Into::into),
            ),
            ("port", number(endpoint.and_then(|e| e.port()))),
            ("user", instance.master_username().map(Into::into)),
            ("database", instance.db_name().map(Into::into)),
            (
                "parameter_group",
                parameters
                    .and_then(|group| group.db_parameter_group_name())
                    .map(|name| group_address(name, environment)),
            ),
            (
                "parameters",
                parameters
                    .and_then(|group| group.parameter_apply_status())
                    .map(|status| match status {
                        "pending-reboot" => status.into(),
                        // `applying` needs nobody's help.
                        _ => "in-sync".into(),
                    }),
            ),
            ("multi_az", flag(instance.multi_az())),
            ("encrypted", flag(instance.storage_encrypted())),
            ("iops", number(instance.iops())),
            ("throughput_mibps", number(instance.storage_throughput())),
            ("backup_days", number(instance.backup_retention_period())),
            ("deletion_protection", flag(instance.deletion_protection())),
            ("public_access", flag(instance.publicly_accessible())),
            ("groups", group_ids(instance.vpc_security_groups())),
            ("final_snapshot", Some(policy.final_snapshot.into())),
            ("finished", tags::finished(rds_pairs(instance.tag_list()))),
            (
                "created",
                instance
                    .instance_create_time()
                    .map(|time| time.to_string().into()),
            ),
        ],
    ))
}

/// The address of a parameter group of the environment's; another's name.
fn group_address(name: &str, environment: &str) -> AttributeValue {
    let names = Names::of(environment);
    let ours = [false, true]
        .into_iter()
        .find(|reader| names.database_parameters(*reader) == name);
    ours.map_or_else(
        || name.into(),
        |reader| (&Address::database_parameters(reader)).into(),
    )
}

fn state_of(status: &str) -> State {
    match status {
        // Storage is optimised for hours after it grew, behind a usable database.
        "available" | "storage-optimization" | "storage-config-upgrade" => State::Ready,
        "deleting" | "delete-precheck" => State::Deleting,
        "failed"
        | "inaccessible-encryption-credentials"
        | "inaccessible-encryption-credentials-recoverable"
        | "insufficient-capacity"
        | "modify-failed"
        | "restore-error"
        | "stopped"
        | "stopping"
        | "storage-full"
        | "upgrade-failed" => State::Failed,
        status if status.starts_with("incompatible-") => State::Failed,
        // `creating`, `backing-up`, `modifying`, `rebooting`, `configuring-…` and more.
        _ => State::Pending,
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_rds::types::{Endpoint, PendingModifiedValues, Tag};

    use super::*;

    fn writer(status: &str) -> aws_sdk_rds::types::builders::DbInstanceBuilder {
        let tag = |key: &str, value: &str| Tag::builder().key(key).value(value).build();
        DbInstance::builder()
            .db_instance_identifier("lr-demo-db-writer")
            .db_instance_status(status)
            .engine_version("15.8")
            .tag_list(tag(tags::ENVIRONMENT, "demo"))
            .tag_list(tag(tags::ADDRESS, "database/writer"))
    }

    fn reachable(status: &str) -> aws_sdk_rds::types::builders::DbInstanceBuilder {
        writer(status).endpoint(Endpoint::builder().address("db").port(5432).build())
    }

    #[test]
    fn a_database_is_ready_when_it_can_be_used() {
        for (status, state) in [
            ("creating", State::Pending),
            ("backing-up", State::Pending),
            ("available", State::Ready),
            ("storage-optimization", State::Ready),
            ("incompatible-parameters", State::Failed),
            ("failed", State::Failed),
            ("modify-failed", State::Failed),
            ("deleting", State::Deleting),
        ] {
            let found = observe(&reachable(status).build(), "demo").unwrap();
            assert_eq!(found.state, state, "{status}");
        }
        let without_address = observe(&writer("available").build(), "demo").unwrap();
        assert_eq!(without_address.state, State::Pending);
    }

    #[test]
    fn an_accepted_change_is_waited_for() {
        let changing = reachable("available").pending_modified_values(
            PendingModifiedValues::builder()
                .db_instance_class("db.r7g.xlarge")
                .build(),
        );
        assert_eq!(
            observe(&changing.build(), "demo").unwrap().state,
            State::Pending
        );
    }

    #[test]
    fn the_major_version_is_compared() {
        let found = observe(&reachable("available").build(), "demo").unwrap();
        assert_eq!(found.text("version"), Some("15"));
        assert_eq!(found.text("engine_version"), Some("15.8"));
    }
}
