//! The canary of `doctor --live` in an account in memory: what it finds, and what is left of it when
//! it is killed or interrupted anywhere.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use loadrig::aws::Aws;
use loadrig::diagnose::{Diagnose as _, ExitCode};
use loadrig::engine::{CloudError, Urgency};
use loadrig::events::Events;
use loadrig::ops::doctor::{CanaryArea, CanaryReport, CanaryVerdict, DoctorOptions, live};
use loadrig::ops::error::{Declined, OpsError};
use loadrig::ops::run_dir::RunDir;
use loadrig::ops::{Adapters, Confirm, Question, Session};
use loadrig::spec::Spec;
use strict_cloud::{AwsAccount, SharedAccount};
use tokio::sync::watch;

use super::layouts::named;
use super::link::{CloudBackend, Death, ProcessLink};
use super::outcome::later;
use super::process::{REGION, runtime};
use crate::connector;

/// A lease that nobody renews has ended by then, and what its holder did is listed.
const NEXT_RUN: Duration = Duration::from_mins(3);

/// No canary may take longer, removal included.
const LONGEST: Duration = Duration::from_mins(3);

struct InMemory(Arc<ProcessLink>);

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

/// A run and what it left.
struct Tried {
    report: Result<CanaryReport, OpsError>,
    account: AwsAccount,
    calls: Vec<String>,
    deaths: Vec<Death>,
}

/// When the user interrupts, from the start of the run.
type Interrupt = Option<Duration>;

fn doctor(account: AwsAccount, spec: &Spec, interrupt: Interrupt, keep_deaths: bool) -> Tried {
    runtime().block_on(async {
        let link = ProcessLink::new(CloudBackend::Memory(SharedAccount::new(account)), None);
        if keep_deaths {
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
        let adapters = InMemory(link.clone());
        let options = DoctorOptions::default();
        let interrupted = async {
            if let Some(after) = interrupt {
                tokio::time::sleep(after).await;
                user.send(Urgency::Drain).expect("somebody listens");
            }
            std::future::pending::<()>().await;
        };
        let report = tokio::select! {
            report = live(spec, &adapters, &run, &options, &session) => report,
            () = interrupted => unreachable!("it never ends"),
        };
        let written = std::fs::read_dir(directory.path())
            .expect("a directory")
            .count();
        let records = report.as_ref().map_or(0, |report| report.records.len());
        assert_eq!(written, records);
        Tried {
            report,
            account: link.account().expect("it is one in memory"),
            calls: link.calls(),
            deaths: link.deaths(),
        }
    })
}

fn environment(text: &str) -> Spec {
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
    vec![
        ("used", AwsAccount::new(REGION, 1.0)),
        ("fresh", AwsAccount::fresh(REGION, 1.0)),
    ]
}

/// What a canary may leave: the bucket of locks.
fn left(account: &AwsAccount) -> Vec<String> {
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
            let tried = doctor(account.clone(), &spec, None, false);
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

/// Kills a canary at calls of every part of it, and lets the next one run.
fn kills(account: &AwsAccount, spec: &Spec, sample: usize) -> (usize, Vec<String>) {
    let undisturbed = doctor(account.clone(), spec, None, true);
    // Odd, so that both sides of calls are among them.
    let step = (undisturbed.deaths.len() / sample).max(1) | 1;
    let mut wrong = Vec::new();
    let mut cases = 0;
    for death in undisturbed.deaths.into_iter().step_by(step) {
        let next = doctor(later(death.account, NEXT_RUN), spec, None, false);
        let left = left(&next.account);
        let proof = next.report.map(|report| report.exit_code());
        if !left.is_empty() || !matches!(proof, Ok(ExitCode::Done)) {
            let call = &undisturbed.calls[death.kill.call];
            wrong.push(format!(
                "killed {:?} at {call}: {}",
                death.kill,
                left.join(", ")
            ));
        }
        cases += 1;
    }
    (cases, wrong)
}

#[test]
fn what_a_killed_canary_left_is_removed_by_the_next() {
    for (past, account) in accounts() {
        let (cases, wrong) = kills(&account, &with_aurora_and_cache(), 8);
        println!(
            "canary in a {past} account: {cases} kills, {} wrong",
            wrong.len()
        );
        assert!(
            cases >= 7 && wrong.is_empty(),
            "{past}: {}",
            wrong.join("\n")
        );
    }
}

#[test]
#[ignore = "takes long: every call of a canary"]
fn canary_kill_sweep() {
    for (past, account) in accounts() {
        let (cases, wrong) = kills(&account, &with_aurora_and_cache(), usize::MAX);
        println!(
            "canary in a {past} account: {cases} kills, {} wrong",
            wrong.len()
        );
        assert!(wrong.is_empty(), "{past}: {}", wrong.join("\n"));
    }
}

#[test]
fn an_interrupted_canary_is_removed() {
    let spec = environment("architecture: 1k");
    for seconds in [1, 4, 8, 12] {
        let after = Some(Duration::from_secs(seconds));
        let tried = doctor(AwsAccount::new(REGION, 1.0), &spec, after, false);
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
