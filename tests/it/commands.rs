//! What commands do and say in situations that are not the usual one: nobody to ask, a proxy, a
//! closed terminal, a name that is taken, a log that cannot be written.

mod credentials;
mod files;
mod network;
mod pipes;

use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::common::{Moto, loadrig, text};

const ENVIRONMENT: &str = "architecture: 1k\naccess:\n  operators: [198.51.100.7/32]\nmattermost:\n  release: 11.7.9\n  unlicensed: accept\n";

fn environment(home: &Path, name: &str, yaml: &str) {
    let directory = home.join("environments");
    std::fs::create_dir_all(&directory).expect("a directory");
    std::fs::write(directory.join(format!("{name}.yaml")), yaml).expect("a file");
}

/// The program with an endpoint and credentials.
fn command(home: &Path, endpoint: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_loadrig"));
    command
        .current_dir(home)
        .env("HOME", home)
        .env("NO_COLOR", "1")
        .env("AWS_ACCESS_KEY_ID", "AKIDTEST")
        .env("AWS_SECRET_ACCESS_KEY", "secret")
        .env_remove("AWS_PROFILE")
        .env_remove("LOADRIG_HOME")
        .args(["--endpoint-url", endpoint])
        .args(arguments);
    command
}

#[test]
fn up_asks_with_totals_time_and_cost() {
    let moto = Moto::start();
    let home = tempfile::tempdir().expect("a directory");
    environment(home.path(), "perf", ENVIRONMENT);
    let asked = command(home.path(), moto.endpoint(), &["up", "perf"])
        .stdin(Stdio::null())
        .output()
        .expect("the program runs");
    let said = text(&asked.stderr);
    assert_eq!(asked.status.code(), Some(2), "{said}");
    for part in [
        "to create",
        "min; critical path:",
        "costs $",
        "`--yes`",
        "no license, so 1 application node in place of 2",
        // Nothing of the environment was changed, but this is new in the account.
        "was created for the lock and stays: `loadrig registry remove` deletes it",
    ] {
        assert!(said.contains(part), "`{part}` is missing: {said}");
    }
    // The second time it is there.
    let again = command(home.path(), moto.endpoint(), &["up", "perf"])
        .stdin(Stdio::null())
        .output()
        .expect("the program runs");
    let said = text(&again.stderr);
    assert!(!said.contains("was created for the lock"), "{said}");
}

#[tokio::test]
async fn plan_refuses_a_name_of_a_foreign_resource() {
    let moto = Moto::start();
    let home = tempfile::tempdir().expect("a directory");
    environment(home.path(), "perf", ENVIRONMENT);
    let iam = aws_sdk_iam::Client::new(&moto.sdk().await);
    iam.create_role()
        .role_name("lr-perf-host-us-east-1")
        .assume_role_policy_document("{}")
        .send()
        .await
        .expect("a role");
    let plan = loadrig(home.path(), moto.endpoint(), &["plan", "perf"]);
    let said = text(&plan.stderr);
    assert_eq!(plan.status.code(), Some(6), "{said}");
    assert!(
        said.contains("`lr-perf-host-us-east-1` exists and is not tagged as the environment's"),
        "{said}"
    );
}

#[test]
fn up_asks_before_it_goes_on_without_a_check() {
    let moto = Moto::start();
    let home = tempfile::tempdir().expect("a directory");
    environment(home.path(), "perf", ENVIRONMENT);
    // The emulator simulates no policies and knows few quotas.
    let up = ["up", "perf", "--resources-only", "--yes"];
    let refused = loadrig(home.path(), moto.endpoint(), &up);
    let said = text(&refused.stderr);
    assert_eq!(refused.status.code(), Some(6), "{said}");
    assert!(said.contains("could not be checked: "), "{said}");
    assert!(said.contains("; permissions"), "{said}");
    let listed = loadrig(home.path(), moto.endpoint(), &["list", "--output", "json"]);
    let listed = text(&listed.stdout);
    assert!(!listed.contains("perf"), "{listed}");
}

/// Nothing listens there: whoever asks the cloud first fails otherwise.
const NOWHERE: &str = "http://127.0.0.1:9";

