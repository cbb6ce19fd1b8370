//! `list` finds whatever there is of environments: whole ones, what is left of a run that died
//! early, and what was kept on purpose.

use std::path::Path;

use crate::common::{Moto, loadrig, text};
use loadrig::aws::Registry;
use loadrig::engine::{AcquireOptions, HeldLease, Holder};
use loadrig::identity::names::Names;
use serde_json::Value;

const ACCOUNT: &str = "123456789012";
const REGION: &str = "us-east-1";

fn list(home: &Path, moto: &Moto) -> Value {
    let listed = loadrig(home, moto.endpoint(), &["list", "--output", "json"]);
    assert!(listed.status.success(), "{}", text(&listed.stderr));
    serde_json::from_slice(&listed.stdout).expect("JSON")
}

fn of<'a>(listed: &'a Value, name: &str) -> &'a Value {
    let all = listed["environments"].as_array().expect("a list");
    let mut found = all.iter().filter(|one| one["environment"] == name);
    found.next().unwrap_or_else(|| panic!("{name}: {listed}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_that_exists_is_listed_and_nothing_that_is_gone() {
    let moto = Moto::start();
    let home = tempfile::tempdir().expect("a directory");
    let run = |arguments: &[&str]| loadrig(home.path(), moto.endpoint(), arguments);
    std::fs::create_dir_all(home.path().join("environments")).expect("a directory");
    std::fs::write(
        home.path().join("environments/perf.yaml"),
        "architecture: 1k\naccess:\n  operators: [198.51.100.7/32]\nmattermost:\n  release: standin\n",
    )
    .expect("a file");
    let nothing = run(&["list"]);
    assert!(
        text(&nothing.stdout).contains("no environments in account 123456789012"),
        "{}",
        text(&nothing.stdout)
    );

    let up = run(&[
        "up",
        "perf",
        "--resources-only",
        "--accept-unchecked",
        "all",
        "--yes",
    ]);
    assert!(up.status.success(), "{}", text(&up.stderr));
    // All that a run that died early made; and what a removed environment left on purpose.
    let s3 = aws_sdk_s3::Client::new(&moto.sdk().await);
    let bucket = Names::of("stray").bucket(ACCOUNT, REGION);
    let made = s3.create_bucket().bucket(&bucket).send().await;
    made.expect("a bucket");
    let rds = aws_sdk_rds::Client::new(&moto.sdk().await);
    let database = "lr-gold-db-writer";
    let made = rds
        .create_db_instance()
        .db_instance_identifier(database)
        .db_instance_class("db.t4g.medium")
        .engine("postgres")
        .allocated_storage(20)
        .send()
        .await;
    made.expect("a database");
    let kept = Names::of("gold").final_snapshot(database, "2026-11-23T07:53:04Z");
    let gone = rds
        .delete_db_instance()
        .db_instance_identifier(database)
        .final_db_snapshot_identifier(&kept)
        .send()
        .await;
    gone.expect("a last snapshot");
    // Foreign, with names that are like ours.
    for name in ["lr-other-files", "lr-gold-files-123456789012-zzzz"] {
        s3.create_bucket()
            .bucket(name)
            .send()
            .await
            .expect("a bucket");
    }

    let listed = list(home.path(), &moto);
    let names: Vec<&str> = listed["environments"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|one| one["environment"].as_str())
        .collect();
    assert_eq!(names, ["gold", "perf", "stray"]);
    let perf = of(&listed, "perf");
    assert_eq!(perf["hosts"], serde_json::json!(["6 running"]));
    assert!(
        perf["cost_per_hour"]
            .as_f64()
            .is_some_and(|cost| cost > 1.0),
        "{perf}"
    );
    assert!(
        perf["since"].is_string() && perf["locked_by"].is_null(),
        "{perf}"
    );
    assert_eq!(of(&listed, "gold")["kept"][0]["id"], kept.as_str());
    assert_eq!(of(&listed, "gold")["resources"], 0);

    // A run at work shows.
    let cloud = std::sync::Arc::new(moto.cloud().await);
    let registry = std::sync::Arc::new(Registry::of(&cloud).await.expect("an account"));
    let holder = Holder {
        owner: "alice@one".to_owned(),
        pid: 1,
        job: None,
        operation: "up".to_owned(),
        run: "run".to_owned(),
        nonce: "nonce".to_owned(),
    };
    let held =
        HeldLease::acquire(registry, "perf", holder, &AcquireOptions::default(), |_| {}).await;
    let held = held.expect("free");
    let shown = text(&run(&["list"]).stdout);
    assert!(shown.contains("alice@one (up"), "{shown}");
    assert!(
        shown.contains("`gold` is removed, and kept on purpose: lr-gold-final-"),
        "{shown}"
    );
    held.release(true).await.expect("released");

    for name in ["perf", "stray"] {
        let down = run(&["down", name, "--yes"]);
        assert!(down.status.success(), "{name}: {}", text(&down.stderr));
    }
    let listed = list(home.path(), &moto);
    assert_eq!(
        listed["environments"].as_array().map(Vec::len),
        Some(1),
        "{listed}"
    );
    let removed = run(&["registry", "remove", "--yes"]);
    assert!(removed.status.success(), "{}", text(&removed.stderr));
}
