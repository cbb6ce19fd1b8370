//! The rules of RDS: databases and clusters, their states and what they are refused for.
//!
//! Codes and messages: "Amazon RDS API Reference", errors of each action. Deleting:
//! DeleteDBInstance, `SkipFinalSnapshot` and `FinalDBSnapshotIdentifier`. States: "Viewing
//! Amazon RDS DB instance status". Passwords: CreateDBInstance, `MasterUserPassword`.

use roxmltree::Node;

use super::call::Call;
use super::clock::Takes;
use super::ec2::{Owned, key, network_of};
use super::errors::{Refusal, Reply};
use super::ledger::Phase;
use super::{Inner, Step, rds_groups, xml};

const DATABASE: &str = "db";
const CLUSTER: &str = "db-cluster";

pub(super) async fn before(front: &Inner, call: &mut Call) -> Result<Step, Refusal> {
    match call.action.as_str() {
        "CreateDBInstance" | "RestoreDBInstanceFromDBSnapshot" => {
            may_have_password(call)?;
            may_have_groups(front, call).await?;
        }
        "CreateDBCluster" => {
            may_have_password(call)?;
            may_have_groups(front, call).await?;
        }
        "CreateDBInstanceReadReplica" => {
            may_have_replica(front, call).await?;
            may_have_groups(front, call).await?;
        }
        "ModifyDBInstance" | "RebootDBInstance" | "CreateDBSnapshot" | "StopDBInstance" => {
            is_available(front, call)?;
        }
        "DeleteDBInstance" => return delete(front, call).await,
        "DeleteDBCluster" => return delete_cluster(front, call).await,
        _ => return rds_groups::before(front, call).await,
    }
    Ok(Step::Pass)
}

pub(super) async fn after(front: &Inner, call: &Call, reply: &mut Reply) -> Result<(), Refusal> {
    if !reply.is_success() {
        return Ok(());
    }
    note(front, call, reply);
    interfaces(front, call, reply).await;
    rds_groups::after(call, reply)?;
    tell(front, call, reply);
    Ok(())
}

fn id_of(call: &Call) -> String {
    call.get("DBInstanceIdentifier")
        .unwrap_or_default()
        .to_lowercase()
}

fn cluster_of(call: &Call) -> String {
    call.get("DBClusterIdentifier")
        .unwrap_or_default()
        .to_lowercase()
}

/// "Can include any printable ASCII character except `/`, `"` or `@`", no space, and from
/// 8 characters on.
fn may_have_password(call: &Call) -> Result<(), Refusal> {
    let Some(password) = call.get("MasterUserPassword") else {
        return Ok(());
    };
    let refused = |why: &str| {
        let message = format!("The parameter MasterUserPassword is not a valid password{why}");
        Err(Refusal::new("InvalidParameterValue", message))
    };
    if password.len() < 8 {
        return refused(" because it is shorter than 8 characters.");
    }
    let forbidden = |sign: char| !sign.is_ascii_graphic() || ['/', '"', '@'].contains(&sign);
    if password.chars().any(forbidden) {
        return refused(
            ". Only printable ASCII characters besides '/', '@', '\"', ' ' may be used.",
        );
    }
    Ok(())
}

async fn may_have_groups(front: &Inner, call: &Call) -> Result<(), Refusal> {
    for group in call.all("VpcSecurityGroupIds") {
        network_of(front, call, group).await.map_err(|_| {
            Refusal::new(
                "InvalidParameterValue",
                format!("Invalid security group , groupId= {group}, groupName=."),
            )
        })?;
    }
    Ok(())
}

async fn may_have_replica(front: &Inner, call: &Call) -> Result<(), Refusal> {
    let source = call
        .get("SourceDBInstanceIdentifier")
        .unwrap_or_default()
        .to_lowercase();
    let phase = front
        .ledger()
        .phase(&key(call, DATABASE, &source), front.clock.now());
    if phase != Phase::Ready {
        return Err(not_available(&source));
    }
    let fields = [("DBInstanceIdentifier", source.as_str())];
    let answer = front
        .upstream
        .text(call, "rds", "DescribeDBInstances", &fields)
        .await?;
    if xml::first(&answer, "BackupRetentionPeriod").as_deref() == Some("0") {
        return Err(Refusal::new(
            "InvalidDBInstanceState",
            "Automated backups are not enabled for this database instance. To enable automated backups, use ModifyDBInstance to set the backup retention period to a non-zero value.",
        ));
    }
    Ok(())
}

fn is_available(front: &Inner, call: &Call) -> Result<(), Refusal> {
    let id = id_of(call);
    match front
        .ledger()
        .phase(&key(call, DATABASE, &id), front.clock.now())
    {
        Phase::Ready | Phase::Gone => Ok(()),
        _ => Err(not_available(&id)),
    }
}

fn not_available(id: &str) -> Refusal {
    Refusal::new(
        "InvalidDBInstanceState",
        format!("Database instance: {id} is not in available state."),
    )
}

