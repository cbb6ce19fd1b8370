//! Operations called as a library: the example's rig lives and goes, and each operation reads
//! the account once.

#[path = "../../examples/rig.rs"]
mod rig;

use std::path::Path;
use std::sync::Arc;

use futures::future::BoxFuture;
use loadrig::aws::Aws;
use loadrig::engine::{CloudError, Urgency};
use loadrig::events::Events;
use loadrig::ops::error::Declined;
use loadrig::ops::run_dir::RunDir;
use loadrig::ops::up::{self, UpOptions};
use loadrig::ops::{Adapters, Confirm, Question, Session, down, status, verify};
use loadrig::spec::{Library, Spec};
use tokio::sync::watch;

use crate::common::Moto;

/// An account whose calls can be counted from outside.
struct Counted(Arc<Aws>);

impl Adapters for Counted {
    fn region(&self) -> &'static str {
        "us-east-1"
    }

    fn cloud(&self) -> BoxFuture<'_, Result<Arc<Aws>, CloudError>> {
        Box::pin(async { Ok(Arc::clone(&self.0)) })
    }
}

impl Counted {
    /// How often the account was read: each snapshot lists the VPCs once, and a run that
    /// changes nothing lists them for no other reason.
    fn reads(&self) -> u64 {
        self.0.calls().get("ec2:DescribeVpcs").copied().unwrap_or(0)
    }

    fn calls(&self) -> u64 {
        self.0.calls().values().sum()
    }
}

struct Yes;

impl Confirm for Yes {
    fn confirm(&self, _question: &Question<'_>) -> Result<(), Declined> {
        Ok(())
    }
}

fn spec(name: &str) -> Spec {
    let mut spec = Library::new(None)
        .architecture("1k")
        .expect("the size")
        .example();
    spec.name = name.to_owned();
    spec.access.operators = vec!["198.51.100.7/32".parse().expect("a range")];
    spec
}

fn run(directory: &Path) -> RunDir {
    RunDir {
        name: "run".to_owned(),
        path: directory.to_owned(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_example_brings_a_rig_up_and_removes_it() {
    let moto = Moto::start();
    let directory = tempfile::tempdir().expect("a directory");
    let removed = rig::up_and_down(rig::Options {
        spec: spec("example"),
        endpoint: Some(moto.endpoint().to_owned()),
        resources_only: true,
        run: run(directory.path()),
    })
    .await
    .expect("up and down");
    assert!(removed > 20, "{removed} resources were removed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_operation_reads_the_account_once_and_up_twice() {
    let moto = Moto::start();
    let directory = tempfile::tempdir().expect("a directory");
    let account = Counted(Arc::new(moto.cloud().await));
    // Without hosts nothing answers SSH, and nothing has to: every other check runs.
    let mut spec = spec("counted");
    spec.nodes.clear();
    let events = Events::default();
    let (_urgency, stop) = watch::channel(Urgency::None);
    let session = Session {
        events: &events,
        stop,
        confirm: &Yes,
    };
    let options = UpOptions {
        skip_preflight: true,
        ..UpOptions::default()
    };
    let up = async || {
        let rig = up::open(spec.clone(), &options, &account).await?;
        up::up(&rig, &run(directory.path()), &options, &session).await
    };
    let created = up().await.expect("up");
    assert!(created.changed);
    assert!(created.is_ok(), "{:?}", created.checks);

    let (reads, calls) = (account.reads(), account.calls());
    let unchanged = up().await.expect("up again");
    assert!(!unchanged.changed);
    assert_eq!(account.reads() - reads, 2, "before and after the walk");
    let of_up = account.calls() - calls;

    let (reads, calls) = (account.reads(), account.calls());
    let found = status::status(spec.clone(), &account)
        .await
        .expect("status");
    assert!(found.exists() && found.drift.is_empty(), "{found:?}");
    assert_eq!(account.reads() - reads, 1, "status");
    let of_status = account.calls() - calls;

    let reads = account.reads();
    let verified = verify::run(spec.clone(), &account, &events).await;
    assert!(verified.expect("verify").is_ok());
    assert_eq!(account.reads() - reads, 1, "verify");

    // Shown with `--nocapture`.
    println!("API calls: {of_up} by an up that changes nothing, {of_status} by status");
    assert!(of_status <= 30, "{of_status} calls by status");
    assert!(of_up <= 75, "{of_up} calls by up");

    let report = down::down(
        &account.0,
        "counted",
        &down::DownOptions::default(),
        &session,
    )
    .await
    .expect("down");
    report.check("counted").expect("nothing left");
}
