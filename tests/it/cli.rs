//! The command line as people meet it: help, exit codes, streams. Needs no cloud.

use std::process::{Command, Output};

fn loadrig(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_loadrig"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("COLUMNS", "100")
        .env_remove("LOADRIG_HOME")
        .env("NO_COLOR", "1")
        .args(arguments)
        .output()
        .expect("the program runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn help_names_every_command() {
    let output = loadrig(&["--help"]);
    assert!(output.status.success());
    insta::assert_snapshot!(text(&output.stdout));
}

#[test]
fn the_plan_of_a_size_needs_no_account() {
    for size in [
        "200", "1k", "2k", "10k", "15k", "30k", "50k", "80k", "90k", "100k", "200k",
    ] {
        let output = loadrig(&["plan", size]);
        assert!(output.status.success(), "{size}: {}", text(&output.stderr));
        assert!(text(&output.stdout).contains("to create"), "{size}");
    }
    insta::assert_snapshot!(text(&loadrig(&["plan", "1k"]).stdout));
}

#[test]
fn a_size_that_does_not_exist_is_answered_with_its_neighbours() {
    let output = loadrig(&["plan", "12k"]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(
        said.contains("the nearest sizes are `10k` and `15k`"),
        "{said}"
    );
}

#[test]
fn detailed_exit_code_reports_changes() {
    let output = loadrig(&["plan", "1k", "--detailed-exitcode"]);
    assert_eq!(output.status.code(), Some(3));
}

#[test]
fn the_plan_as_json_is_one_document() {
    let output = loadrig(&["plan", "50k", "--output", "json"]);
    let plan: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert!(plan["changes"].as_array().is_some_and(|c| c.len() > 40));
    assert!(plan["cost"]["per_hour"].as_f64().is_some_and(|c| c > 1.0));
}

#[test]
fn sizes_are_listed_with_their_cost() {
    let output = loadrig(&["architectures"]);
    assert!(output.status.success());
    insta::assert_snapshot!(text(&output.stdout));
}

#[test]
fn a_size_that_is_not_there_gets_a_hint_and_exit_code_2() {
    let output = loadrig(&["architectures", "10x"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        output.stdout.is_empty(),
        "standard output carries data only"
    );
    insta::assert_snapshot!(text(&output.stderr));
}

#[test]
fn an_environment_that_is_not_there_changes_nothing() {
    let output = loadrig(&["up", "nowhere", "--yes"]);
    assert_eq!(output.status.code(), Some(2));
    insta::assert_snapshot!(text(&output.stderr));
}

#[test]
fn a_hash_is_measured_on_this_machine() {
    let output = loadrig(&["measure-hash", "--output", "json"]);
    let measured: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let machine = &measured["machines"][0];
    assert!(machine["host"].is_null() && measured["consequence"].is_null());
    let compared = machine["compared"].as_array().expect("hashes");
    assert_eq!(compared.len(), 3, "{measured:#}");
    for hash in compared {
        let (seconds, table) = (&hash["seconds"], &hash["table_seconds"]);
        assert!(seconds.as_f64() > Some(0.01), "{measured:#}");
        assert!(table.as_f64() > Some(0.01), "{measured:#}");
    }
    let shown = text(&loadrig(&["measure-hash"]).stdout);
    assert!(shown.starts_with("this machine, "), "{shown}");
    assert!(shown.contains("PBKDF2 (the stand-in)"), "{shown}");
}

#[test]
fn an_unknown_flag_is_bad_usage() {
    let output = loadrig(&["plan", "1k", "--detailed"]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn init_writes_a_file_that_validates_and_never_overwrites() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let directory = directory.path().to_str().expect("UTF-8");
    let made = loadrig(&["--dir", directory, "init", "first", "--architecture", "10k"]);
    assert!(made.status.success(), "{}", text(&made.stderr));
    let valid = loadrig(&["--dir", directory, "validate", "first"]);
    assert!(valid.status.success(), "{}", text(&valid.stderr));
    let again = loadrig(&["--dir", directory, "init", "first"]);
    assert_eq!(again.status.code(), Some(2));
}

#[test]
fn a_closed_pipe_is_not_a_failure() {
    let status = Command::new("bash")
        .arg("-c")
        .arg(r#"set -o pipefail; "$0" schema | head -1 >/dev/null"#)
        .arg(env!("CARGO_BIN_EXE_loadrig"))
        .status()
        .expect("bash runs");
    assert!(status.success());
}

#[test]
fn completions_and_manual_are_printed() {
    for arguments in [vec!["completions", "bash"], vec!["man"], vec!["schema"]] {
        let output = loadrig(&arguments);
        assert!(
            output.status.success() && output.stdout.len() > 1000,
            "{arguments:?}"
        );
    }
}

#[test]
fn the_manual_page_has_every_command_with_its_flags() {
    let page = text(&loadrig(&["man"]).stdout).replace('\\', "");
    for part in [
        ".SS loadrig up\n",
        ".SS loadrig local start\n",
        "--detailed-exitcode",
        "--lift-protection",
        "--events",
        "Exit codes",
    ] {
        assert!(page.contains(part), "`{part}` is missing");
    }
    // No other pages are installed.
    assert!(!page.contains("loadrig-up(1)"));
    assert_eq!(
        page.matches("--events").count(),
        2,
        "in the synopsis and above all commands"
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_reported() {
    let full = std::fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .expect("every Linux has it");
    let output = Command::new(env!("CARGO_BIN_EXE_loadrig"))
        .args(["plan", "1k"])
        .stdout(full)
        .stderr(std::process::Stdio::piped())
        .output()
        .expect("the program runs");
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("cannot write to standard output"));
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full");
    let help = Command::new(env!("CARGO_BIN_EXE_loadrig"))
        .arg("--help")
        .stdout(full.expect("every Linux has it"))
        .status()
        .expect("the program runs");
    assert_eq!(help.code(), Some(1));
}

#[test]
fn a_directory_that_is_not_there_is_named() {
    let home = tempfile::tempdir().expect("temporary directory");
    let run = |directory: &str| {
        Command::new(env!("CARGO_BIN_EXE_loadrig"))
            .current_dir(home.path())
            .env("LOADRIG_HOME", directory)
            .args(["plan", "1k"])
            .output()
            .expect("the program runs")
    };
    let output = run("nowhere");
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("`nowhere` is not a directory"), "{said}");
    let output = run("");
    assert!(output.status.success(), "{}", text(&output.stderr));
}

#[cfg(target_os = "linux")]
#[test]
fn a_strict_cloud_refuses_options_without_a_meaning() {
    let strict = |more: &[&str]| {
        let arguments = ["local", "strict", "--upstream", "http://127.0.0.1:1"];
        loadrig(&[&arguments, more].concat())
    };
    for wrong in [
        ["--upstream", "nonsense"].as_slice(),
        &["--scale", "nan"],
        &["--scale", "-1"],
        &["--profile", "nonsense"],
        &["--faults", "nonsense"],
        &["--faults", "capacity="],
        &["--faults", "capacity=@"],
        &["--faults", "expire=0"],
    ] {
        let output = match wrong {
            ["--upstream", _] => loadrig(&[&["local", "strict"], wrong].concat()),
            _ => strict(wrong),
        };
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{wrong:?}: {said}");
    }
    let help = text(&strict(&["--help"]).stdout);
    assert!(help.contains("`aws`"), "{help}");
    // Without standard output nobody learns where it listens: it does not serve.
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full");
    let output = Command::new(env!("CARGO_BIN_EXE_loadrig"))
        .args(["local", "strict", "--upstream", "http://127.0.0.1:1"])
        .stdout(full.expect("every Linux has it"))
        .stderr(std::process::Stdio::piped())
        .output()
        .expect("the program runs");
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
}

#[test]
fn the_region_flag_applies_offline() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let directory = directory.path().to_str().expect("UTF-8");
    let in_region = |region: &str, arguments: &[&str]| {
        loadrig(&[&["--dir", directory, "--region", region], arguments].concat())
    };
    let estimate = "list prices of eu-central-1,";
    let plan = in_region("eu-central-1", &["plan", "1k"]);
    assert!(text(&plan.stdout).contains(estimate));
    let plan = in_region("eu-central-1", &["plan", "demo", "--offline"]);
    assert!(text(&plan.stdout).contains("eu-central-1"));
    let made = in_region("eu-central-1", &["init", "first"]);
    assert!(made.status.success(), "{}", text(&made.stderr));
    // Now it is the YAML that says so.
    let plan = loadrig(&["--dir", directory, "plan", "first", "--offline"]);
    assert!(text(&plan.stdout).contains(estimate));
    for arguments in [["init", "second"].as_slice(), &["plan", "1k"]] {
        let wrong = in_region("us-esat-1", arguments);
        assert_eq!(wrong.status.code(), Some(2));
        let said = text(&wrong.stderr);
        assert!(said.contains("did you mean `us-east-1`?"), "{said}");
    }
}
