//! `loadrig compare`: whether one build is better than another, or the difference is noise.

use loadrig_stats::{ComparisonVerdict, MeasureFinding, MeasureScale, TestKind};

use crate::cli::App;
use crate::cli::args::CompareArgs;
use crate::cli::failure::Outcome;
use crate::cli::format::{WIDTH, count, signed_percent, wrapped};
use crate::cli::printer::table;
use crate::diagnose::ExitCode;
use crate::ops::results::compare::{CompareOptions, CompareReport, ComparedRun, compare};
use crate::report::millis;

/// So many figures are named in the summary; the table has all.
const NAMED: usize = 5;

/// Compares stored runs.
pub(crate) fn run(app: &App, args: &CompareArgs) -> Outcome {
    app.event_log()?;
    let (base, with) = match args.runs.as_slice() {
        [base, with] => (vec![base.clone()], vec![with.clone()]),
        _ => (args.base.clone(), args.with.clone()),
    };
    let report = compare(&CompareOptions {
        base,
        with,
        scenario: args.scenario.clone(),
        force: args.force,
    })?;
    if app.printer.is_json() {
        app.printer.json(&report);
    } else {
        app.printer.data(text(&report).trim_end());
    }
    let is_failure = args.fail_if_worse && report.verdict == ComparisonVerdict::Worse;
    Ok(if is_failure {
        ExitCode::ThresholdsMissed
    } else {
        ExitCode::Done
    })
}

fn text(report: &CompareReport) -> String {
    let mut text = format!(
        "{}: {} against {}\n",
        report.scenario,
        count(report.with.len(), "run"),
        count(report.base.len(), "run")
    );
    for (side, runs) in [("base", &report.base), ("with", &report.with)] {
        text.push_str(&side_text(side, runs));
    }
    for mismatch in &report.mismatches {
        text.push_str(&format!("not alike: {mismatch}\n"));
    }
    text.push('\n');
    let mut table = table();
    table.set_header([
        "figure",
        "base",
        "with",
        "change",
        "interval",
        "noise",
        "detectable",
        "verdict",
    ]);
    let kind = report.comparison.test;
    if let Some(overall) = &report.comparison.overall {
        table.add_row(row("overall latency", overall, kind));
    }
    for measure in &report.comparison.measures {
        table.add_row(row(&measure.name, measure, kind));
    }
    let lines = table.to_string();
    text.extend(lines.lines().map(|line| format!("{}\n", line.trim_end())));
    text.push('\n');
    for line in notes(report) {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        text.push_str(&wrapped(&words, "", ""));
    }
    text.push_str(&format!("{}\n", summary(report)));
    text
}

fn side_text(side: &str, runs: &[ComparedRun]) -> String {
    let mut servers: Vec<&str> = runs.iter().map(|run| run.server.as_str()).collect();
    servers.dedup();
    let names: Vec<String> = runs.iter().map(run_text).collect();
    let line = format!(
        "{side}: server {}: {}",
        servers.join(" and "),
        names.join(", ")
    );
    if line.chars().count() <= WIDTH {
        return format!("{line}\n");
    }
    format!(
        "{side}: server {}\n{}",
        servers.join(" and "),
        wrapped(&names, "      ", ",")
    )
}

/// Its name, and what became of it unless it passed.
fn run_text(run: &ComparedRun) -> String {
    let became = match (run.ended_at_deadline, run.passed) {
        (true, _) => " (FAILED at its deadline)",
        (false, false) => " (FAILED)",
        (false, true) => "",
    };
    format!("{}{became}", run.run)
}

