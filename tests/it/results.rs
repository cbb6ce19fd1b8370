//! Stored results: listed, compared, followed over time, pruned; with run directories that the
//! tests make themselves.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use jiff::SignedDuration;
use loadrig::report::Report;

use crate::common::text;
use crate::report::sample_report;

/// A home with run directories in it.
struct Home(tempfile::TempDir);

/// What a run is like.
#[derive(Clone, Copy)]
struct Made {
    day: i64,
    server: &'static str,
    /// Latencies are so many times those of the sample.
    slower: f64,
    app_type: Option<&'static str>,
}

const USUAL: Made = Made {
    day: 0,
    server: "11.7.9.16789.abcdef.true",
    slower: 1.0,
    app_type: None,
};

impl Home {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a directory"))
    }

    fn runs(&self) -> PathBuf {
        self.0.path().join("state/loadrig/runs/perf")
    }

    /// A run's directory with its report; answers with the run's name.
    fn store(&self, made: Made) -> String {
        let report = report(made);
        let directory = self.runs().join(&report.run);
        std::fs::create_dir_all(&directory).expect("a directory");
        let json = report.json().expect("a report").to_string();
        std::fs::write(directory.join("report.json"), json).expect("a file");
        report.run
    }

    /// So many runs, one a day.
    fn store_days(&self, days: std::ops::Range<i64>, made: Made) -> Vec<String> {
        days.map(|day| self.store(Made { day, ..made })).collect()
    }

    fn loadrig(&self, arguments: &[&str]) -> Output {
        run(self.0.path(), arguments)
    }

    /// What a command that succeeds prints.
    fn shown(&self, arguments: &[&str]) -> String {
        let output = self.loadrig(arguments);
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout)
    }
}

fn run(home: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_loadrig"))
        .current_dir(home)
        .env("HOME", home)
        .env("XDG_STATE_HOME", home.join("state"))
        .env("NO_COLOR", "1")
        .env_remove("LOADRIG_HOME")
        .args(arguments)
        .output()
        .expect("the program runs")
}

/// The sample report on a day, with noise of about 2 % that belongs to the day.
fn report(made: Made) -> Report {
    let mut report = sample_report::demo();
    let later = SignedDuration::from_hours(24 * made.day);
    let result = &mut report.scenarios[0];
    result.started += later;
    result.finished += later;
    result.server.version = made.server.into();
    result.server.standin = false;
    // A fixed sequence that looks like noise: no two runs and no two actions are alike.
    let noise = |number: i64| {
        let spread = ((made.day + 3) * 7_919 + number * 104_729) % 1_009;
        1.0 + 0.04 * (spread as f64 / 1_009.0 - 0.5)
    };
    let host = noise(0);
    for (number, action) in result.actions.iter_mut().enumerate() {
        let factor = made.slower * host * noise(1 + number as i64);
        for value in [
            &mut action.p50_ms,
            &mut action.p90_ms,
            &mut action.p95_ms,
            &mut action.p99_ms,
            &mut action.max_ms,
        ] {
            *value *= factor;
        }
    }
    report.run = format!("{}-test", result.started.strftime("%Y%m%dT%H%M%S000Z"));
    report.environment.name = "perf".into();
    if let Some(kind) = made.app_type {
        for host in &mut report.topology.hosts {
            if host.name.starts_with("app-") {
                host.instance_type = kind.into();
            }
        }
    }
    report
}

