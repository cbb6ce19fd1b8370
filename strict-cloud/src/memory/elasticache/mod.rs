//! ElastiCache: replication groups, their subnet groups and their snapshots.
//!
//! Codes: the errors of each action in the Amazon ElastiCache API Reference. Tags of a
//! replication group are told and changed only while it is `available` (`ListTagsForResource`).

mod changes;
mod subnets;

use std::collections::BTreeMap;

use crate::clock::Delay;
use crate::errors::AwsError;
use crate::refusals::elasticache::FAILOVER_ALONE;

use super::account::{
    AccountResource, AwsAccount, CreationTime, QueryResult, TagMap, missing, unknown_action,
};
use super::ec2::NewInterfaces;
use super::form::QueryForm;
use super::schedule::ScheduledEvent;
use super::writer::{XmlWriter, xml};

use changes::PendingCacheChange;
use subnets::CacheSubnetsRecord;

/// Owner of the role through which caches reach into a VPC.
const SERVICE: &str = "elasticache.amazonaws.com";

/// All of ElastiCache, by name.
#[derive(Debug, Clone, Default, Hash)]
pub(super) struct ElastiCache {
    groups: BTreeMap<String, ReplicationGroupRecord>,
    subnets: BTreeMap<String, CacheSubnetsRecord>,
    snapshots: BTreeMap<String, CacheSnapshotRecord>,
    /// Replication groups that could not be created, with why.
    failures: BTreeMap<String, String>,
    /// Whether the service is creating its role.
    role_coming: bool,
}

#[derive(Debug, Clone, Hash)]
struct ReplicationGroupRecord {
    /// Tells it from an earlier one of its name.
    serial: String,
    description: String,
    status: &'static str,
    engine: String,
    version: String,
    node_type: String,
    nodes: u32,
    failover: bool,
    subnets: String,
    security_groups: Vec<String>,
    /// What it changes to while it is `modifying`.
    pending: PendingCacheChange,
    created: CreationTime,
    tags: TagMap,
}

#[derive(Debug, Clone, Hash)]
struct CacheSnapshotRecord {
    of: String,
    tags: TagMap,
}

/// Answers a call.
pub(super) fn answer(account: &mut AwsAccount, action: &str, form: &QueryForm<'_>) -> QueryResult {
    // Everything comes in one page.
    form.accept(&["MaxRecords"]);
    match action {
        "CreateCacheSubnetGroup" => subnets::create(account, form),
        "DescribeCacheSubnetGroups" => subnets::describe(account, form),
        "DeleteCacheSubnetGroup" => subnets::delete(account, form),
        "CreateReplicationGroup" => create(account, form),
        "DescribeReplicationGroups" => describe(account, form),
        "ModifyReplicationGroup" => changes::modify(account, form),
        "IncreaseReplicaCount" | "DecreaseReplicaCount" => changes::resize(account, action, form),
        "DescribeEvents" => Ok(describe_events(&account.elasticache, form)),
        "DeleteReplicationGroup" => delete(account, form),
        "DescribeCacheClusters" => Ok(describe_nodes(&account.elasticache)),
        "DescribeSnapshots" => describe_snapshots(&account.elasticache, form),
        "ListTagsForResource" => {
            let tags = tags_of(&mut account.elasticache, form)?;
            Ok(xml(|xml| write_tags(tags, xml)))
        }
        "AddTagsToResource" => {
            let added = form.tags("Tags.Tag");
            let tags = tags_of(&mut account.elasticache, form)?;
            tags.extend(added);
            Ok(xml(|xml| write_tags(tags, xml)))
        }
        _ => Err(unknown_action(action)),
    }
}

fn write_tags(tags: &TagMap, xml: &mut XmlWriter) {
    xml.tags("TagList", "Tag", tags);
}

/// Lets an event of ElastiCache happen.
pub(super) fn happen(account: &mut AwsAccount, event: &ScheduledEvent) {
    match event {
        ScheduledEvent::CacheReady(serial) => changes::ready(account, serial),
        ScheduledEvent::CacheEnded(serial) => {
            account
                .elasticache
                .groups
                .retain(|_, one| one.serial != *serial);
        }
        _ => {}
    }
}

