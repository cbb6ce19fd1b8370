//! Aurora PostgreSQL: the cluster, which holds storage, password and policy.
//!
//! Its instances are RDS instances like any other, see `aurora_instances`.

use aws_sdk_rds::types::{DbCluster, Tag};

use crate::aws::Aws;
use crate::aws::error::{CallContext, ErrorPolicy, incomplete, refused};
use crate::aws::ownership::Ownership;
use crate::aws::rds::settings::{
    AURORA, IO_OPTIMIZED, NAME, count, group_ids, major, master_password, rds_pairs, rds_tags,
    settle_if_not_found,
};
use crate::aws::request::{dependency, differs, require_listed};
use crate::aws::tags::{self, observed};
use crate::blueprint::Kind;
use crate::blueprint::kinds::DatabaseCluster;
use crate::engine::{CloudError, Observed, Request, State};
use crate::identity::names::Names;

const CREATE: &str = "rds:CreateDBCluster";
const MODIFY: &str = "rds:ModifyDBCluster";
const STANDARD: &str = "aurora";

impl Aws {
    pub(in crate::aws) async fn create_cluster(
        &self,
        request: &Request<'_>,
        wanted: &DatabaseCluster,
    ) -> Result<Observed, CloudError> {
        let id = Names::of(request.environment).database_cluster();
        let created = self
            .request_cluster(request, wanted, &id)
            .await
            .ok_if_code(&["DBClusterAlreadyExistsFault", "DBClusterAlreadyExists"]);
        let created = settle_if_not_found(created)?;
        let ownership = self.cluster_ownership(request.environment).await?;
        self.resolve_creation(request, CREATE, &id, created.is_some(), ownership)
    }

    async fn request_cluster(
        &self,
        request: &Request<'_>,
        wanted: &DatabaseCluster,
        id: &str,
    ) -> Result<(), CloudError> {
        let DatabaseCluster {
            version,
            io_optimized,
            backup_days,
            snapshot,
            protection,
            subnets,
            parameters,
            group,
        } = wanted;
        if let Some(snapshot) = snapshot {
            return self.restore_cluster(request, wanted, snapshot, id).await;
        }
        let password = master_password(request, CREATE)?;
        let subnets = &dependency(request, CREATE, subnets)?.id;
        let parameters = &dependency(request, CREATE, parameters)?.id;
        let group = &dependency(request, CREATE, group)?.id;
        self.rds
            .create_db_cluster()
            .db_cluster_identifier(id)
            .engine(AURORA)
            // AWS chooses the minor version of a major one.
            .engine_version(version)
            .database_name(NAME)
            .master_username(NAME)
            .master_user_password(password)
            .storage_encrypted(true)
            // The standard type is what AWS takes by itself.
            .set_storage_type(io_optimized.then(|| IO_OPTIMIZED.to_owned()))
            .backup_retention_period(count(*backup_days))
            .deletion_protection(protection.deletion)
            .copy_tags_to_snapshot(true)
            .db_subnet_group_name(subnets)
            .db_cluster_parameter_group_name(parameters)
            .vpc_security_group_ids(group)
            .set_tags(Some(rds_tags(request)))
            .send()
            .await
            .context(CREATE, request.address)?;
        Ok(())
    }

    pub(in crate::aws) async fn update_cluster(
        &self,
        request: &Request<'_>,
        existing: &Observed,
        wanted: &DatabaseCluster,
    ) -> Result<Observed, CloudError> {
        let DatabaseCluster {
            version,
            io_optimized,
            backup_days,
            protection,
            group,
            ..
        } = wanted;
        if existing
            .text("version")
            .is_some_and(|found| found != version)
        {
            let message = format!("a major version is not changed to `{version}` in place");
            return Err(refused(MODIFY, request.address, "VersionChange", message));
        }
        let differs = |name: &str| differs(request, existing, name);
        if differs("final_snapshot") {
            self.tag_cluster(&existing.id, tags::protection_text(*protection))
                .await?;
        }
        let unfinished = existing.says("finished", false);
        if [
            "io_optimized",
            "backup_days",
            "deletion_protection",
            "groups",
        ]
        .into_iter()
        .any(differs)
            || unfinished
        {
            let mut modify = self
                .rds
                .modify_db_cluster()
                .db_cluster_identifier(&existing.id)
                .apply_immediately(true);
            // Storage can be switched once a month at most, so it is named when it differs.
            if differs("io_optimized") {
                modify = modify.storage_type(storage_type(*io_optimized));
            }
            if differs("backup_days") {
                modify = modify.backup_retention_period(count(*backup_days));
            }
            if differs("deletion_protection") {
                modify = modify.deletion_protection(protection.deletion);
            }
            if differs("groups") {
                let group = &dependency(request, MODIFY, group)?.id;
                modify = modify.vpc_security_group_ids(group);
            }
            if unfinished {
                modify = modify.master_user_password(master_password(request, MODIFY)?);
            }
            modify.send().await.context(MODIFY, &existing.id)?;
        }
        if unfinished {
            let arn = self.cluster_arn(&existing.id).await?;
            self.tag_finished(&arn).await?;
        }
        let found = self.read_cluster(request.environment).await?;
        require_listed(found.into_iter().collect(), MODIFY, &existing.id)
    }

    async fn cluster_arn(&self, id: &str) -> Result<String, CloudError> {
        let found = self.raw_cluster(id).await?;
        let arn = found.and_then(|cluster| cluster.db_cluster_arn);
        arn.ok_or_else(|| incomplete("rds:DescribeDBClusters", id, "ARN"))
    }

