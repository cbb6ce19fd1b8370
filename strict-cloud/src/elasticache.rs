//! The rules of ElastiCache: states, what is in use, and what the emulator lacks. It can
//! delete no subnet group and lists a deleted replication group for ever, so the proxy
//! gives each name that was deleted another one at the emulator.
//!
//! Codes: errors of DeleteCacheSubnetGroup, DeleteReplicationGroup, IncreaseReplicaCount,
//! DecreaseReplicaCount, ListTagsForResource and ModifyReplicationGroup in the Amazon ElastiCache
//! API Reference. `ServiceLinkedRoleNotFoundFault` while the account's role is being created:
//! aws-controllers-k8s/community#367.

use crate::call::Call;
use crate::clock::Delay;
use crate::cloud::{Core, Ruling};
use crate::ec2::{ServiceInterfaces, key, propagation};
use crate::errors::{AwsError, Reply};
use crate::ledger::Phase;
use crate::{iam, xml};

const GROUP: &str = "replication-group";
const SUBNETS: &str = "cache-subnets";
const SERVICE: &str = "elasticache";
/// Primary and replicas of a group without shards.
const MOST_NODES: u32 = 6;

/// The emulator's name for a name's n-th use.
fn emulator_name(name: &str, generation: u32) -> String {
    if generation == 0 {
        name.to_owned()
    } else {
        format!("{name}-0gen{generation}")
    }
}

/// Names that were used up in a region: kind, name, how often.
fn spent_names(core: &Core, call: &Call) -> Vec<(String, String, u32)> {
    let region = format!("{}/", call.region);
    let ledger = core.ledger();
    ledger
        .spent_names()
        .filter_map(|(key, generation)| {
            let (kind, name) = key.strip_prefix(&region)?.split_once('/')?;
            Some((kind.to_owned(), name.to_owned(), generation))
        })
        .collect()
}

fn user_fact(call: &Call, group: &str) -> String {
    format!("{}/cache-uses/{group}", call.region)
}

pub(crate) async fn before(core: &Core, call: &mut Call) -> Result<Ruling, AwsError> {
    let step = match call.action.as_str() {
        "CreateCacheSubnetGroup" | "CreateReplicationGroup" => {
            check_creation(core, call)?;
            Ruling::Forward
        }
        "DeleteCacheSubnetGroup" => delete_subnets(core, call).await?,
        "ModifyReplicationGroup" => {
            check_available(core, call)?;
            Ruling::Forward
        }
        "IncreaseReplicaCount" | "DecreaseReplicaCount" => resize(core, call).await?,
        // Nothing fails here.
        "DescribeEvents" => Ruling::Answer(Reply::with_result(call, "<Events/>")),
        "DeleteReplicationGroup" => delete_group(core, call).await?,
        "DescribeSnapshots" => describe_snapshots(core, call).await?,
        "ListTagsForResource" | "AddTagsToResource" | "RemoveTagsFromResource" => {
            check_taggable(core, call)?;
            Ruling::Forward
        }
        _ => Ruling::Forward,
    };
    rename(core, call);
    Ok(step)
}

/// Refuses what ElastiCache does not know yet.
fn check_creation(core: &Core, call: &Call) -> Result<(), AwsError> {
    if !iam::has_service_role(core, "elasticache.amazonaws.com") {
        return Err(AwsError::new(
            "ServiceLinkedRoleNotFoundFault",
            "This action cannot be completed due to insufficient permissions. (Recommended action) Please create new role using IAM API CreateServiceLinkedRole.",
        ));
    }
    let subnets = call.all("SubnetIds");
    if let Some(id) = propagation::unknown(core, call, subnets) {
        return Err(AwsError::new(
            "InvalidSubnet",
            format!("Invalid subnet: {id}"),
        ));
    }
    let groups = call.all("SecurityGroupIds");
    if let Some(id) = propagation::unknown(core, call, groups) {
        return Err(AwsError::new(
            "InvalidParameterValue",
            format!("Invalid security group: {id}"),
        ));
    }
    Ok(())
}

fn node_fact(call: &Call, group: &str) -> String {
    format!("{}/cache-nodes/{group}", call.region)
}

