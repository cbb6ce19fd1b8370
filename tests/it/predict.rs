//! `loadrig predict` as people meet it: output, exit codes, messages. Needs no cloud.

use std::path::Path;
use std::process::{Command, Output};

const LICENSED: &str = "mattermost: {release: 11.7.9, license_env: L}\n";

fn loadrig(directory: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_loadrig"))
        .env_remove("LOADRIG_HOME")
        .env("NO_COLOR", "1")
        .arg("--dir")
        .arg(directory)
        .arg("predict")
        .args(arguments)
        .output()
        .expect("the program runs")
}

/// Predicts an environment of this YAML.
fn predict(yaml: &str, arguments: &[&str]) -> Output {
    let directory = tempfile::tempdir().expect("temporary directory");
    let environments = directory.path().join("environments");
    std::fs::create_dir(&environments).expect("a directory");
    std::fs::write(environments.join("sev0.yaml"), yaml).expect("a file");
    let arguments: Vec<&str> = std::iter::once("sev0")
        .chain(arguments.iter().copied())
        .collect();
    loadrig(directory.path(), &arguments)
}

fn text(output: &Output) -> String {
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    for line in text.lines() {
        assert!(line.chars().count() <= 100, "{line}");
    }
    text
}

#[test]
fn a_storm_that_collapses() {
    let yaml = format!("architecture: 15k\n{LICENSED}proxy: {{login_gate: off}}\n");
    insta::assert_snapshot!(text(&predict(&yaml, &["--users", "15000"])));
}

#[test]
fn a_gate_that_is_slower_than_the_nodes() {
    let yaml = format!("architecture: 10k\n{LICENSED}proxy: {{login_gate: {{rate: 5}}}}\n");
    insta::assert_snapshot!(text(&predict(&yaml, &["--users", "10000"])));
}

#[test]
fn a_server_without_the_lock() {
    let yaml = "architecture: 15k\nmattermost: {release: 11.8.0, license_env: L}\n";
    insta::assert_snapshot!(text(&predict(yaml, &[])));
}

#[test]
fn a_measured_hash_takes_the_tables_place() {
    let yaml = "architecture: 15k\n\
                mattermost: {release: 11.7.9, license_env: L, hash_seconds: 0.2}\n";
    let shown = text(&predict(yaml, &[]));
    let shown = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        shown.contains("`mattermost.hash_seconds`: 0.200 s"),
        "{shown}"
    );
    assert!(shown.contains("0.21 to 0.25 s for each"), "{shown}");
    assert!(!shown.contains("derived from a measurement"), "{shown}");
    let wrong = predict(&yaml.replace("0.2}", "0}"), &[]);
    let error = String::from_utf8_lossy(&wrong.stderr).into_owned();
    assert_eq!(wrong.status.code(), Some(2), "{error}");
    assert!(
        error.contains("hash_seconds") && error.contains("0.001"),
        "{error}"
    );
}

#[test]
fn measured_logins_take_the_hashs_place_where_they_wait_for_each_other() {
    let yaml = |release: &str, more: &str| {
        format!(
            "architecture: 15k\n\
             mattermost: {{release: {release}, license_env: L, login_seconds: 0.25{more}}}\n"
        )
    };
    let shown = text(&predict(&yaml("11.7.9", ""), &[]));
    let shown = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        shown.contains("`mattermost.login_seconds`: 0.250 s for each login"),
        "{shown}"
    );
    for (yaml, told) in [
        (
            yaml("11.7.9", ", hash_seconds: 0.2"),
            "both `hash_seconds` and `login_seconds`",
        ),
        (yaml("11.8.0", ""), "one password at a time, before 11.8"),
    ] {
        let refused = predict(&yaml, &[]);
        let error = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(2), "{error}");
        assert!(error.contains(told), "{error}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn the_local_cloud_has_this_machines_cost_and_keeps_it() {
    let cache = tempfile::tempdir().expect("temporary directory");
    let file = cache.path().join("loadrig/hash-cost.json");
    let predicted = || {
        let output = Command::new(env!("CARGO_BIN_EXE_loadrig"))
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .env_remove("LOADRIG_HOME")
            .env("XDG_CACHE_HOME", cache.path())
            .args(["predict", "demo", "--users", "50", "--output", "json"])
            .output()
            .expect("the program runs");
        let json: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        json["basis"].as_str().expect("a basis").to_owned()
    };
    let first = predicted();
    assert!(first.contains("measured on this machine"), "{first}");
    assert_eq!(predicted(), first, "measured once");

    let text = std::fs::read_to_string(&file).expect("what was measured");
    let mut kept: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    kept["standin"]["alone"]["fastest"] = 0.4.into();
    std::fs::write(&file, kept.to_string()).expect("a file");
    let second = predicted();
    assert!(second.contains("0.400 s for the hash"), "{second}");

    // Of another machine.
    kept["processor"] = "Intel 8086".into();
    std::fs::write(&file, kept.to_string()).expect("a file");
    let third = predicted();
    assert!(!third.contains("0.400 s"), "{third}");
}

