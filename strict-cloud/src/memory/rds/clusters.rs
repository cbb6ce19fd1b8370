//! Aurora clusters, which hold storage, password and policy of their instances.

use crate::clock::Delay;
use crate::errors::AwsError;

use super::super::account::{AwsAccount, CreationTime, QueryResult, TagMap, missing};
use super::super::form::QueryForm;
use super::super::schedule::ScheduledEvent;
use super::super::writer::{XmlWriter, xml};
use super::snapshots::can_be_decrypted;
use super::{Rds, groups_in, may_be_password, whole_version, write_groups, write_tags};

#[derive(Debug, Clone, Hash)]
pub(super) struct ClusterRecord {
    pub(super) serial: String,
    pub(super) status: &'static str,
    pub(super) engine: String,
    pub(super) version: String,
    pub(super) storage_type: String,
    pub(super) encrypted: bool,
    pub(super) backup_days: u32,
    pub(super) protected: bool,
    /// Deletions still find it protected.
    pub(super) protection_lags: bool,
    pub(super) user: String,
    pub(super) database: String,
    pub(super) subnets: String,
    pub(super) parameters: String,
    pub(super) groups: Vec<String>,
    /// The instance that writes since the last failover, by its serial.
    pub(super) writer: Option<String>,
    /// The reader that a failover promotes.
    pub(super) promotes: Option<String>,
    pub(super) created: CreationTime,
    pub(super) tags: TagMap,
}

/// The name of a cluster in a call.
pub(super) fn name_in(form: &QueryForm<'_>) -> Result<String, AwsError> {
    Ok(form.required("DBClusterIdentifier")?.to_lowercase())
}

pub(super) fn not_available(name: &str) -> AwsError {
    AwsError::new(
        "InvalidDBClusterStateFault",
        format!("DBCluster {name} is not in available state."),
    )
}

impl Rds {
    pub(super) fn cluster(&self, name: &str) -> Result<&ClusterRecord, AwsError> {
        self.clusters.get(name).ok_or_else(|| {
            missing(
                "DBClusterNotFoundFault",
                format!("DBCluster {name} not found."),
            )
        })
    }
}

pub(super) fn create(account: &mut AwsAccount, form: &QueryForm<'_>) -> QueryResult {
    let user = form.required("MasterUsername")?.to_owned();
    may_be_password(form.required("MasterUserPassword")?)?;
    let cluster = ClusterRecord {
        version: whole_version(form.get("EngineVersion").unwrap_or("16")),
        encrypted: form.flag("StorageEncrypted") == Some(true),
        user,
        database: form.get("DatabaseName").unwrap_or_default().to_owned(),
        ..read(account, form)?
    };
    insert(account, form, cluster)
}

pub(super) fn restore(account: &mut AwsAccount, form: &QueryForm<'_>) -> QueryResult {
    let from = form.required("SnapshotIdentifier")?;
    let snapshot = account.rds.cluster_snapshots.get(from).cloned();
    let snapshot = snapshot
        .filter(|one| one.status == "available")
        .ok_or_else(|| {
            missing(
                "DBClusterSnapshotNotFoundFault",
                format!("DBClusterSnapshot not found: {from}"),
            )
        })?;
    can_be_decrypted(account, &snapshot)?;
    let cluster = ClusterRecord {
        version: snapshot.version,
        encrypted: snapshot.encrypted,
        user: snapshot.user,
        database: snapshot.database,
        ..read(account, form)?
    };
    insert(account, form, cluster)
}

/// What both ways to a cluster have in common.
fn read(account: &mut AwsAccount, form: &QueryForm<'_>) -> Result<ClusterRecord, AwsError> {
    form.accept(&["CopyTagsToSnapshot"]);
    Ok(ClusterRecord {
        serial: account.new_id("cluster"),
        status: "creating",
        engine: form.required("Engine")?.to_owned(),
        version: String::new(),
        storage_type: form.get("StorageType").unwrap_or("aurora").to_owned(),
        encrypted: false,
        backup_days: form.number("BackupRetentionPeriod").unwrap_or(1),
        protected: form.flag("DeletionProtection") == Some(true),
        protection_lags: false,
        user: String::new(),
        database: String::new(),
        subnets: form.required("DBSubnetGroupName")?.to_lowercase(),
        parameters: form.required("DBClusterParameterGroupName")?.to_lowercase(),
        groups: groups_in(account, form)?,
        writer: None,
        promotes: None,
        created: CreationTime(account.now),
        tags: form.tags("Tags.Tag"),
    })
}

