//! An official release of Mattermost on the local cloud: `LOADRIG_MATTERMOST_TARBALL` names its
//! tarball, and `LOADRIG_MATTERMOST_LICENSE` may name a license. Hosts of the local cloud have no
//! route to where Mattermost publishes them.

use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;
use sha2::Digest as _;

use super::rig::{CommandOutcome, Home, LocalCloud, steps};
use super::{CHANGES, down, part, verify};

/// The tarball and the license, if there are any to test with.
fn release() -> Option<(PathBuf, Option<PathBuf>)> {
    let named = |name| std::env::var_os(name).map(PathBuf::from);
    let tarball = named("LOADRIG_MATTERMOST_TARBALL");
    if tarball.is_none() {
        // Past the capture of the test's output: a test that did not run must not look as if.
        let told = writeln!(
            std::io::stderr(),
            "not run: set LOADRIG_MATTERMOST_TARBALL to the tarball of an official release"
        );
        assert!(told.is_ok());
    }
    Some((tarball?, named("LOADRIG_MATTERMOST_LICENSE")))
}

/// Prints what a command said, for people who want to see what the release did.
fn shown(done: CommandOutcome) -> CommandOutcome {
    println!("{done}");
    done
}

#[test]
fn an_official_release_runs_the_whole_demo() {
    let Some((tarball, license)) = release() else {
        return;
    };
    let cloud = LocalCloud::start();
    let mut arguments = vec!["demo", "--yes", "--release", tarball.to_str().unwrap()];
    if let Some(license) = &license {
        arguments.extend(["--license", license.to_str().unwrap()]);
    }
    let demo = shown(cloud.home.run(&arguments)).code(0);
    if license.is_none() {
        demo.says(&["no license, so 1 application node in place of 2"]);
    }
    cloud.finish();
}

#[test]
fn an_official_release_is_managed_and_its_failures_are_named() {
    let Some((tarball, license)) = release() else {
        return;
    };
    let cloud = LocalCloud::start();
    let home = &cloud.home;
    let sha256 = hex::encode(sha2::Sha256::digest(std::fs::read(&tarball).unwrap()));
    let licensed = match &license {
        Some(license) => format!("license_file: {}", license.display()),
        None => "unlicensed: accept".to_owned(),
    };
    home.write(
        "environments/official.yaml",
        format!(
            "architecture: 1k\ncloud: local\naccess: {{ address: private }}\nmattermost:\n  \
             release: {}\n  sha256: {sha256}\n  {licensed}\n",
            tarball.display()
        ),
    );
    shown(home.run(&["up", "official", "--yes"])).code(0);
    verify(home, "official");
    let status = shown(home.run(&["status", "official", "--output", "json"])).code(0);
    assert_eq!(part(&status, "instance/app-1")["status"], "running");
    assert_eq!(status.json()["drift"].as_array().map(Vec::len), Some(0));

    let log = home.path().join("again.jsonl");
    shown(home.run(&["up", "official", "--yes", "--events", log.to_str().unwrap()]))
        .code(0)
        .says(&["nothing to do"]);
    assert_eq!(steps(&log, &CHANGES), [""; 0]);
    on_app(
        home,
        "sudo -u mattermost /opt/mattermost/bin/mmctl --local system version",
    );

    loses_its_file_store(home);
    down(home, "official");
    cloud.finish();
}

/// What a command on the application node prints.
#[track_caller]
fn on_app(home: &Home, command: &str) -> CommandOutcome {
    shown(home.run(&["ssh", "official", "app-1", "--", command])).code(0)
}

/// A server whose file store does not answer is named, with its own line, within half a minute of
/// its start.
fn loses_its_file_store(home: &Home) {
    let bucket = on_app(
        home,
        "sudo grep AMAZONS3BUCKET /etc/mattermost/environment | cut -d = -f 2",
    );
    let bucket = bucket.out.trim();
    assert!(bucket.starts_with("lr-official-files"), "{bucket}");
    on_app(
        home,
        &format!(
            "echo 127.0.0.1 {bucket}.s3.dualstack.us-east-1.amazonaws.com | sudo tee -a /etc/hosts; \
             echo | sudo tee -a /etc/systemd/system/mattermost.service"
        ),
    );
    let log = home.path().join("broken.jsonl");
    let broken = shown(home.run(&["up", "official", "--yes", "--events", log.to_str().unwrap()]))
        .code(1)
        .says(&[
            "mattermost says that its file store does not work",
            "filestore_status UNHEALTHY",
            "Unable to test filestore connection",
        ]);
    // Once in the step's line and once in the error.
    let repeated = broken.err.matches("Unable to test filestore connection");
    assert_eq!(repeated.count(), 2, "{broken}");
    let (named, failed) = named_after(&log);
    println!("the file store was named {named:?} after the start of the server, failed {failed:?}");
    assert!(named < Duration::from_secs(30), "named too late{broken}");
    assert!(failed < Duration::from_mins(1), "failed too late{broken}");
    on_app(home, "sudo sed -i /s3.dualstack/d /etc/hosts");
    home.run(&["up", "official", "--yes"]).code(0);
    verify(home, "official");
}

/// How long after the start of the server the file store was named, and the step failed.
fn named_after(log: &std::path::Path) -> (Duration, Duration) {
    let text = std::fs::read_to_string(log).unwrap();
    let events: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let at = |kind: &str, text: &str| {
        let found = events.iter().find(|event| {
            event["event"] == kind
                && event["step"] == "host/app-1/configure"
                && event.to_string().contains(text)
        });
        let event = found.unwrap_or_else(|| panic!("no {kind} with `{text}`"));
        let time = event["at"].as_str().unwrap();
        time.parse::<jiff::Timestamp>().unwrap()
    };
    let started = at("step-working", "start mattermost");
    [at("step-waiting", "file store"), at("step-failed", "")]
        .map(|time| time.duration_since(started).try_into().unwrap())
        .into()
}
