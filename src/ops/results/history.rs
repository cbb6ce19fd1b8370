//! The stored runs of an environment in their order, and since when a figure has changed.

use jiff::Timestamp;
use loadrig_stats::{Better, ComparisonVerdict, Detection, change_points};
use serde::Serialize;

use crate::loadtest::ScenarioResult;
use crate::ops::error::{OpsError, ResultsError};
use crate::ops::run_dir::RunDir;

use super::conditions::conditions;
use super::figures::{FigureKind, FigureUnit, OverallFigures, kinds};
use super::store::StoredRun;

/// With fewer runs on a side a change is not told from noise.
const MIN_RUNS: usize = 3;

/// What to follow.
#[derive(Clone, Debug, Default)]
pub struct HistoryOptions {
    /// The scenario; that of the latest run without it.
    pub scenario: Option<String>,
    /// Changes by this part of the level or less do not count.
    pub min_change: f64,
}

/// An environment's runs, and what changed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunHistory {
    /// The environment.
    pub environment: String,
    /// The scenario.
    pub scenario: String,
    /// How change points were looked for.
    pub detection: Detection,
    /// Comparable runs, the oldest first.
    pub runs: Vec<HistoryRun>,
    /// Figures that do not count towards the overall latency, because some of the runs did not measure them.
    pub left_out_of_overall: Vec<String>,
    /// Each figure over the runs.
    pub series: Vec<HistorySeries>,
    /// Runs that are not comparable with the latest, or cannot be read.
    pub left_out: Vec<LeftOutRun>,
}

/// A run as the history shows it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HistoryRun {
    /// Its name.
    pub run: String,
    /// When the load began.
    pub started: Timestamp,
    /// The server's version, as it reported it.
    pub server: String,
    /// Whether it met its thresholds.
    pub passed: bool,
    /// Whether its figures are the server's; those of others are not followed.
    pub counts: bool,
    /// Whether it was stopped at the scenario's deadline. Its figures are of a part of the scenario, and not
    /// followed.
    pub ended_at_deadline: bool,
    /// Failed requests, percent.
    pub error_percent: f64,
    /// Geometric mean of medians and 95th percentiles over the actions that all runs have, milliseconds.
    pub overall_ms: Option<f64>,
}

/// A run that is not in the history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LeftOutRun {
    /// Its name.
    pub run: String,
    /// Why not.
    pub reason: String,
}

/// A figure over the runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HistorySeries {
    /// Its name.
    pub figure: String,
    /// What it is measured in.
    pub unit: FigureUnit,
    /// Its value in each run; none where it was not measured.
    pub values: Vec<Option<f64>>,
    /// Where its level changed.
    pub changes: Vec<LevelChange>,
}

/// A change of level.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LevelChange {
    /// The first run of the new level.
    pub run: String,
    /// Better or worse.
    pub verdict: ComparisonVerdict,
    /// The change as a part of the level before; none where that was zero.
    pub change: Option<f64>,
    /// Mean before.
    pub before: f64,
    /// Mean from then on.
    pub after: f64,
    /// Probability that chance alone shows as much.
    pub p: f64,
}

/// The history of an environment.
///
/// # Errors
/// When there is no run with a result.
pub fn history(environment: &str, options: &HistoryOptions) -> Result<RunHistory, OpsError> {
    let mut left_out = Vec::new();
    let mut stored = Vec::new();
    for run in RunDir::list(environment)? {
        if !run.report().is_file() {
            continue;
        }
        match StoredRun::read(&run.path) {
            Ok(run) => stored.push(run),
            // One broken file does not hide the others.
            Err(error) => left_out.push(LeftOutRun {
                run: run.name,
                reason: error.to_string(),
            }),
        }
    }
    stored.retain(|run| !run.report.scenarios.is_empty());
    let Some(latest) = stored.last() else {
        return Err(ResultsError::NoRuns(environment.to_owned()).into());
    };
    let scenario = match (&options.scenario, latest.report.scenarios.first()) {
        (Some(asked), _) => asked.clone(),
        (None, Some(result)) => result.scenario.clone(),
        (None, None) => String::new(),
    };
    let runs = comparable(stored, &scenario, &mut left_out);
    if runs.is_empty() {
        return Err(ResultsError::NoHistory {
            environment: environment.to_owned(),
            scenario,
        }
        .into());
    }
    let detection = Detection {
        min_magnitude: options.min_change,
        min_runs: MIN_RUNS,
        ..Detection::default()
    };
    let kinds = kinds();
    let whole: Vec<&ScenarioResult> = runs
        .iter()
        .filter_map(|run| whole(run, &scenario))
        .collect();
    let overall = OverallFigures::of(&kinds, &whole);
    Ok(RunHistory {
        environment: environment.to_owned(),
        detection,
        series: all_series(&kinds, &overall, &runs, &scenario, detection),
        runs: runs
            .iter()
            .filter_map(|run| about(run, &scenario, &overall))
            .collect(),
        left_out_of_overall: overall.left_out,
        scenario,
        left_out,
    })
}