    async fn tag_cluster(&self, id: &str, policy: &str) -> Result<(), CloudError> {
        let operation = "rds:AddTagsToResource";
        let arn = self.cluster_arn(id).await?;
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

    pub(in crate::aws) async fn read_cluster(
        &self,
        environment: &str,
    ) -> Result<Option<Observed>, CloudError> {
        Ok(self.cluster_ownership(environment).await?.ours())
    }

    async fn cluster_ownership(&self, environment: &str) -> Result<Ownership, CloudError> {
        let id = Names::of(environment).database_cluster();
        let Some(cluster) = self.raw_cluster(&id).await? else {
            return Ok(Ownership::NotListed);
        };
        let owner = tags::ownership(rds_pairs(cluster.tag_list()), environment);
        Ok(owner.and_then(|_| observe(&cluster, environment)))
    }

    /// Whatever has the cluster's name.
    pub(in crate::aws) async fn raw_cluster(
        &self,
        id: &str,
    ) -> Result<Option<DbCluster>, CloudError> {
        let answer = self
            .rds
            .describe_db_clusters()
            .db_cluster_identifier(id)
            .send()
            .await;
        let found = answer
            .context("rds:DescribeDBClusters", id)
            .ok_if_not_found()?;
        Ok(found.and_then(|answer| answer.db_clusters.unwrap_or_default().pop()))
    }
}

fn storage_type(io_optimized: bool) -> &'static str {
    if io_optimized { IO_OPTIMIZED } else { STANDARD }
}

fn observe(cluster: &DbCluster, environment: &str) -> Option<Observed> {
    let status = cluster.status().unwrap_or("creating");
    let state = match status {
        "available" if cluster.endpoint().is_some() => State::Ready,
        "deleting" => State::Deleting,
        "failed"
        | "inaccessible-encryption-credentials"
        | "inaccessible-encryption-credentials-recoverable"
        | "cloning-failed"
        | "migration-failed"
        | "restore-failed"
        | "stopped"
        | "stopping" => State::Failed,
        status if status.starts_with("incompatible-") => State::Failed,
        // `creating`, `modifying`, `backing-up`, `failing-over`, `resetting-master-credentials` …
        _ => State::Pending,
    };
    let policy = tags::protection(rds_pairs(cluster.tag_list()));
    let text = |value: Option<&str>| value.map(Into::into);
    let flag = |value: Option<bool>| value.map(Into::into);
    let writer = cluster
        .db_cluster_members()
        .iter()
        .find(|member| member.is_cluster_writer() == Some(true))
        .and_then(|member| member.db_instance_identifier());
    Some(observed(
        tags::address(rds_pairs(cluster.tag_list()), environment)?,
        Kind::DatabaseCluster,
        cluster.db_cluster_identifier()?,
        (state, status),
        [
            (
                "version",
                cluster
                    .engine_version()
                    .map(|version| major(version).into()),
            ),
            ("engine_version", text(cluster.engine_version())),
            (
                "io_optimized",
                // The standard type is not always in the answer.
                Some((cluster.storage_type() == Some(IO_OPTIMIZED)).into()),
            ),
            ("groups", group_ids(cluster.vpc_security_groups())),
            ("encrypted", flag(cluster.storage_encrypted())),
            (
                "backup_days",
                cluster.backup_retention_period().map(Into::into),
            ),
            ("deletion_protection", flag(cluster.deletion_protection())),
            ("final_snapshot", Some(policy.final_snapshot.into())),
            ("finished", tags::finished(rds_pairs(cluster.tag_list()))),
            ("endpoint", text(cluster.endpoint())),
            ("port", cluster.port().map(Into::into)),
            ("user", text(cluster.master_username())),
            ("database", text(cluster.database_name())),
            // After a failover this is not the instance that was created as the writer.
            ("writer", text(writer)),
            (
                "created",
                cluster
                    .cluster_create_time()
                    .map(|time| time.to_string().into()),
            ),
        ],
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster(status: &str) -> aws_sdk_rds::types::builders::DbClusterBuilder {
        let tag = |key: &str, value: &str| Tag::builder().key(key).value(value).build();
        DbCluster::builder()
            .db_cluster_identifier("lr-demo-db")
            .status(status)
            .endpoint("lr-demo-db.cluster-x.us-east-1.rds.amazonaws.com")
            .engine_version("15.12")
            .tag_list(tag(tags::ENVIRONMENT, "demo"))
            .tag_list(tag(tags::ADDRESS, "database-cluster"))
    }

    #[test]
    fn storage_that_is_not_told_is_standard() {
        let found = observe(&cluster("available").build(), "demo").unwrap();
        assert!(found.says("io_optimized", false));
        assert_eq!(found.text("version"), Some("15"));
        let optimized = cluster("available").storage_type(IO_OPTIMIZED).build();
        let found = observe(&optimized, "demo").unwrap();
        assert!(found.says("io_optimized", true));
    }

    #[test]
    fn a_cluster_waits_through_what_passes_and_not_through_what_does_not() {
        for (status, state) in [
            ("available", State::Ready),
            ("resetting-master-credentials", State::Pending),
            ("failing-over", State::Pending),
            ("deleting", State::Deleting),
            ("stopped", State::Failed),
            ("restore-failed", State::Failed),
            ("incompatible-parameters", State::Failed),
        ] {
            let found = observe(&cluster(status).build(), "demo").unwrap();
            assert_eq!(found.state, state, "{status}");
        }
    }
}