async fn delete(front: &Inner, call: &Call) -> Result<Step, Refusal> {
    let id = id_of(call);
    let fields = [("DBInstanceIdentifier", id.as_str())];
    let answer = front
        .upstream
        .text(call, "rds", "DescribeDBInstances", &fields)
        .await?;
    let name = key(call, DATABASE, &id);
    let phase = front.ledger().phase(&name, front.clock.now());
    if phase == Phase::Going {
        return Err(Refusal::new(
            "InvalidDBInstanceState",
            format!("Instance {id} is already being deleted."),
        ));
    }
    let part = |tag| xml::first(&answer, tag).unwrap_or_default();
    let in_cluster = !part("DBClusterIdentifier").is_empty();
    let replica = !part("ReadReplicaSourceDBInstanceIdentifier").is_empty();
    if !in_cluster {
        may_skip_snapshot(front, call, replica).await?;
    }
    if part("DeletionProtection") == "true" {
        return Err(protected("DB Instance"));
    }
    let now = front.clock.now();
    let gone = front.clock.after(Takes::DatabaseEnd);
    front
        .ledger()
        .interfaces_leave(&name, gone + front.clock.lasts(Takes::Interfaces));
    if front.clock.is_instant() {
        front.ledger().forget(&name);
        return Ok(Step::Pass);
    }
    front.ledger().going(&name, now, gone, Some(call.clone()));
    let body = xml::read(&answer, |document| {
        let instance = xml::named(document, "DBInstance").next()?;
        answer.get(instance.range()).map(str::to_owned)
    });
    let mut reply = Reply::done(
        call,
        format!(
            "<DeleteDBInstanceResponse xmlns=\"http://rds.amazonaws.com/doc/2014-10-31/\"><DeleteDBInstanceResult>{}</DeleteDBInstanceResult></DeleteDBInstanceResponse>",
            body.unwrap_or_default()
        ),
    );
    tell(front, call, &mut reply);
    Ok(Step::Answer(reply))
}

/// A deletion says what becomes of the data.
async fn may_skip_snapshot(front: &Inner, call: &Call, replica: bool) -> Result<(), Refusal> {
    let skips = call.get("SkipFinalSnapshot") == Some("true");
    match (call.get("FinalDBSnapshotIdentifier"), skips) {
        (None, false) => Err(Refusal::new(
            "InvalidParameterCombination",
            "FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified.",
        )),
        (Some(_), true) => Err(Refusal::new(
            "InvalidParameterCombination",
            "FinalDBSnapshotIdentifier cannot be specified when SkipFinalSnapshot is specified.",
        )),
        (Some(_), false) if replica => Err(Refusal::new(
            "InvalidParameterCombination",
            "FinalDBSnapshotIdentifier can not be specified when deleting a replica instance.",
        )),
        (Some(snapshot), false) => {
            let fields = [("DBSnapshotIdentifier", snapshot)];
            let found = front
                .upstream
                .ask(call, "rds", "DescribeDBSnapshots", &fields)
                .await?;
            if found.is_success() && xml::first(found.text(), "DBSnapshotIdentifier").is_some() {
                return Err(Refusal::new(
                    "DBSnapshotAlreadyExists",
                    format!(
                        "Cannot create the snapshot because a snapshot with the identifier {snapshot} already exists."
                    ),
                ));
            }
            Ok(())
        }
        (None, true) => Ok(()),
    }
}

fn protected(what: &str) -> Refusal {
    Refusal::new(
        "InvalidParameterCombination",
        format!(
            "Cannot delete protected {what}, please disable deletion protection and try again."
        ),
    )
}

async fn delete_cluster(front: &Inner, call: &Call) -> Result<Step, Refusal> {
    let id = cluster_of(call);
    let fields = [("DBClusterIdentifier", id.as_str())];
    let answer = front
        .upstream
        .text(call, "rds", "DescribeDBClusters", &fields)
        .await?;
    let part = |tag| xml::first(&answer, tag).unwrap_or_default();
    let name = key(call, CLUSTER, &id);
    let phase = front.ledger().phase(&name, front.clock.now());
    if phase == Phase::Going {
        return Err(Refusal::new(
            "InvalidDBClusterStateFault",
            format!("The DB cluster {id} is already being deleted."),
        ));
    }
    let members = front
        .upstream
        .text(call, "rds", "DescribeDBInstances", &[])
        .await?;
    // A member that is being deleted does not hold its cluster.
    let now = front.clock.now();
    let holds = xml::read(&members, |document| {
        xml::named(document, "DBInstance").any(|instance| {
            let member = xml::text_of(instance, "DBInstanceIdentifier").unwrap_or_default();
            xml::text_of(instance, "DBClusterIdentifier") == Some(id.as_str())
                && !matches!(
                    front.ledger().phase(&key(call, DATABASE, member), now),
                    Phase::Going | Phase::Gone
                )
        })
    });
    if holds {
        return Err(Refusal::new(
            "InvalidDBClusterStateFault",
            "Cluster cannot be deleted, it still contains DB instances in non-deleting state.",
        ));
    }
    may_skip_snapshot(front, call, false).await?;
    if part("DeletionProtection") == "true" {
        return Err(protected("Cluster"));
    }
    if front.clock.is_instant() {
        front.ledger().forget(&name);
        return Ok(Step::Pass);
    }
    // Its members go first.
    let gone = front.clock.after(Takes::DatabaseEnd) + front.clock.lasts(Takes::ClusterEnd);
    front.ledger().going(&name, now, gone, Some(call.clone()));
    let body = xml::read(&answer, |document| {
        let cluster = xml::named(document, "DBCluster").next()?;
        answer.get(cluster.range()).map(str::to_owned)
    });
    let mut reply = Reply::done(
        call,
        format!(
            "<DeleteDBClusterResponse xmlns=\"http://rds.amazonaws.com/doc/2014-10-31/\"><DeleteDBClusterResult>{}</DeleteDBClusterResult></DeleteDBClusterResponse>",
            body.unwrap_or_default()
        ),
    );
    tell(front, call, &mut reply);
    Ok(Step::Answer(reply))
}

