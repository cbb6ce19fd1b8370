//! Reports as people get them: the terminal's text, the JSON, and the HTML page in a real
//! browser.

pub mod sample_report;
pub mod sample_storm;

use std::path::Path;
use std::process::Command;

use loadrig::report::{Ink, Verdict, failed_in_short, html, terminal};

/// Opens the page in headless Chromium without a network; the finished document and what
/// the browser logged.
fn browse(page: &str) -> (String, String) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("report.html");
    std::fs::write(&file, page).unwrap();
    let output = chromium(directory.path())
        .arg("--dump-dom")
        .arg(format!("file://{}", file.display()))
        .output()
        .unwrap_or_else(|error| {
            panic!("headless Chromium is needed (apt-get install -y chromium): {error}")
        });
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "chromium failed:\n{log}");
    (String::from_utf8_lossy(&output.stdout).into_owned(), log)
}

fn chromium(profile: &Path) -> Command {
    let mut command = Command::new("chromium");
    command
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
            "--host-resolver-rules=MAP * ~NOTFOUND",
            "--enable-logging=stderr",
            "--virtual-time-budget=2000",
        ])
        .arg(format!("--user-data-dir={}", profile.display()));
    command
}

#[test]
fn the_page_has_every_section_and_no_browser_errors() {
    let (document, log) = browse(&html(&sample_report::demo()).unwrap());
    for id in [
        "topology",
        "scenario-1",
        "timeline-1",
        "checks",
        "versions",
        "cost",
        "proof",
    ] {
        assert!(
            document.contains(&format!("id=\"{id}\"")),
            "no section `{id}`"
        );
    }
    assert!(document.contains("Stand-in server."));
    let complaints: Vec<&str> = log
        .lines()
        .filter(|line| line.contains("CONSOLE"))
        .collect();
    assert!(complaints.is_empty(), "{complaints:#?}");
}

#[test]
fn the_page_makes_no_requests() {
    let page = html(&sample_report::demo()).unwrap();
    for loader in [
        "<script",
        "<link rel=\"stylesheet\"",
        "<img",
        "@import",
        "<iframe",
        "src=",
    ] {
        assert!(!page.contains(loader), "the page holds `{loader}`");
    }
    let urls = page.matches("url(").count();
    assert_eq!(urls, page.matches("url(#").count(), "only marks of its own");
}

#[test]
fn markup_in_data_is_escaped() {
    let page = html(&sample_report::hostile()).unwrap();
    assert!(!page.contains("<script"));
    assert!(page.contains("&lt;script&gt;"));
    let (document, log) = browse(&page);
    assert!(!document.contains("<script"));
    assert!(!log.contains("CONSOLE"), "{log}");
}

#[test]
fn a_large_rig_makes_a_page_of_sensible_size() {
    let page = html(&sample_report::large_failed()).unwrap();
    assert!(page.len() < 600_000, "{} bytes", page.len());
    assert!(!page.contains("Stand-in server."));
    assert!(page.contains("bucket `loadrig-big-files` holds 3 objects"));
}

#[test]
fn the_terminal_report_of_the_demo() {
    insta::assert_snapshot!(terminal(&sample_report::demo(), Ink::Plain));
}

#[test]
fn the_terminal_report_of_a_failed_large_rig() {
    insta::assert_snapshot!(terminal(&sample_report::large_failed(), Ink::Plain));
}

#[test]
fn the_terminal_report_of_a_storm() {
    insta::assert_snapshot!(terminal(&sample_storm::storm(), Ink::Plain));
}

#[test]
fn the_page_of_a_storm_has_its_charts_and_no_browser_errors() {
    let page = html(&sample_storm::storm()).unwrap();
    let (document, log) = browse(&page);
    assert!(!log.contains("CONSOLE"), "{log}");
    for title in [
        "Logins per second",
        "Users",
        "Users who wait",
        "Response time of logins",
        "Calls that failed, per second",
        "Users without a websocket",
        "Processors in use",
        "Connections to the database",
        "Passwords hashed for clients that had gone",
    ] {
        assert!(document.contains(&format!("<h3>{title}</h3>")), "{title}");
    }
    assert!(document.contains("<h3>Calls by phase</h3>"));
    // Where users were expected, and when the phases were.
    assert!(document.contains("class=\"band\""));
    for band in [
        "logged in, as forecast: nine of ten storms",
        "without a websocket, as forecast: nine of ten losses",
        "not caught up, as forecast: nine of ten losses",
    ] {
        assert!(document.contains(band), "{band}");
    }
    assert!(document.contains("class=\"span\""));
    // The time without an agent, on every chart and for both screens.
    let charts = document.matches("class=\"chart ").count();
    assert!(charts >= 16, "{charts}");
    assert_eq!(document.matches("class=\"gap\"").count(), charts);
    assert_eq!(document.matches(">agent-1 away</text>").count(), charts);
    // Charts of 22 minutes do not grow with their seconds.
    assert!(page.len() < 400_000, "{} bytes", page.len());
}

