//! What accounts with a past do to an environment, one thing at a time: what fails says why, what
//! is denied is named, and the next run goes on.

use std::collections::BTreeSet;
use std::time::Duration;

use loadrig::spec::Spec;
use strict_cloud::{AccountProfile, AwsAccount, Guardrail, RareEvent};

use super::foreign_calls::call;
use super::layouts::{layouts, named};
use super::outcome::{later, leftovers, still_to_do};
use super::process::{End, Job, REGION, run};
use super::profiles::complete;
use super::sweep::SETTLED;

/// Runs `up` so often at the most, an hour apart, until it is done; what the others said.
fn up_repeatedly(mut account: AwsAccount, spec: &Spec, runs: usize) -> (AwsAccount, Vec<String>) {
    let mut said = Vec::new();
    for _ in 0..runs {
        let left = run(account, Job::Up(spec));
        account = later(left.account, SETTLED);
        match left.end {
            End::Failed(message) => said.push(message),
            end => {
                assert_eq!(end, End::Done);
                break;
            }
        }
    }
    (account, said)
}

/// Each failure ends a run with what AWS says of it, and the next run goes on.
#[test]
fn failures_are_explained_and_the_next_run_continues() {
    let spec = named(
        "past",
        "architecture: 2k\naccess: { operators: [198.51.100.7/32] }\n\
         sizes: { cache: { nodes: 2, instance_type: cache.m7g.large } }\n",
    );
    let account = AwsAccount::of_profile(AccountProfile::Failing, REGION, 1.0);
    let (account, said) = up_repeatedly(account, &spec, 4);
    complete(&account, &spec).expect("it converges");
    let all = said.join("\n");
    for part in [
        "database/reader-1",
        "reached state `failed`",
        "can't create the DB instance because of incompatible resources",
        "reached state `create-failed`",
        "reached state `ValidationFailed`",
    ] {
        assert!(all.contains(part), "{part}: {all}");
    }
    assert!(
        account.refusals("OperationAborted") > 0,
        "the name was free"
    );
    let gone = run(account, Job::Down(&spec)).done().expect("down");
    let left = leftovers(&later(gone, SETTLED), &BTreeSet::new());
    assert_eq!(left, Vec::<String>::new());
}

const WRITER: &str = "DBInstanceIdentifier=lr-past-db-writer";
const ACCESS: &str = "access: { operators: [198.51.100.7/32] }";

fn small(more: &str) -> Spec {
    named("past", &format!("architecture: 1k\n{ACCESS}\n{more}"))
}

/// RDS moved a minor version: the major one is what was asked for.
#[test]
fn a_minor_version_that_rds_moved_is_no_difference() {
    let spec = small("");
    let mut account = AwsAccount::new(REGION, 1.0);
    account.expect(RareEvent::MinorVersionMoves);
    let (account, said) = up_repeatedly(account, &spec, 1);
    assert_eq!(said, Vec::<String>::new());
    complete(&account, &spec).expect("no difference");
    let versions = |account: &AwsAccount| {
        let text = call(
            &mut account.clone(),
            "rds",
            "DescribeDBInstances",
            &[WRITER],
        );
        text.split("<EngineVersion>")
            .nth(1)
            .map(|rest| rest[..5].to_owned())
    };
    let (plain, _) = up_repeatedly(AwsAccount::new(REGION, 1.0), &spec, 1);
    assert_ne!(versions(&account), versions(&plain), "no version moved");
}

/// A full database is told apart from a broken one: more storage is what it needs.
#[test]
fn a_full_database_gets_the_storage_that_the_spec_asks_for() {
    let writer = "lr-past-db-writer";
    let sizes = |gib| {
        small(&format!(
            "sizes: {{ database: {{ storage_gib: {gib} }} }}\n"
        ))
    };
    let (standing, _) = up_repeatedly(AwsAccount::new(REGION, 1.0), &sizes(100), 1);
    let mut full = later(standing, Duration::from_hours(7));
    full.break_database(writer, "storage-full");
    let todo = still_to_do(&full, &sizes(100)).join("; ");
    for part in [
        "Refuse",
        "storage-full",
        "raise `sizes.database.storage_gib`",
    ] {
        assert!(todo.contains(part), "{todo}");
    }
    let (account, said) = up_repeatedly(full, &sizes(200), 1);
    assert_eq!(said, Vec::<String>::new());
    complete(&account, &sizes(200)).expect("it has grown");
}

/// One that is full as soon as it is there ends `up` with RDS's words, and more storage is what it needs.
#[test]
fn a_database_that_is_full_from_the_start_is_told_and_grows() {
    let sizes = |gib| {
        small(&format!(
            "sizes: {{ database: {{ storage_gib: {gib} }} }}\n"
        ))
    };
    let account = AwsAccount::of_profile(AccountProfile::FailingStorage, REGION, 1.0);
    let left = run(account, Job::Up(&sizes(100)));
    let End::Failed(message) = &left.end else {
        panic!("{:?}", left.end);
    };
    for part in ["storage-full", "Allocated storage has been exhausted"] {
        assert!(message.contains(part), "{message}");
    }
    let account = later(left.account, Duration::from_hours(7));
    let (account, said) = up_repeatedly(account, &sizes(200), 1);
    assert_eq!(said, Vec::<String>::new());
    complete(&account, &sizes(200)).expect("it has grown");
}

