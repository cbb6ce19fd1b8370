//! The canary of `doctor --live` in an account in memory: what it finds, and what is left of it when
//! it is killed or interrupted anywhere.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use axum::http::Response;
use bytes::Bytes;
use futures::future::BoxFuture;
use loadrig::aws::Aws;
use loadrig::diagnose::{Diagnose as _, ExitCode};
use loadrig::engine::{CloudError, Urgency};
use loadrig::events::Events;
use loadrig::ops::doctor::{
    CanaryArea, CanaryRecord, CanaryReport, CanaryVerdict, DoctorOptions, live_with,
    new_canary_name,
};
use loadrig::ops::error::{Declined, OpsError};
use loadrig::ops::run_dir::RunDir;
use loadrig::ops::{Adapters, Confirm, Question, Session};
use loadrig::spec::Spec;
use serde_json::Value;
use strict_cloud::{AccountProfile, AwsAccount, Call, SharedAccount};
use tokio::sync::watch;

use super::account_hosts::AccountHosts;
use super::layouts::{SCALE, named};
use super::link::{CloudBackend, Death, ProcessLink};
use super::outcome::later;
use super::process::{End, Job, REGION, run, runtime};
use super::sweep::{SETTLED, at_restart};
use crate::connector::{self, Answers};

/// A lease that nobody renews has ended by then, and what its holder did is listed.
const NEXT_RUN: Duration = Duration::from_mins(3);

/// No canary may take longer, removal included.
const LONGEST: Duration = Duration::from_mins(3);

/// Answers some calls in the account's place.
pub(super) type Instead = fn(&Call) -> Option<Response<Bytes>>;

struct Altered {
    link: Arc<ProcessLink>,
    instead: Instead,
}

impl Answers for Altered {
    fn answer(&self, call: Call) -> BoxFuture<'_, Option<Response<Bytes>>> {
        match (self.instead)(&call) {
            Some(answer) => Box::pin(async { Some(answer) }),
            None => self.link.answer(call),
        }
    }
}

struct InMemory(Arc<Altered>);

impl Adapters for InMemory {
    fn region(&self) -> &'static str {
        REGION
    }

    fn cloud(&self) -> BoxFuture<'_, Result<Arc<Aws>, CloudError>> {
        Box::pin(async {
            let aws = connector::connect(REGION, "AKIDCANARY", self.0.clone()).await;
            Ok(Arc::new(aws))
        })
    }
}

struct Yes;

impl Confirm for Yes {
    fn confirm(&self, _question: &Question<'_>) -> Result<(), Declined> {
        Ok(())
    }
}

/// How a canary is run.
#[derive(Clone, Copy)]
pub(super) struct Run {
    /// What the canary is called; a new name if there is none.
    pub(super) name: Option<&'static str>,
    /// When the user interrupts, from the start.
    pub(super) interrupt: Option<Duration>,
    pub(super) keep_deaths: bool,
    pub(super) spend: Option<f64>,
    pub(super) instead: Instead,
}

pub(super) const PLAIN: Run = Run {
    name: None,
    interrupt: None,
    keep_deaths: false,
    spend: None,
    instead: |_| None,
};

/// With a host.
pub(super) const WITH_HOST: Run = Run {
    spend: Some(0.05),
    ..PLAIN
};

/// A run and what it left.
pub(super) struct Tried {
    pub(super) report: Result<CanaryReport, OpsError>,
    pub(super) account: AwsAccount,
    calls: Vec<String>,
    deaths: Vec<Death>,
    /// The file of what differed, if there is one.
    records: Option<String>,
}