#[test]
fn colour_is_used_only_on_request() {
    let report = sample_report::demo();
    assert!(!terminal(&report, Ink::Plain).contains('\u{1b}'));
    assert!(terminal(&report, Ink::Colour).contains('\u{1b}'));
}

#[test]
fn json_contains_verdict_failures_and_stand_in() {
    let json = sample_report::demo().json().unwrap();
    assert_eq!(json["verdict"], "passed");
    assert_eq!(json["standin"], true);
    assert_eq!(json["format"], 1);
    let failed = sample_report::large_failed();
    assert_eq!(failed.verdict().0, Verdict::Failed);
    let json = failed.json().unwrap();
    assert_eq!(json["failures"].as_array().unwrap().len(), 2);
    assert_eq!(json["standin"], false);
}

/// Writes the samples where `LOADRIG_SAMPLE_REPORTS` says, to look at them.
#[test]
fn samples_can_be_written_out_to_look_at() {
    let samples = [
        ("demo", sample_report::demo()),
        ("large", sample_report::large_failed()),
        ("storm", sample_storm::storm()),
    ];
    let directory = std::env::var_os("LOADRIG_SAMPLE_REPORTS");
    for (name, report) in samples {
        let page = html(&report).unwrap();
        if let Some(directory) = &directory {
            std::fs::write(Path::new(directory).join(format!("{name}.html")), page).unwrap();
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_does_not_cost_the_answer() {
    let home = tempfile::tempdir().unwrap();
    let run = home.path().join(".local/state/loadrig/runs/perf/latest");
    std::fs::create_dir_all(&run).unwrap();
    let stored = sample_report::demo().json().unwrap().to_string();
    std::fs::write(run.join("report.json"), stored).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_loadrig"))
        .current_dir(home.path())
        .env("HOME", home.path())
        .env_remove("XDG_STATE_HOME")
        .env_remove("LOADRIG_HOME")
        .args(["report", "perf", "--html", "/dev/full"])
        .output()
        .unwrap();
    let (shown, said) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(shown.contains("PASSED"), "{shown}{said}");
    assert_eq!(output.status.code(), Some(1));
    assert!(
        said.contains("cannot write `/dev/full`: No space left"),
        "{said}"
    );
    assert!(said.contains("hint: free some space"), "{said}");
}

#[test]
fn a_run_that_failed_is_told_in_a_few_lines() {
    let mut report = sample_report::demo();
    report.checks[0].pass = false;
    let name = report.checks[0].name.clone();
    let text = failed_in_short(&report, Ink::Plain);
    assert!(text.lines().count() < 8, "{text}");
    for part in ["nothing is left", name.as_str(), "FAILED"] {
        assert!(text.contains(part), "`{part}` is missing: {text}");
    }
    report.proof[0].empty = false;
    let text = failed_in_short(&report, Ink::Plain);
    assert!(
        text.contains("left behind") && !text.contains("nothing is left"),
        "{text}"
    );
}

#[test]
fn wide_tables_scroll_on_a_phone() {
    let page = html(&sample_report::demo()).unwrap();
    let mut wide = 0;
    for (at, _) in page.match_indices("<table") {
        let (before, table) = page.split_at(at);
        let table = table.split("</table>").next().unwrap_or_default();
        // Two columns without a header wrap; more would be cut off.
        if table.contains("<thead") {
            assert!(before.ends_with("<div class=\"scroll\">"), "{table}");
            wide += 1;
        }
    }
    assert!(wide >= 3, "{wide} tables with columns");
    assert!(page.contains(".scroll { overflow-x: auto; }"));
}
