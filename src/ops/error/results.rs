//! Why stored results cannot be found, compared or followed.

use crate::diagnose::{Diagnose, ExitCode};
use crate::ops::results::Mismatch;

/// Why stored results cannot be found, compared or followed.
#[derive(Debug, thiserror::Error)]
pub enum ResultsError {
    /// No run has this name.
    #[error("there is no run `{0}` on this machine")]
    NoSuchRun(String),
    /// Several runs begin like this.
    #[error("`{reference}` is the beginning of {} runs: {}", runs.len(), runs.join(", "))]
    Ambiguous {
        /// What was asked for.
        reference: String,
        /// The runs.
        runs: Vec<String>,
    },
    /// A run has no result of the scenario.
    #[error("run `{run}` has no result of {}", match scenario { Some(name) => format!("the scenario `{name}`"), None => "a scenario".to_owned() })]
    NoResult {
        /// The run.
        run: String,
        /// The scenario that was asked for.
        scenario: Option<String>,
        /// Scenarios that it has results of.
        has: Vec<String>,
    },
    /// The runs have no scenario in common.
    #[error("the runs have no scenario in common: {}", scenarios.join(", "))]
    NothingInCommon {
        /// Their scenarios.
        scenarios: Vec<String>,
    },
    /// The runs have several scenarios in common.
    #[error("the runs have results of several scenarios: {}", .0.join(", "))]
    WhichScenario(Vec<String>),
    /// A run was named twice.
    #[error("run `{0}` is named twice")]
    Twice(String),
    /// Runs differ in what has to be alike.
    #[error("the runs are not comparable: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    NotComparable(Vec<Mismatch>),
    /// No run of the environment has a result.
    #[error("`{0}` has no run with a result on this machine")]
    NoRuns(String),
    /// The scenario was never run.
    #[error("`{environment}` has no result of the scenario `{scenario}` on this machine")]
    NoHistory {
        /// Name of the environment.
        environment: String,
        /// The scenario.
        scenario: String,
    },
    /// A run's directory cannot be removed.
    #[error("cannot remove `{}`", path.display())]
    Prune {
        /// The directory.
        path: std::path::PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The load drivers or events of runs went wrong.
    #[error("INVALID runs have no figures of the server: {}", .0.join(", "))]
    Invalid(Vec<String>),
    /// The figures cannot be compared.
    #[error("the figures cannot be compared")]
    Statistics(#[source] loadrig_stats::CompareError),
}

impl Diagnose for ResultsError {
    fn hints(&self) -> Vec<String> {
        vec![match self {
            ResultsError::NoSuchRun(_) => {
                "`loadrig runs ENV` lists the runs of an environment; the path of a `report.json` is a run too"
                    .to_owned()
            }
            ResultsError::Ambiguous { .. } => "name one of them in full".to_owned(),
            ResultsError::NoResult { has, .. } if has.is_empty() => {
                "name a run of `loadrig test` or `loadrig demo`".to_owned()
            }
            ResultsError::NoResult { has, .. } => format!("it has results of {}", has.join(", ")),
            ResultsError::NothingInCommon { .. } => "compare runs of one scenario".to_owned(),
            ResultsError::WhichScenario(names) => {
                let first = names.first().map_or("NAME", String::as_str);
                format!("choose one: `--scenario {first}`")
            }
            ResultsError::Twice(_) => {
                "name each run once: a run that counts twice would hide the noise".to_owned()
            }
            ResultsError::NotComparable(_) => {
                "compare runs that differ in the server alone; `--force` compares all the same, and \
                 the result says what differs"
                    .to_owned()
            }
            ResultsError::NoRuns(name) => {
                format!("`loadrig runs {name}` lists what was run; `loadrig test {name} smoke` makes a run")
            }
            ResultsError::NoHistory { environment, .. } => {
                format!("`loadrig runs {environment}` lists what was run")
            }
            ResultsError::Prune { .. } => {
                "runs that were not removed are still listed; run the command again".to_owned()
            }
            ResultsError::Invalid(runs) => format!(
                "`loadrig report ENV {}` says why it is INVALID; name runs that count",
                runs.first().map_or("RUN", String::as_str)
            ),
            ResultsError::Statistics(_) => "name other runs".to_owned(),
        }]
    }

    fn exit_code(&self) -> ExitCode {
        match self {
            ResultsError::Statistics(_) | ResultsError::Prune { .. } => ExitCode::Failed,
            _ => ExitCode::Usage,
        }
    }
}