#[test]
fn a_region_in_which_a_type_has_no_price() {
    let yaml = format!("architecture: 15k\n{LICENSED}");
    let output = predict(&yaml, &["--region", "ap-south-2"]);
    insta::assert_snapshot!(text(&output));
}

#[test]
fn one_user_and_a_size_by_its_name() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let output = loadrig(directory.path(), &["10k", "--users", "1"]);
    insta::assert_snapshot!(text(&output));
}

#[test]
fn a_large_storm_is_answered_with_the_counts_of_all_its_users() {
    let yaml = format!("architecture: 200k\n{LICENSED}");
    let arguments = ["--users", "250000", "--within", "3m", "--output", "json"];
    let output = predict(&yaml, &arguments);
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let now = &json["cases"][0];
    assert_eq!(now["logged_in"]["median"], 250_000.0);
    assert_eq!(now["verdict"], "late");
    let (last, gate) = (now["last_in"]["median"].as_f64(), json["gate"].as_f64());
    let least = 250_000.0 / gate.expect("a gate");
    let late = last.expect("a time") / least;
    assert!((0.97..1.06).contains(&late), "{json:#}");
}

#[test]
fn impossible_storms_are_refused_with_their_reason() {
    let yaml = format!("architecture: 1k\n{LICENSED}");
    for (arguments, reason) in [
        (["--users", "-5"], "-5 is not in 1..=250000"),
        (["--users", "0"], "0 is not in 1..=250000"),
        (
            ["--within", "0s"],
            "shorter than can be: expected `1s` to a week",
        ),
        (
            ["--within", "400d"],
            "longer than can be: expected `1s` to a week",
        ),
        (
            ["--within", "9000h"],
            "longer than can be: expected `1s` to a week",
        ),
        (
            ["--patience", "-3s"],
            "shorter than can be: expected `1s` to an hour",
        ),
        (
            ["--retry-after", "2h"],
            "longer than can be: expected `1s` to an hour",
        ),
    ] {
        let output = predict(&yaml, &arguments);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {error}");
        assert!(error.contains(reason), "{arguments:?}: {error}");
    }
}

#[test]
fn without_a_license_those_log_in_who_have_an_account() {
    let unlicensed = "architecture: 1k\nmattermost: {release: 11.7.9, unlicensed: accept}\n";
    let said = |users| text(&predict(unlicensed, &["--users", users]));
    let makes = "without a license the server makes 250 accounts at most";
    assert!(said("3000").contains(makes), "{}", said("3000"));
    assert!(!said("250").contains(makes), "{}", said("250"));
}

