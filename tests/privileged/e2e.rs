//! The built program end to end on the local cloud: what users type, and what they see.
//!
//! Needs Linux, root and the packages that `loadrig local prepare` names. The tests take
//! turns, as there is one local cloud on a machine.

mod acme;
mod broken;
mod customer;
mod licenses;
mod load;
mod official;
mod outside;
mod rig;
mod rollout;
#[path = "../it/common/servers.rs"]
mod servers;
mod settings;
mod storm;
mod tls;

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::Value;
use sha2::Digest as _;
use ssh_key::rand_core::OsRng;
use ssh_key::{Algorithm, LineEnding, PrivateKey};

use rig::{CommandOutcome, Home, LocalCloud, steps};

const CHANGES: [&str; 4] = ["created", "updated", "deleted", "applied"];

/// Takes an environment down and reads the proof.
#[track_caller]
fn down(home: &Home, name: &str) -> CommandOutcome {
    let done = home
        // The lease of an `up` that was killed ends by itself within a minute.
        .run(&[
            "down",
            name,
            "--yes",
            "--lock-timeout",
            "2m",
            "--output",
            "json",
        ])
        .code(0);
    assert_proof(&done);
    done
}

#[track_caller]
fn assert_proof(down: &CommandOutcome) {
    let answer = down.json();
    let looked = answer["checked"].as_array().unwrap();
    assert!(looked.len() > 10, "little was looked at{down}");
    for look in looked {
        assert_eq!(
            look["left"].as_array().map(Vec::len),
            Some(0),
            "{look}{down}"
        );
    }
}

#[track_caller]
fn verify(home: &Home, name: &str) -> CommandOutcome {
    let done = home.run(&["verify", name, "--output", "json"]).code(0);
    let answer = done.json();
    let checks = answer["checks"].as_array().unwrap();
    assert!(checks.len() >= 5, "few checks{done}");
    for check in checks {
        assert_eq!(check["pass"], true, "{check}{done}");
    }
    done
}

/// The part of a status that has this address.
#[track_caller]
fn part(status: &CommandOutcome, address: &str) -> Value {
    let answer = status.json();
    let parts = answer["parts"].as_array().unwrap();
    let found = parts.iter().find(|part| part["address"] == address);
    found
        .unwrap_or_else(|| panic!("`{address}` is missing{status}"))
        .clone()
}

