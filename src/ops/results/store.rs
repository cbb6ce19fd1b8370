//! Finds stored runs: by name, by the beginning of one, by environment and name, or by file.

use std::path::{Path, PathBuf};

use crate::loadtest::ScenarioResult;
use crate::ops::error::{OpsError, ResultsError};
use crate::ops::report::load_file;
use crate::ops::run_dir::{RunDir, environments};
use crate::report::Report;

/// A run whose report was read.
#[derive(Clone, Debug)]
pub struct StoredRun {
    /// The run's name.
    pub name: String,
    /// Where its report is.
    pub file: PathBuf,
    /// The report.
    pub report: Report,
}

impl StoredRun {
    /// The run that a reference names: a file or directory, a run's name or the beginning of a name that only
    /// one run has, or `ENV/` and such a name, which is then looked for there alone.
    ///
    /// # Errors
    /// When there is none, more than one, or its report cannot be read.
    pub fn find(reference: &str) -> Result<Self, OpsError> {
        let path = Path::new(reference);
        if path.exists() {
            return Self::read(path);
        }
        let (environments, name) = match reference.split_once('/') {
            Some((environment, run)) if !run.contains('/') => (vec![environment.to_owned()], run),
            _ => (environments()?, reference),
        };
        let mut found: Vec<PathBuf> = Vec::new();
        for environment in environments {
            for run in RunDir::list(&environment)? {
                if run.name == name {
                    return Self::read(&run.path);
                }
                if run.name.starts_with(name) && run.report().is_file() {
                    found.push(run.path);
                }
            }
        }
        match found.as_slice() {
            [] => Err(ResultsError::NoSuchRun(reference.to_owned()).into()),
            [path] => Self::read(path),
            _ => Err(ResultsError::Ambiguous {
                reference: reference.to_owned(),
                runs: found
                    .iter()
                    .filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned()))
                    .collect(),
            }
            .into()),
        }
    }

    /// Reads a report, or the one in a run's directory.
    pub(super) fn read(path: &Path) -> Result<Self, OpsError> {
        let file = if path.is_dir() {
            path.join("report.json")
        } else {
            path.to_owned()
        };
        let report = load_file(&file)?;
        Ok(Self {
            name: report.run.clone(),
            file,
            report,
        })
    }

    /// The result of a scenario.
    pub(super) fn scenario(&self, name: &str) -> Option<&ScenarioResult> {
        let mut results = self.report.scenarios.iter();
        results.find(|result| result.scenario == name)
    }
}

/// The scenario that all runs have a result of: the one that was asked for, or the only one.
pub(super) fn common_scenario(
    runs: &[&StoredRun],
    asked: Option<&str>,
) -> Result<String, ResultsError> {
    let names = |run: &StoredRun| -> Vec<String> {
        let results = run.report.scenarios.iter();
        results.map(|result| result.scenario.clone()).collect()
    };
    for run in runs {
        let has = names(run);
        let is_missing = match asked {
            Some(asked) => !has.iter().any(|name| name == asked),
            None => has.is_empty(),
        };
        if is_missing {
            return Err(ResultsError::NoResult {
                run: run.name.clone(),
                scenario: asked.map(str::to_owned),
                has,
            });
        }
    }
    if let Some(asked) = asked {
        return Ok(asked.to_owned());
    }
    let mut common = runs.first().map(|run| names(run)).unwrap_or_default();
    common.retain(|name| runs.iter().all(|run| run.scenario(name).is_some()));
    match common.as_slice() {
        [one] => Ok(one.clone()),
        [] => Err(ResultsError::NothingInCommon {
            scenarios: runs.iter().flat_map(|run| names(run)).collect(),
        }),
        _ => Err(ResultsError::WhichScenario(common)),
    }
}
