//! Lists the runs of an environment on this machine, and removes old ones.

use jiff::Timestamp;
use serde::Serialize;

use crate::ops::confirm::{Confirm, Question};
use crate::ops::error::{OpsError, ResultsError};
use crate::ops::run_dir::RunDir;
use crate::report::Verdict;

use super::store::StoredRun;

/// A run's directory, and what is in it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ListedRun {
    /// The run's name.
    pub run: String,
    /// Whether it came to a report, and what that says.
    pub report: ListedReport,
    /// Results of scenarios.
    pub results: Vec<ListedResult>,
}

/// Whether a run came to a report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ListedReport {
    /// It has one.
    Stored {
        /// What it says.
        verdict: Verdict,
    },
    /// It has none: it goes on, was interrupted, or is of a command that writes none.
    None,
    /// It has one that cannot be read.
    Unreadable {
        /// Why.
        reason: String,
    },
}

/// A stored result in short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ListedResult {
    /// The scenario.
    pub scenario: String,
    /// Simulated users.
    pub users: u32,
    /// The server's version, as it reported it.
    pub server: String,
    /// When the load began.
    pub started: Timestamp,
    /// Whether it met its thresholds.
    pub passed: bool,
}

/// The runs of an environment, the oldest first.
///
/// # Errors
/// When nothing says where runs are kept.
pub fn list(environment: &str) -> Result<Vec<ListedRun>, OpsError> {
    Ok(RunDir::list(environment)?.iter().map(listed).collect())
}

fn listed(run: &RunDir) -> ListedRun {
    let mut listed = ListedRun {
        run: run.name.clone(),
        report: ListedReport::None,
        results: Vec::new(),
    };
    if !run.report().is_file() {
        return listed;
    }
    match StoredRun::read(&run.path) {
        Ok(stored) => {
            let (verdict, _) = stored.report.verdict();
            listed.report = ListedReport::Stored { verdict };
            let results = stored.report.scenarios.into_iter();
            listed.results = results
                .map(|result| ListedResult {
                    scenario: result.scenario,
                    users: result.users,
                    server: result.server.version,
                    started: result.started,
                    passed: result.passed,
                })
                .collect();
        }
        Err(error) => {
            listed.report = ListedReport::Unreadable {
                reason: crate::diagnose::with_causes(&error),
            };
        }
    }
    listed
}

/// Removes all runs that are older than the latest `keep` with a result, after asking. Answers with
/// their names.
///
/// # Errors
/// When the answer is no, or a directory cannot be removed.
pub fn prune(
    environment: &str,
    keep: usize,
    confirm: &dyn Confirm,
) -> Result<Vec<String>, OpsError> {
    let runs = RunDir::list(environment)?;
    let with_result: Vec<&RunDir> = runs
        .iter()
        .filter(|run| !listed(run).results.is_empty())
        .collect();
    // Nothing is old while there are fewer results than are kept.
    let Some(oldest) = with_result
        .len()
        .checked_sub(keep.max(1))
        .and_then(|at| with_result.get(at))
    else {
        return Ok(Vec::new());
    };
    let old: Vec<&RunDir> = runs.iter().filter(|run| run.name < oldest.name).collect();
    if old.is_empty() {
        return Ok(Vec::new());
    }
    let names: Vec<String> = old.iter().map(|run| run.name.clone()).collect();
    confirm.confirm(&Question::PruneRuns {
        environment,
        runs: &names,
    })?;
    for run in old {
        std::fs::remove_dir_all(&run.path).map_err(|source| ResultsError::Prune {
            path: run.path.clone(),
            source,
        })?;
    }
    Ok(names)
}