/// Asks for a page, and answers with what came.
fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// Terminates an instance as somebody with another tool would.
fn terminate(instance: &str) {
    let emulator = loadrig::localcloud::emulator().unwrap();
    let script = format!(
        "import boto3\n\
         boto3.client('ec2', region_name='us-east-1', endpoint_url='http://127.0.0.1:4566',\
         aws_access_key_id='local', aws_secret_access_key='local')\
         .terminate_instances(InstanceIds=['{instance}'])"
    );
    let output = Command::new("ip")
        .args(["netns", "exec", "loadrig-cloud"])
        .arg(emulator.with_file_name("python"))
        .args(["-c", &script])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn a_rig_is_planned_created_tested_and_removed() {
    let cloud = LocalCloud::start();
    let home = &cloud.home;
    let yaml = include_str!("../../environments/demo.yaml");
    home.write("environments/demo.yaml", yaml);

    home.run(&["plan", "demo", "--detailed-exitcode"]).code(3);
    let log = home.path().join("first.jsonl");
    home.run(&["up", "demo", "--yes", "--events", log.to_str().unwrap()])
        .code(0);
    let made = steps(&log, &["created"]);
    for step in ["instance/app-1", "instance/app-2", "instance/metrics-1"] {
        assert!(made.iter().any(|m| m == step), "{step} not in {made:?}");
    }

    // Again: nothing to do, and nothing done.
    let log = home.path().join("second.jsonl");
    home.run(&["up", "demo", "--yes", "--events", log.to_str().unwrap()])
        .code(0)
        .says(&["nothing to do"]);
    assert_eq!(steps(&log, &CHANGES), [""; 0]);
    home.run(&["plan", "demo", "--detailed-exitcode"]).code(0);

    let status = home.run(&["status", "demo", "--output", "json"]).code(0);
    assert_eq!(status.json()["exists"], true, "{status}");
    assert_eq!(
        status.json()["drift"].as_array().map(Vec::len),
        Some(0),
        "{status}"
    );
    assert_eq!(
        part(&status, "instance/app-2")["status"],
        "running",
        "{status}"
    );
    verify(home, "demo");

    let hostname = home
        .run(&["ssh", "demo", "app-1", "--", "hostname"])
        .code(0);
    assert!(hostname.out.contains("app-1"), "{hostname}");

    tunnel(home);

    let test = home
        .run(&["test", "demo", "smoke", "--output", "json"])
        .code(0);
    let report = test.json();
    assert_eq!(report["scenarios"][0]["passed"], true, "{test}");
    assert_eq!(report["standin"], true, "{test}");

    // The program is not on application nodes, and is not left there.
    let measured = home
        .run(&["measure-hash", "demo", "app-1", "--output", "json"])
        .code(0);
    let json = measured.json();
    assert_eq!(json["machines"][0]["host"], "app-1", "{measured}");
    assert_eq!(json["consequence"]["hash"], "standin", "{measured}");
    let gate = json["consequence"]["login_gate"]["reason"].as_str();
    let here = |reason: &str| reason.contains("measured on this machine");
    assert!(gate.is_some_and(here), "{measured}");
    // Logins one after the other: what the node takes, and the gate that follows from it.
    let timed = home
        .run(&["measure-hash", "demo", "--logins", "--output", "json"])
        .code(0);
    let json = timed.json();
    let nodes = json["nodes"].as_array().map_or(0, Vec::len);
    assert_eq!(nodes, 2, "{timed}");
    let each = json["consequence"]["login_seconds"].as_f64();
    assert!(each.is_some_and(|each| each > 0.005), "{timed}");
    let then = json["consequence"]["login_gate_then"]["reason"].as_str();
    let by_logins = |reason: &str| reason.contains("`mattermost.login_seconds`");
    assert!(then.is_some_and(by_logins), "{timed}");
    let left = home
        .run(&["ssh", "demo", "app-1", "--", "ls", "/tmp"])
        .code(0);
    assert!(!left.out.contains("loadrig-measure"), "{left}");

    storm::it_goes_on_without_its_operator(home);
    storm::a_lost_node_comes_back_and_its_clients_too(home);

    // One more node and a job server: they are made, and no other is made anew. Another setting restarts
    // the nodes, and those of the administrator stay.
    settings::administrator_closes_sign_up(home);
    let release = "  release: standin\n";
    assert!(yaml.contains(release));
    let setting = format!("{release}  config: {{ TeamSettings: {{ SiteName: From YAML }} }}\n");
    home.write(
        "environments/demo.yaml",
        format!(
            "{}\nsizes:\n  nodes:\n    app: {{ count: 3 }}\n    job: {{ count: 1 }}\n",
            yaml.replace(release, &setting)
        ),
    );
    let log = home.path().join("third.jsonl");
    let grown = home
        .run(&["up", "demo", "--yes", "--events", log.to_str().unwrap()])
        .code(0);
    let instances = |log: &Path, outcomes: &[&str]| -> Vec<String> {
        let mut steps = steps(log, outcomes);
        steps.retain(|step| step.starts_with("instance/"));
        steps
    };
    assert_eq!(
        BTreeSet::from_iter(instances(&log, &["created", "deleted"])),
        ["instance/app-3", "instance/job-1"]
            .map(str::to_owned)
            .into(),
        "{grown}"
    );
    assert_eq!(steps(&log, &["deleted"]), [""; 0], "{grown}");
    verify(home, "demo").says(&[
        "job-1 ran `export_delete`",
        "job-1: metrics answer",
        "setting TeamSettings.EnableOpenServer",
        "`false`; planned is `true` for this purpose",
    ]);
    settings::both_apply(home);

    // A host that somebody terminated is made anew.
    let status = home.run(&["status", "demo", "--output", "json"]).code(0);
    terminate(part(&status, "instance/app-2")["id"].as_str().unwrap());
    home.run(&["plan", "demo", "--detailed-exitcode"])
        .code(3)
        .says(&["instance/app-2"]);
    let log = home.path().join("fourth.jsonl");
    let healed = home
        .run(&["up", "demo", "--yes", "--events", log.to_str().unwrap()])
        .code(0);
    assert_eq!(
        instances(&log, &["created"]),
        ["instance/app-2"],
        "{healed}"
    );
    verify(home, "demo");

    down(home, "demo");
    home.run(&["down", "demo", "--yes"])
        .code(0)
        .says(&["nothing to do"]);
    cloud.finish();
}

/// A tunnel is open while its command runs, and ends on Ctrl-C.
fn tunnel(home: &Home) {
    let answer = settings::through_tunnel(home, "demo", "mattermost", |address| {
        get(address, "/api/v4/system/ping")
    });
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.to_lowercase().contains("standin"), "{answer}");
}

