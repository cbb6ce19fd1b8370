//! What ElastiCache, Elastic Load Balancing, OpenSearch Service and Route 53 do that a client has
//! to wait for, report or work around, met by the engine with the real adapter.

use loadrig::plan::{Snapshot, plan};
use loadrig::preflight::{FindingVerdict, Wants, Zones, evaluate_offers, wants};
use loadrig::spec::Spec;
use strict_cloud::{AwsAccount, RareEvent, SharedAccount};

use super::layouts::{account, named};
use super::link::{CloudBackend, ProcessLink};
use super::outcome::{later, still_to_do};
use super::process::{End, Job, Left, REGION, graph, run, runtime};
use super::sweep::SETTLED;
use crate::connector;

const BASE: &str = "architecture: 1k\naccess: { operators: [198.51.100.7/32] }\n";

fn count(left: &Left, call: &str) -> usize {
    left.calls.iter().filter(|name| *name == call).count()
}

fn up(account: AwsAccount, yaml: &str) -> Left {
    run(account, Job::Up(&named("perf", yaml)))
}

/// An environment that stands, and whose next plan is empty.
fn standing(yaml: &str) -> AwsAccount {
    let account = up(account(), yaml).done().expect("up");
    later(account, SETTLED)
}

fn balancer(more: &str) -> String {
    format!(
        "{BASE}load_balancer: alb\nalb: {{ scheme: internal{more} }}\n\
         sizes: {{ nodes: {{ proxy: {{ count: 0 }} }} }}\n"
    )
}

/// Terraform's AWS provider takes `failed` for a state that passes.
#[test]
fn a_balancer_that_fails_in_between_is_waited_for() {
    let mut account = account();
    account.expect(RareEvent::BalancerFailsInBetween);
    let left = up(account, &balancer(""));
    assert_eq!(left.end, End::Done);
    let elb = |action: &str| count(&left, &format!("elasticloadbalancing:{action}"));
    assert_eq!(elb("DeleteLoadBalancer"), 0, "{:?}", left.calls);
}

#[test]
fn settings_of_a_balancer_follow_in_a_call_of_their_own() {
    let yaml = balancer(", idle_timeout_seconds: 80");
    let left = up(account(), &yaml);
    assert_eq!(left.end, End::Done);
    let modify = "elasticloadbalancing:ModifyLoadBalancerAttributes";
    assert_eq!(count(&left, modify), 1, "{:?}", left.calls);
    let account = later(left.account, SETTLED);
    let spec = named("perf", &yaml);
    assert_eq!(still_to_do(&account, &spec), Vec::<String>::new());
}

fn cache(nodes: u32, kind: &str) -> String {
    format!("{BASE}sizes: {{ cache: {{ nodes: {nodes}, instance_type: {kind} }} }}\n")
}

#[test]
fn a_cache_gets_and_loses_nodes_in_place() {
    let (small, large) = ("cache.m7g.large", "cache.m7g.xlarge");
    let account = standing(&cache(1, small));
    let elasticache = |left: &Left, action: &str| count(left, &format!("elasticache:{action}"));

    let grown = up(account, &cache(3, large));
    assert_eq!(grown.end, End::Done);
    assert_eq!(elasticache(&grown, "DeleteReplicationGroup"), 0);
    assert_eq!(elasticache(&grown, "IncreaseReplicaCount"), 1);
    // The type, and failover once there is a replica.
    assert_eq!(elasticache(&grown, "ModifyReplicationGroup"), 2);
    let account = later(grown.account, SETTLED);
    let spec = named("perf", &cache(3, large));
    assert_eq!(still_to_do(&account, &spec), Vec::<String>::new());

    let shrunk = up(account, &cache(1, large));
    assert_eq!(shrunk.end, End::Done);
    assert_eq!(elasticache(&shrunk, "DeleteReplicationGroup"), 0);
    assert_eq!(elasticache(&shrunk, "ModifyReplicationGroup"), 1);
    assert_eq!(elasticache(&shrunk, "DecreaseReplicaCount"), 1);
    let account = later(shrunk.account, SETTLED);
    let spec = named("perf", &cache(1, large));
    assert_eq!(still_to_do(&account, &spec), Vec::<String>::new());
}

#[test]
fn a_cache_that_cannot_be_created_tells_why_and_is_replaced() {
    let why = "no address is free in subnet-1";
    let mut account = account();
    account.expect(RareEvent::CacheFails(why.to_owned()));
    let yaml = cache(2, "cache.m7g.large");
    let left = up(account, &yaml);
    let End::Failed(message) = &left.end else {
        panic!("{:?}", left.end);
    };
    assert!(message.contains(why), "{message}");
    let left = up(later(left.account, SETTLED), &yaml);
    assert_eq!(left.end, End::Done);
    let account = later(left.account, SETTLED);
    assert_eq!(
        still_to_do(&account, &named("perf", &yaml)),
        Vec::<String>::new()
    );
}

fn search(gib: u32) -> String {
    format!(
        "{BASE}sizes: {{ search: {{ nodes: 2, instance_type: r6g.large.search, storage_gib: {gib} }} }}\n"
    )
}

