//! Every refusal that AWS is known to answer with, met by the engine with the real adapter at an
//! operation that was refused so: what passes is waited for, what stays ends the command early
//! with AWS's words, and `down` leaves nothing after either.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use strict_cloud::{AccountProfile, AwsAccount, KnownRefusal, Meaning, known_refusals};

use super::layouts::{RigLayout, layouts};
use super::outcome::{later, leftovers, still_to_do};
use super::process::{End, Fate, Job, run, run_with};
use super::sweep::SETTLED;

/// How long a refusal that passes stays.
const PASSES_AFTER: Duration = Duration::from_secs(20);
/// A refusal that stays may be repeated for no longer than this: two minutes for those that
/// could be lags, and what the rest of the walk takes.
const EARLY: Duration = Duration::from_mins(10);
/// What these layouts do not come to: restoring, failovers, the registry's lock, changes that their YAML does
/// not have, and repairs of what AWS did.
const ELSEWHERE: &[&str] = &[
    "ec2:AssociateIamInstanceProfile",
    "ec2:ModifyInstanceAttribute",
    "ec2:ReplaceIamInstanceProfileAssociation",
    "elasticache:DecreaseReplicaCount",
    "elasticloadbalancing:SetSecurityGroups",
    "rds:FailoverDBCluster",
    "rds:ModifyDBCluster",
    "rds:ResetDBParameterGroup",
    "rds:RestoreDBClusterFromSnapshot",
    "rds:RestoreDBInstanceFromDBSnapshot",
    "s3:DeleteObject",
    "s3:GetObject",
    "s3:PUTBucket publicAccessBlock",
    "s3:PUTBucket versioning",
    "s3:PutObject",
];

/// How long an outage is waited out: what lasts longer is reported.
const OUTAGE: Duration = Duration::from_mins(15);
/// How long what could be a lag is repeated.
const LAG: Duration = Duration::from_mins(2);
/// A repetition that has begun ends by then, with the SDK's own.
const BRIEFLY: Duration = Duration::from_secs(20);

/// A command on an account, and what it calls when nothing is in its way.
struct Stage<'a> {
    name: String,
    before: &'a AwsAccount,
    job: Job<'a>,
    layout: &'a RigLayout,
    calls: BTreeSet<String>,
    takes: Duration,
}

impl<'a> Stage<'a> {
    fn of(name: &str, before: &'a AwsAccount, job: Job<'a>, layout: &'a RigLayout) -> Self {
        let left = run(before.clone(), job);
        assert_eq!(left.end, End::Done, "{}: {name}", layout.name);
        Self {
            name: format!("{}: {name}", layout.name),
            before,
            job,
            layout,
            calls: left.calls.into_iter().collect(),
            takes: elapsed(before, &left.account),
        }
    }

    /// What is wrong with how the command takes the refusal.
    fn meet(&self, service: &'static str, operation: &str, refusal: &KnownRefusal) -> Vec<String> {
        let passes = refusal.meaning.passes();
        let mut account = self.before.clone();
        account.refuse(service, operation, refusal, passes.then_some(PASSES_AFTER));
        let left = run(account, self.job);
        let mut wrong = Vec::new();
        let called = AwsAccount::call_name(service, operation);
        let action = called.split_once(':').map_or("", |(_, action)| action);
        if left.account.refusals_of(action) == 0 {
            wrong.push("it was not refused".to_owned());
        }
        match (&left.end, refusal.meaning) {
            // Found and adopted, or reported: either way it ends.
            (End::Done | End::Failed(_), Meaning::Taken) => {}
            (End::Done, _) if passes => {}
            (End::Failed(said), _) if !passes => {
                if !said.contains(refusal.message) && !said.contains(refusal.code) {
                    wrong.push(format!("it does not say why: {said}"));
                }
            }
            (end, _) => wrong.push(format!("{end:?}")),
        }
        let took = elapsed(self.before, &left.account);
        // What is taken may be one's own that is not listed yet, which is waited for.
        if !passes && refusal.meaning != Meaning::Taken && took > self.takes + EARLY {
            wrong.push(format!("it took {took:?}, not {:?}", self.takes));
        }
        let mut account = later(left.account, SETTLED);
        account.refuse_no_more();
        if let (End::Done, Job::Up(spec)) = (&left.end, self.job) {
            let todo = still_to_do(&account, spec);
            wrong.extend(todo.iter().map(|what| format!("still to do: {what}")));
        }
        wrong.extend(self.left_by_down(account));
        wrong
    }

    /// What is left, or wrong, after a `down` that nothing is in the way of.
    fn left_by_down(&self, account: AwsAccount) -> Vec<String> {
        match run(account, Job::Down(&self.layout.spec)).done() {
            Ok(account) => {
                let account = later(account, SETTLED);
                let left = leftovers(&account, &self.layout.outside);
                left.iter().map(|what| format!("left: {what}")).collect()
            }
            Err(why) => vec![format!("down: {why}")],
        }
    }

