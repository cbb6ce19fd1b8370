//! Changes of databases in place. Pages are those of the Amazon RDS API Reference and User Guide.

use strict_cloud::Timing;

use super::cloud::{TestCloud, WireAnswer};
use super::services::{borrowed, database, f, with};

const D1: &str = "DBInstanceIdentifier=d1";

/// A cloud with a database `d1` of this size, ready.
async fn rig(region: &'static str, timing: Timing, gib: u32, more: &[&str]) -> TestCloud {
    let cloud = TestCloud::with(region, |options| {
        options.timing = timing;
        options.scale = 1000.0;
    })
    .await;
    let network = cloud.network("10.20").await;
    let group = cloud.group(&network.vpc, "db").await;
    cloud.pass(3);
    let fields = database(&cloud, &network.subnets, &group).await;
    let size = format!("AllocatedStorage={gib}");
    let mut fields = with(&fields, &size);
    fields.push("StorageType=gp3");
    fields.extend(more);
    cloud.rds("CreateDBInstance", &fields).await.ok();
    cloud.pass(451);
    cloud
}

async fn modify(cloud: &TestCloud, fields: &[&str]) -> WireAnswer {
    let mut all = vec![D1, "ApplyImmediately=true"];
    all.extend(fields);
    cloud.rds("ModifyDBInstance", &all).await
}

async fn look(cloud: &TestCloud) -> WireAnswer {
    cloud.rds("DescribeDBInstances", &[D1]).await.ok()
}

const COMBINATION: &str = "InvalidParameterCombination";

/// CreateDBInstanceReadReplica, `DBParameterGroupName`: not for PostgreSQL; the replica has the
/// group of its source.
#[tokio::test]
async fn a_replica_is_created_with_the_parameter_group_of_its_source() {
    let cloud = rig("af-south-1", Timing::Instant, 20, &[]).await;
    let fields = ["DBInstanceIdentifier=r", "SourceDBInstanceIdentifier=d1"];
    let mut named = fields.to_vec();
    named.push("DBParameterGroupName=p");
    let action = "CreateDBInstanceReadReplica";
    cloud.rds(action, &named).await.refused(COMBINATION, 400);
    let replica = cloud.rds(action, &fields).await.ok();
    assert_eq!(replica.first("DBParameterGroupName"), "p");
}

/// CreateDBInstance, `AvailabilityZone`: "can't be specified if the DB instance is a Multi-AZ deployment".
#[tokio::test]
async fn a_database_with_a_standby_takes_no_zone() {
    let cloud = rig("il-central-1", Timing::Instant, 20, &[]).await;
    let create = async |id: &str, more: &[&str]| {
        let replica = "SourceDBInstanceIdentifier=d1";
        let fields = [&[id, replica, "AvailabilityZone=il-central-1a"], more].concat();
        cloud.rds("CreateDBInstanceReadReplica", &fields).await
    };
    let standby = create("DBInstanceIdentifier=r", &["MultiAZ=true"]).await;
    standby.refused(COMBINATION, 400);
    create("DBInstanceIdentifier=r", &["MultiAZ=false"])
        .await
        .ok();
}

/// "Amazon RDS DB instance storage", gp3; ModifyDBInstance, `AllocatedStorage` and `Iops`.
#[tokio::test]
async fn storage_changes_as_its_size_admits() {
    let cloud = rig("ap-south-2", Timing::Instant, 100, &[]).await;
    for refused in [
        &["AllocatedStorage=150", "Iops=3000"][..],
        &["StorageThroughput=125"],
        &["AllocatedStorage=90"],
        &[],
    ] {
        modify(&cloud, refused).await.refused(COMBINATION, 400);
    }
    modify(&cloud, &["AllocatedStorage=103"]).await.ok();
    assert_eq!(look(&cloud).await.first("AllocatedStorage"), "110");
    modify(&cloud, &["AllocatedStorage=400"]).await.ok();
    for refused in [&["AllocatedStorage=500"][..], &["Iops=16000"]] {
        modify(&cloud, refused).await.refused(COMBINATION, 400);
    }
    let both = ["AllocatedStorage=500", "Iops=16000"];
    modify(&cloud, &both).await.ok();
    let found = look(&cloud).await;
    assert_eq!(found.first("AllocatedStorage"), "500");
    assert_eq!(found.first("Iops"), "16000");
}