/// The domain says that it is processing until somebody intervenes.
#[test]
fn a_change_of_a_domain_that_fails_tells_why_at_once() {
    let why = "no address is free in subnet-1";
    let mut account = standing(&search(20));
    account.expect(RareEvent::DomainChangeFails(why.to_owned()));
    let before = account.now();
    let left = up(account, &search(30));
    let End::Failed(message) = &left.end else {
        panic!("{:?}", left.end);
    };
    assert!(message.contains("ValidationFailed"), "{message}");
    assert!(message.contains(why), "{message}");
    let took = left.account.now().duration_since(before);
    assert!(took.as_secs() < 120, "{took}");
    // Nothing is done to it before somebody has looked.
    let left = up(later(left.account, SETTLED), &search(30));
    let End::Failed(message) = &left.end else {
        panic!("{:?}", left.end);
    };
    assert!(
        message.contains("refused") && message.contains(why),
        "{message}"
    );
}

/// `Processing` ends a minute before the domain takes another change.
#[test]
fn a_change_right_after_another_one_is_repeated_until_it_is_taken() {
    let standing = run(
        AwsAccount::new(REGION, 1.0),
        Job::Up(&named("perf", &search(20))),
    );
    let standing = later(standing.done().expect("up"), SETTLED);
    let first = up(standing, &search(30));
    assert_eq!(first.end, End::Done);
    assert_eq!(first.account.refusals_of("UpdateDomainConfig"), 0);
    let second = up(first.account, &search(40));
    assert_eq!(second.end, End::Done);
    let refused = second.account.refusals_of("UpdateDomainConfig");
    assert!(refused > 0, "the domain had settled: {:?}", second.calls);
    let account = later(second.account, SETTLED);
    let spec = named("perf", &search(40));
    assert_eq!(still_to_do(&account, &spec), Vec::<String>::new());
}

/// What preflight says of the search nodes, as pairs of check and verdict.
fn search_offers(account: &AwsAccount, spec: &Spec) -> Vec<(String, FindingVerdict)> {
    runtime().block_on(async {
        let shared = SharedAccount::new(account.clone());
        let link = ProcessLink::new(CloudBackend::Memory(shared), None);
        let aws = connector::connect(REGION, "AKIDCRASH", link).await;
        let graph = graph(spec);
        let wants = Wants {
            search: wants(&graph, &plan(&graph, &Snapshot::default())).search,
            ..Wants::default()
        };
        let findings = evaluate_offers(&wants, &aws.offers(&wants).await, &Zones::new());
        let search = findings.into_iter();
        search
            .filter(|one| one.check.contains(".search of "))
            .map(|one| (one.check, one.verdict))
            .collect()
    })
}

/// The service says itself which types it takes as what: its API's published enumeration is years
/// behind.
#[test]
fn a_search_type_that_is_newer_than_the_api_is_taken_where_it_is_offered() {
    use FindingVerdict::{Pass, Refuse};
    let kind = "m7g.large.search";
    let yaml = format!(
        "{BASE}sizes: {{ search: {{ nodes: 2, instance_type: {kind}, storage_gib: 20 }} }}\n\
         search: {{ masters: {{ count: 3, instance_type: {kind} }} }}\n"
    );
    let spec = named("perf", &yaml);
    let verdicts = |account: &AwsAccount| {
        let found = search_offers(account, &spec);
        let is_of_masters = |one: &(String, FindingVerdict)| one.0.contains("as masters");
        let (masters, data): (Vec<_>, Vec<_>) = found.into_iter().partition(is_of_masters);
        match (data.as_slice(), masters.as_slice()) {
            ([(_, data)], [(_, masters)]) => (*data, *masters),
            other => panic!("{other:?}"),
        }
    };
    let everywhere = account();
    assert_eq!(verdicts(&everywhere), (Pass, Pass));
    assert_eq!(up(everywhere, &yaml).end, End::Done);

    let mut as_data = account();
    as_data.limit_search_type(kind, &["data"]);
    assert_eq!(verdicts(&as_data), (Pass, Refuse));
    let End::Failed(said) = up(as_data, &yaml).end else {
        panic!("masters of this type are created");
    };
    assert!(said.contains("Invalid instance type"), "{said}");

    let mut nowhere = account();
    nowhere.limit_search_type(kind, &[]);
    assert_eq!(verdicts(&nowhere), (Refuse, Refuse));
}

#[test]
fn names_are_ready_once_every_name_server_has_them() {
    let yaml = format!("{BASE}network: {{ layout: private, private_dns: true }}\n");
    let left = up(account(), &yaml);
    assert_eq!(left.end, End::Done);
    let waits = |of: &str| {
        let mut calls = left.calls.iter().skip_while(|name| *name != of);
        calls.any(|name| name == "route53:GetChange")
    };
    assert!(waits("route53:CreateHostedZone"), "{:?}", left.calls);
    assert!(
        waits("route53:ChangeResourceRecordSets"),
        "{:?}",
        left.calls
    );
    // Route 53 takes five calls a second from the whole account.
    assert!(count(&left, "route53:GetChange") < 10, "{:?}", left.calls);
}