    /// What is wrong with how the command takes a refusal that should pass and does not: it has
    /// to end in time, with AWS's last words and how often it was tried.
    fn meet_lasting(
        &self,
        refusal: &KnownRefusal,
        fate: Fate,
        ends: RangeInclusive<Duration>,
    ) -> Vec<String> {
        let [operation] = refusal.operations else {
            panic!("{refusal:?}: one operation is refused");
        };
        let mut account = self.before.clone();
        account.refuse(refusal.service, operation, refusal, None);
        let left = run_with(account, self.job, fate);
        let mut wrong = Vec::new();
        match &left.end {
            End::Failed(said) => {
                let words = [refusal.message, refusal.code, ", request ", " times in "];
                let missing = words.iter().filter(|word| !said.contains(**word));
                wrong.extend(missing.map(|word| format!("it does not say `{word}`: {said}")));
            }
            end => wrong.push(format!("{end:?}")),
        }
        let took = elapsed(self.before, &left.account);
        if !ends.contains(&took) {
            wrong.push(format!("it took {took:?}, not {ends:?}"));
        }
        let mut account = later(left.account, SETTLED);
        account.refuse_no_more();
        wrong.extend(self.left_by_down(account));
        let at = format!("{}: {operation}: {}", self.name, refusal.code);
        let wrong = wrong.into_iter();
        wrong.map(|what| format!("{at}: {what}")).collect()
    }

    /// When a command ends that repeats a call for this long.
    fn after(&self, repeated: Duration) -> RangeInclusive<Duration> {
        repeated..=repeated + self.takes + BRIEFLY
    }
}

fn elapsed(before: &AwsAccount, after: &AwsAccount) -> Duration {
    let time = after.now().duration_since(before.now());
    Duration::try_from(time).expect("time does not run backwards")
}

/// A refusal at one of the operations that are refused so.
struct Case<'a> {
    refusal: KnownRefusal,
    service: &'static str,
    operation: &'static str,
    stage: &'a Stage<'a>,
}

/// What all services may answer is tried at one operation.
const FOR_ALL: (&str, &str) = ("ec2", "CreateSecurityGroup");

fn cases<'a>(stages: &'a [Stage<'a>], missed: &mut BTreeSet<String>) -> Vec<Case<'a>> {
    let mut cases = Vec::new();
    // What is gone is there in these accounts: saying so would be untrue.
    for refusal in known_refusals().filter(|refusal| refusal.meaning != Meaning::Gone) {
        let (service, operations) = match (refusal.service, refusal.operations) {
            ("*", _) => (FOR_ALL.0, [FOR_ALL.1].to_vec()),
            ("ec2", []) => ("ec2", ["CreateVpc"].to_vec()),
            ("s3", []) => ("s3", ["CreateBucket"].to_vec()),
            (service, operations) => (service, operations.to_vec()),
        };
        for operation in operations {
            let called = AwsAccount::call_name(service, operation);
            match stages.iter().find(|stage| stage.calls.contains(&called)) {
                Some(stage) => cases.push(Case {
                    refusal,
                    service,
                    operation,
                    stage,
                }),
                None => {
                    missed.insert(called);
                }
            }
        }
    }
    cases
}

/// Runs every case, or each `step`th.
fn meet_all(step: usize) {
    let layouts = layouts(AccountProfile::Used);
    let standing: BTreeMap<&str, AwsAccount> = layouts
        .iter()
        .map(|layout| {
            let account = run(layout.account.clone(), Job::Up(&layout.spec)).done();
            (layout.name, later(account.expect("up"), SETTLED))
        })
        .collect();
    let stages: Vec<Stage> = layouts
        .iter()
        .flat_map(|layout| {
            let standing = &standing[layout.name];
            [
                Stage::of("up", &layout.account, Job::Up(&layout.spec), layout),
                Stage::of(
                    "up with changes",
                    standing,
                    Job::Up(&layout.changed),
                    layout,
                ),
                Stage::of("down", standing, Job::Down(&layout.spec), layout),
            ]
        })
        .collect();
    let mut missed = BTreeSet::new();
    let cases: Vec<Case> = cases(&stages, &mut missed)
        .into_iter()
        .step_by(step)
        .collect();
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let found = case.stage.meet(case.service, case.operation, &case.refusal);
                    let mut wrong = wrong.lock().expect("no worker panics");
                    wrong.extend(found.into_iter().map(|what| {
                        let KnownRefusal { code, message, .. } = case.refusal;
                        let at = format!("{}:{}", case.service, case.operation);
                        format!("{}: {at} {code} ({message}): {what}", case.stage.name)
                    }));
                }
            });
        }
    });
    let wrong = wrong.into_inner().expect("no worker panics");
    super::say(&format!(
        "{} cases, {} wrong; not called here: {missed:?}",
        cases.len(),
        wrong.len()
    ));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let unknown: Vec<_> = missed
        .iter()
        .filter(|called| !ELSEWHERE.contains(&called.as_str()))
        .collect();
    assert!(unknown.is_empty(), "never called: {unknown:?}");
}