/// CreateDBInstance, `Iops` and `StorageThroughput` below the size from which gp3 is striped.
#[tokio::test]
async fn small_storage_has_a_fixed_performance() {
    let cloud = rig("ap-southeast-3", Timing::Instant, 20, &[]).await;
    let network = cloud.network("10.21").await;
    let group = cloud.group(&network.vpc, "other").await;
    let fields = [
        "DBInstanceIdentifier=d2",
        "Engine=postgres",
        "DBInstanceClass=db.t3.micro",
        "AllocatedStorage=20",
        "StorageType=gp3",
        "Iops=3000",
        "MasterUsername=m",
        "MasterUserPassword=correct-horse",
        "DBSubnetGroupName=g",
        &f("VpcSecurityGroupIds.VpcSecurityGroupId.1", &group),
    ];
    let created = cloud.rds("CreateDBInstance", &fields).await;
    created.refused(COMBINATION, 400);
    let fields: Vec<String> = fields.iter().map(|field| (*field).to_owned()).collect();
    let mut fields = borrowed(&fields);
    fields.retain(|field| !field.starts_with("Iops"));
    cloud.rds("CreateDBInstance", &fields).await.ok();
}

/// "Storage optimization": six hours between two changes of storage, behind a usable database.
#[tokio::test]
async fn storage_that_was_changed_is_optimised_for_hours() {
    let cloud = rig("ap-southeast-4", Timing::Aws, 100, &[]).await;
    modify(&cloud, &["AllocatedStorage=150"]).await.ok();
    cloud.pass(600);
    let status = async || look(&cloud).await.first("DBInstanceStatus");
    assert_eq!(status().await, "storage-optimization");
    let again = modify(&cloud, &["AllocatedStorage=200"]).await;
    again.refused(COMBINATION, 400);
    cloud.pass(6 * 3600);
    assert_eq!(status().await, "available");
    modify(&cloud, &["AllocatedStorage=200"]).await.ok();
}

/// ModifyDBInstance, `DBParameterGroupName`: the name changes at once, static parameters with a
/// restart, which shows late itself.
#[tokio::test]
async fn another_parameter_group_waits_for_a_restart() {
    let cloud = rig("ca-west-1", Timing::Aws, 20, &[]).await;
    let group = [
        "DBParameterGroupName=q",
        "DBParameterGroupFamily=postgres15",
        "Description=d",
    ];
    cloud.rds("CreateDBParameterGroup", &group).await.ok();
    modify(&cloud, &["DBParameterGroupName=q"]).await.ok();
    let told = async || {
        let found = look(&cloud).await;
        assert_eq!(found.first("DBParameterGroupName"), "q");
        (
            found.first("DBInstanceStatus"),
            found.first("ParameterApplyStatus"),
        )
    };
    let pair = |status: &str, parameters: &str| (status.to_owned(), parameters.to_owned());
    assert_eq!(told().await, pair("available", "applying"));
    cloud.pass(46);
    assert_eq!(told().await, pair("available", "pending-reboot"));
    cloud.rds("RebootDBInstance", &[D1]).await.ok();
    assert_eq!(told().await, pair("available", "pending-reboot"));
    cloud.pass(21);
    assert_eq!(told().await, pair("modifying", "pending-reboot"));
    cloud.pass(9);
    assert_eq!(told().await, pair("available", "in-sync"));
}

/// DeleteDBInstance: a protection that was lifted is still found for a while.
#[tokio::test]
async fn a_lifted_protection_lags() {
    let protected = ["DeletionProtection=true"];
    let cloud = rig("eu-central-2", Timing::Aws, 20, &protected).await;
    let skip = [D1, "SkipFinalSnapshot=true"];
    let delete = async || cloud.rds("DeleteDBInstance", &skip).await;
    delete().await.refused(COMBINATION, 400);
    let lifted = modify(&cloud, &["DeletionProtection=false"]).await.ok();
    assert_eq!(lifted.first("DeletionProtection"), "false");
    delete().await.refused(COMBINATION, 400);
    cloud.pass(11);
    delete().await.ok();
}