impl ElastiCache {
    pub(super) fn resources(&self) -> Vec<AccountResource> {
        let resource = |kind, id: &String, tags: &TagMap, leaving| AccountResource {
            kind,
            id: id.clone(),
            tags: tags.clone(),
            leaving,
        };
        let groups = self.groups.iter();
        let groups =
            groups.map(|(id, one)| resource("cache", id, &one.tags, one.status == "deleting"));
        let subnets = self.subnets.iter();
        let subnets = subnets.map(|(id, one)| resource("cache subnets", id, &one.tags, false));
        let snapshots = self.snapshots.iter();
        let snapshots = snapshots.map(|(id, one)| resource("cache snapshot", id, &one.tags, false));
        groups.chain(subnets).chain(snapshots).collect()
    }

    fn group(&self, id: &str) -> Result<&ReplicationGroupRecord, AwsError> {
        self.groups.get(id).ok_or_else(|| {
            missing(
                "ReplicationGroupNotFoundFault",
                format!("ReplicationGroup {id} not found."),
            )
        })
    }
}

fn tags_of<'a>(
    cache: &'a mut ElastiCache,
    form: &QueryForm<'_>,
) -> Result<&'a mut TagMap, AwsError> {
    let arn = form.required("ResourceName")?;
    let mut parts = arn.splitn(7, ':').skip(5);
    let (kind, name) = (
        parts.next().unwrap_or_default(),
        parts.next().unwrap_or_default(),
    );
    if kind == "subnetgroup" {
        cache.subnet_group(name)?;
        return cache
            .subnets
            .get_mut(name)
            .map(|one| &mut one.tags)
            .ok_or_else(no_arn);
    }
    if cache.group(name)?.status != "available" {
        return Err(AwsError::new(
            "InvalidReplicationGroupState",
            "Cluster not in available state to perform tagging operations.",
        ));
    }
    cache
        .groups
        .get_mut(name)
        .map(|one| &mut one.tags)
        .ok_or_else(no_arn)
}

fn no_arn() -> AwsError {
    AwsError::new("InvalidARN", "The ARN is not correctly formed.")
}

/// The service creates its role with the first call that needs it, and refuses calls until the
/// role is known.
fn require_role(account: &mut AwsAccount) -> Result<(), AwsError> {
    if account.has_service_role(SERVICE) {
        return Ok(());
    }
    if !account.elasticache.role_coming && account.may_create_service_roles() {
        account.elasticache.role_coming = true;
        let known = ScheduledEvent::ServiceRoleKnown(SERVICE.to_owned());
        account.after(Delay::RolePropagation, known);
    }
    Err(AwsError::new(
        "ServiceLinkedRoleNotFoundFault",
        "This action cannot be completed due to insufficient permissions. (Recommended action) \
         Please create new role using IAM API CreateServiceLinkedRole.",
    ))
}