/// Adds or removes replicas, which the emulator cannot.
async fn resize(core: &Core, call: &mut Call) -> Result<Ruling, AwsError> {
    let id = call.get("ReplicationGroupId").unwrap_or_default();
    let owner = key(call, GROUP, id);
    let (id, fact) = (id.to_owned(), node_fact(call, id));
    let generation = core.ledger().generation(&owner);
    let fields = [("ReplicationGroupId", emulator_name(&id, generation))];
    let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (*n, v.as_str())).collect();
    let answer = core
        .upstream
        .text(call, SERVICE, "DescribeReplicationGroups", &fields)
        .await?;
    check_available(core, call)?;
    let replicas = call
        .get("NewReplicaCount")
        .and_then(|text| text.parse().ok());
    let wanted: u32 = replicas.unwrap_or(0) + 1;
    let now = core.ledger().fact(&fact).and_then(|text| text.parse().ok());
    let now = now.unwrap_or(1);
    let refused = |code: &str, message: &str| Err(AwsError::new(code, message));
    if wanted == now {
        return refused(
            "NoOperationFault",
            "The operation was not performed because no changes were required.",
        );
    }
    if wanted > MOST_NODES || (call.action == "IncreaseReplicaCount") != (wanted > now) {
        return refused("InvalidParameterValue", "Invalid number of replicas.");
    }
    if wanted < 2 && xml::first(&answer, "AutomaticFailover").as_deref() == Some("enabled") {
        return refused(
            "InvalidParameterCombination",
            "A replication group that fails over must have at least one replica.",
        );
    }
    let until = core.clock.after(Delay::CacheChange);
    core.ledger().modifying(&owner, core.clock.now(), until);
    core.ledger().note(&fact, &wanted.to_string());
    let group = xml::read(&answer, |document| {
        let group = xml::named(document, "ReplicationGroup").next()?;
        answer.get(group.range()).map(str::to_owned)
    });
    let mut reply = Reply::with_result(call, &group.unwrap_or_default());
    report_states(core, call, &mut reply);
    Ok(Ruling::Answer(reply))
}

/// Puts the emulator's names into a call.
fn rename(core: &Core, call: &mut Call) {
    let used = spent_names(core, call);
    if used.is_empty() {
        return;
    }
    let renamed: Vec<(String, String)> = call
        .fields()
        .map(|(field, value)| {
            let other = used.iter().find_map(|(kind, name, generation)| {
                let (of_field, of_arn) = match kind.as_str() {
                    GROUP => ("ReplicationGroupId", "replicationgroup"),
                    _ => ("CacheSubnetGroupName", "subnetgroup"),
                };
                if field == of_field && value == name {
                    return Some(emulator_name(name, *generation));
                }
                let start = value.strip_suffix(&format!(":{of_arn}:{name}"))?;
                Some(format!(
                    "{start}:{of_arn}:{}",
                    emulator_name(name, *generation)
                ))
            });
            (field.to_owned(), other.unwrap_or_else(|| value.to_owned()))
        })
        .collect();
    call.set_fields(renamed);
}

fn check_available(core: &Core, call: &Call) -> Result<(), AwsError> {
    let id = call.get("ReplicationGroupId").unwrap_or_default();
    match core.ledger().phase(&key(call, GROUP, id), core.clock.now()) {
        Phase::Available | Phase::Gone => Ok(()),
        _ => Err(AwsError::new(
            "InvalidReplicationGroupState",
            format!("Replication group {id} is not in available state."),
        )),
    }
}

/// Tags of a replication group are told, set and taken away while it is available alone.
fn check_taggable(core: &Core, call: &Call) -> Result<(), AwsError> {
    let arn = call.get("ResourceName").unwrap_or_default();
    let Some((_, id)) = arn.split_once(":replicationgroup:") else {
        return Ok(());
    };
    match core.ledger().phase(&key(call, GROUP, id), core.clock.now()) {
        Phase::Available | Phase::Gone => Ok(()),
        _ => Err(AwsError::new(
            "InvalidReplicationGroupState",
            "Cluster not in available state to perform tagging operations.",
        )),
    }
}

async fn delete_subnets(core: &Core, call: &Call) -> Result<Ruling, AwsError> {
    let name = call.get("CacheSubnetGroupName").unwrap_or_default();
    let name_key = key(call, SUBNETS, name);
    let generation = core.ledger().generation(&name_key);
    // The emulator's own error when there is none.
    core.upstream
        .text(
            call,
            SERVICE,
            "DescribeCacheSubnetGroups",
            &[("CacheSubnetGroupName", &emulator_name(name, generation))],
        )
        .await?;
    let used = core
        .ledger()
        .facts(&user_fact(call, ""))
        .iter()
        .any(|(_, group)| group == name);
    if used {
        return Err(AwsError::new(
            "CacheSubnetGroupInUse",
            format!("Cache subnet group {name} is currently in use by a cache cluster."),
        ));
    }
    core.ledger().spend_name(&name_key);
    Ok(Ruling::Answer(Reply::empty(call)))
}