/// A cluster with two instances, all ready.
async fn cluster(cloud: &TestCloud) {
    let fields = [
        "DBClusterIdentifier=over",
        "Engine=aurora-postgresql",
        "MasterUsername=admin1",
        "MasterUserPassword=password",
    ];
    cloud.rds("CreateDBCluster", &fields).await.ok();
    for (id, tier) in [("over-1", 0), ("over-2", 2), ("over-3", 1)] {
        let fields = [
            &format!("DBInstanceIdentifier={id}"),
            "DBClusterIdentifier=over",
            "Engine=aurora-postgresql",
            "DBInstanceClass=db.r6g.large",
            &format!("PromotionTier={tier}"),
        ];
        cloud.rds("CreateDBInstance", &fields).await.ok();
    }
}

const OVER: &str = "DBClusterIdentifier=over";

/// The state of the cluster and who writes.
async fn state_and_writer(cloud: &TestCloud) -> (String, String) {
    let found = cloud.rds("DescribeDBClusters", &[OVER]).await.ok();
    let (before, _) = found.text.split_once("<IsClusterWriter>true").unwrap();
    let id = before.rsplit("<DBInstanceIdentifier>").next().unwrap();
    let id = id.split('<').next().unwrap().to_owned();
    (found.first("Status"), id)
}

/// FailoverDBCluster; "High availability for Amazon Aurora": the reader with the highest priority is
/// promoted, within half a minute or so.
#[tokio::test]
async fn a_cluster_fails_over_after_a_while() {
    let cloud = TestCloud::with("ap-northeast-2", |options| {
        options.timing = Timing::Aws;
        options.scale = 1000.0;
    })
    .await;
    let fail_over = async |more: &[&str]| {
        let mut fields = vec![OVER];
        fields.extend(more);
        cloud.rds("FailoverDBCluster", &fields).await
    };
    fail_over(&[]).await.refused("DBClusterNotFoundFault", 404);
    cluster(&cloud).await;
    let state = "InvalidDBClusterStateFault";
    fail_over(&[]).await.refused(state, 400);
    cloud.pass(41);
    // The cluster is available before its instances are.
    fail_over(&[]).await.refused(state, 400);
    cloud.pass(450);
    let named = async |id: &str| fail_over(&[&f("TargetDBInstanceIdentifier", id)]).await;
    named("x").await.refused("InvalidParameterValue", 400);
    let writer = named("over-1").await;
    writer.refused("InvalidDBInstanceState", 400);
    let told = async |state: &str, writer: &str| {
        let expected = (state.to_owned(), writer.to_owned());
        assert_eq!(state_and_writer(&cloud).await, expected);
    };
    fail_over(&[]).await.ok();
    told("available", "over-1").await;
    fail_over(&[]).await.refused(state, 400);
    cloud.pass(6);
    told("failing-over", "over-1").await;
    cloud.pass(30);
    told("available", "over-3").await;
    named("over-2").await.ok();
    cloud.pass(36);
    told("available", "over-2").await;
}

/// RebootDBInstance, `ForceFailover`: only with a standby.
#[tokio::test]
async fn a_forced_failover_needs_a_standby() {
    let cloud = rig("ap-northeast-3", Timing::Aws, 20, &[]).await;
    let forced = [D1, "ForceFailover=true"];
    let reboot = async || cloud.rds("RebootDBInstance", &forced).await;
    reboot().await.refused(COMBINATION, 400);
    modify(&cloud, &["MultiAZ=true"]).await.ok();
    reboot().await.refused("InvalidDBInstanceState", 400);
    cloud.pass(600);
    reboot().await.ok();
    let status = async || look(&cloud).await.first("DBInstanceStatus");
    cloud.pass(100);
    assert_eq!(status().await, "modifying");
    cloud.pass(11);
    assert_eq!(status().await, "available");
}