pub(super) fn doctor(account: AwsAccount, spec: &Spec, how: Run) -> Tried {
    runtime().block_on(async {
        let link = ProcessLink::new(CloudBackend::Memory(SharedAccount::new(account)), None);
        if how.keep_deaths {
            link.keep_deaths();
        }
        let directory = tempfile::tempdir().expect("a directory");
        let run = RunDir {
            name: "run".to_owned(),
            path: directory.path().to_owned(),
        };
        let events = Events::default();
        let (user, stop) = watch::channel(Urgency::None);
        let session = Session {
            events: &events,
            stop,
            confirm: &Yes,
        };
        let adapters = InMemory(Arc::new(Altered {
            link: link.clone(),
            instead: how.instead,
        }));
        let options = DoctorOptions {
            spend: how.spend,
            ..DoctorOptions::default()
        };
        let name = how.name.map_or_else(new_canary_name, str::to_owned);
        let interrupted = async {
            if let Some(after) = how.interrupt {
                tokio::time::sleep(after).await;
                user.send(Urgency::Drain).expect("somebody listens");
            }
            std::future::pending::<()>().await;
        };
        let report = tokio::select! {
            report = live_with(
                spec,
                &name,
                AccountHosts {
                    link: Arc::clone(&link),
                    takes: Duration::from_secs(30),
                },
                &adapters,
                &run,
                &options,
                &session,
            ) => report,
            () = interrupted => unreachable!("it never ends"),
        };
        let records = std::fs::read_to_string(directory.path().join("canary-records.json")).ok();
        let differed = report
            .as_ref()
            .is_ok_and(|report| !report.records.is_empty());
        assert_eq!(records.is_some(), differed);
        Tried {
            report,
            account: link.account().expect("it is one in memory"),
            calls: link.calls(),
            deaths: link.deaths(),
            records,
        }
    })
}

pub(super) fn environment(text: &str) -> Spec {
    named(
        "perf",
        &format!("{text}\naccess: {{ operators: [198.51.100.7/32] }}\n"),
    )
}

fn with_aurora_and_cache() -> Spec {
    environment(
        "architecture: 50k\ndatabase: { engine: aurora-postgresql }\n\
         network: { layout: private, s3_endpoint: true }",
    )
}

/// The accounts that a canary is tried in, each with its past.
fn accounts() -> Vec<(&'static str, AwsAccount)> {
    let profiles = [AccountProfile::Used, AccountProfile::Fresh];
    let account = |profile: AccountProfile| AwsAccount::of_profile(profile, REGION, 1.0);
    profiles
        .map(|profile| (profile.name(), account(profile)))
        .into()
}

/// What a canary may leave: the bucket of locks.
pub(super) fn left(account: &AwsAccount) -> Vec<String> {
    let settled = later(account.clone(), Duration::from_hours(1));
    let resources = settled.resources().into_iter();
    resources
        .filter(|one| !one.id.starts_with("loadrig-registry-"))
        .map(|one| format!("{} {}", one.kind, one.id))
        .collect()
}

#[test]
fn a_canary_proves_what_it_can_and_leaves_nothing() {
    for (past, account) in accounts() {
        for spec in [environment("architecture: 1k"), with_aurora_and_cache()] {
            let tried = doctor(account.clone(), &spec, PLAIN);
            let report = tried.report.as_ref().expect("a report");
            let not_fine: Vec<_> = report
                .checks
                .iter()
                .filter(|one| {
                    !matches!(one.verdict, CanaryVerdict::Proved | CanaryVerdict::Unknown)
                })
                .collect();
            assert!(not_fine.is_empty(), "{past}: {not_fine:#?}");
            assert_eq!(left(&tried.account), Vec::<String>::new(), "{past}");
            assert_eq!(report.created, report.removed, "{past}");
            assert!(report.took < LONGEST, "{past}: {:?}", report.took);
            assert!(
                report
                    .service_roles
                    .contains(&"rds.amazonaws.com".to_owned())
            );
            for area in [
                CanaryArea::ServiceRoles,
                CanaryArea::Resources,
                CanaryArea::ConditionalWrites,
                CanaryArea::DryRuns,
                CanaryArea::Removal,
            ] {
                let proved = report.with_verdict(CanaryVerdict::Proved);
                assert!(
                    proved.into_iter().any(|one| one.area == area),
                    "{past}: {area:?}"
                );
            }
            // Shown with `--nocapture`.
            println!(
                "canary of `{}` in a {past} account: {} calls, {} s",
                spec.architecture,
                tried.calls.len(),
                report.took.as_secs()
            );
        }
    }
}