#[test]
fn a_killed_up_is_removed_and_an_interrupted_one_resumed() {
    let cloud = LocalCloud::start();
    let home = &cloud.home;
    home.small("brief", "");
    let log = home.path().join("killed.jsonl");
    let arguments = ["up", "brief", "--yes", "--events", log.to_str().unwrap()];
    let some_instance = |log: &Path| {
        let made = steps(log, &["created"]);
        made.iter()
            .any(|s| s.starts_with("instance/"))
            .then_some(())
    };

    let mut up = home.start(&arguments);
    up.until("an instance", |_| some_instance(&log));
    up.signal(Signal::SIGKILL);
    let killed = up.end();
    assert_eq!(killed.code, None, "{killed}");
    let gone = down(home, "brief");
    assert!(gone.json()["removed"].as_u64() > Some(5), "{gone}");

    let log = home.path().join("interrupted.jsonl");
    let arguments = ["up", "brief", "--yes", "--events", log.to_str().unwrap()];
    let mut up = home.start(&arguments);
    up.until("an instance", |_| some_instance(&log));
    up.signal(Signal::SIGINT);
    up.end().code(130).says(&[
        "interrupted",
        "`loadrig up brief` continues where this stopped",
    ]);
    let finished = home.run(&["up", "brief", "--yes"]).code(0);
    assert!(!finished.out.contains("nothing to do"), "{finished}");
    verify(home, "brief");
    down(home, "brief");
    cloud.finish();
}

#[test]
fn two_rigs_run_side_by_side() {
    let cloud = LocalCloud::start();
    let home = &cloud.home;
    home.small("left", "");
    home.small("right", "");
    let ups = ["left", "right"].map(|name| home.start(&["up", name, "--yes"]));
    for up in ups {
        up.end().code(0);
    }
    verify(home, "left");
    verify(home, "right");
    down(home, "left");
    verify(home, "right");
    down(home, "right");
    cloud.finish();
}

/// Most of the time of these is waiting for what never comes: they wait side by side.
#[test]
fn a_failed_up_names_its_cause_and_leaves_nothing() {
    let cloud = LocalCloud::start();
    let home = &cloud.home;
    wrong_key(home);
    home.small(
        "outside",
        "access: { address: private, operators: [203.0.113.0/24] }\n",
    );
    broken_server(home);
    let locked = home.start(&["up", "locked", "--yes"]);
    let outside = home.start(&["up", "outside", "--yes", "--host-timeout", "15s"]);
    let broken = home.start(&["up", "broken", "--yes"]);

    let locked =
        locked
            .end()
            .code(1)
            .says(&["`app-1` at 10.", "refused the operator's key", "access.key"]);
    assert!(locked.took < Duration::from_secs(90), "{locked}");
    let outside = outside.end().code(1).says(&[
        "`app-1` at 10.",
        "did not answer SSH within 1",
        "access.operators",
    ]);
    assert!(outside.took < Duration::from_secs(90), "{outside}");
    broken
        .end()
        .code(1)
        .says(&["app-1", "out of order on purpose", "loadrig ssh"]);
    for name in ["locked", "outside", "broken"] {
        down(home, name);
    }
    cloud.finish();
}

