//! What commands do with files that are no plain files, or somebody else's.

use std::path::Path;
use std::process::Output;

use serde_json::Value;

use super::files::{json, run};
use super::{ENVIRONMENT, command, environment};
use crate::common::{Moto, loadrig, text};

/// An environment in a VPC of somebody else.
const EXISTING: &str = "network:\n  existing:\n    vpc: vpc-0a1b2c3d\n    public_subnets: [subnet-0000000a, subnet-0000000b]\n    private_subnets: [subnet-0000000c, subnet-0000000d]\n";

#[test]
fn an_offline_plan_does_not_judge_a_network_that_it_did_not_look_at() {
    let home = tempfile::tempdir().expect("a directory");
    environment(home.path(), "perf", &format!("{ENVIRONMENT}{EXISTING}"));
    let plan = ["plan", "perf", "--offline", "--output", "json"];
    let output = run(home.path(), &plan);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let plan = json(&output);
    let adopted: Vec<&Value> = plan["changes"]
        .as_array()
        .expect("changes")
        .iter()
        .filter(|change| change["kind"] == "adopted")
        .collect();
    assert_eq!(adopted.len(), 5);
    assert!(adopted.iter().all(|change| change["action"] == "keep"));
    let findings = plan["preflight"].as_array().expect("findings");
    assert!(findings.iter().any(|one| one["verdict"] == "unknown"));
    let said = text(&run(home.path(), &["plan", "perf", "--offline"]).stdout);
    assert!(said.contains(" 0 to delete, 5 unchanged"), "{said}");
    let not_checked = "not checked: vpc: vpc-0a1b2c3d is not checked: no account was asked";
    assert!(said.contains(not_checked), "{said}");
}

/// Runs a line of a shell that has the program as `$0`.
#[cfg(target_os = "linux")]
fn shell(home: &Path, line: &str) -> Output {
    let command = command(home, "http://127.0.0.1:1", &[]);
    let program = command.get_program().to_owned();
    let mut shell = std::process::Command::new("bash");
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell
        .env_remove("AWS_ACCESS_KEY_ID")
        .env_remove("AWS_SECRET_ACCESS_KEY")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .current_dir(home)
        .arg("-c")
        .arg(line)
        .arg(program)
        .output()
        .expect("bash runs")
}

#[cfg(target_os = "linux")]
#[test]
fn yaml_and_plans_are_read_from_pipes() {
    let home = tempfile::tempdir().expect("a directory");
    environment(home.path(), "perf", ENVIRONMENT);
    for (line, expected) in [
        (
            "echo 'architecture: 1k' | \"$0\" validate /dev/stdin",
            "environment `stdin`",
        ),
        ("echo 'steps: {}' | \"$0\" validate /dev/stdin", "`title`"),
        (
            "\"$0\" up perf --plan <(echo 'no plan')",
            "is not a plan that can be carried out: expected",
        ),
    ] {
        let output = shell(home.path(), line);
        let said = format!("{}{}", text(&output.stdout), text(&output.stderr));
        assert!(said.contains(expected), "{line}: {said}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn devices_without_an_end_are_not_read_to_it() {
    let home = tempfile::tempdir().expect("a directory");
    environment(home.path(), "perf", ENVIRONMENT);
    let endless = run(home.path(), &["up", "perf", "--plan", "/dev/zero"]);
    let said = text(&endless.stderr);
    assert_eq!(endless.status.code(), Some(1), "{said}");
    assert!(said.contains("larger than 32 MiB"), "{said}");
    // It gets as far as the credentials, which are missing.
    let full = run(home.path(), &["plan", "perf", "--out", "/dev/full"]);
    assert_eq!(full.status.code(), Some(6), "{}", text(&full.stderr));
}

#[test]
fn a_log_of_events_is_written_over_a_log_alone() {
    let home = tempfile::tempdir().expect("a directory");
    let at = |name: &str| home.path().join(name);
    std::fs::write(at("plan.json"), "{\"format\": 1}").expect("a file");
    let plan = |file: &str| run(home.path(), &["plan", "1k", "--events", file]);
    let refused = plan("plan.json");
    let said = text(&refused.stderr);
    assert_eq!(refused.status.code(), Some(2), "{said}");
    assert!(said.contains("exists and is not a log of events"), "{said}");
    let kept = std::fs::read_to_string(at("plan.json")).expect("a file");
    assert_eq!(kept, "{\"format\": 1}");
    let log = "{\"at\":\"2026-01-01T00:00:00Z\",\"event\":\"note\",\"message\":\"x\"}\n";
    std::fs::write(at("log"), log).expect("a file");
    for file in ["log", "new"] {
        let output = plan(file);
        assert!(output.status.success(), "{}", text(&output.stderr));
        assert_eq!(std::fs::read(at(file)).expect("a log"), b"");
    }
    let dash = plan("-");
    assert_eq!(dash.status.code(), Some(2));
    assert!(!at("-").exists());
}

#[cfg(target_os = "linux")]
#[test]
fn a_log_that_cannot_be_written_is_told_and_fails_the_command() {
    let moto = Moto::start();
    let home = tempfile::tempdir().expect("a directory");
    environment(home.path(), "perf", ENVIRONMENT);
    let down = ["down", "perf", "--yes", "--events", "/dev/full"];
    let output = loadrig(home.path(), moto.endpoint(), &down);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    let warning = "warning: the log `/dev/full` is incomplete: No space left on device";
    assert_eq!(said.matches(warning).count(), 1, "{said}");
    assert!(text(&output.stdout).contains("nothing to do"), "{said}");
}