/// Kills a canary at calls of every part of it, and lets the next one run: what went wrong. Deaths that
/// leave the account in the same state have the same future.
fn kills(past: &str, account: &AwsAccount, how: Run, sample: Option<usize>) -> Vec<String> {
    let spec = with_aurora_and_cache();
    let how = Run {
        keep_deaths: true,
        ..how
    };
    let undisturbed = doctor(account.clone(), &spec, how);
    let mut states: BTreeMap<u64, Vec<Death>> = BTreeMap::new();
    for Death { kill, account } in undisturbed.deaths {
        let account = at_restart(account);
        let same = states.entry(account.fingerprint()).or_default();
        same.push(Death { kill, account });
    }
    let mut states: Vec<Vec<Death>> = states.into_values().collect();
    states.sort_by_key(|deaths| (deaths[0].kill.call, deaths[0].kill.side));
    let step = sample.map_or(1, |sample| (states.len() / sample).max(1));
    let (mut cases, mut wrong) = (0, Vec::new());
    for deaths in states.iter().step_by(step) {
        cases += deaths.len();
        let Death { kill, account } = &deaths[0];
        let next = doctor(later(account.clone(), NEXT_RUN), &spec, PLAIN);
        let left = left(&next.account).join(", ");
        let code = next.report.map(|report| report.exit_code());
        if !left.is_empty() || !matches!(code, Ok(ExitCode::Done)) {
            let call = &undisturbed.calls[kill.call];
            wrong.push(format!("killed {kill:?} at {call}: {code:?}, left: {left}"));
        }
    }
    println!(
        "canary in a {past} account: {} calls, {cases} cases in {} of {} states, {} wrong",
        undisturbed.calls.len(),
        states.len().div_ceil(step),
        states.len(),
        wrong.len()
    );
    wrong
}

#[test]
fn what_a_killed_canary_left_is_removed_by_the_next() {
    for (past, account) in accounts() {
        let wrong = kills(past, &account, PLAIN, Some(6));
        assert!(wrong.is_empty(), "{past}: {}", wrong.join("\n"));
    }
}

#[test]
#[ignore = "takes long: every call of a canary"]
fn canary_kill_sweep() {
    for (past, account) in accounts() {
        let wrong = kills(past, &account, WITH_HOST, None);
        assert!(wrong.is_empty(), "{past}: {}", wrong.join("\n"));
    }
}

#[test]
fn an_interrupted_canary_is_removed() {
    let spec = environment("architecture: 1k");
    for seconds in [1, 4, 8, 12] {
        let how = Run {
            interrupt: Some(Duration::from_secs(seconds)),
            ..PLAIN
        };
        let tried = doctor(AwsAccount::new(REGION, 1.0), &spec, how);
        assert_eq!(
            left(&tried.account),
            Vec::<String>::new(),
            "after {seconds} s"
        );
        let code = match &tried.report {
            Ok(report) => report.exit_code(),
            // Before it held its lock, nothing was created.
            Err(error) => error.exit_code(),
        };
        assert_eq!(code, ExitCode::Interrupted, "after {seconds} s");
    }
}

#[test]
fn a_canary_with_a_host_launches_one_and_removes_it() {
    let spec = environment("architecture: 1k");
    let tried = doctor(AwsAccount::new(REGION, 1.0), &spec, WITH_HOST);
    let report = tried.report.expect("a report");
    assert_eq!(report.exit_code(), ExitCode::Done, "{:#?}", report.checks);
    let proved: Vec<&str> = report
        .with_verdict(CanaryVerdict::Proved)
        .map(|one| one.check.as_str())
        .collect();
    for step in ["instance/agent-1", "host/agent-1/prepare"] {
        assert!(proved.contains(&step), "{proved:?}");
    }
    assert_eq!(left(&tried.account), Vec::<String>::new());
    let launches = tried
        .calls
        .iter()
        .filter(|call| call.ends_with(":RunInstances"));
    // The other ones are dry runs.
    assert!(launches.count() > 1);
}