#[test]
fn the_storm_is_the_scenarios_and_options_change_it() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let scenario = directory.path().join("morning.yaml");
    let yaml = "name: morning\ntitle: Morning\ndescription: d\nengine: storm\nusers: 9000\n\
                deadline: 3h\nclient: {patience: 20s, retry: {after: 4s, jitter: 6s}}\n\
                phases: [ramp: {users: 1000, over: 10m}, storm: {over: 30m, shape: half-sine}, \
                drain: {at_most: 1h}]\n";
    std::fs::write(&scenario, yaml).expect("a file");
    let scenario = scenario.display().to_string();
    let size = format!("architecture: 10k\n{LICENSED}");
    let said = text(&predict(&size, &[&scenario]));
    assert!(said.starts_with("8000 users log in to `sev0`"), "{said}");
    assert!(said.contains("within 30 min"), "{said}");
    assert!(
        said.contains("clients wait 20 s and try again 4 s to 10 s later"),
        "{said}"
    );
    let options = ["--users", "900", "--within", "3m", "--retry-after", "5s"];
    let arguments: Vec<&str> = std::iter::once(&*scenario).chain(options).collect();
    let said = text(&predict(&size, &arguments));
    assert!(said.starts_with("800 users log in to `sev0`"), "{said}");
    assert!(said.contains("within 3 min"), "{said}");
    assert!(said.contains("try again 5 s later"), "{said}");
}

#[test]
fn clients_that_lose_their_websockets() {
    let yaml = format!("architecture: 15k\n{LICENSED}");
    for (name, arguments) in [
        ("a_reconnect_storm", &["reconnect-storm"][..]),
        ("a_lost_node", &["node-loss"]),
        ("a_failover", &["database-failover", "--outage", "1m"]),
        ("a_rolling_restart", &["rolling-restart"]),
    ] {
        insta::assert_snapshot!(name, text(&predict(&yaml, arguments)));
    }
    let arguments = ["node-loss", "--users", "9000", "--output", "json"];
    let output = predict(&yaml, &arguments);
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(json["users"], 9000);
    let lost = &json["returns"][0];
    assert_eq!(lost["event"], "lose-node");
    let last = lost["caught_up_last"]["high"].as_f64().expect("a time");
    assert!((7.9..=8.0).contains(&last), "{json:#}");
}

#[test]
fn a_storm_in_which_a_node_is_lost_has_both() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let scenario = directory.path().join("loss.yaml");
    let yaml = "name: loss\ntitle: L\ndescription: d\nengine: storm\nusers: 900\ndeadline: 3h\n\
                client: {retry: {at_most: 0}}\n\
                phases: [storm: {over: 30m}, hold: {for: 5m}, drain: {at_most: 1h}]\n\
                events: [{phase: hold, lose-proxy: {for: 12s}}]\n";
    std::fs::write(&scenario, yaml).expect("a file");
    let scenario = scenario.display().to_string();
    let size = format!("architecture: 10k\n{LICENSED}");
    let said = text(&predict(&size, &[&scenario]));
    assert!(said.starts_with("900 users log in to `sev0`"), "{said}");
    assert!(
        said.contains("`lose-proxy`: each client knows one of"),
        "{said}"
    );
    assert!(said.contains("outage 12 s"), "{said}");
    let refused = predict(&size, &["login-storm", "--outage", "5s"]);
    let error = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(2), "{error}");
    assert!(error.contains("breaks no websockets"), "{error}");
}

/// The pages show what the program says: each block that begins with such a command.
#[test]
fn the_pages_show_real_predictions() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/login-storm.md");
    let page = std::fs::read_to_string(page).expect("the page");
    let directory = tempfile::tempdir().expect("temporary directory");
    let mut shown = 0;
    for block in page.split("```\n$ loadrig predict ").skip(1) {
        let (block, _) = block.split_once("```").expect("its end");
        let (command, output) = block.split_once('\n').expect("output");
        // Others are of an environment that stands beside them.
        if !command.starts_with(|first: char| first.is_ascii_digit()) {
            continue;
        }
        let arguments: Vec<&str> = command.split(' ').collect();
        let said = text(&loadrig(directory.path(), &arguments));
        assert_eq!(output, said, "stale: `loadrig predict {command}`");
        shown += 1;
    }
    assert!(shown >= 4, "{shown}");
}

#[test]
fn a_scenario_without_a_storm_is_refused() {
    let yaml = format!("architecture: 1k\n{LICENSED}");
    for (scenario, reason) in [
        ("smoke", "scenario `smoke` has no phase `storm`"),
        ("login-strom", "did you mean `login-storm`?"),
    ] {
        let output = predict(&yaml, &[scenario]);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{error}");
        assert!(error.contains(reason), "{error}");
    }
}