fn create(account: &mut AwsAccount, form: &QueryForm<'_>) -> QueryResult {
    let id = form.required("ReplicationGroupId")?;
    form.accept(&[
        "MultiAZEnabled",
        "AtRestEncryptionEnabled",
        "TransitEncryptionEnabled",
        "SnapshotRetentionLimit",
        "AutoMinorVersionUpgrade",
    ]);
    let groups = form.list("SecurityGroupIds.SecurityGroupId");
    let group = ReplicationGroupRecord {
        serial: account.new_id("cache"),
        description: form.required("ReplicationGroupDescription")?.to_owned(),
        status: "creating",
        engine: form.get("Engine").unwrap_or("redis").to_owned(),
        version: form.get("EngineVersion").unwrap_or("7.1").to_owned(),
        node_type: form.required("CacheNodeType")?.to_owned(),
        nodes: form.number("NumCacheClusters").unwrap_or(1),
        failover: form.flag("AutomaticFailoverEnabled") == Some(true),
        subnets: form.required("CacheSubnetGroupName")?.to_owned(),
        security_groups: groups.iter().map(|id| (*id).to_owned()).collect(),
        pending: PendingCacheChange::default(),
        created: CreationTime(account.now),
        tags: form.tags("Tags.Tag"),
    };
    if account.elasticache.groups.contains_key(id) {
        return Err(AwsError::new(
            "ReplicationGroupAlreadyExists",
            format!("Replication group {id} already exists."),
        ));
    }
    require_role(account)?;
    account.elasticache.subnet_group(&group.subnets)?;
    if group.failover && group.nodes < 2 {
        return Err(AwsError::known(&FAILOVER_ALONE));
    }
    if let Some(unknown) = groups
        .iter()
        .find(|id| account.ec2.vpc_of_group(id).is_none() || !account.ec2.is_known_to_services(id))
    {
        return Err(AwsError::new(
            "InvalidParameterValue",
            format!("Invalid security group: {unknown}"),
        ));
    }
    let serial = group.serial.clone();
    account.elasticache.groups.insert(id.to_owned(), group);
    add_interfaces(account, id, 0);
    account.after(Delay::CacheStart, ScheduledEvent::CacheReady(serial));
    Ok(xml(|xml| {
        xml.node("ReplicationGroup", |xml| write(account, id, xml));
    }))
}

/// Each node has an interface; those that stand already are not added again.
fn add_interfaces(account: &mut AwsAccount, id: &str, standing: u32) {
    let Some(group) = account.elasticache.groups.get(id).cloned() else {
        return;
    };
    let subnets = account.elasticache.subnets.get(&group.subnets);
    let subnets = subnets.into_iter().flat_map(|one| &one.subnets);
    let subnets: Vec<String> = subnets.map(|(id, _)| id.clone()).collect();
    let (first, last) = (standing as usize, group.nodes as usize);
    let places = subnets.iter().cycle().take(last).skip(first).cloned();
    let places: Vec<String> = places.collect();
    account.add_interfaces(&NewInterfaces {
        owner: &group.serial,
        subnets: &places,
        groups: &group.security_groups,
        description: &format!("ElastiCache {id}"),
        requester: "amazon-elasticache",
        public: false,
    });
}

/// DescribeReplicationGroups: "If no identifier is specified, DescribeReplicationGroups returns
/// information about all replication groups."
/// (<https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_DescribeReplicationGroups.html>).
fn describe(account: &AwsAccount, form: &QueryForm<'_>) -> QueryResult {
    let asked = form.get("ReplicationGroupId");
    if let Some(id) = asked {
        account.elasticache.group(id)?;
    }
    let ids = account.elasticache.groups.keys();
    let ids = ids.filter(|id| asked.is_none_or(|asked| asked == *id));
    Ok(xml(|xml| {
        xml.list("ReplicationGroups", "ReplicationGroup", ids, |xml, id| {
            write(account, id, xml);
        });
    }))
}

fn node_names(id: &str, nodes: u32) -> impl Iterator<Item = String> {
    (1..=nodes).map(move |nth| format!("{id}-{nth:03}"))
}

fn write(account: &AwsAccount, id: &str, xml: &mut XmlWriter) {
    let Some(one) = account.elasticache.groups.get(id) else {
        return;
    };
    xml.text("ReplicationGroupId", id);
    xml.text("Description", &one.description);
    xml.text("Status", one.status);
    xml.texts("MemberClusters", "ClusterId", node_names(id, one.nodes));
    xml.node("NodeGroups", |xml| {
        // It has no address before it is there.
        if one.status == "creating" {
            return;
        }
        xml.node("NodeGroup", |xml| {
            xml.text("NodeGroupId", "0001");
            xml.text("Status", one.status);
            xml.node("PrimaryEndpoint", |xml| {
                let host = format!("{id}.c0ffee.ng.0001.{}.cache.amazonaws.com", account.region);
                xml.text("Address", host);
                xml.text("Port", "6379");
            });
        });
    });
    let failover = if one.failover { "enabled" } else { "disabled" };
    xml.text("AutomaticFailover", failover);
    xml.text("MultiAZ", failover);
    xml.text("CacheNodeType", &one.node_type);
    xml.text("Engine", &one.engine);
    xml.text(
        "ARN",
        account.arn("elasticache", &format!("replicationgroup:{id}")),
    );
    xml.value("ReplicationGroupCreateTime", one.created);
}