/// Notes what was made or changed.
fn note(front: &Inner, call: &Call, _reply: &Reply) {
    let clock = &front.clock;
    let now = clock.now();
    match call.action.as_str() {
        "CreateDBInstance" | "CreateDBInstanceReadReplica" | "RestoreDBInstanceFromDBSnapshot" => {
            let ready = clock.after(Takes::DatabaseStart);
            front
                .ledger()
                .made(&key(call, DATABASE, &id_of(call)), now, ready);
        }
        "CreateDBCluster" => {
            let ready = clock.after(Takes::ClusterStart);
            front
                .ledger()
                .made(&key(call, CLUSTER, &cluster_of(call)), now, ready);
        }
        "ModifyDBInstance" if call.get("DBInstanceClass").is_some() => {
            let until = clock.after(Takes::DatabaseChange);
            front
                .ledger()
                .changing(&key(call, DATABASE, &id_of(call)), now, until);
        }
        "RebootDBInstance" => {
            let until = clock.after(Takes::InstanceStart);
            front
                .ledger()
                .changing(&key(call, DATABASE, &id_of(call)), now, until);
        }
        "CreateDBSnapshot" => {
            let until = clock.after(Takes::DatabaseSnapshot);
            front
                .ledger()
                .changing(&key(call, DATABASE, &id_of(call)), now, until);
        }
        _ => {}
    }
}

/// A database that was made has an interface in its network; one that is told of has the
/// groups that it has now. Only a create makes one appear: an answer to a read may be older
/// than a removal that was done meanwhile.
async fn interfaces(front: &Inner, call: &Call, reply: &Reply) {
    let found: Vec<(String, Vec<String>, Vec<String>)> = xml::read(reply.text(), |document| {
        xml::named(document, "DBInstance")
            .filter_map(|instance| {
                let id = xml::text_of(instance, "DBInstanceIdentifier")?.to_owned();
                let subnets = xml::texts_in(instance, "SubnetIdentifier");
                let groups = xml::texts_in(instance, "VpcSecurityGroupId");
                Some((id, subnets, groups))
            })
            .collect()
    });
    for (id, subnets, groups) in found {
        let owner = key(call, DATABASE, &id);
        let made = ["Create", "Restore"]
            .iter()
            .any(|verb| call.action.starts_with(verb));
        if !made || id_of(call) != id.to_lowercase() {
            front.ledger().regroup(&owner, &groups);
            continue;
        }
        Owned {
            owner: &owner,
            subnets: subnets.get(..1).unwrap_or_default(),
            groups: &groups,
            description: "RDSNetworkInterface",
            requester: "amazon-rds",
            public: false,
        }
        .appear(front, call)
        .await;
    }
}

/// Corrects states.
fn tell(front: &Inner, call: &Call, reply: &mut Reply) {
    if front.clock.is_instant() {
        return;
    }
    let now = front.clock.now();
    let corrected = xml::edit(reply.text(), |document, edits| {
        let kinds = [
            (
                "DBInstance",
                "DBInstanceIdentifier",
                "DBInstanceStatus",
                DATABASE,
            ),
            ("DBCluster", "DBClusterIdentifier", "Status", CLUSTER),
        ];
        for (element, id, status, kind) in kinds {
            for node in xml::named(document, element) {
                let id = xml::text_of(node, id).unwrap_or_default();
                let phase = front.ledger().phase(&key(call, kind, id), now);
                let told = match phase {
                    Phase::Starting => "creating",
                    Phase::Changing => "modifying",
                    Phase::Going => "deleting",
                    Phase::Ready | Phase::Gone => continue,
                };
                edits.set(node, status, told);
                if phase == Phase::Starting
                    && let Some(endpoint) = structured(node, "Endpoint")
                {
                    edits.drop(endpoint);
                }
            }
        }
    });
    if let Some(text) = corrected {
        reply.set_text(text);
    }
}

/// A child that holds elements itself: a cluster's endpoint is a text, and stays.
fn structured<'a, 'i>(node: Node<'a, 'i>, name: &str) -> Option<Node<'a, 'i>> {
    xml::child_of(node, name).filter(|child| child.children().any(|part| part.is_element()))
}
