//! Compares the stored runs of two sides.

use jiff::Timestamp;
use loadrig_stats::{ComparisonVerdict, Measure, MeasureScale, RunComparison};
use serde::Serialize;

use crate::ops::error::{OpsError, ResultsError};

use super::conditions::{Mismatch, conditions, mismatches};
use super::figures::{FigureUnit, kinds};
use super::store::{StoredRun, common_scenario};

/// What to compare.
#[derive(Clone, Debug, Default)]
pub struct CompareOptions {
    /// Runs of the base.
    pub base: Vec<String>,
    /// Runs that are compared with it.
    pub with: Vec<String>,
    /// The scenario, where runs have results of several.
    pub scenario: Option<String>,
    /// Compare although conditions differ.
    pub force: bool,
}

/// A run as a comparison names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ComparedRun {
    /// Its name.
    pub run: String,
    /// Its environment.
    pub environment: String,
    /// The server's version, as it reported it.
    pub server: String,
    /// When the load began.
    pub started: Timestamp,
    /// Whether it met its thresholds.
    pub passed: bool,
    /// Whether it was stopped at the scenario's deadline: its figures are of a part of the scenario.
    pub ended_at_deadline: bool,
}

/// Two sides, compared.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CompareReport {
    /// The scenario.
    pub scenario: String,
    /// Runs of the base.
    pub base: Vec<ComparedRun>,
    /// Runs that were compared with it.
    pub with: Vec<ComparedRun>,
    /// What differs between the runs although it should not; empty unless forced.
    pub mismatches: Vec<Mismatch>,
    /// Figures that not every run has.
    pub left_out: Vec<String>,
    /// Figures that are zero in a run, which has no ratio to anything: name, value and run.
    pub zero: Vec<String>,
    /// Worse if any figure is worse, else better if any is better.
    pub verdict: ComparisonVerdict,
    /// The figures.
    pub comparison: RunComparison,
    /// Units of the comparison's measures, in their order.
    pub units: Vec<FigureUnit>,
}

/// Compares runs.
///
/// # Errors
/// When a run cannot be read, runs are not comparable and nothing forces it, or they have no figure
/// in common.
pub fn compare(options: &CompareOptions) -> Result<CompareReport, OpsError> {
    let read = |references: &[String]| -> Result<Vec<StoredRun>, OpsError> {
        references.iter().map(|one| StoredRun::find(one)).collect()
    };
    let (base, with) = (read(&options.base)?, read(&options.with)?);
    check_distinct(&base, &with)?;
    let all: Vec<&StoredRun> = base.iter().chain(&with).collect();
    let scenario = common_scenario(&all, options.scenario.as_deref())?;
    let mismatches = mismatches(
        &side_conditions(&base, &scenario),
        &side_conditions(&with, &scenario),
    );
    if !options.force && !mismatches.is_empty() {
        return Err(ResultsError::NotComparable(mismatches).into());
    }
    let ComparableFigures {
        measures,
        units,
        left_out,
        zero,
    } = comparable_figures(&base, &with, &scenario);
    let invalid: Vec<String> = all
        .iter()
        .filter(|run| is_invalid(run, &scenario))
        .map(|run| run.name.clone())
        .collect();
    if measures.is_empty() && !invalid.is_empty() {
        return Err(ResultsError::Invalid(invalid).into());
    }
    let comparison = loadrig_stats::compare(&measures).map_err(ResultsError::Statistics)?;
    let compared = |runs: &[StoredRun]| {
        runs.iter()
            .filter_map(|run| about(run, &scenario))
            .collect()
    };
    Ok(CompareReport {
        base: compared(&base),
        with: compared(&with),
        scenario,
        mismatches,
        left_out,
        zero,
        verdict: [ComparisonVerdict::Worse, ComparisonVerdict::Better]
            .into_iter()
            .find(|verdict| comparison.any(*verdict))
            .unwrap_or(ComparisonVerdict::NoDifference),
        comparison,
        units,
    })
}

fn is_invalid(run: &StoredRun, scenario: &str) -> bool {
    let storm = run
        .scenario(scenario)
        .and_then(|result| result.storm.as_ref());
    storm.is_some_and(|storm| storm.invalid.is_some())
}

/// A run that counts twice would make its side look steadier than it is.
fn check_distinct(base: &[StoredRun], with: &[StoredRun]) -> Result<(), ResultsError> {
    let all: Vec<&StoredRun> = base.iter().chain(with).collect();
    for (at, run) in all.iter().enumerate() {
        let mut earlier = all.iter().take(at);
        if earlier.any(|other| other.name == run.name) {
            return Err(ResultsError::Twice(run.name.clone()));
        }
    }
    Ok(())
}

fn side_conditions(runs: &[StoredRun], scenario: &str) -> Vec<Vec<(String, String)>> {
    runs.iter()
        .filter_map(|run| Some(conditions(&run.report, run.scenario(scenario)?)))
        .collect()
}

/// What two sides can be compared by.
#[derive(Default)]
struct ComparableFigures {
    measures: Vec<Measure>,
    /// Units of the measures.
    units: Vec<FigureUnit>,
    /// Names of figures that only some runs have.
    left_out: Vec<String>,
    /// Figures that have no ratio, with the run that is why.
    zero: Vec<String>,
}

fn comparable_figures(base: &[StoredRun], with: &[StoredRun], scenario: &str) -> ComparableFigures {
    let mut figures = ComparableFigures::default();
    for kind in kinds() {
        let values = |runs: &[StoredRun]| -> Vec<f64> {
            runs.iter()
                .filter_map(|run| kind.of(run.scenario(scenario)?))
                .collect()
        };
        let (base_values, with_values) = (values(base), values(with));
        if base_values.len() != base.len() || with_values.len() != with.len() {
            if !base_values.is_empty() || !with_values.is_empty() {
                figures.left_out.push(kind.name);
            }
            continue;
        }
        let zero = base
            .iter()
            .zip(&base_values)
            .chain(with.iter().zip(&with_values))
            .find(|(_, value)| kind.scale == MeasureScale::Ratio && **value <= 0.0);
        if let Some((run, value)) = zero {
            let zero = format!("{} ({value:.1} ms in {})", kind.name, run.name);
            figures.zero.push(zero);
            continue;
        }
        figures.units.push(kind.unit);
        figures.measures.push(Measure {
            name: kind.name,
            better: kind.better,
            scale: kind.scale,
            overall: kind.overall,
            base: base_values,
            with: with_values,
        });
    }
    figures
}

fn about(run: &StoredRun, scenario: &str) -> Option<ComparedRun> {
    let result = run.scenario(scenario)?;
    Some(ComparedRun {
        run: run.name.clone(),
        environment: run.report.environment.name.clone(),
        server: result.server.version.clone(),
        started: result.started,
        passed: result.passed,
        ended_at_deadline: result.ended_at_deadline(),
    })
}
