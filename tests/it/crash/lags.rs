//! What AWS does late, at AWS's own pace: every rule of the account in memory that a change is
//! seen, or its traces go, only after a while. Each is waited for, and no longer than its budget.

use std::collections::BTreeSet;

use loadrig::plan::Removal;
use loadrig::spec::Spec;
use strict_cloud::{AccountProfile, AwsAccount, RareEvent};

use super::foreign_calls::{call, id_of};
use super::layouts::named;
use super::outcome::{later, leftovers, still_to_do, unaccounted};
use super::process::{Job, Left, REGION, run};
use super::sweep::SETTLED;

const OPERATORS: &str = "access: { operators: [198.51.100.7/32] }";

fn small(more: &str) -> Spec {
    named("late", &format!("architecture: 1k\n{OPERATORS}\n{more}"))
}

/// An account of somebody who never used AWS, in which everything takes its time.
fn account() -> AwsAccount {
    AwsAccount::of_profile(AccountProfile::Fresh, REGION, 1.0)
}

fn up(account: AwsAccount, spec: &Spec) -> (AwsAccount, Vec<String>) {
    let Left {
        end,
        account,
        calls,
        ..
    } = run(account, Job::Up(spec));
    assert_eq!(end, super::process::End::Done);
    let account = later(account, SETTLED);
    assert_eq!(still_to_do(&account, spec), Vec::<String>::new());
    assert_eq!(
        unaccounted(&account, spec, &BTreeSet::new()),
        Vec::<String>::new()
    );
    (account, calls)
}

fn down(account: AwsAccount, spec: &Spec, how: Removal) -> (AwsAccount, Vec<String>) {
    let left = run(account, Job::DownAs(spec, how));
    let calls = left.calls.clone();
    let account = left.done().expect("down");
    let settled = later(account.clone(), SETTLED);
    assert_eq!(leftovers(&settled, &BTreeSet::new()), Vec::<String>::new());
    (account, calls)
}

fn count(calls: &[String], name: &str) -> usize {
    calls.iter().filter(|call| call.ends_with(name)).count()
}

#[test]
fn a_fresh_account_gets_the_roles_of_its_services_before_anything_needs_them() {
    let spec = named(
        "late",
        &format!(
            "architecture: 2k\n{OPERATORS}\nload_balancer: alb\nnetwork: {{ layout: bastion }}\n\
                  alb: {{ scheme: internal }}\nsizes: {{ nodes: {{ proxy: {{ count: 0 }} }} }}\n"
        ),
    );
    let (_, calls) = up(account(), &spec);
    assert!(count(&calls, "CreateServiceLinkedRole") >= 2, "{calls:?}");
    let first = |name: &str| calls.iter().position(|call| call.ends_with(name));
    for name in ["CreateDBSubnetGroup", "CreateLoadBalancer"] {
        assert!(first("CreateServiceLinkedRole") < first(name), "{name}");
    }
}

#[test]
fn a_host_that_was_launched_without_its_profile_gets_it() {
    let spec = small("");
    let (mut account, calls) = up(account(), &spec);
    assert!(
        count(&calls, "AssociateIamInstanceProfile") > 0,
        "{calls:?}"
    );
    let hosts = account.resources().into_iter();
    let hosts = hosts.filter(|one| one.kind == "instance").count();
    let told = call(
        &mut account,
        "ec2",
        "DescribeIamInstanceProfileAssociations",
        &[],
    );
    assert_eq!(told.matches("<associationId>").count(), hosts, "{told}");
}

#[test]
fn a_profile_that_somebody_took_away_is_given_again() {
    let spec = small("");
    let (mut account, _) = up(account(), &spec);
    let host = id_of(&account, "instance");
    account.take_profile(&host);
    let todo = still_to_do(&account, &spec);
    assert!(todo.iter().any(|one| one.contains("profile")), "{todo:?}");
    up(account, &spec);
}

#[test]
fn a_protection_that_still_stands_after_it_was_lifted_is_lifted_again() {
    let spec = small("protection: { deletion: true }\n");
    let (account, _) = up(account(), &spec);
    let how = Removal {
        lift_protection: true,
        discard_data: true,
    };
    let (account, calls) = down(account, &spec, how);
    let hosts = count(&calls, "TerminateInstances");
    assert!(count(&calls, "ModifyInstanceAttribute") >= hosts);
    assert_eq!(
        account.refusals("OperationNotPermitted"),
        hosts - hosts_of(&spec)
    );
    assert!(hosts > hosts_of(&spec), "none was refused");
}

fn hosts_of(spec: &Spec) -> usize {
    super::process::graph(spec)
        .resources()
        .filter(|(address, _)| address.as_str().starts_with("instance/"))
        .count()
}

#[test]
fn addresses_that_a_nat_gateway_held_are_released_when_aws_lets_go_of_them() {
    let spec = named(
        "late",
        &format!("architecture: 1k\n{OPERATORS}\nnetwork: {{ layout: private }}\n"),
    );
    let (account, _) = up(account(), &spec);
    let (account, _) = down(account, &spec, Removal::default());
    assert!(account.refusals("AuthFailure") > 0, "none was refused");
    assert!(
        account.refusals("DependencyViolation") > 0,
        "no address was mapped"
    );
}

#[test]
fn names_that_are_not_free_yet_are_waited_for() {
    let spec = small("");
    let (account, _) = up(account(), &spec);
    let (account, _) = down(account, &spec, Removal::default());
    let (account, _) = up(account, &spec);
    assert!(
        account.refusals("OperationAborted") > 0,
        "the bucket's name was free"
    );
}

#[test]
fn a_nat_gateway_that_fails_for_a_reason_that_passes_is_created_again() {
    let spec = named(
        "late",
        &format!("architecture: 1k\n{OPERATORS}\nnetwork: {{ layout: private }}\n"),
    );
    let mut account = account();
    account.attach_gateways_late();
    let (account, calls) = up(account, &spec);
    let nats = account.resources().into_iter();
    let nats = nats.filter(|one| one.kind == "nat gateway").count();
    assert!(count(&calls, "CreateNatGateway") > nats, "none failed");
    down(account, &spec, Removal::default());
}

#[test]
fn a_launch_that_ends_for_want_of_capacity_is_tried_elsewhere() {
    let spec = small("");
    let mut account = account();
    let reason = "Server.InsufficientInstanceCapacity: Insufficient capacity to satisfy instance \
                  request";
    account.expect(RareEvent::LaunchEnds(reason.to_owned()));
    let (account, calls) = up(account, &spec);
    assert_eq!(
        count(&calls, "RunInstances") - account.refusals_of("RunInstances"),
        hosts_of(&spec) + 1
    );
}

#[test]
fn a_launch_that_ends_for_a_key_that_may_not_be_used_is_reported_as_such() {
    let spec = small("");
    let mut account = account();
    let reason = "Client.InternalError: Client error on launch";
    account.expect(RareEvent::LaunchEnds(reason.to_owned()));
    let left = run(account, Job::Up(&spec));
    let super::process::End::Failed(message) = left.end else {
        panic!("{:?}", left.end);
    };
    assert!(message.contains("Client error on launch"), "{message}");
    let class = loadrig::aws::refusals()
        .find(|(service, row)| *service == "ec2" && row.codes.contains(&"Client.InternalError"));
    let class = class.map(|(_, row)| row.class);
    assert_eq!(class, Some(loadrig::engine::FailureClass::Denied));
}
