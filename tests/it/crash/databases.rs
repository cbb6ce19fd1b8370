//! Databases as RDS changes and deletes them: what it refuses, rounds, shows late and undoes.

use std::collections::BTreeSet;

use loadrig::spec::Spec;
use strict_cloud::{AwsAccount, known_refusals};

use super::foreign_calls::{call, id_of};
use super::layouts::{account, named};
use super::outcome::{later, leftovers, still_to_do};
use super::process::{End, Job, REGION, run};
use super::sweep::SETTLED;

const WRITER: &str = "DBInstanceIdentifier=lr-data-db-writer";
const READER: &str = "DBInstanceIdentifier=lr-data-db-reader-1";

/// An environment with a writer and a reader, and more YAML.
fn spec(more: &str) -> Spec {
    let access = "access: { operators: [198.51.100.7/32] }";
    named("data", &format!("architecture: 1k\n{access}\n{more}\n"))
}

/// The account after a command that does all it has to, once nothing is on its way.
fn done(account: AwsAccount, job: Job<'_>) -> AwsAccount {
    let account = run(account, job).done();
    later(account.expect("done"), SETTLED)
}

fn up(account: AwsAccount, spec: &Spec) -> AwsAccount {
    let account = done(account, Job::Up(spec));
    assert_eq!(still_to_do(&account, spec), Vec::<String>::new());
    account
}

/// What a database says of itself.
fn told(account: &AwsAccount, database: &str, element: &str) -> String {
    let text = call(
        &mut account.clone(),
        "rds",
        "DescribeDBInstances",
        &[database],
    );
    let start = format!("<{element}>");
    let rest = text.split_once(&start).map(|(_, rest)| rest);
    let value = rest.and_then(|rest| rest.split_once('<'));
    value.map(|(value, _)| value.to_owned()).unwrap_or_default()
}

/// Writer and reader of a rig stand where its hosts do, as long as AWS has room for them there.
#[test]
fn databases_of_a_rig_are_in_its_zone_and_elsewhere_without_capacity() {
    let zones = |account: &AwsAccount| {
        [WRITER, READER].map(|database| told(account, database, "AvailabilityZone"))
    };
    for engine in ["postgres", "aurora-postgresql"] {
        let rig = spec(&format!("database: {{ engine: {engine} }}"));
        let (first, second) = (format!("{REGION}a"), format!("{REGION}b"));
        let one_zone = up(account(), &rig);
        assert_eq!(zones(&one_zone), [first.clone(), first.clone()], "{engine}");

        let mut account = account();
        account.exhaust_database_zone("db.r7g.large", &first);
        let elsewhere = up(account, &rig);
        assert_eq!(zones(&elsewhere), [second.clone(), second], "{engine}");
    }
}

/// The next version of loadrig places rigs in one zone: what is up stays, whichever zone it is in.
#[test]
fn databases_that_are_up_stay_in_their_zones() {
    let spread = spec("network: { placement: all-zones }");
    let account = up(account(), &spread);
    let zones = [WRITER, READER].map(|database| told(&account, database, "AvailabilityZone"));
    assert_ne!(zones[0], zones[1]);
    let rig = spec("");
    assert_eq!(still_to_do(&account, &rig), Vec::<String>::new());
    let larger = spec("sizes: { database: { instance_type: db.r7g.xlarge } }");
    let account = up(account, &larger);
    let after = [WRITER, READER].map(|database| told(&account, database, "AvailabilityZone"));
    assert_eq!(after, zones);
}

/// A replica is created with its source's parameter group, is given its own, and restarts.
#[test]
fn a_reader_runs_with_its_own_parameter_group() {
    let account = up(account(), &spec(""));
    for (database, group) in [
        (WRITER, "lr-data-db-writer-parameters"),
        (READER, "lr-data-db-reader-parameters"),
    ] {
        assert_eq!(told(&account, database, "DBParameterGroupName"), group);
        assert_eq!(told(&account, database, "ParameterApplyStatus"), "in-sync");
    }
}