/// Instances without the tag that the organisation wants are denied, and everything else goes
/// again.
#[test]
fn a_mandatory_tag_that_the_spec_lacks_is_named() {
    let spec = small("");
    let account = AwsAccount::of_profile(AccountProfile::Enterprise, REGION, 1.0);
    let left = run(account, Job::Up(&spec));
    let End::Failed(message) = &left.end else {
        panic!("{:?}", left.end);
    };
    for part in [
        "UnauthorizedOperation",
        "ec2:RunInstances on resource: arn:aws:ec2:us-east-1:123456789012:instance/*",
        "with an explicit deny in a service control policy",
    ] {
        assert!(message.contains(part), "{message}");
    }
    let gone = run(later(left.account, SETTLED), Job::Down(&spec)).done();
    let left = leftovers(&later(gone.expect("down"), SETTLED), &BTreeSet::new());
    assert_eq!(left, Vec::<String>::new());
}

/// Policies that come while an environment stands stop both commands at once and change nothing;
/// once they are gone `down` leaves nothing.
#[test]
fn an_environment_outlives_policies_that_come_and_go() {
    let spec = small("");
    let (standing, _) = up_repeatedly(AwsAccount::new(REGION, 1.0), &spec, 1);
    for guardrail in [
        Guardrail::Region,
        Guardrail::NoSecondFactor,
        Guardrail::SourceAddress,
    ] {
        let mut account = standing.clone();
        account.deny(guardrail);
        for job in [Job::Up(&spec), Job::Down(&spec)] {
            let before = (account.now(), account.resources());
            let left = run(account, job);
            account = left.account;
            let End::Failed(message) = left.end else {
                panic!("{guardrail:?}: {:?}", left.end);
            };
            assert!(message.contains("with an explicit deny in"), "{message}");
            let took = account.now().duration_since(before.0);
            assert!(took.as_secs() < 60, "{guardrail:?}: {took:#}");
            assert_eq!(account.resources(), before.1, "{guardrail:?}");
        }
        account.lift_guardrails();
        let gone = run(account, Job::Down(&spec)).done().expect("down");
        let left = leftovers(&later(gone, SETTLED), &BTreeSet::new());
        assert_eq!(left, Vec::<String>::new(), "{guardrail:?}");
    }
}

/// Where the organisation creates service-linked roles itself, a role that is missing does not
/// come: the refusal is final, and names the denial.
#[test]
fn a_service_role_that_may_not_be_created_is_not_waited_for() {
    let yaml = "sizes: { cache: { nodes: 1, instance_type: cache.m7g.large } }\n";
    let spec = small(yaml);
    let account = AwsAccount::of_profile(AccountProfile::EnterpriseRoles, REGION, 1.0);
    let left = run(account, Job::Up(&spec));
    let End::Failed(message) = &left.end else {
        panic!("{:?}", left.end);
    };
    let denial = "its service-linked role does not exist and cannot be created: User: \
                  arn:aws:iam::123456789012:user/operator is not authorized to perform: \
                  iam:CreateServiceLinkedRole";
    for service in [
        "rds:CreateDBSubnetGroup",
        "elasticache:CreateCacheSubnetGroup",
    ] {
        let named = message.split("; ").any(|one| one.contains(service));
        assert!(named && message.contains(denial), "{service}: {message}");
    }
    for operation in ["CreateDBSubnetGroup", "CreateCacheSubnetGroup"] {
        assert_eq!(left.account.refusals_of(operation), 1, "{operation}");
    }
}

/// A snapshot whose key cannot be used is not restored, and the error says so.
#[test]
fn a_snapshot_under_a_key_that_cannot_be_used_is_reported() {
    let keep = "protection: { final_snapshot: true }\n";
    let (standing, _) = up_repeatedly(AwsAccount::new(REGION, 1.0), &small(keep), 1);
    let gone = run(standing, Job::Down(&small(keep))).done().expect("down");
    let mut account = later(gone, SETTLED);
    let snapshots = account.resources().into_iter();
    let mut snapshots = snapshots.filter(|one| one.kind == "database snapshot");
    let snapshot = snapshots.next().expect("a final snapshot").id;
    account.become_profile(AccountProfile::EnterpriseKey);
    let spec = small(&format!("database: {{ snapshot: {snapshot} }}\n"));
    let left = run(account, Job::Up(&spec));
    let End::Failed(message) = &left.end else {
        panic!("{:?}", left.end);
    };
    for part in ["KMSKeyNotAccessibleFault", "does not exist, is not enabled"] {
        assert!(message.contains(part), "{message}");
    }
}

/// EC2 knows a profile before its role: a launch is refused for it, and repeated.
#[test]
fn a_role_that_is_not_in_its_profile_yet_is_waited_for() {
    let spec = small("");
    let account = AwsAccount::of_profile(AccountProfile::Propagation, REGION, 1.0);
    let (account, said) = up_repeatedly(account, &spec, 1);
    assert_eq!(said, Vec::<String>::new());
    complete(&account, &spec).expect("it converges");
    assert!(account.refusals_of("RunInstances") > 0, "it was there");
}

/// Where no gateway to the internet may be created, a network that is there already will do.
#[test]
fn a_rig_in_an_existing_network_needs_no_gateway() {
    let layouts = layouts(AccountProfile::Used).into_iter();
    for layout in layouts.filter(|layout| layout.name == "adopted") {
        let mut account = layout.account;
        account.deny(Guardrail::InternetGateways);
        let (account, said) = up_repeatedly(account, &layout.spec, 1);
        assert_eq!(said, Vec::<String>::new());
        let gone = run(account, Job::Down(&layout.spec)).done().expect("down");
        let left = leftovers(&later(gone, SETTLED), &layout.outside);
        assert_eq!(left, Vec::<String>::new());
    }
}