/// A server error of an operation.
fn server_error(service: &'static str, operation: &'static [&'static str]) -> KnownRefusal {
    failure("ServiceUnavailable", service, operation)
}

/// What every service may answer, of an operation.
fn failure(code: &str, service: &'static str, operation: &'static [&'static str]) -> KnownRefusal {
    let known = known_refusals().find(|one| one.service == "*" && one.code == code);
    KnownRefusal {
        service,
        operations: operation,
        ..known.expect("every service answers so")
    }
}

/// A refusal that is a lag or a fault, at one of its operations.
fn lag(service: &str, operation: &'static [&'static str], code: &str) -> KnownRefusal {
    let known = known_refusals().find(|one| {
        one.service == service && one.code == code && one.operations.contains(&operation[0])
    });
    KnownRefusal {
        operations: operation,
        ..known.unwrap_or_else(|| panic!("{service}:{operation:?}: {code} is not known"))
    }
}

fn find<'a>(layouts: &'a [RigLayout], name: &str) -> &'a RigLayout {
    let found = layouts.iter().find(|layout| layout.name == name);
    found.unwrap_or_else(|| panic!("no layout `{name}`"))
}

/// However long AWS may take for a resource: an outage, and a refusal that turns out to be no lag,
/// end a command in time, and it can be continued.
#[test]
fn lasting_refusals_end_within_their_budget() {
    const BALANCER: &[&str] = &["CreateLoadBalancer"];
    let layouts = layouts(AccountProfile::Used);
    let mut wrong = Vec::new();
    for (name, refusal, repeated) in [
        ("public", server_error("ec2", &["CreateVpc"]), OUTAGE),
        (
            "public",
            failure("InternalError", "ec2", &["CreateSubnet"]),
            OUTAGE,
        ),
        ("public", server_error("s3", &["CreateBucket"]), OUTAGE),
        ("public", server_error("rds", &["CreateDBInstance"]), OUTAGE),
        (
            "public",
            lag("ec2", &["RunInstances"], "InvalidParameterValue"),
            LAG,
        ),
        (
            "public",
            lag("rds", &["CreateDBInstance"], "InvalidVPCNetworkStateFault"),
            LAG,
        ),
        (
            "private",
            lag("route53", &["CreateHostedZone"], "InvalidVPCId"),
            LAG,
        ),
        (
            "balancer",
            lag("elasticloadbalancing", BALANCER, "SubnetNotFound"),
            LAG,
        ),
    ] {
        let layout = find(&layouts, name);
        let up = Stage::of("up", &layout.account, Job::Up(&layout.spec), layout);
        wrong.extend(up.meet_lasting(&refusal, Fate::default(), up.after(repeated)));
    }
    let layout = find(&layouts, "public");
    let standing = run(layout.account.clone(), Job::Up(&layout.spec)).done();
    let standing = later(standing.expect("up"), SETTLED);
    let down = Stage::of("down", &standing, Job::Down(&layout.spec), layout);
    for refusal in [
        server_error("ec2", &["DeleteVpc"]),
        server_error("s3", &["DeleteBucket"]),
    ] {
        wrong.extend(down.meet_lasting(&refusal, Fate::default(), down.after(OUTAGE)));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Nothing is in flight while a refused creation waits for its next attempt: the first Ctrl-C
/// ends it.
#[test]
fn the_first_interrupt_ends_the_repetition_of_a_creation() {
    let layouts = layouts(AccountProfile::Used);
    let layout = find(&layouts, "public");
    let up = Stage::of("up", &layout.account, Job::Up(&layout.spec), layout);
    // Later than anything else that goes on, and earlier than it would end by itself.
    let interrupt = up.takes + Duration::from_mins(1);
    assert!(interrupt + BRIEFLY < OUTAGE, "{interrupt:?}");
    let mut wrong = Vec::new();
    for refusal in [
        server_error("ec2", &["CreateVpc"]),
        server_error("s3", &["CreateBucket"]),
        server_error("rds", &["CreateDBInstance"]),
    ] {
        let fate = Fate {
            interrupt: Some(interrupt),
            ..Fate::default()
        };
        wrong.extend(up.meet_lasting(&refusal, fate, interrupt..=interrupt + BRIEFLY));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// While what a creation may have created is looked for, nothing is created: that is no attempt.
#[test]
fn a_creation_without_token_is_counted_by_its_calls() {
    let layouts = layouts(AccountProfile::Used);
    let layout = find(&layouts, "public");
    let mut account = layout.account.clone();
    account.refuse(
        "ec2",
        "CreateVpc",
        &server_error("ec2", &["CreateVpc"]),
        None,
    );
    let left = run(account, Job::Up(&layout.spec));
    let calls = left.calls.iter().filter(|call| *call == "ec2:CreateVpc");
    let counted = format!(
        "ec2:CreateVpc failed for `vpc` {} times in 15 min",
        calls.count()
    );
    let End::Failed(said) = left.end else {
        panic!("{:?}", left.end);
    };
    assert!(said.contains(&counted), "not `{counted}`: {said}");
}

/// Some of them, from every service.
#[test]
fn sampled_refusals_are_waited_for_or_reported() {
    meet_all(15);
}

#[test]
#[ignore = "takes minutes: `make refusal-sweep`"]
fn refusal_sweep() {
    meet_all(1);
}