/// A rig whose operator has a public key, but the private key of another.
fn wrong_key(home: &Home) {
    let key = || PrivateKey::random(&mut OsRng, Algorithm::Ed25519).unwrap();
    let public = home.write("own.pub", key().public_key().to_openssh().unwrap());
    key()
        .write_openssh_file(&home.path().join("own"), LineEnding::LF)
        .unwrap();
    let file = public.display();
    home.small(
        "locked",
        &format!("access: {{ address: private, key: {{ file: {file} }} }}\n"),
    );
}

/// A rig whose server ends as soon as it starts.
fn broken_server(home: &Home) {
    let tarball = broken_release();
    let path = home.write("broken.tar.gz", &tarball);
    let sha256 = hex::encode(sha2::Sha256::digest(&tarball));
    let release = path.display();
    home.small(
        "broken",
        &format!("mattermost:\n  release: {release}\n  sha256: {sha256}\n  unlicensed: accept\n"),
    );
}

/// A tarball laid out like the official one, with a server that ends at once.
fn broken_release() -> Vec<u8> {
    let server = b"#!/bin/sh\necho 'out of order on purpose' >&2\nexit 1\n";
    let gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let mut tar = tar::Builder::new(gzip);
    let mut append = |path: &str, mode: u32, content: &[u8]| {
        let mut header = tar::Header::new_ustar();
        header.set_mode(mode);
        header.set_size(content.len() as u64);
        if path.ends_with('/') {
            header.set_entry_type(tar::EntryType::Directory);
        }
        tar.append_data(&mut header, path, content).unwrap();
    };
    for directory in [
        "", "bin/", "client/", "config/", "data/", "logs/", "plugins/",
    ] {
        append(&format!("mattermost/{directory}"), 0o755, b"");
    }
    append("mattermost/bin/mattermost", 0o755, server);
    append("mattermost/bin/mmctl", 0o755, server);
    append("mattermost/config/config.json", 0o600, b"{}\n");
    append("mattermost/manifest.txt", 0o644, b"broken\n");
    tar.into_inner().unwrap().finish().unwrap()
}

#[test]
fn a_name_is_enough_to_take_a_rig_down() {
    let cloud = LocalCloud::start();
    let yaml = cloud.home.small("orphan", "");
    cloud.home.run(&["up", "orphan", "--yes"]).code(0);
    std::fs::remove_file(yaml).unwrap();

    // Somebody else: another home, no YAML, no runs.
    let other = Home::new();
    let away = other
        .run(&[
            "--endpoint-url",
            "local",
            "down",
            "orphan",
            "--yes",
            "--output",
            "json",
        ])
        .code(0);
    assert_proof(&away);
    assert!(away.json()["removed"].as_u64() > Some(10), "{away}");
    cloud.finish();
}

#[test]
fn broken_yaml_is_reported_by_line_and_changes_nothing() {
    let home = Home::new();
    for (name, line, text) in [
        ("typo", 2, "cloud: local\narchitecure: 1k\n"),
        ("tab", 3, "architecture: 1k\nnetwork:\n\tzones: 2\n"),
        ("size", 2, "cloud: local\narchitecture: 1kk\n"),
        ("value", 2, "architecture: 1k\ntime_to_live: soon\n"),
        ("kind", 3, "architecture: 1k\ncloud: local\nsizes: many\n"),
    ] {
        home.write(&format!("environments/{name}.yaml"), text);
        home.run(&["up", name, "--yes"])
            .code(2)
            .says(&[&format!("{name}.yaml:{line}:")]);
    }
    assert!(!home.path().join("state").exists(), "a run was recorded");
}