/// Somebody gave it another group: its name is compared, and the restart done in the same run.
#[test]
fn another_parameter_group_is_put_back() {
    let spec = spec("");
    let mut account = up(account(), &spec);
    let other = "DBParameterGroupName=lr-data-db-writer-parameters";
    call(&mut account, "rds", "ModifyDBInstance", &[READER, other]);
    let account = up(later(account, SETTLED), &spec);
    let group = told(&account, READER, "DBParameterGroupName");
    assert_eq!(group, "lr-data-db-reader-parameters");
    assert_eq!(told(&account, READER, "ParameterApplyStatus"), "in-sync");
}

/// RDS says `available` with the old class for a while before it changes.
#[test]
fn another_class_is_waited_for() {
    let account = up(account(), &spec(""));
    let larger = spec("sizes: { database: { instance_type: db.r7g.xlarge } }");
    let left = run(account, Job::Up(&larger));
    assert_eq!(left.end, End::Done);
    // Without another moment to pass.
    for database in [WRITER, READER] {
        let class = told(&left.account, database, "DBInstanceClass");
        assert_eq!(class, "db.r7g.xlarge");
    }
}

/// It ends in `available` with the old class, and only an event says why.
#[test]
fn a_change_that_rds_undoes_is_a_failure_with_its_reason() {
    let mut account = up(account(), &spec(""));
    account.exhaust_database_class("db.r7g.xlarge");
    let larger = spec("sizes: { database: { instance_type: db.r7g.xlarge } }");
    let left = run(account, Job::Up(&larger));
    let End::Failed(message) = &left.end else {
        panic!("{:?}", left.end);
    };
    for part in [
        "database/writer",
        "`class` is `db.r7g.large`, not `db.r7g.xlarge`",
        "insufficient instance capacity",
    ] {
        assert!(message.contains(part), "{message}");
    }
    // Hours before the time that a change may take is over.
    assert!(!still_to_do(&later(left.account, SETTLED), &larger).is_empty());
}

/// Below the size from which storage is striped, over the line, and beyond it; a growth of less
/// than a tenth is rounded up and does not look like a size that should shrink.
#[test]
fn storage_grows_as_rds_lets_it() {
    let sized = |gib: u32, more: &str| {
        let sizes = format!("sizes: {{ database: {{ storage_gib: {gib}, readers: 0 }} }}");
        spec(&format!("{sizes}\n{more}"))
    };
    let iops = "database: { storage: { iops: 16000, throughput_mibps: 1000 } }";
    let mut account = up(account(), &sized(100, ""));
    for (gib, more, expected) in [
        (103, "", ("110", "3000", "125")),
        (400, "", ("400", "12000", "500")),
        (400, iops, ("400", "16000", "1000")),
        (500, iops, ("500", "16000", "1000")),
        (500, "", ("500", "12000", "500")),
        (520, "", ("550", "12000", "500")),
    ] {
        account = up(account, &sized(gib, more));
        let part = |element| told(&account, WRITER, element);
        let found = (
            part("AllocatedStorage"),
            part("Iops"),
            part("StorageThroughput"),
        );
        let found = (found.0.as_str(), found.1.as_str(), found.2.as_str());
        assert_eq!(found, expected, "{gib} GiB {more}");
    }
}

#[test]
fn storage_that_changed_lately_is_told_with_what_to_do() {
    let sized = |gib: u32| {
        spec(&format!(
            "sizes: {{ database: {{ storage_gib: {gib}, readers: 0 }} }}"
        ))
    };
    let account = up(account(), &sized(100));
    let account = run(account, Job::Up(&sized(200))).done().expect("done");
    let left = run(account, Job::Up(&sized(300)));
    let End::Failed(message) = &left.end else {
        panic!("{:?}", left.end);
    };
    assert!(message.contains("run the same command again"), "{message}");
    up(later(left.account, SETTLED), &sized(300));
}

