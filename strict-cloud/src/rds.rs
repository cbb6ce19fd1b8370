//! The rules of RDS: databases and clusters, their states and what they are refused for.
//!
//! Codes and messages: "Amazon RDS API Reference", errors of each action. Deleting:
//! DeleteDBInstance, `SkipFinalSnapshot` and `FinalDBSnapshotIdentifier`. States: "Viewing
//! Amazon RDS DB instance status". Passwords: CreateDBInstance, `MasterUserPassword`.

use roxmltree::Node;

use crate::call::Call;
use crate::clock::Delay;
use crate::cloud::{Core, Ruling};
use crate::ec2::{ServiceInterfaces, key, network_of};
use crate::errors::{AwsError, Reply};
use crate::ledger::Phase;
use crate::refusals::rds::{
    NO_REBOOT_NOW, PROTECTED_CLUSTER, PROTECTED_INSTANCE, REPLICA_FINAL_SNAPSHOT, ZONE_WITH_STANDBY,
};
use crate::{offers, rds_changes, rds_failover, rds_groups, xml};

const DATABASE: &str = "db";
const CLUSTER: &str = "db-cluster";

pub(crate) async fn before(core: &Core, call: &mut Call) -> Result<Ruling, AwsError> {
    match call.action.as_str() {
        "CreateDBInstance" | "RestoreDBInstanceFromDBSnapshot" => {
            check_member(call)?;
            check_zone(call)?;
            check_password(call)?;
            check_security_groups(core, call).await?;
            rds_changes::check_creation(core, call).await?;
        }
        "CreateDBCluster" => {
            check_password(call)?;
            check_security_groups(core, call).await?;
            check_new_cluster(core, call).await?;
        }
        "CreateDBInstanceReadReplica" => {
            check_zone(call)?;
            check_replica_source(core, call).await?;
            check_security_groups(core, call).await?;
            rds_changes::check_creation(core, call).await?;
        }
        "ModifyDBInstance" => {
            check_available(core, call)?;
            let id = id_of(call);
            rds_changes::change(core, call, &id).await?;
        }
        "ModifyDBCluster" => change_cluster(core, call).await?,
        "FailoverDBCluster" => fail_over(core, call).await?,
        "RebootDBInstance" => {
            check_available(core, call).map_err(|_| AwsError::known(&NO_REBOOT_NOW))?;
            rds_failover::check_standby(core, call, &id_of(call)).await?;
        }
        "CreateDBSnapshot" | "StopDBInstance" => check_available(core, call)?,
        "DeleteDBInstance" => return delete(core, call).await,
        "DeleteDBCluster" => return delete_cluster(core, call).await,
        // What the emulator lacks. It keeps no backups of a cluster that is gone.
        "DescribeDBClusterAutomatedBackups" => return Ok(Ruling::Answer(no_cluster_backups(call))),
        _ => return rds_groups::before(core, call).await,
    }
    Ok(Ruling::Forward)
}