#[test]
fn a_host_that_costs_more_than_was_allowed_is_refused_before_anything_is_created() {
    let spec = environment("architecture: 1k");
    let how = Run {
        spend: Some(0.001),
        ..PLAIN
    };
    let tried = doctor(AwsAccount::new(REGION, 1.0), &spec, how);
    let refused = tried.report.expect_err("it costs more");
    assert_eq!(refused.exit_code(), ExitCode::Preflight);
    assert_eq!(tried.calls, ["sts:GetCallerIdentity"]);
}

/// What a principal hears who may create neither subnets nor parameter groups.
fn denied(call: &Call) -> Option<Response<Bytes>> {
    let body = match call.name().as_str() {
        "ec2:CreateSubnet" => {
            "<Response><Errors><Error><Code>UnauthorizedOperation</Code>\
             <Message>You are not authorized to perform this operation.</Message></Error></Errors>\
             <RequestID>r-1</RequestID></Response>"
        }
        "rds:CreateDBParameterGroup" => {
            "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code>\
             <Message>not authorized to perform: rds:CreateDBParameterGroup</Message></Error>\
             <RequestId>r-1</RequestId></ErrorResponse>"
        }
        _ => return None,
    };
    let answer = Response::builder().status(403);
    Some(
        answer
            .body(Bytes::from_static(body.as_bytes()))
            .expect("an answer"),
    )
}

#[test]
fn what_is_not_allowed_is_named_and_the_rest_is_removed() {
    let spec = environment("architecture: 1k");
    let how = Run {
        instead: denied,
        ..PLAIN
    };
    let tried = doctor(AwsAccount::new(REGION, 1.0), &spec, how);
    let report = tried.report.expect("a report");
    assert_eq!(
        report.exit_code(),
        ExitCode::Preflight,
        "{:#?}",
        report.checks
    );
    let of = |verdict| -> Vec<&str> {
        let checks = report.with_verdict(verdict);
        checks.map(|one| one.check.as_str()).collect()
    };
    let not_allowed = of(CanaryVerdict::Denied);
    for check in [
        "subnet/public-a",
        "database-parameters/writer",
        "ec2:CreateSubnet",
    ] {
        assert!(not_allowed.contains(&check), "{check}: {not_allowed:?}");
    }
    assert!(of(CanaryVerdict::Unknown).contains(&"database-subnets"));
    assert!(of(CanaryVerdict::Proved).contains(&"bucket/files"));
    assert_eq!(left(&tried.account), Vec::<String>::new());
}

/// What nobody has seen RDS answer.
fn strange(call: &Call) -> Option<Response<Bytes>> {
    (call.name() == "rds:CreateDBSubnetGroup").then(|| {
        let body = "<ErrorResponse><Error><Type>Sender</Type><Code>InvalidParameterValue</Code>\
                    <Message>Come back once the moon is full.</Message></Error>\
                    <RequestId>r-1</RequestId></ErrorResponse>";
        let answer = Response::builder().status(400);
        let answer = answer.body(Bytes::from_static(body.as_bytes()));
        answer.expect("an answer")
    })
}

/// In the form in which facts about AWS are collected and replayed: the file is a fixture of the
/// crate that does that.
#[test]
fn what_differs_is_written_as_a_recorded_fact() {
    let spec = environment("architecture: 1k");
    let how = Run {
        instead: strange,
        ..PLAIN
    };
    let tried = doctor(AwsAccount::new(REGION, 1.0), &spec, how);
    let report = tried.report.expect("a report");
    assert_eq!(report.exit_code(), ExitCode::Failed, "{:#?}", report.checks);
    assert_eq!(left(&tried.account), Vec::<String>::new());
    let written = tried.records.expect("a file of records");
    let mut written: Value =
        serde_json::from_str(&written.replace(&report.canary, "canary-000000"))
            .expect("it is JSON");
    let day = "2026-11-30";
    for record in written["records"].as_array_mut().expect("a list") {
        let recorded = record["recorded"].as_str().expect("a day");
        assert_eq!(recorded.len(), day.len(), "{recorded}");
        record["recorded"] = day.into();
    }
    let fixture = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/truth/fixtures/canary/recorded/canary-records.json"
    );
    let fixture = std::fs::read_to_string(fixture).expect("the fixture");
    let fixture: Value = serde_json::from_str(&fixture).expect("it is JSON");
    assert_eq!(written, fixture);
}