/// Deletions find a protection for some seconds after it was lifted.
#[test]
fn a_lifted_protection_that_lags_is_waited_for() {
    for engine in ["postgres", "aurora-postgresql"] {
        let kept = spec(&format!(
            "purpose: gold-standard\ntls: {{host_name: chat.example.com, issuer: private}}\nprotection: {{ deletion: true, final_snapshot: true }}\n\
             database: {{ engine: {engine} }}"
        ));
        let account = up(account(), &kept);
        let account = done(account, Job::Lift(&kept));
        let snapshots: Vec<_> = account
            .resources()
            .into_iter()
            .filter(|one| one.kind.ends_with("snapshot"))
            .collect();
        assert_eq!(snapshots.len(), 1, "{engine}: {snapshots:?}");
        let databases = account.resources().into_iter();
        let mut databases = databases.filter(|one| one.kind.starts_with("database "));
        assert!(databases.all(|one| one.kind.ends_with("snapshot")));
    }
}

/// A replica that stays when its source goes becomes a database of its own.
#[test]
fn no_reader_is_promoted_on_the_way_down() {
    let spec = spec("sizes: { database: { readers: 3 } }");
    let mut account = done(up(account(), &spec), Job::Down(&spec));
    assert_eq!(leftovers(&account, &BTreeSet::new()), Vec::<String>::new());
    for reader in 1..=3 {
        let source = format!("SourceIdentifier=lr-data-db-reader-{reader}");
        let events = call(&mut account, "rds", "DescribeEvents", &[&source]);
        assert!(!events.contains("Promoted"), "{events}");
    }
}

/// The writer goes after its readers: where one cannot go, there is nothing to wait for.
#[test]
fn a_reader_that_cannot_be_deleted_ends_the_removal_of_its_writer() {
    let spec = spec("");
    let mut account = up(account(), &spec);
    let refusal = known_refusals().find(|one| one.code == "SnapshotQuotaExceeded");
    account.refuse("rds", "DeleteDBInstance", &refusal.unwrap(), None);
    let before = account.now();
    let left = run(account, Job::Down(&spec));
    let End::Failed(why) = &left.end else {
        panic!("{:?}", left.end);
    };
    assert!(
        why.contains("in the way: read replica `lr-data-db-reader-1`"),
        "{why}"
    );
    let took = left.account.now().duration_since(before).as_secs();
    assert!(took < 600, "{took} s");
}

/// What AWS Backup holds is not loadrig's to give up: `down` ends, and goes on once it is released.
#[test]
fn backups_that_aws_backup_holds_end_the_removal_until_they_are_released() {
    for (yaml, action) in [
        ("sizes: { database: { readers: 0 } }", "DeleteDBInstance"),
        (
            "sizes: { database: { readers: 0 } }\ndatabase: { engine: aurora-postgresql }",
            "DeleteDBCluster",
        ),
    ] {
        let spec = spec(yaml);
        let mut account = up(account(), &spec);
        let refusal =
            known_refusals().find(|one| one.message.contains("AwsBackupRecoveryPointArn"));
        account.refuse("rds", action, &refusal.unwrap(), None);
        let left = run(account, Job::Down(&spec));
        let End::Failed(why) = &left.end else {
            panic!("{action}: {:?}", left.end);
        };
        assert!(why.contains("AwsBackupRecoveryPointArn"), "{action}: {why}");
        let mut account = left.account;
        account.refuse_no_more();
        let account = done(account, Job::Down(&spec));
        assert_eq!(leftovers(&account, &BTreeSet::new()), Vec::<String>::new());
    }
}

/// Storage and what is allowed of it are the snapshot's; the rest comes by a second call.
#[test]
fn a_small_snapshot_is_restored_into_striped_storage() {
    let kept = spec("protection: { final_snapshot: true }\nsizes: { database: { readers: 0 } }");
    let account = done(up(account(), &kept), Job::Down(&kept));
    let snapshot = id_of(&account, "database snapshot");
    let restored = spec(&format!(
        "sizes: {{ database: {{ readers: 0, storage_gib: 500 }} }}\n\
         database: {{ snapshot: {snapshot}, storage: {{ iops: 16000 }} }}"
    ));
    let account = up(account, &restored);
    assert_eq!(told(&account, WRITER, "AllocatedStorage"), "500");
    assert_eq!(told(&account, WRITER, "Iops"), "16000");
}