#[test]
fn up_refuses_a_program_that_cannot_run_on_agents_before_it_calls_the_cloud() {
    let home = tempfile::tempdir().expect("a directory");
    let made = loadrig(home.path(), NOWHERE, &["init", "perf"]);
    assert!(made.status.success(), "{}", text(&made.stderr));
    std::fs::write(home.path().join("agent"), "\u{cf}a Mach-O program").expect("a file");
    let up = ["up", "perf", "--agent-program", "agent"];
    let refused = loadrig(home.path(), NOWHERE, &up);
    let said = text(&refused.stderr);
    assert_eq!(refused.status.code(), Some(2), "{said}");
    assert!(
        said.contains("`agent` cannot run on agent hosts: it is no 64-bit Linux program"),
        "{said}"
    );
    // Without hosts no program is needed: what fails is the cloud.
    let up = ["up", "perf", "--agent-program", "agent", "--resources-only"];
    let refused = loadrig(home.path(), NOWHERE, &up);
    let said = text(&refused.stderr);
    assert!(!said.contains("agent hosts"), "{said}");
    assert_ne!(refused.status.code(), Some(2), "{said}");
}

#[test]
fn a_proxy_is_not_used_for_an_endpoint_on_this_machine() {
    let moto = Moto::start();
    let home = tempfile::tempdir().expect("a directory");
    let listed = command(home.path(), moto.endpoint(), &["list"])
        .env("http_proxy", "http://127.0.0.1:1")
        .env("HTTP_PROXY", "http://127.0.0.1:1")
        .env_remove("no_proxy")
        .env_remove("NO_PROXY")
        .output()
        .expect("the program runs");
    assert!(listed.status.success(), "{}", text(&listed.stderr));
}

#[cfg(target_os = "linux")]
#[test]
fn a_closed_terminal_ends_a_command_in_order() {
    // It accepts and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").expect("loopback");
    let endpoint = format!("http://{}", silent.local_addr().expect("an address"));
    let home = tempfile::tempdir().expect("a directory");
    // Whoever runs the tests may have been started with `nohup`, which is inherited.
    let mut listing = Command::new("env")
        .arg("--default-signal=HUP")
        .arg(env!("CARGO_BIN_EXE_loadrig"))
        .args(["--endpoint-url", &endpoint, "list"])
        .current_dir(home.path())
        .env("HOME", home.path())
        .env("AWS_ACCESS_KEY_ID", "AKIDTEST")
        .env("AWS_SECRET_ACCESS_KEY", "secret")
        .env_remove("AWS_PROFILE")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program runs");
    // It listens for signals before it calls.
    let _call = silent.accept().expect("a call");
    let sent = Command::new("kill")
        .args(["-HUP", &listing.id().to_string()])
        .status();
    assert!(sent.expect("kill runs").success());
    let since = Instant::now();
    let status = loop {
        if let Some(status) = listing.try_wait().expect("its state") {
            break status;
        }
        if since.elapsed() > Duration::from_secs(20) {
            let _ = listing.kill();
            panic!("it went on after SIGHUP");
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    assert_eq!(status.code(), Some(130));
}

#[test]
fn a_log_that_cannot_be_written_fails_every_command() {
    let home = tempfile::tempdir().expect("a directory");
    environment(home.path(), "perf", ENVIRONMENT);
    for arguments in [
        ["status", "perf"].as_slice(),
        &["list"],
        &["verify", "perf"],
        &["plan", "perf", "--offline"],
        &["plan", "1k"],
        &["iam-policy", "perf", "--account", "123456789012"],
        &["validate", "perf"],
        &["init", "other"],
        &["architectures"],
        &["schema"],
    ] {
        let output = command(home.path(), "http://127.0.0.1:1", arguments)
            .args(["--events", "/nowhere/at/all.jsonl"])
            .output()
            .expect("the program runs");
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {said}");
        assert!(
            said.contains("cannot write `/nowhere/at/all.jsonl`"),
            "{said}"
        );
    }
    assert!(!home.path().join("environments/other.yaml").exists());
}

#[test]
fn missing_credentials_are_one_line() {
    let home = tempfile::tempdir().expect("a directory");
    let output = command(home.path(), "http://127.0.0.1:1", &["list"])
        .env_remove("AWS_ACCESS_KEY_ID")
        .env_remove("AWS_SECRET_ACCESS_KEY")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .output()
        .expect("the program runs");
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(6), "{said}");
    let first = said.lines().next().unwrap_or_default();
    assert!(first.starts_with("error: no AWS credentials: "), "{said}");
    assert!(first.len() < 400, "{first}");
}

#[test]
fn negative_numbers_are_refused_as_values() {
    let home = tempfile::tempdir().expect("a directory");
    let output = command(
        home.path(),
        "http://127.0.0.1:1",
        &["plan", "1k", "--hours", "-1"],
    )
    .output()
    .expect("the program runs");
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(
        said.contains("expected a number greater than zero"),
        "{said}"
    );
}

#[test]
fn a_relative_home_is_not_written_to() {
    let home = tempfile::tempdir().expect("a directory");
    environment(home.path(), "perf", ENVIRONMENT);
    let output = command(home.path(), "http://127.0.0.1:1", &["up", "perf", "--yes"])
        .env("HOME", "relative")
        .env_remove("XDG_STATE_HOME")
        .output()
        .expect("the program runs");
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("XDG_STATE_HOME"), "{said}");
    assert!(!home.path().join("relative").exists());
}