/// A dry run that is carried out, and a write that keeps to no condition.
fn heedless(call: &Call) -> Option<Response<Bytes>> {
    let answer = Response::builder().status(200);
    let is_dry = call.get("DryRun") == Some("true");
    let answer = match call.name().as_str() {
        "ec2:AssociateRouteTable" if is_dry => answer.body(Bytes::from_static(
            b"<AssociateRouteTableResponse><associationId>rtbassoc-1</associationId>\
              </AssociateRouteTableResponse>",
        )),
        name if name.starts_with("s3:") && is_second_write(call) => answer
            .header("etag", "\"1\"")
            .header("date", "Tue, 01 Dec 2026 00:00:00 GMT")
            .body(Bytes::new()),
        _ => return None,
    };
    Some(answer.expect("an answer"))
}

/// Whether it is the canary's second write under `If-None-Match`, which is to be refused.
fn is_second_write(call: &Call) -> bool {
    call.path().contains("/canary.json")
        && call.headers().contains_key("if-none-match")
        && call.body().as_ref() == b"2"
}

#[test]
fn what_was_answered_is_recorded_with_its_status() {
    let spec = environment("architecture: 1k");
    let how = Run {
        instead: heedless,
        ..PLAIN
    };
    let tried = doctor(AwsAccount::new(REGION, 1.0), &spec, how);
    let report = tried.report.expect("a report");
    let status = |record: &CanaryRecord| {
        let error = record.error.as_ref();
        error.map_or(record.status, |error| error.status)
    };
    let recorded: Vec<(&str, Option<u16>)> = report
        .records
        .iter()
        .map(|record| (record.operation.as_str(), status(record)))
        .collect();
    for call in ["ec2:AssociateRouteTable", "s3:PutObject"] {
        assert!(recorded.contains(&(call, Some(200))), "{recorded:?}");
    }
    let without = recorded.iter().filter(|(_, status)| status.is_none());
    assert_eq!(without.count(), 0, "{recorded:?}");
    assert_eq!(left(&tried.account), Vec::<String>::new());
}

/// The calls of EC2 by which an environment comes up and goes, as they are made.
fn ec2_calls(spec: &Spec) -> BTreeSet<String> {
    let up = run(AwsAccount::new(REGION, SCALE), Job::Up(spec));
    assert_eq!(up.end, End::Done);
    let down = run(later(up.account, SETTLED), Job::Down(spec));
    assert_eq!(down.end, End::Done);
    let calls = up.calls.into_iter().chain(down.calls);
    calls
        .filter(|call| call.starts_with("ec2:") && !call.starts_with("ec2:Describe"))
        .collect()
}

#[test]
fn every_ec2_call_of_a_plan_has_a_dry_run_or_a_reason_why_not() {
    let spec = environment(
        "architecture: 2k\nnetwork: { layout: private, nat: per-zone, s3_endpoint: true }",
    );
    let tried = doctor(AwsAccount::new(REGION, 1.0), &spec, WITH_HOST);
    let report = tried.report.expect("a report");
    let checks = report
        .checks
        .iter()
        .filter(|one| one.area == CanaryArea::DryRuns);
    let dry_runs: BTreeMap<&str, (CanaryVerdict, &str)> = checks
        .map(|one| {
            let action = one.check.split(' ').next().unwrap_or_default();
            (action, (one.verdict, one.detail.as_str()))
        })
        .collect();
    let missing: Vec<String> = ec2_calls(&spec)
        .into_iter()
        .filter(|call| !dry_runs.contains_key(call.as_str()))
        .collect();
    assert_eq!(missing, Vec::<String>::new(), "{dry_runs:#?}");
    // Some calls have no dry run, or act on what is billed; none is unknown to loadrig, and nothing
    // that they act on is missing.
    for (action, (verdict, why)) in dry_runs {
        let is_excused = verdict == CanaryVerdict::Unknown
            && why != "loadrig has no dry run of it"
            && why != "what it acts on does not exist";
        let is_fine = verdict == CanaryVerdict::Proved || is_excused;
        assert!(is_fine, "{action}: {verdict:?}: {why}");
    }
}
