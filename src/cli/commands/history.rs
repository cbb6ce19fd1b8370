//! `loadrig history`: an environment's runs in their order, and since when a figure has changed.

use loadrig_stats::ComparisonVerdict;

use crate::cli::App;
use crate::cli::args::HistoryArgs;
use crate::cli::failure::Outcome;
use crate::cli::format::{count, signed_percent, wrapped};
use crate::cli::printer::table;
use crate::diagnose::ExitCode;
use crate::ops::Target;
use crate::ops::results::FigureUnit;
use crate::ops::results::history::{
    HistoryOptions, HistorySeries, LevelChange, RunHistory, history,
};
use crate::report::millis;

/// So many runs are drawn: the latest.
const DRAWN: usize = 60;

/// Shows the history.
pub(crate) fn run(app: &App, args: &HistoryArgs) -> Outcome {
    app.event_log()?;
    let target = Target::find(&app.library, &args.env)?;
    let options = HistoryOptions {
        scenario: args.scenario.clone(),
        min_change: args.min_change / 100.0,
    };
    let history = history(&target.name, &options)?;
    if app.printer.is_json() {
        app.printer.json(&history);
    } else {
        app.printer.data(text(&history).trim_end());
    }
    Ok(ExitCode::Done)
}

fn text(history: &RunHistory) -> String {
    let mut text = format!(
        "{} on {}: {}\n\n",
        history.scenario,
        history.environment,
        count(history.runs.len(), "comparable run")
    );
    let mut table = table();
    table.set_header([
        "run",
        "started (UTC)",
        "server",
        "overall latency",
        "failed requests",
        "verdict",
    ]);
    for run in &history.runs {
        table.add_row([
            run.run.clone(),
            run.started.strftime("%F %H:%M").to_string(),
            run.server.clone(),
            run.overall_ms.map_or_else(String::new, millis),
            match run.ended_at_deadline {
                true => String::new(),
                false => format!("{:.2} %", run.error_percent),
            },
            match (run.ended_at_deadline, run.passed, run.counts) {
                (_, _, false) => "INVALID",
                (true, _, _) => "FAILED at its deadline",
                (false, true, _) => "passed",
                (false, false, _) => "FAILED",
            }
            .to_owned(),
        ]);
    }
    let lines = table.to_string();
    text.extend(lines.lines().map(|line| format!("{}\n", line.trim_end())));
    text.push('\n');
    let names = history
        .series
        .iter()
        .map(|series| series.figure.chars().count());
    let width = names.max().unwrap_or(0);
    for series in &history.series {
        text.push_str(format!("{:width$}  {}", series.figure, chart(series)).trim_end());
        text.push('\n');
    }
    text.push('\n');
    for note in notes(history) {
        let words: Vec<String> = note.split(' ').map(str::to_owned).collect();
        text.push_str(&wrapped(&words, "", ""));
    }
    text.push_str(&changes(history));
    if !history.left_out.is_empty() {
        text.push_str("\nnot comparable with the latest run:\n");
        for run in &history.left_out {
            text.push_str(&format!("  {}: {}\n", run.run, run.reason));
        }
    }
    text
}

/// What readers have to know of the figures.
fn notes(history: &RunHistory) -> Vec<String> {
    let mut notes = Vec::new();
    if !history.left_out_of_overall.is_empty() {
        notes.push(format!(
            "Not in the overall latency, because some of the runs did not measure it: {}.",
            history.left_out_of_overall.join(", ")
        ));
    }
    if history.followed() < history.runs.len() {
        notes.push(
            "Runs that ended at their deadline did a part of the scenario: their figures are not followed."
                .to_owned(),
        );
    }
    notes
}

/// What changed, by the run since when.
fn changes(history: &RunHistory) -> String {
    let mut text = String::new();
    for run in &history.runs {
        for (word, verdict) in [
            ("worse", ComparisonVerdict::Worse),
            ("better", ComparisonVerdict::Better),
        ] {
            let mut figures = Vec::new();
            for series in &history.series {
                let here =
                    |change: &&LevelChange| change.run == run.run && change.verdict == verdict;
                if let Some(change) = series.changes.iter().find(here) {
                    figures.push(change_text(series, change));
                }
            }
            if !figures.is_empty() {
                text.push_str(&format!("{word} since {}:\n", run.run));
                text.push_str(&wrapped(&figures, "  ", ","));
            }
        }
    }
    if !text.is_empty() {
        return text;
    }
    let (followed, needed) = (history.followed(), history.needed());
    match followed < needed {
        true => format!(
            "cannot tell whether a figure has changed: {} can be followed, {needed} are the least\n",
            count(followed, "run")
        ),
        false => "no figure has changed beyond noise\n".to_owned(),
    }
}

fn change_text(series: &HistorySeries, change: &LevelChange) -> String {
    let size = change
        .change
        .map_or_else(String::new, |size| format!(" {}", signed_percent(size)));
    format!(
        "{}{size} ({} to {})",
        series.figure,
        value(series.unit, change.before),
        value(series.unit, change.after)
    )
}

/// The latest values as a row of bars, each as high as its value between the least and the greatest.
fn chart(series: &HistorySeries) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let from = series.values.len().saturating_sub(DRAWN);
    let drawn = series.values.get(from..).unwrap_or_default();
    let known = || drawn.iter().flatten().copied();
    let (least, most) = (
        known().fold(f64::MAX, f64::min),
        known().fold(f64::MIN, f64::max),
    );
    let bars: String = drawn
        .iter()
        .map(|value| match value {
            None => ' ',
            Some(_) if most <= least => BARS[0],
            Some(value) => {
                let part = (value - least) / (most - least);
                BARS[((part * 7.0).round() as usize).min(7)]
            }
        })
        .collect();
    let range = if most > least {
        format!(
            "{} to {}",
            value(series.unit, least),
            value(series.unit, most)
        )
    } else {
        value(series.unit, least)
    };
    format!("{bars}  {range}")
}

fn value(unit: FigureUnit, value: f64) -> String {
    match unit {
        FigureUnit::Milliseconds => millis(value),
        FigureUnit::Percent => format!("{value:.2} %"),
    }
}