pub(crate) async fn after(core: &Core, call: &Call, reply: &mut Reply) -> Result<(), AwsError> {
    if !reply.is_success() {
        return Ok(());
    }
    note(core, call, reply);
    if call.action == "DescribeOrderableDBInstanceOptions" {
        offers::complete(core, call, reply).await?;
        offers::correct(core, call, reply);
    }
    interfaces(core, call, reply).await;
    rds_groups::after(call, reply)?;
    report_states(core, call, reply);
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

/// CreateDBInstance, `DeletionProtection`: "for Amazon Aurora DB instances [...] managed by the DB
/// cluster".
fn check_member(call: &Call) -> Result<(), AwsError> {
    if call.get("DBClusterIdentifier").is_some() && call.get("DeletionProtection") == Some("true") {
        return Err(AwsError::new(
            "InvalidParameterCombination",
            "Deletion Protection can only be applied on the Cluster level, not for individual instances",
        ));
    }
    Ok(())
}

/// CreateDBInstance, `AvailabilityZone`: "can't be specified if the DB instance is a Multi-AZ deployment".
fn check_zone(call: &Call) -> Result<(), AwsError> {
    match call.get("AvailabilityZone").is_some() && call.get("MultiAZ") == Some("true") {
        true => Err(AwsError::known(&ZONE_WITH_STANDBY)),
        false => Ok(()),
    }
}

/// "Can include any printable ASCII character except `/`, `"` or `@`", no space, and from
/// 8 characters on.
fn check_password(call: &Call) -> Result<(), AwsError> {
    let Some(password) = call.get("MasterUserPassword") else {
        return Ok(());
    };
    let refused = |why: &str| {
        let message = format!("The parameter MasterUserPassword is not a valid password{why}");
        Err(AwsError::new("InvalidParameterValue", message))
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

async fn check_security_groups(core: &Core, call: &Call) -> Result<(), AwsError> {
    for group in call.all("VpcSecurityGroupIds") {
        network_of(core, call, group).await.map_err(|_| {
            AwsError::new(
                "InvalidParameterValue",
                format!("Invalid security group , groupId= {group}, groupName=."),
            )
        })?;
    }
    Ok(())
}

/// A cluster that exists is refused before moto is asked: moto first takes the automated
/// snapshot, whose name is the minute's, and refuses that one.
async fn check_new_cluster(core: &Core, call: &Call) -> Result<(), AwsError> {
    let id = cluster_of(call);
    let fields = [("DBClusterIdentifier", id.as_str())];
    let found = core
        .upstream
        .ask(call, "rds", "DescribeDBClusters", &fields)
        .await?;
    if found.is_success() && xml::first(found.text(), "DBClusterIdentifier").is_some() {
        return Err(AwsError::new(
            "DBClusterAlreadyExistsFault",
            "DB Cluster already exists",
        ));
    }
    Ok(())
}

async fn check_replica_source(core: &Core, call: &Call) -> Result<(), AwsError> {
    let source = call
        .get("SourceDBInstanceIdentifier")
        .unwrap_or_default()
        .to_lowercase();
    let phase = core
        .ledger()
        .phase(&key(call, DATABASE, &source), core.clock.now());
    if phase != Phase::Available {
        return Err(not_available(&source));
    }
    let fields = [("DBInstanceIdentifier", source.as_str())];
    let answer = core
        .upstream
        .text(call, "rds", "DescribeDBInstances", &fields)
        .await?;
    if xml::first(&answer, "BackupRetentionPeriod").as_deref() == Some("0") {
        return Err(AwsError::new(
            "InvalidDBInstanceState",
            "Automated backups are not enabled for this database instance. To enable automated backups, use ModifyDBInstance to set the backup retention period to a non-zero value.",
        ));
    }
    Ok(())
}

fn check_available(core: &Core, call: &Call) -> Result<(), AwsError> {
    let id = id_of(call);
    match core
        .ledger()
        .phase(&key(call, DATABASE, &id), core.clock.now())
    {
        Phase::Available | Phase::Gone => Ok(()),
        _ => Err(not_available(&id)),
    }
}

async fn change_cluster(core: &Core, call: &Call) -> Result<(), AwsError> {
    let id = cluster_of(call);
    let fields = [("DBClusterIdentifier", id.as_str())];
    let found = core
        .upstream
        .ask(call, "rds", "DescribeDBClusters", &fields)
        .await?;
    let lifts = call.get("DeletionProtection") == Some("false");
    let protected = xml::first(found.text(), "DeletionProtection");
    if lifts && found.is_success() && protected.as_deref() == Some("true") {
        rds_changes::lift_protection(core, call, &id);
    }
    Ok(())
}

async fn fail_over(core: &Core, call: &mut Call) -> Result<(), AwsError> {
    let id = cluster_of(call);
    let now = core.clock.now();
    let phase = core.ledger().phase(&key(call, CLUSTER, &id), now);
    if phase != Phase::Available || rds_failover::goes_on(core, call, &id) {
        return Err(AwsError::new(
            "InvalidDBClusterStateFault",
            format!("DBCluster {id} is not in available state."),
        ));
    }
    let is_usable = |call: &Call, id: &str| {
        core.ledger().phase(&key(call, DATABASE, id), now) == Phase::Available
    };
    rds_failover::begin(core, call, &id, is_usable).await
}

fn not_available(id: &str) -> AwsError {
    AwsError::new(
        "InvalidDBInstanceState",
        format!("Database instance: {id} is not in available state."),
    )
}

async fn delete(core: &Core, call: &Call) -> Result<Ruling, AwsError> {
    let id = id_of(call);
    let fields = [("DBInstanceIdentifier", id.as_str())];
    let answer = core
        .upstream
        .text(call, "rds", "DescribeDBInstances", &fields)
        .await?;
    let name = key(call, DATABASE, &id);
    let phase = core.ledger().phase(&name, core.clock.now());
    if phase == Phase::Deleting {
        return Err(AwsError::new(
            "InvalidDBInstanceState",
            format!("Instance {id} is already being deleted."),
        ));
    }
    let part = |tag| xml::first(&answer, tag).unwrap_or_default();
    let in_cluster = !part("DBClusterIdentifier").is_empty();
    let replica = !part("ReadReplicaSourceDBInstanceIdentifier").is_empty();
    if !in_cluster {
        check_final_snapshot(core, call, replica).await?;
    } else if call.get("FinalDBSnapshotIdentifier").is_some() {
        return Err(AwsError::new(
            "InvalidParameterCombination",
            "FinalDBSnapshotIdentifier can not be specified when deleting a cluster instance",
        ));
    }
    if part("DeletionProtection") == "true" || rds_changes::is_still_protected(core, call, &id) {
        return Err(AwsError::known(&PROTECTED_INSTANCE));
    }
    rds_changes::forget(core, call, &id);
    let now = core.clock.now();
    let gone = core.clock.after(Delay::DatabaseEnd);
    core.ledger()
        .release_interfaces(&name, gone + core.clock.delay(Delay::Interfaces));
    if core.clock.is_instant() {
        core.ledger().forget(&name);
        return Ok(Ruling::Forward);
    }
    core.ledger().deleting(&name, now, gone, Some(call.clone()));
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
    report_states(core, call, &mut reply);
    Ok(Ruling::Answer(reply))
}

/// A deletion says what becomes of the data.
async fn check_final_snapshot(core: &Core, call: &Call, replica: bool) -> Result<(), AwsError> {
    let skips = call.get("SkipFinalSnapshot") == Some("true");
    match (call.get("FinalDBSnapshotIdentifier"), skips) {
        (None, false) => Err(AwsError::new(
            "InvalidParameterCombination",
            "FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified.",
        )),
        (Some(_), true) => Err(AwsError::new(
            "InvalidParameterCombination",
            "FinalDBSnapshotIdentifier cannot be specified when SkipFinalSnapshot is specified.",
        )),
        (Some(_), false) if replica => Err(AwsError::known(&REPLICA_FINAL_SNAPSHOT)),
        (Some(snapshot), false) => {
            let fields = [("DBSnapshotIdentifier", snapshot)];
            let found = core
                .upstream
                .ask(call, "rds", "DescribeDBSnapshots", &fields)
                .await?;
            if found.is_success() && xml::first(found.text(), "DBSnapshotIdentifier").is_some() {
                return Err(AwsError::new(
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

fn no_cluster_backups(call: &Call) -> Reply {
    Reply::done(
        call,
        "<DescribeDBClusterAutomatedBackupsResponse xmlns=\"http://rds.amazonaws.com/doc/2014-10-31/\"><DescribeDBClusterAutomatedBackupsResult><DBClusterAutomatedBackups/></DescribeDBClusterAutomatedBackupsResult></DescribeDBClusterAutomatedBackupsResponse>",
    )
}

async fn delete_cluster(core: &Core, call: &Call) -> Result<Ruling, AwsError> {
    let id = cluster_of(call);
    let skips = call.get("SkipFinalSnapshot") == Some("true");
    if skips && call.get("FinalDBSnapshotIdentifier").is_some() {
        return Err(AwsError::new(
            "InvalidParameterCombination",
            "You cannot specify both FinalDBSnapshotIdentifier and SkipFinalSnapshot",
        ));
    }
    let fields = [("DBClusterIdentifier", id.as_str())];
    let answer = core
        .upstream
        .text(call, "rds", "DescribeDBClusters", &fields)
        .await?;
    let part = |tag| xml::first(&answer, tag).unwrap_or_default();
    let name = key(call, CLUSTER, &id);
    let phase = core.ledger().phase(&name, core.clock.now());
    if phase == Phase::Deleting {
        return Err(AwsError::new(
            "InvalidDBClusterStateFault",
            format!("The DB cluster {id} is already being deleted."),
        ));
    }
    let members = core
        .upstream
        .text(call, "rds", "DescribeDBInstances", &[])
        .await?;
    // A member that is being deleted does not hold its cluster.
    let now = core.clock.now();
    let holds = xml::read(&members, |document| {
        xml::named(document, "DBInstance").any(|instance| {
            let member = xml::text_of(instance, "DBInstanceIdentifier").unwrap_or_default();
            xml::text_of(instance, "DBClusterIdentifier") == Some(id.as_str())
                && !matches!(
                    core.ledger().phase(&key(call, DATABASE, member), now),
                    Phase::Deleting | Phase::Gone
                )
        })
    });
    if holds {
        return Err(AwsError::new(
            "InvalidDBClusterStateFault",
            "Cluster cannot be deleted, it still contains DB instances in non-deleting state.",
        ));
    }
    check_final_snapshot(core, call, false).await?;
    if part("DeletionProtection") == "true" || rds_changes::is_still_protected(core, call, &id) {
        return Err(AwsError::known(&PROTECTED_CLUSTER));
    }
    if core.clock.is_instant() {
        core.ledger().forget(&name);
        return Ok(Ruling::Forward);
    }
    // Its members go first.
    let gone = core.clock.after(Delay::DatabaseEnd) + core.clock.delay(Delay::ClusterEnd);
    core.ledger().deleting(&name, now, gone, Some(call.clone()));
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
    report_states(core, call, &mut reply);
    Ok(Ruling::Answer(reply))
}

/// Notes what was made or changed.
fn note(core: &Core, call: &Call, _reply: &Reply) {
    let clock = &core.clock;
    let now = clock.now();
    match call.action.as_str() {
        "CreateDBInstance" | "CreateDBInstanceReadReplica" | "RestoreDBInstanceFromDBSnapshot" => {
            let ready = clock.after(Delay::DatabaseStart);
            core.ledger()
                .created(&key(call, DATABASE, &id_of(call)), now, ready);
            rds_changes::created(core, call, &id_of(call));
        }
        "StopDBInstance" => rds_changes::stopping(core, call, &id_of(call)),
        "CreateDBCluster" => {
            let ready = clock.after(Delay::ClusterStart);
            core.ledger()
                .created(&key(call, CLUSTER, &cluster_of(call)), now, ready);
        }
        "ModifyDBInstance" | "RebootDBInstance" => {
            let takes_time = [
                "DBInstanceClass",
                "AllocatedStorage",
                "EngineVersion",
                "Iops",
                "MultiAZ",
            ];
            // Who reaches it is changed in a moment, and shows as `modifying` all the same
            // (cloud-custodian's recordings of AWS, test_rds_sg_add_by_tag and
            // test_rds_public_accessible_disable).
            let changes_network = call.get("PubliclyAccessible").is_some()
                || !call.all("VpcSecurityGroupIds").is_empty();
            let time = match call.action.as_str() {
                "RebootDBInstance" if rds_failover::is_forced(call) => Delay::StandbyFailover,
                "RebootDBInstance" => Delay::InstanceStart,
                _ if takes_time.iter().any(|field| call.get(field).is_some()) => {
                    Delay::DatabaseChange
                }
                _ if changes_network => Delay::InstanceStart,
                _ => return,
            };
            let until = clock.after(Delay::DatabaseLag) + clock.delay(time);
            let id = id_of(call);
            rds_changes::accepted(core, call, &id);
            core.ledger()
                .modifying(&key(call, DATABASE, &id), now, until);
        }
        "CreateDBSnapshot" => {
            let until = clock.after(Delay::DatabaseSnapshot);
            core.ledger()
                .modifying(&key(call, DATABASE, &id_of(call)), now, until);
        }
        _ => {}
    }
}

/// A database that was made has an interface in its network; one that is told of has the
/// groups that it has now. Only a create makes one appear: an answer to a read may be older
/// than a removal that was done meanwhile.
async fn interfaces(core: &Core, call: &Call, reply: &Reply) {
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
            core.ledger().set_interface_groups(&owner, &groups);
            continue;
        }
        ServiceInterfaces {
            owner: &owner,
            subnets: subnets.get(..1).unwrap_or_default(),
            groups: &groups,
            description: "RDSNetworkInterface",
            requester: "amazon-rds",
            public: false,
        }
        .create(core, call)
        .await;
    }
}

/// Corrects states.
fn report_states(core: &Core, call: &Call, reply: &mut Reply) {
    if core.clock.is_instant() {
        return;
    }
    let now = core.clock.now();
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
                let phase = core.ledger().phase(&key(call, kind, id), now);
                if kind == CLUSTER {
                    rds_failover::report(core, call, (node, id), edits);
                }
                if kind == DATABASE {
                    rds_changes::report_pending(core, call, (node, id), phase, edits);
                }
                if kind == DATABASE && matches!(phase, Phase::Available | Phase::Modifying) {
                    rds_changes::report(core, call, (node, id), phase, edits);
                }
                let told = match phase {
                    // It shows with a delay.
                    Phase::Modifying if kind == DATABASE && rds_changes::lags(core, call, id) => {
                        continue;
                    }
                    Phase::Creating => "creating",
                    Phase::Modifying => "modifying",
                    // One that has gone since the emulator answered, too.
                    Phase::Deleting | Phase::Gone => "deleting",
                    Phase::Available => continue,
                };
                edits.set(node, status, told);
                if phase == Phase::Creating
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