/// The result of a run that came to the scenario's end.
fn whole<'a>(run: &'a StoredRun, scenario: &str) -> Option<&'a ScenarioResult> {
    run.scenario(scenario)
        .filter(|result| !result.ended_at_deadline())
}

impl RunHistory {
    /// How many of the runs are followed.
    #[must_use]
    pub fn followed(&self) -> usize {
        let runs = self.runs.iter();
        runs.filter(|run| !run.ended_at_deadline).count()
    }

    /// How many a change needs at least, on both sides of it together.
    #[must_use]
    pub fn needed(&self) -> usize {
        2 * self.detection.min_runs
    }
}

/// The runs with a result of the scenario under the conditions of the latest.
fn comparable(
    stored: Vec<StoredRun>,
    scenario: &str,
    left_out: &mut Vec<LeftOutRun>,
) -> Vec<StoredRun> {
    let of = |run: &StoredRun| {
        let result = run.scenario(scenario)?;
        Some(conditions(&run.report, result))
    };
    let Some(wanted) = stored.iter().rev().find_map(of) else {
        return Vec::new();
    };
    let mut runs = Vec::new();
    for run in stored {
        let Some(found) = of(&run) else {
            continue;
        };
        let differing = found.iter().zip(&wanted).find(|(a, b)| a != b);
        match differing {
            None => runs.push(run),
            Some(((what, value), (_, latest))) => left_out.push(LeftOutRun {
                run: run.name,
                reason: format!("{what}: {value}, the latest run has {latest}"),
            }),
        }
    }
    runs
}

fn about(run: &StoredRun, scenario: &str, overall: &OverallFigures<'_>) -> Option<HistoryRun> {
    let result = run.scenario(scenario)?;
    Some(HistoryRun {
        run: run.name.clone(),
        started: result.started,
        server: result.server.version.clone(),
        passed: result.passed,
        counts: result.counts(),
        ended_at_deadline: result.ended_at_deadline(),
        error_percent: result.error_rate_percent(),
        overall_ms: whole(run, scenario).and_then(|result| overall.mean(result)),
    })
}

fn all_series(
    kinds: &[FigureKind],
    overall: &OverallFigures<'_>,
    runs: &[StoredRun],
    scenario: &str,
    detection: Detection,
) -> Vec<HistorySeries> {
    let names: Vec<&str> = runs.iter().map(|run| run.name.as_str()).collect();
    let values = |figure: &dyn Fn(&StoredRun) -> Option<f64>| -> Vec<Option<f64>> {
        runs.iter().map(figure).collect()
    };
    let overall = values(&|run: &StoredRun| overall.mean(whole(run, scenario)?));
    let mut all = vec![series(
        "overall latency",
        FigureUnit::Milliseconds,
        Better::Lower,
        overall,
        &names,
        detection,
    )];
    for kind in kinds {
        let values = values(&|run: &StoredRun| kind.of(whole(run, scenario)?));
        all.push(series(
            &kind.name,
            kind.unit,
            kind.better,
            values,
            &names,
            detection,
        ));
    }
    all.retain(|series| series.values.iter().any(Option::is_some));
    all
}

fn series(
    figure: &str,
    unit: FigureUnit,
    better: Better,
    values: Vec<Option<f64>>,
    runs: &[&str],
    detection: Detection,
) -> HistorySeries {
    // A run that did not measure it says nothing of it: a value in its place would look like a steady level.
    let (names, measured): (Vec<&str>, Vec<f64>) = runs
        .iter()
        .zip(&values)
        .filter_map(|(run, value)| Some((*run, (*value)?)))
        .unzip();
    let changes = change_points(&measured, detection)
        .into_iter()
        .filter_map(|point| {
            let rises = point.after.mean > point.before.mean;
            Some(LevelChange {
                run: (*names.get(point.index)?).to_owned(),
                verdict: if rises == (better == Better::Higher) {
                    ComparisonVerdict::Better
                } else {
                    ComparisonVerdict::Worse
                },
                change: (point.before.mean != 0.0).then(|| point.change()),
                before: point.before.mean,
                after: point.after.mean,
                p: point.p,
            })
        })
        .collect();
    HistorySeries {
        figure: figure.to_owned(),
        unit,
        values,
        changes,
    }
}
