//! Commands on stored results.

use clap::Args;

use super::values::{at_least_one, not_negative, run};

/// `loadrig runs`.
#[derive(Debug, Args)]
pub(crate) struct RunsArgs {
    /// Name under environments/, or a path to a file
    pub env: String,
    /// Remove the files of old runs, after asking
    #[arg(long)]
    pub prune: bool,
    /// With --prune: keep the latest N runs with a result, and all that are newer than the oldest
    /// of them
    #[arg(long, default_value_t = 30, value_name = "N", value_parser = at_least_one, requires = "prune")]
    pub keep: usize,
}

/// `loadrig compare`.
#[derive(Debug, Args)]
pub(crate) struct CompareArgs {
    /// The run of the base and the run to compare with it: a run's name or the beginning of it,
    /// the same after `ENV/`, or the path of a report.json
    #[arg(
        value_names = ["BASE", "RUN"],
        value_parser = run,
        num_args = 2,
        required_unless_present = "base",
        conflicts_with_all = ["base", "with"]
    )]
    pub runs: Vec<String>,
    /// Runs of the base, with commas between them
    #[arg(long, value_name = "RUNS", value_delimiter = ',', requires = "with", value_parser = run)]
    pub base: Vec<String>,
    /// Runs to compare with the base, with commas between them
    #[arg(long, value_name = "RUNS", value_delimiter = ',', requires = "base", value_parser = run)]
    pub with: Vec<String>,
    /// The scenario, where runs have results of several
    #[arg(long, value_name = "NAME")]
    pub scenario: Option<String>,
    /// Compare although users, hosts or another condition differ; the result says what
    #[arg(long)]
    pub force: bool,
    /// Exit with code 4 when any figure is worse
    #[arg(long)]
    pub fail_if_worse: bool,
}

/// `loadrig history`.
#[derive(Debug, Args)]
pub(crate) struct HistoryArgs {
    /// Name under environments/, or a path to a file
    pub env: String,
    /// The scenario; that of the latest run without it
    #[arg(long, value_name = "NAME")]
    pub scenario: Option<String>,
    /// Ignore changes of a figure's level by PERCENT or less
    #[arg(long, default_value_t = 0.0, value_name = "PERCENT", value_parser = not_negative, allow_hyphen_values = true)]
    pub min_change: f64,
}