#[test]
fn a_slower_build_is_called_worse() {
    let home = Home::new();
    let base = home.store_days(0..5, USUAL).join(",");
    let slower = Made {
        slower: 1.08,
        server: "11.8.0.17001.fedcba.true",
        ..USUAL
    };
    let with = home.store_days(5..10, slower).join(",");
    let arguments = ["compare", "--base", &base, "--with", &with];
    insta::assert_snapshot!(home.shown(&arguments));
    let gate = home.loadrig(&[&arguments[..], &["--fail-if-worse"]].concat());
    assert_eq!(gate.status.code(), Some(4));
    let back = [
        "compare",
        "--base",
        &with,
        "--with",
        &base,
        "--fail-if-worse",
    ];
    assert!(home.shown(&back).contains("better: overall latency"));
    let json = home.shown(&[&arguments[..], &["--output", "json"]].concat());
    let value: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(value["verdict"], "worse");
    assert_eq!(value["comparison"]["test"], "permutation");
    assert!(
        value["comparison"]["overall"]["least"]
            .as_f64()
            .is_some_and(|least| least > 0.0)
    );
}

#[test]
fn equal_builds_differ_by_noise_alone() {
    let home = Home::new();
    let base = home.store_days(0..5, USUAL).join(",");
    let with = home.store_days(5..10, USUAL).join(",");
    let shown = home.shown(&[
        "compare",
        "--base",
        &base,
        "--with",
        &with,
        "--fail-if-worse",
    ]);
    assert!(shown.ends_with("no difference beyond noise\n"), "{shown}");
}

#[test]
fn one_run_a_side_decides_nothing() {
    let home = Home::new();
    let base = home.store(USUAL);
    let with = home.store(Made {
        day: 1,
        slower: 3.0,
        ..USUAL
    });
    // The beginning of a name is enough there, too.
    let shown = home.shown(&["compare", &base, &format!("perf/{}", &with[..10])]);
    insta::assert_snapshot!(shown);
}

#[test]
fn runs_on_other_hosts_are_compared_only_by_force() {
    let home = Home::new();
    let base = home.store_days(0..4, USUAL).join(",");
    let larger = Made {
        app_type: Some("c7i.4xlarge"),
        ..USUAL
    };
    let with = home.store_days(4..8, larger).join(",");
    let arguments = ["compare", "--base", &base, "--with", &with];
    let refused = home.loadrig(&arguments);
    assert_eq!(refused.status.code(), Some(2));
    assert!(refused.stdout.is_empty());
    insta::assert_snapshot!(text(&refused.stderr));
    let forced = home.shown(&[&arguments[..], &["--force"]].concat());
    assert!(forced.contains("not alike: app hosts: "), "{forced}");
    assert!(forced.contains("noise is log-normal"), "{forced}");
}

#[test]
fn an_edited_scenario_is_another_one() {
    let home = Home::new();
    let base = home.store(USUAL);
    let with = home.store(Made { day: 1, ..USUAL });
    let file = home.runs().join(&with).join("report.json");
    let text_before = std::fs::read_to_string(&file).expect("a report");
    let mut report: serde_json::Value = serde_json::from_str(&text_before).expect("JSON");
    report["scenarios"][0]["definition"]["steps"]["post"]["messages_per_user"] = 99.into();
    std::fs::write(&file, report.to_string()).expect("a file");
    let refused = home.loadrig(&["compare", &base, &with]);
    assert_eq!(refused.status.code(), Some(2));
    let said = text(&refused.stderr);
    assert!(said.contains("steps of the scenario: sha256 "), "{said}");
}