fn not_available(id: &str) -> AwsError {
    AwsError::new(
        "InvalidReplicationGroupState",
        format!("Replication group {id} is not in available state."),
    )
}

fn delete(account: &mut AwsAccount, form: &QueryForm<'_>) -> QueryResult {
    let id = form.required("ReplicationGroupId")?;
    form.accept(&["RetainPrimaryCluster"]);
    let last = form.get("FinalSnapshotIdentifier");
    let group = account.elasticache.group(id)?.clone();
    if !matches!(group.status, "available" | "create-failed") {
        return Err(not_available(id));
    }
    if let Some(name) = last {
        if account.elasticache.snapshots.contains_key(name) {
            return Err(AwsError::new(
                "SnapshotAlreadyExistsFault",
                format!("Snapshot {name} already exists."),
            ));
        }
        let snapshot = CacheSnapshotRecord {
            of: id.to_owned(),
            tags: group.tags,
        };
        account
            .elasticache
            .snapshots
            .insert(name.to_owned(), snapshot);
    }
    if let Some(group) = account.elasticache.groups.get_mut(id) {
        group.status = "deleting";
    }
    account.interfaces_leave(&group.serial, Some(Delay::CacheEnd), Delay::Interfaces);
    account.after(Delay::CacheEnd, ScheduledEvent::CacheEnded(group.serial));
    Ok(xml(|xml| {
        xml.node("ReplicationGroup", |xml| write(account, id, xml));
    }))
}

/// DescribeEvents: "You can obtain events specific to a particular cluster [...] by providing the
/// name as a parameter."
/// (<https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_DescribeEvents.html>).
fn describe_events(cache: &ElastiCache, form: &QueryForm<'_>) -> String {
    form.accept(&["SourceType", "Duration"]);
    let of = form.get("SourceIdentifier");
    let failures = cache.failures.iter();
    let found = failures.filter(|(id, _)| of.is_none_or(|of| of == *id));
    xml(|xml| {
        xml.list("Events", "Event", found, |xml, (id, why)| {
            xml.text("SourceIdentifier", id);
            xml.text("SourceType", "replication-group");
            xml.text("Message", why);
        });
    })
}

fn describe_nodes(cache: &ElastiCache) -> String {
    let groups = cache.groups.iter();
    let nodes = groups.flat_map(|(id, one)| node_names(id, one.nodes).map(move |name| (name, one)));
    xml(|xml| {
        xml.list(
            "CacheClusters",
            "CacheCluster",
            nodes,
            |xml, (name, one)| {
                xml.text("CacheClusterId", name);
                xml.text("CacheClusterStatus", one.status);
                xml.text("CacheNodeType", &one.node_type);
                xml.text("Engine", &one.engine);
                xml.text("EngineVersion", &one.version);
                xml.text("NumCacheNodes", "1");
            },
        );
    })
}

fn describe_snapshots(cache: &ElastiCache, form: &QueryForm<'_>) -> QueryResult {
    let of = form.get("ReplicationGroupId");
    let manual = form
        .get("SnapshotSource")
        .is_none_or(|source| source == "manual");
    let found = cache.snapshots.iter();
    let found = found.filter(|(_, one)| manual && of.is_none_or(|of| of == one.of));
    Ok(xml(|xml| {
        xml.list("Snapshots", "Snapshot", found, |xml, (name, one)| {
            xml.text("SnapshotName", name);
            xml.text("ReplicationGroupId", &one.of);
            xml.text("SnapshotStatus", "available");
            xml.text("SnapshotSource", "manual");
        });
    }))
}