#[test]
fn files_that_the_yaml_names_are_checked_offline() {
    let home = tempfile::tempdir().expect("a directory");
    std::fs::write(home.path().join("release.tar.gz"), "no tarball").expect("a file");
    environment(
        home.path(),
        "perf",
        &format!(
            "architecture: 1k\nmattermost:\n  release: {}\n  sha256: {}\n  unlicensed: accept\n",
            home.path().join("release.tar.gz").display(),
            "0".repeat(64)
        ),
    );
    for arguments in [
        ["validate", "perf"].as_slice(),
        &["plan", "perf", "--offline"],
    ] {
        let output = command(home.path(), "http://127.0.0.1:1", arguments)
            .output()
            .expect("the program runs");
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(said.contains("not a release tarball"), "{said}");
    }
}

#[test]
fn validate_warns_of_what_up_would_warn_of() {
    let home = tempfile::tempdir().expect("a directory");
    environment(home.path(), "perf", ENVIRONMENT);
    let validate = |arguments: &[&str]| {
        let output = command(home.path(), "http://127.0.0.1:1", arguments)
            .env_remove("LOADRIG_TEST_NO_SUCH_LICENSE")
            .output()
            .expect("the program runs");
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        output
    };
    let said = text(&validate(&["validate", "perf"]).stderr);
    for part in [
        "warning: perf: license: no license, so 1 application node in place of 2",
        "warning: perf: entrance: the server is reached by plain HTTP",
    ] {
        assert!(said.contains(part), "`{part}` is missing: {said}");
    }
    let unset = ENVIRONMENT.replace(
        "unlicensed: accept",
        "license_env: LOADRIG_TEST_NO_SUCH_LICENSE",
    );
    environment(home.path(), "unset", &unset);
    let said = text(&validate(&["validate", "unset"]).stderr);
    assert!(
        said.contains("license: not checked: the environment variable"),
        "{said}"
    );
    let answer = text(&validate(&["validate", "unset", "--output", "json"]).stdout);
    let answer: serde_json::Value = serde_json::from_str(&answer).expect("JSON");
    let checks: Vec<&str> = answer[0]["findings"]
        .as_array()
        .expect("findings")
        .iter()
        .filter_map(|finding| finding["check"].as_str())
        .collect();
    assert_eq!(checks, ["entrance", "license", "seed"]);
}

#[test]
fn an_event_log_is_created_even_without_events() {
    let home = tempfile::tempdir().expect("a directory");
    environment(home.path(), "perf", ENVIRONMENT);
    let log = home.path().join("log.jsonl");
    let output = command(
        home.path(),
        "http://127.0.0.1:1",
        &["plan", "perf", "--offline"],
    )
    .arg("--events")
    .arg(&log)
    .output()
    .expect("the program runs");
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(log.exists());
}

#[test]
fn down_refuses_a_mistyped_path() {
    let home = tempfile::tempdir().expect("a directory");
    let down = |env: &str| {
        let output = command(home.path(), "http://127.0.0.1:1", &["--yes", "down", env])
            .env_remove("AWS_ACCESS_KEY_ID")
            .env_remove("AWS_SECRET_ACCESS_KEY")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .args(["--region", "eu-central-1"])
            .output()
            .expect("the program runs");
        (output.status.code(), text(&output.stderr))
    };
    for env in ["../x", "environments/x", "x.yaml", "x.yml", "x.txt", "Foo"] {
        let (code, said) = down(env);
        assert_eq!(code, Some(2), "{env}: {said}");
        assert!(!said.contains("loadrig init"), "{env}: {said}");
        assert!(!said.contains("looking for"), "{env}: {said}");
    }
    let (code, said) = down("gone");
    assert_eq!(code, Some(6), "{said}");
    assert!(
        said.contains("no `environments/gone.yaml`; looking for `gone` in eu-central-1"),
        "{said}"
    );
}