/// Takes the snapshot that a deletion asks for, of which the emulator knows nothing.
async fn take_final_snapshot(core: &Core, call: &Call, at_emulator: &str) -> Result<(), AwsError> {
    let Some(name) = call.get("FinalSnapshotIdentifier") else {
        return Ok(());
    };
    let fields = [("SnapshotName", name), ("ReplicationGroupId", at_emulator)];
    let taken = core.upstream.text(call, SERVICE, "CreateSnapshot", &fields);
    taken.await.map(|_| ())
}

/// Snapshots outlive their group, which the emulator does not allow: it is asked for all, and
/// those of the group are picked out.
async fn describe_snapshots(core: &Core, call: &Call) -> Result<Ruling, AwsError> {
    let Some(id) = call.get("ReplicationGroupId") else {
        return Ok(Ruling::Forward);
    };
    let source = call.get("SnapshotSource").map(|of| ("SnapshotSource", of));
    let fields: Vec<(&str, &str)> = source.into_iter().collect();
    let all = core
        .upstream
        .text(call, SERVICE, "DescribeSnapshots", &fields);
    let all = all.await?;
    let of_group = |name: &str| {
        let generation = core.ledger().generation(&key(call, GROUP, id));
        (0..=generation).any(|earlier| emulator_name(id, earlier) == name)
    };
    let found = xml::read(&all, |document| {
        xml::named(document, "Snapshot")
            .filter_map(|snapshot| {
                let group = xml::text_of(snapshot, "ReplicationGroupId")?;
                let text = all.get(snapshot.range())?;
                let element = |name: &str| format!("<ReplicationGroupId>{name}<");
                of_group(group).then(|| text.replace(&element(group), &element(id)))
            })
            .collect::<String>()
    });
    let found = format!("<Snapshots>{found}</Snapshots>");
    Ok(Ruling::Answer(Reply::with_result(call, &found)))
}

async fn delete_group(core: &Core, call: &mut Call) -> Result<Ruling, AwsError> {
    let id = call
        .get("ReplicationGroupId")
        .unwrap_or_default()
        .to_owned();
    let owner = key(call, GROUP, &id);
    let generation = core.ledger().generation(&owner);
    let fields = [("ReplicationGroupId", emulator_name(&id, generation))];
    let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (*n, v.as_str())).collect();
    let answer = core
        .upstream
        .text(call, SERVICE, "DescribeReplicationGroups", &fields)
        .await?;
    check_available(core, call)?;
    take_final_snapshot(core, call, &emulator_name(&id, generation)).await?;
    let clock = &core.clock;
    let gone = clock.after(Delay::CacheEnd);
    core.ledger()
        .release_interfaces(&owner, gone + clock.delay(Delay::Interfaces));
    rename(core, call);
    if clock.is_instant() {
        return Ok(Ruling::Forward);
    }
    core.ledger()
        .deleting(&owner, clock.now(), gone, Some(call.clone()));
    let body = xml::read(&answer, |document| {
        let group = xml::named(document, "ReplicationGroup").next()?;
        answer.get(group.range()).map(str::to_owned)
    });
    let mut reply = Reply::done(
        call,
        format!(
            "<DeleteReplicationGroupResponse xmlns=\"http://elasticache.amazonaws.com/doc/2015-02-02/\"><DeleteReplicationGroupResult>{}</DeleteReplicationGroupResult></DeleteReplicationGroupResponse>",
            body.unwrap_or_default()
        ),
    );
    report_states(core, call, &mut reply);
    Ok(Ruling::Answer(reply))
}

/// The emulator's replication group is gone: its name is used up there.
pub(crate) fn gone(core: &Core, owner: &str) {
    let Some((region, id)) = owner.split_once(&format!("/{GROUP}/")) else {
        return;
    };
    let mut ledger = core.ledger();
    ledger.spend_name(owner);
    ledger.forget(owner);
    ledger.forget_fact(&format!("{region}/cache-uses/{id}"));
}

pub(crate) async fn after(core: &Core, call: &Call, reply: &mut Reply) -> Result<(), AwsError> {
    let told = xml::first(reply.text(), "ReplicationGroupId").unwrap_or_default();
    let id = client_name(core, call, GROUP, &told);
    let owner = key(call, GROUP, &id);
    let done = reply.is_success();
    match call.action.as_str() {
        "CreateReplicationGroup" if done => created(core, call, &id, &owner).await,
        "ModifyReplicationGroup" if done => {
            let until = core.clock.after(Delay::CacheChange);
            core.ledger().modifying(&owner, core.clock.now(), until);
        }
        // A group whose tags change is `modifying` for a while: terraform-provider-aws#40320, and
        // cloud-custodian's recordings of AWS (test_elasticache_replication_group_tag).
        "AddTagsToResource" | "RemoveTagsFromResource" if done => {
            let arn = call.get("ResourceName").unwrap_or_default();
            if let Some((_, at_emulator)) = arn.split_once(":replicationgroup:") {
                let id = client_name(core, call, GROUP, at_emulator);
                let until = core.clock.after(Delay::CacheTags);
                core.ledger()
                    .modifying(&key(call, GROUP, &id), core.clock.now(), until);
            }
        }
        _ => {}
    }
    report_states(core, call, reply);
    if done && call.action == "DeleteReplicationGroup" {
        gone(core, &owner);
    }
    Ok(())
}

