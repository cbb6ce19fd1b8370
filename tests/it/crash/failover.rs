//! A database that is failed over as scenarios do it, by the adapter on an account in memory: it is
//! waited for until another instance writes, or the instance has been away.

use std::time::Duration;

use loadrig::ops::test::fail_over_database;
use loadrig::spec::Spec;
use strict_cloud::{AwsAccount, SharedAccount};

use super::foreign_calls::call;
use super::layouts::named;
use super::link::{CloudBackend, ProcessLink};
use super::outcome::{later, still_to_do};
use super::process::{Job, REGION, run, runtime};
use super::sweep::SETTLED;
use crate::connector;

/// An environment with a database of this YAML, up, at AWS's own pace.
fn standing(database: &str) -> (AwsAccount, Spec) {
    let yaml = format!(
        "architecture: 1k\ncloud: aws\nregion: {REGION}\n\
         access: {{ operators: [198.51.100.7/32] }}\n{database}\n"
    );
    let spec = named("over", &yaml);
    let up = run(AwsAccount::new(REGION, 1.0), Job::Up(&spec)).done();
    (later(up.expect("up"), SETTLED), spec)
}

/// Fails over; how long it took, and the account then.
fn fail_over(account: AwsAccount, spec: &Spec) -> (Result<Duration, String>, AwsAccount) {
    let before = account.now();
    let shared = SharedAccount::new(account);
    let done = runtime().block_on(async {
        let link = ProcessLink::new(CloudBackend::Memory(shared.clone()), None);
        let aws = connector::connect(REGION, "AKIDCRASH", link).await;
        fail_over_database(&aws, spec).await
    });
    let account = shared.account();
    let took = account.now().duration_since(before);
    let took = Duration::try_from(took).expect("time does not run backwards");
    (
        done.map(|()| took).map_err(|error| error.to_string()),
        account,
    )
}

fn about(seconds: u64) -> std::ops::RangeInclusive<Duration> {
    Duration::from_secs(seconds)..=Duration::from_secs(seconds + 4)
}

/// The instance of the one cluster that writes.
fn writer(account: &mut AwsAccount) -> String {
    let text = call(account, "rds", "DescribeDBClusters", &[]);
    let (before, _) = text
        .split_once("<IsClusterWriter>true")
        .expect("one writes");
    let id = before.rsplit("<DBInstanceIdentifier>").next();
    id.and_then(|id| id.split('<').next())
        .expect("an id")
        .to_owned()
}

const AURORA: &str = "sizes: { database: { readers: 2 } }\ndatabase: { engine: aurora-postgresql }";

#[test]
fn a_cluster_fails_over_to_its_first_reader_and_back() {
    let (mut account, spec) = standing(AURORA);
    let first = writer(&mut account);
    let (took, mut account) = fail_over(account, &spec);
    assert!(about(35).contains(&took.clone().expect("done")), "{took:?}");
    assert_eq!(writer(&mut account), "lr-over-db-reader-1");
    // Who writes is not what the environment is about.
    assert_eq!(still_to_do(&account, &spec), Vec::<String>::new());
    let (took, mut account) = fail_over(account, &spec);
    assert!(took.is_ok(), "{took:?}");
    assert_eq!(writer(&mut account), first);
}

#[test]
fn a_cluster_without_a_reader_says_so() {
    let (account, spec) =
        standing("sizes: { database: { readers: 0 } }\ndatabase: { engine: aurora-postgresql }");
    let (took, _) = fail_over(account, &spec);
    let said = took.expect_err("nobody can take over");
    assert!(said.contains("at least two database instances"), "{said}");
}

#[test]
fn a_cluster_that_is_failing_over_already_is_not_taken_for_done() {
    let (mut account, spec) = standing(AURORA);
    let cluster = ["DBClusterIdentifier=lr-over-db"];
    call(&mut account, "rds", "FailoverDBCluster", &cluster);
    let (took, _) = fail_over(account, &spec);
    let said = took.expect_err("it is under way");
    assert!(said.contains("not in available state"), "{said}");
}

#[test]
fn an_instance_fails_over_to_its_standby() {
    let (mut account, spec) = standing("database: { multi_az: true }");
    let zone = |account: &mut AwsAccount| {
        let writer = ["DBInstanceIdentifier=lr-over-db-writer"];
        let text = call(account, "rds", "DescribeDBInstances", &writer);
        let (_, zone) = text.split_once("<AvailabilityZone>").expect("a zone");
        zone.split('<').next().expect("its name").to_owned()
    };
    let before = zone(&mut account);
    let (took, mut account) = fail_over(account, &spec);
    // 20 s until it shows.
    assert!(
        about(110).contains(&took.clone().expect("done")),
        "{took:?}"
    );
    assert_ne!(zone(&mut account), before);
}

#[test]
fn an_instance_without_a_standby_is_restarted() {
    let (account, spec) = standing("");
    let (took, _) = fail_over(account, &spec);
    assert!(about(28).contains(&took.clone().expect("done")), "{took:?}");
}