fn row(name: &str, finding: &MeasureFinding, kind: TestKind) -> [String; 8] {
    let value = |value: f64| match finding.scale {
        MeasureScale::Ratio => millis(value),
        MeasureScale::Difference => format!("{value:.2} %"),
    };
    let change = |change: f64| match finding.scale {
        MeasureScale::Ratio => signed_percent(change),
        MeasureScale::Difference => format!("{change:+.2} points"),
    };
    let size = |size: f64| match finding.scale {
        MeasureScale::Ratio => format!("{:.1} %", 100.0 * size),
        MeasureScale::Difference => format!("{size:.2} points"),
    };
    let unknown = || "unknown".to_owned();
    [
        name.to_owned(),
        value(finding.base),
        value(finding.with),
        change(finding.change),
        finding.interval.map_or_else(unknown, |(low, high)| {
            format!("{} to {}", change(low), change(high))
        }),
        finding.noise.map_or_else(unknown, size),
        finding.least.map_or_else(unknown, change),
        match (finding.verdict, kind) {
            (_, TestKind::None) => "cannot tell",
            (ComparisonVerdict::Worse, _) => "worse",
            (ComparisonVerdict::Better, _) => "better",
            (ComparisonVerdict::NoDifference, _) => "no difference",
        }
        .to_owned(),
    ]
}

/// What readers have to know of the figures.
fn notes(report: &CompareReport) -> Vec<String> {
    let comparison = &report.comparison;
    let mut notes = Vec::new();
    if comparison.test != TestKind::None {
        let confidence = comparison
            .findings()
            .next()
            .filter(|finding| finding.interval.is_some())
            .map_or(String::new(), |finding| {
                format!(
                    "An interval holds its change with {:.0} %, one figure looked at alone. ",
                    100.0 * finding.confidence
                )
            });
        notes.push(format!(
            "{confidence}A change for the worse by what is detectable would have been found nine times in ten. \
             Noise is between runs of one side. Equal builds are called different, in any figure, in less than 4 \
             of 100 comparisons."
        ));
    }
    match comparison.test {
        TestKind::Permutation => {}
        TestKind::Student => notes.push(
            "With so few runs the verdict assumes that noise is log-normal; from five runs a side on it \
             assumes nothing."
                .to_owned(),
        ),
        TestKind::None => notes.push(
            "One run alone shows no noise, so nothing can be said of a difference. Compare several runs a \
             side with `--base` and `--with`; five are a good number."
                .to_owned(),
        ),
    }
    if !report.left_out.is_empty() {
        notes.push(format!(
            "Not compared, because some of the runs did not measure it: {}.",
            report.left_out.join(", ")
        ));
    }
    if !report.zero.is_empty() {
        notes.push(format!(
            "Not compared, because nothing has a ratio to zero: {}.",
            report.zero.join(", ")
        ));
    }
    let mut runs = report.base.iter().chain(&report.with);
    if runs.any(|run| run.ended_at_deadline) {
        notes.push(
            "A run that ended at its deadline did a part of the scenario: its figures are not those of a whole one."
                .to_owned(),
        );
    }
    notes
}

fn summary(report: &CompareReport) -> String {
    let comparison = &report.comparison;
    let with = |verdict| -> Vec<&str> {
        let overall = comparison
            .overall
            .iter()
            .map(|one| ("overall latency", one));
        let measures = comparison
            .measures
            .iter()
            .map(|one| (one.name.as_str(), one));
        overall
            .chain(measures)
            .filter(|(_, one)| one.verdict == verdict)
            .map(|(name, _)| name)
            .collect()
    };
    let mut parts = Vec::new();
    for (word, verdict) in [
        ("worse", ComparisonVerdict::Worse),
        ("better", ComparisonVerdict::Better),
    ] {
        let names = with(verdict);
        if !names.is_empty() {
            let shown = names.get(..NAMED).unwrap_or(&names);
            let more = match names.len() - shown.len() {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            parts.push(format!("{word}: {}{more}", shown.join(", ")));
        }
    }
    match (parts.is_empty(), comparison.test) {
        (true, TestKind::None) => "cannot tell whether they differ".to_owned(),
        (true, _) => "no difference beyond noise".to_owned(),
        (false, _) => parts.join("\n"),
    }
}