/// Notes a replication group, what it uses, and an interface for each node.
async fn created(core: &Core, call: &Call, id: &str, owner: &str) {
    let ready = core.clock.after(Delay::CacheStart);
    let subnets = subnets_of(core, call).await;
    let asked = call.get("CacheSubnetGroupName").unwrap_or("default");
    let group = client_name(core, call, SUBNETS, asked);
    core.ledger().created(owner, core.clock.now(), ready);
    core.ledger().note(&user_fact(call, id), &group);
    if let Some(nodes) = call.get("NumCacheClusters") {
        core.ledger().note(&node_fact(call, id), nodes);
    }
    let groups: Vec<String> = call
        .all("SecurityGroupIds")
        .into_iter()
        .map(str::to_owned)
        .collect();
    let nodes = call
        .get("NumCacheClusters")
        .and_then(|nodes| nodes.parse().ok());
    let of_nodes: Vec<String> = subnets
        .iter()
        .cycle()
        .take(nodes.unwrap_or(1))
        .cloned()
        .collect();
    ServiceInterfaces {
        owner,
        subnets: &of_nodes,
        groups: &groups,
        description: &format!("ElastiCache {id}"),
        requester: "amazon-elasticache",
        public: false,
    }
    .create(core, call)
    .await;
}

/// The client's name for a name of the emulator.
fn client_name(core: &Core, call: &Call, kind: &str, behind_it: &str) -> String {
    spent_names(core, call)
        .into_iter()
        .find(|(of, name, generation)| of == kind && emulator_name(name, *generation) == behind_it)
        .map_or_else(|| behind_it.to_owned(), |(_, name, _)| name)
}

async fn subnets_of(core: &Core, call: &Call) -> Vec<String> {
    let Some(group) = call.get("CacheSubnetGroupName") else {
        return vec![];
    };
    let fields = [("CacheSubnetGroupName", group)];
    let answer = core
        .upstream
        .text(call, SERVICE, "DescribeCacheSubnetGroups", &fields)
        .await;
    answer
        .map(|text| xml::texts(&text, "SubnetIdentifier"))
        .unwrap_or_default()
}

fn member_clusters(id: &str, nodes: u32) -> String {
    let names = (1..=nodes).map(|nth| format!("<ClusterId>{id}-{nth:03}</ClusterId>"));
    format!(
        "<MemberClusters>{}</MemberClusters>",
        names.collect::<String>()
    )
}

/// Delay out what is gone, gives names back and corrects states.
fn report_states(core: &Core, call: &Call, reply: &mut Reply) {
    let used = spent_names(core, call);
    let is_old = |kind: &str, id: &str| {
        used.iter().any(|(of, name, generation)| {
            of == kind && (0..*generation).any(|earlier| emulator_name(name, earlier) == id)
        })
    };
    let now = core.clock.now();
    let corrected = xml::edit(reply.text(), |document, edits| {
        for subnets in xml::named(document, "CacheSubnetGroup") {
            if is_old(
                SUBNETS,
                xml::text_of(subnets, "CacheSubnetGroupName").unwrap_or_default(),
            ) {
                edits.drop(subnets);
            }
        }
        for group in xml::named(document, "ReplicationGroup") {
            let id = xml::text_of(group, "ReplicationGroupId").unwrap_or_default();
            if is_old(GROUP, id) {
                edits.drop(group);
                continue;
            }
            let known = client_name(core, call, GROUP, id);
            // The emulator counts the primary alone.
            let nodes = core.ledger().fact(&node_fact(call, &known));
            if let Some(nodes) = nodes.and_then(|text| text.parse().ok())
                && let Some(members) = xml::child_of(group, "MemberClusters")
            {
                edits.replace(members, member_clusters(id, nodes));
            }
            match core.ledger().phase(&key(call, GROUP, &known), now) {
                Phase::Creating => edits.set(group, "Status", "creating"),
                Phase::Modifying => edits.set(group, "Status", "modifying"),
                // One that has gone since the emulator answered, too.
                Phase::Deleting | Phase::Gone => edits.set(group, "Status", "deleting"),
                Phase::Available => {}
            }
        }
    });
    let mut text = corrected.unwrap_or_else(|| reply.text().to_owned());
    for (_, name, generation) in &used {
        text = text.replace(&emulator_name(name, *generation), name);
    }
    reply.set_text(text);
}