#[test]
fn runs_are_found_by_what_names_them_and_no_other() {
    let home = Home::new();
    let runs = home.store_days(0..3, USUAL);
    let said = |arguments: &[&str]| {
        let output = home.loadrig(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        text(&output.stderr)
    };
    let first = &runs[0][..8];
    assert!(home.shown(&["compare", first, &runs[1]]).contains(&runs[0]));
    let file = home.runs().join(&runs[2]).join("report.json");
    let file = file.to_str().expect("UTF-8");
    assert!(home.shown(&["compare", first, file]).contains(&runs[2]));
    assert!(said(&["compare", "2026", first]).contains("is the beginning of 3 runs"));
    assert!(said(&["compare", "nothing", first]).contains("there is no run `nothing`"));
    assert!(said(&["compare", first, first]).contains("is named twice"));
    assert!(said(&["compare", first, file, "--scenario", "storm"]).contains("`storm`"));
    assert!(said(&["compare", "other/2026", first]).contains("there is no run `other/2026`"));
    assert!(said(&["compare", "--base", ",,", "--with", first]).contains("expected a run's name"));
    assert!(said(&["compare", first]).contains("2 values"));
    assert!(said(&["compare", "--base", first]).contains("--with"));
}

#[test]
fn the_history_says_since_when_it_is_slower() {
    let home = Home::new();
    home.store_days(0..8, USUAL);
    // One run on other hosts is no part of it.
    home.store(Made {
        day: 8,
        app_type: Some("c7i.4xlarge"),
        ..USUAL
    });
    let slower = Made {
        slower: 1.2,
        server: "11.8.0.17001.fedcba.true",
        ..USUAL
    };
    let since = home.store_days(9..16, slower).remove(0);
    insta::assert_snapshot!(home.shown(&["history", "perf"]));
    let json = home.shown(&["history", "perf", "--output", "json"]);
    let value: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    let overall = &value["series"][0];
    assert_eq!(overall["figure"], "overall latency");
    assert_eq!(overall["changes"][0]["run"], since.as_str());
    assert_eq!(overall["changes"][0]["verdict"], "worse");
    assert_eq!(value["left_out"].as_array().map(Vec::len), Some(1));
    let coarse = home.shown(&["history", "perf", "--min-change", "50"]);
    assert!(
        coarse.contains("no figure has changed beyond noise"),
        "{coarse}"
    );
}

/// Changes the stored report of a run.
fn edit(home: &Home, run: &str, change: impl FnOnce(&mut serde_json::Value)) {
    let file = home.runs().join(run).join("report.json");
    let text = std::fs::read_to_string(&file).expect("a report");
    let mut report: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    change(&mut report["scenarios"][0]);
    std::fs::write(&file, report.to_string()).expect("a file");
}

#[test]
fn runs_that_measured_less_are_no_slowdown() {
    let home = Home::new();
    home.store_days(0..5, USUAL);
    for run in home.store_days(5..10, USUAL) {
        edit(&home, &run, |result| {
            let actions = result["actions"].as_array_mut().expect("actions");
            actions.retain(|action| action["action"] != "log-in" && action["action"] != "post");
        });
    }
    let shown = home.shown(&["history", "perf"]);
    assert!(
        shown.contains("no figure has changed beyond noise"),
        "{shown}"
    );
    assert!(
        shown.contains(
            "Not in the overall latency, because some of the runs did not measure it: log-in p50, log-in p95, post \
             p50, post p95."
        ) || shown.replace('\n', " ").contains("log-in p50, log-in p95, post p50, post p95."),
        "{shown}"
    );
}

#[test]
fn a_run_that_ended_at_its_deadline_is_marked_and_not_followed() {
    let home = Home::new();
    let runs = home.store_days(0..8, USUAL);
    edit(&home, &runs[7], |result| {
        result["passed"] = false.into();
        let check = serde_json::json!({
            "name": "deadline (agent-2)", "pass": false, "detail": "not done after 180 s; stopped",
        });
        result["checks"].as_array_mut().expect("checks").push(check);
        for action in result["actions"].as_array_mut().expect("actions") {
            action["p50_ms"] = 90_000.into();
        }
    });
    let shown = home.shown(&["history", "perf"]);
    let row = shown
        .lines()
        .find(|line| line.contains(&runs[7]))
        .expect("a row");
    assert!(
        row.ends_with("FAILED at its deadline") && !row.contains('%'),
        "{row}"
    );
    assert!(!shown.contains("90.00 s"), "{shown}");
    let compared = home.shown(&["compare", &runs[0], &runs[7]]);
    assert!(
        compared.contains(&format!("{} (FAILED at its deadline)", runs[7])),
        "{compared}"
    );
}

#[test]
fn too_few_runs_tell_nothing_of_a_change() {
    let home = Home::new();
    home.store_days(0..4, USUAL);
    home.store(Made {
        day: 4,
        slower: 3.0,
        ..USUAL
    });
    let shown = home.shown(&["history", "perf"]);
    assert!(
        shown.contains(
            "cannot tell whether a figure has changed: 5 runs can be followed, 6 are the least"
        ),
        "{shown}"
    );
    // One run is no level.
    home.store_days(5..9, USUAL);
    let shown = home.shown(&["history", "perf"]);
    assert!(
        shown.contains("no figure has changed beyond noise"),
        "{shown}"
    );
}

#[test]
fn a_figure_of_zero_does_not_keep_the_others_from_being_compared() {
    let home = Home::new();
    let runs = home.store_days(0..4, USUAL);
    edit(&home, &runs[1], |result| {
        for action in result["actions"].as_array_mut().expect("actions") {
            if action["action"] == "create-user" {
                action["p50_ms"] = 0.into();
            }
        }
    });
    let (base, with) = (runs[..2].join(","), runs[2..].join(","));
    let shown = home.shown(&["compare", "--base", &base, "--with", &with]);
    let named = format!("create-user p50 (0.0 ms in {})", runs[1]);
    assert!(shown.replace('\n', " ").contains(&named), "{shown}");
    assert!(shown.contains("log-in p50"), "{shown}");
}

#[test]
fn runs_are_listed_whatever_became_of_them_and_old_ones_are_pruned() {
    let home = Home::new();
    home.store_days(0..4, USUAL);
    let interrupted = home.runs().join("20261124T120000000Z-up");
    std::fs::create_dir_all(&interrupted).expect("a directory");
    std::fs::write(interrupted.join("events.jsonl"), "").expect("a file");
    // As a full disk, or a hand, leaves it.
    let broken = home.runs().join("20261125T120000000Z-test");
    std::fs::create_dir_all(&broken).expect("a directory");
    std::fs::write(broken.join("report.json"), "{\"format\": 1, \"gen").expect("a file");
    let shown = home.shown(&["runs", "perf"]);
    insta::assert_snapshot!(shown.replace(home.0.path().to_str().expect("UTF-8"), "HOME"));
    let history = home.shown(&["history", "perf"]);
    assert!(history.contains("4 comparable runs"), "{history}");

    let prune = ["runs", "perf", "--prune", "--keep", "2"];
    let asked = home.loadrig(&prune);
    assert_eq!(asked.status.code(), Some(2));
    assert!(text(&asked.stderr).contains("20261124T120000000Z-up"));
    assert_eq!(std::fs::read_dir(home.runs()).expect("runs").count(), 6);
    let pruned = home.shown(&[&prune[..], &["--yes"]].concat());
    assert!(pruned.contains("removed 3 runs"), "{pruned}");
    let left = home.shown(&["runs", "perf"]);
    assert!(!left.contains("20261124T"), "{left}");
    assert!(
        left.contains("20261125T120000000Z-test") && left.contains("20261126T"),
        "{left}"
    );
    assert!(
        home.shown(&[&prune[..], &["--yes"]].concat())
            .contains("removed 0 runs")
    );
}

#[test]
fn an_environment_without_runs_says_so() {
    let home = Home::new();
    let unknown = home.loadrig(&["runs", "perf"]);
    assert_eq!(unknown.status.code(), Some(2), "neither YAML nor runs");
    let environments = home.0.path().join("environments");
    std::fs::create_dir(&environments).expect("a directory");
    std::fs::write(environments.join("perf.yaml"), "architecture: 1k\n").expect("a file");
    assert!(home.shown(&["runs", "perf"]).contains("no runs of `perf`"));
    let history = home.loadrig(&["history", "perf"]);
    assert_eq!(history.status.code(), Some(2));
    assert!(text(&history.stderr).contains("has no run with a result"));
}