fn insert(account: &mut AwsAccount, form: &QueryForm<'_>, cluster: ClusterRecord) -> QueryResult {
    let name = name_in(form)?;
    if account.rds.clusters.contains_key(&name) {
        return Err(AwsError::new(
            "DBClusterAlreadyExistsFault",
            "DB Cluster already exists",
        ));
    }
    account.rds.subnet_group(&cluster.subnets)?;
    let engine = (cluster.engine.as_str(), cluster.version.as_str());
    let groups = &account.rds.cluster_parameters;
    account
        .rds
        .parameter_group_for(groups, &cluster.parameters, engine)?;
    account.after(
        Delay::ClusterStart,
        ScheduledEvent::ClusterReady(cluster.serial.clone()),
    );
    account.rds.clusters.insert(name.clone(), cluster);
    Ok(xml(|xml| write(account, &name, xml)))
}

pub(super) fn modify(account: &mut AwsAccount, form: &QueryForm<'_>) -> QueryResult {
    let name = name_in(form)?;
    form.accept(&["ApplyImmediately"]);
    if let Some(password) = form.get("MasterUserPassword") {
        may_be_password(password)?;
    }
    let groups = groups_in(account, form)?;
    let storage_type = form.get("StorageType").map(str::to_owned);
    let backup_days = form.number("BackupRetentionPeriod");
    let protected = form.flag("DeletionProtection");
    if account.rds.cluster(&name)?.status != "available" {
        return Err(not_available(&name));
    }
    let mut lifted = None;
    if let Some(cluster) = account.rds.clusters.get_mut(&name) {
        if cluster.protected && protected == Some(false) {
            cluster.protection_lags = true;
            lifted = Some(ScheduledEvent::ProtectionLifted(cluster.serial.clone()));
        }
        cluster.storage_type = storage_type.unwrap_or(std::mem::take(&mut cluster.storage_type));
        cluster.backup_days = backup_days.unwrap_or(cluster.backup_days);
        cluster.protected = protected.unwrap_or(cluster.protected);
        if !groups.is_empty() {
            cluster.groups.clone_from(&groups);
        }
    }
    if let Some(lifted) = lifted {
        account.after(Delay::ProtectionLag, lifted);
    }
    if !groups.is_empty() {
        let members = account.rds.databases.values_mut();
        let members = members.filter(|one| one.cluster.as_ref() == Some(&name));
        for member in members {
            member.groups.clone_from(&groups);
            account.ec2.regroup(&member.serial, &groups);
        }
    }
    Ok(xml(|xml| write(account, &name, xml)))
}

pub(super) fn ready(account: &mut AwsAccount, serial: &str) {
    let mut clusters = account.rds.clusters.values_mut();
    if let Some(cluster) = clusters.find(|one| one.serial == serial)
        && cluster.status == "creating"
    {
        cluster.status = "available";
    }
}

pub(super) fn describe(account: &AwsAccount, form: &QueryForm<'_>) -> QueryResult {
    let asked = form.get("DBClusterIdentifier").map(str::to_lowercase);
    if let Some(name) = &asked {
        account.rds.cluster(name)?;
    }
    let names = account.rds.clusters.keys();
    let names = names.filter(|name| asked.as_ref().is_none_or(|asked| asked == *name));
    Ok(xml(|xml| {
        xml.node("DBClusters", |xml| {
            for name in names {
                write(account, name, xml);
            }
        });
    }))
}

pub(super) fn write(account: &AwsAccount, name: &str, xml: &mut XmlWriter) {
    let Some(one) = account.rds.clusters.get(name) else {
        return;
    };
    let host = |kind: &str| format!("{name}.{kind}-c0ffee.{}.rds.amazonaws.com", account.region);
    xml.node("DBCluster", |xml| {
        xml.text("DBClusterIdentifier", name);
        xml.text("DbClusterResourceId", &one.serial);
        xml.text(
            "DBClusterArn",
            account.arn("rds", &format!("cluster:{name}")),
        );
        xml.text("Status", one.status);
        xml.text("Engine", &one.engine);
        xml.text("EngineVersion", &one.version);
        xml.text("StorageType", &one.storage_type);
        xml.value("StorageEncrypted", one.encrypted);
        xml.text("AllocatedStorage", "1");
        xml.value("BackupRetentionPeriod", one.backup_days);
        xml.value("DeletionProtection", one.protected);
        xml.text("MasterUsername", &one.user);
        xml.text("DatabaseName", &one.database);
        xml.text("Endpoint", host("cluster"));
        xml.text("ReaderEndpoint", host("cluster-ro"));
        xml.text("Port", "5432");
        xml.value("ClusterCreateTime", one.created);
        xml.text("DBSubnetGroup", &one.subnets);
        xml.text("DBClusterParameterGroup", &one.parameters);
        xml.list(
            "DBClusterMembers",
            "DBClusterMember",
            account.rds.members(name),
            |xml, member| {
                xml.text("DBInstanceIdentifier", member.id);
                xml.value("IsClusterWriter", member.writes);
                xml.text("DBClusterParameterGroupStatus", "in-sync");
                xml.value("PromotionTier", member.tier);
            },
        );
        write_groups(xml, &one.groups);
        write_tags(xml, &one.tags);
    });
}
