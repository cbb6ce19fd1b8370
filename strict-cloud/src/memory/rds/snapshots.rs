//! Snapshots of databases and of clusters.

use crate::account_profile::DefaultKey;
use crate::errors::AwsError;

use super::super::account::{AwsAccount, CreationTime, QueryResult, TagMap, missing};
use super::super::form::QueryForm;
use super::super::writer::xml;
use super::clusters::ClusterRecord;
use super::instances::DatabaseRecord;
use super::write_tags;

/// A snapshot that somebody asked for.
#[derive(Debug, Clone, Hash)]
pub(super) struct SnapshotRecord {
    pub(super) serial: String,
    source: String,
    pub(super) status: &'static str,
    pub(super) engine: String,
    pub(super) version: String,
    pub(super) gib: u32,
    pub(super) encrypted: bool,
    pub(super) user: String,
    pub(super) database: String,
    created: CreationTime,
    pub(super) tags: TagMap,
}

/// Refuses to restore what is encrypted with a key that cannot be used: `KMSKeyNotAccessibleFault`,
/// an error of both restoring actions (Amazon RDS API Reference; the words are from
/// terraform-provider-aws#16362).
pub(super) fn can_be_decrypted(
    account: &AwsAccount,
    snapshot: &SnapshotRecord,
) -> Result<(), AwsError> {
    if account.profile.traits().key != DefaultKey::Unusable || !snapshot.encrypted {
        return Ok(());
    }
    let key = account.arn("kms", "key/c0ffee00-0000-4000-8000-000000000000");
    Err(AwsError::new(
        "KMSKeyNotAccessibleFault",
        format!(
            "The specified KMS key [{key}] does not exist, is not enabled or you do not have \
             permissions to access it."
        ),
    ))
}

impl SnapshotRecord {
    pub(super) fn of_database(
        account: &mut AwsAccount,
        source: &str,
        one: &DatabaseRecord,
    ) -> Self {
        Self {
            serial: account.new_id("snapshot"),
            source: source.to_owned(),
            status: "creating",
            engine: one.engine.clone(),
            version: one.version.clone(),
            gib: one.gib,
            encrypted: one.encrypted,
            user: one.user.clone(),
            database: one.database.clone(),
            created: CreationTime(account.now),
            tags: one.tags.clone(),
        }
    }

    pub(super) fn of_cluster(account: &mut AwsAccount, source: &str, one: &ClusterRecord) -> Self {
        Self {
            serial: account.new_id("snapshot"),
            source: source.to_owned(),
            status: "creating",
            engine: one.engine.clone(),
            version: one.version.clone(),
            gib: 1,
            encrypted: one.encrypted,
            user: one.user.clone(),
            database: one.database.clone(),
            created: CreationTime(account.now),
            tags: one.tags.clone(),
        }
    }
}

/// DescribeDBSnapshots: "Returns information about DB snapshots."
/// (<https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DescribeDBSnapshots.html>).
pub(super) fn describe(account: &AwsAccount, form: &QueryForm<'_>) -> QueryResult {
    let asked = form.get("DBSnapshotIdentifier");
    let of = form.get("DBInstanceIdentifier").map(str::to_lowercase);
    let manual = form.get("SnapshotType").is_none_or(|kind| kind == "manual");
    form.accept(&["IncludeShared", "IncludePublic"]);
    let all = &account.rds.snapshots;
    if let Some(id) = asked.filter(|id| !all.contains_key(*id)) {
        return Err(missing(
            "DBSnapshotNotFound",
            format!("DBSnapshot {id} not found."),
        ));
    }
    let found = all.iter().filter(|(id, one)| {
        manual
            && asked.is_none_or(|asked| asked == *id)
            && of.as_ref().is_none_or(|of| *of == one.source)
    });
    Ok(xml(|xml| {
        xml.list("DBSnapshots", "DBSnapshot", found, |xml, (id, one)| {
            xml.text("DBSnapshotIdentifier", id);
            xml.text("DBInstanceIdentifier", &one.source);
            xml.text("Status", one.status);
            xml.text("SnapshotType", "manual");
            xml.text("Engine", &one.engine);
            xml.text("EngineVersion", &one.version);
            xml.value("AllocatedStorage", one.gib);
            xml.value("Encrypted", one.encrypted);
            xml.value("SnapshotCreateTime", one.created);
            xml.text(
                "DBSnapshotArn",
                account.arn("rds", &format!("snapshot:{id}")),
            );
            write_tags(xml, &one.tags);
        });
    }))
}

/// DescribeDBClusterSnapshots: "Returns information about DB cluster snapshots."
/// (<https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DescribeDBClusterSnapshots.html>).
pub(super) fn describe_of_clusters(account: &AwsAccount, form: &QueryForm<'_>) -> QueryResult {
    let asked = form.get("DBClusterSnapshotIdentifier");
    let of = form.get("DBClusterIdentifier").map(str::to_lowercase);
    let manual = form.get("SnapshotType").is_none_or(|kind| kind == "manual");
    form.accept(&["IncludeShared", "IncludePublic"]);
    let all = &account.rds.cluster_snapshots;
    if let Some(id) = asked.filter(|id| !all.contains_key(*id)) {
        return Err(missing(
            "DBClusterSnapshotNotFoundFault",
            format!("DBClusterSnapshot {id} not found."),
        ));
    }
    let found = all.iter().filter(|(id, one)| {
        manual
            && asked.is_none_or(|asked| asked == *id)
            && of.as_ref().is_none_or(|of| *of == one.source)
    });
    Ok(xml(|xml| {
        xml.list(
            "DBClusterSnapshots",
            "DBClusterSnapshot",
            found,
            |xml, (id, one)| {
                xml.text("DBClusterSnapshotIdentifier", id);
                xml.text("DBClusterIdentifier", &one.source);
                xml.text("Status", one.status);
                xml.text("SnapshotType", "manual");
                xml.text("Engine", &one.engine);
                xml.text("EngineVersion", &one.version);
                xml.value("AllocatedStorage", one.gib);
                xml.value("StorageEncrypted", one.encrypted);
                xml.value("SnapshotCreateTime", one.created);
                let arn = account.arn("rds", &format!("cluster-snapshot:{id}"));
                xml.text("DBClusterSnapshotArn", arn);
                write_tags(xml, &one.tags);
            },
        );
    }))
}
