//! What a scenario came to: measured figures held against its thresholds, stored as JSON.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::diagnose::system_error;

use super::scenario::{SmokeScenario, Thresholds};
use super::storm::StormFigures;
use super::tally::{ErrorSample, Latencies, Tallies, Tally, UserAction, percent};
use super::wire::{Check, DEADLINE, ServerInfo};

/// The format of stored results; raised with every change that old readers cannot read.
pub const RESULT_FORMAT: u32 = 1;

/// What every reader of closed-loop latencies should know.
const CLOSED_LOOP: &str = "Closed-loop: each user waits for an answer before the next request, \
     so queueing that an open arrival process would meet is not in these latencies. They show \
     that the rig works, not what it can carry.";

/// What a scenario came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScenarioResult {
    /// [`RESULT_FORMAT`].
    pub format: u32,
    /// The run that it belongs to.
    pub run: String,
    /// Name of the environment.
    pub environment: String,
    /// The scenario's name.
    pub scenario: String,
    /// The scenario's title.
    pub title: String,
    /// The scenario as it was run; none in results that were stored without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub definition: Option<serde_json::Value>,
    /// Simulated users.
    pub users: u32,
    /// Names of the agents that took part.
    pub agents: Vec<String>,
    /// When the first agent began.
    pub started: Timestamp,
    /// When the last check was made.
    pub finished: Timestamp,
    /// Which server answered, and whether it was the stand-in.
    pub server: ServerInfo,
    /// Every check held and every threshold was met.
    pub passed: bool,
    /// Requests of all actions; deliveries by websocket are none.
    pub requests: u64,
    /// Failed ones.
    pub errors: u64,
    /// Figures by class of action.
    pub actions: Vec<ActionSummary>,
    /// What a storm came to; none of the smoke engine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storm: Option<Box<StormFigures>>,
    /// Checks and thresholds.
    pub checks: Vec<Check>,
    /// What readers should know about the figures.
    pub notes: Vec<String>,
}

/// Figures of one class of action. Latencies in milliseconds, of requests that went well.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names of the percentiles say it")]
pub struct ActionSummary {
    /// The class.
    pub action: UserAction,
    /// All requests.
    pub requests: u64,
    /// Failed ones.
    pub errors: u64,
    /// The first few distinct error texts.
    pub error_samples: Vec<ErrorSample>,
    pub p50_ms: f64,
    pub p90_ms: f64,
    pub p95_ms: f64,
    pub p99_ms: f64,
    pub max_ms: f64,
    /// The whole histogram.
    pub latencies: Latencies,
}

impl ActionSummary {
    fn new(action: UserAction, tally: &Tally) -> Self {
        let ms = |quantile| as_ms(tally.latencies.quantile(quantile));
        Self {
            action,
            requests: tally.requests,
            errors: tally.errors,
            error_samples: tally.error_samples.clone(),
            p50_ms: ms(0.5),
            p90_ms: ms(0.9),
            p95_ms: ms(0.95),
            p99_ms: ms(0.99),
            max_ms: as_ms(tally.latencies.max()),
            latencies: tally.latencies.clone(),
        }
    }
}

/// What all agents measured together.
#[derive(Clone, Debug)]
pub(super) struct Merged {
    pub(super) agents: Vec<String>,
    pub(super) started: Timestamp,
    pub(super) server: ServerInfo,
    pub(super) tallies: Tallies,
    pub(super) checks: Vec<Check>,
    pub(super) cross_node: Option<Duration>,
    pub(super) search_indexing: Option<Duration>,
}

/// Why a stored result cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file system refused.
    #[error("cannot access the result `{path}`")]
    Io {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file is not a result.
    #[error("`{path}` is not a scenario result")]
    Json {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// A newer or older program wrote it.
    #[error("`{path}` has result format {found}, this program reads {RESULT_FORMAT}")]
    Format {
        /// The file.
        path: String,
        /// The file's format.
        found: u64,
    },
}

impl ScenarioResult {
    /// Whether its figures are the server's: not those of a storm whose agents were late or away, or whose
    /// rig was not treated as the scenario says.
    #[must_use]
    pub fn counts(&self) -> bool {
        let storm = self.storm.as_ref();
        storm.is_none_or(|storm| storm.invalid.is_none())
    }

    /// Holds the figures against the thresholds.
    pub(super) fn evaluate(
        scenario: &SmokeScenario,
        environment: &str,
        run: &str,
        merged: Merged,
    ) -> Self {
        let mut checks = merged.checks.clone();
        checks.extend(thresholds(&scenario.thresholds, &merged));
        Self {
            format: RESULT_FORMAT,
            run: run.to_owned(),
            environment: environment.to_owned(),
            scenario: scenario.name.clone(),
            title: scenario.title.clone(),
            // Numbers and texts that were read from YAML: encoding them does not fail.
            definition: serde_json::to_value(scenario).ok(),
            users: scenario.users,
            agents: merged.agents,
            started: merged.started,
            finished: Timestamp::now(),
            server: merged.server,
            passed: checks.iter().all(|check| check.pass),
            requests: merged.tallies.requests(),
            errors: merged.tallies.errors(),
            actions: merged
                .tallies
                .iter()
                .map(|(action, tally)| ActionSummary::new(action, tally))
                .collect(),
            storm: None,
            checks,
            notes: vec![CLOSED_LOOP.to_owned()],
        }
    }

    /// Whether an agent stopped at the scenario's deadline: the figures are of a part of the scenario.
    #[must_use]
    pub fn ended_at_deadline(&self) -> bool {
        // With several agents the name of the agent follows in brackets.
        let is_deadline = |name: &str| name.split(" (").next() == Some(DEADLINE);
        let mut checks = self.checks.iter();
        checks.any(|check| !check.pass && is_deadline(&check.name))
    }

    /// Failed requests in percent of all; zero when there were none.
    #[must_use]
    pub fn error_rate_percent(&self) -> f64 {
        percent(self.errors, self.requests)
    }

    /// Writes the result into a run's directory, as `scenario-<name>.json`.
    ///
    /// # Errors
    /// When the directory cannot be written.
    pub fn save(&self, directory: &Path) -> Result<PathBuf, StoreError> {
        let path = directory.join(format!("scenario-{}.json", self.scenario));
        let failed = |source| StoreError::Io {
            path: path.display().to_string(),
            source,
        };
        let text = serde_json::to_string_pretty(self).map_err(|source| StoreError::Json {
            path: path.display().to_string(),
            source,
        })?;
        std::fs::create_dir_all(directory).map_err(failed)?;
        // A reader never sees half a result, whatever happens to this process.
        let mut file = tempfile::NamedTempFile::new_in(directory)
            .map_err(|error| failed(system_error(&error)))?;
        writeln!(file, "{text}").map_err(failed)?;
        file.persist(&path).map_err(|error| failed(error.error))?;
        Ok(path)
    }

    /// Reads a stored result.
    ///
    /// # Errors
    /// When the file is unreadable, no result, or of another format.
    pub fn load(path: &Path) -> Result<Self, StoreError> {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|source| StoreError::Io {
            path: name.clone(),
            source,
        })?;
        let json = |source| StoreError::Json {
            path: name.clone(),
            source,
        };
        let value: serde_json::Value = serde_json::from_str(&text).map_err(json)?;
        let found = value["format"].as_u64().unwrap_or(0);
        if found != u64::from(RESULT_FORMAT) {
            return Err(StoreError::Format { path: name, found });
        }
        serde_json::from_value(value).map_err(json)
    }
}

fn thresholds(thresholds: &Thresholds, merged: &Merged) -> Vec<Check> {
    let mut checks = Vec::new();
    let rate = merged.tallies.error_rate_percent();
    let limit = thresholds.error_rate_percent;
    checks.push(Check::new(
        format!("errors at most {limit} %"),
        merged.tallies.requests() > 0 && rate <= limit,
        format!(
            "{rate:.2} %: {} of {} requests",
            merged.tallies.errors(),
            merged.tallies.requests()
        ),
    ));
    let (lost, expected) = merged.tallies.deliveries();
    if expected > 0 {
        let rate = percent(lost, expected);
        checks.push(Check::new(
            format!("lost deliveries at most {limit} %"),
            rate <= limit,
            format!("{rate:.2} %: {lost} of {expected} deliveries"),
        ));
    }
    for (action, limits) in &thresholds.latency {
        for (label, quantile, limit) in [("p95", 0.95, limits.p95), ("p99", 0.99, limits.p99)] {
            if let Some(limit) = limit {
                let tally = merged.tallies.get(*action);
                checks.push(latency(*action, label, quantile, limit, tally));
            }
        }
    }
    for (name, limit, seen) in [
        (
            "delivery between nodes",
            thresholds.cross_node_delivery,
            // With a single application node nothing crosses.
            merged.cross_node,
        ),
        (
            "search indexing",
            thresholds.search_indexing,
            merged.search_indexing,
        ),
    ] {
        // What was never measured has a failed check of its own, or had nothing to measure.
        if let (Some(limit), Some(seen)) = (limit, seen) {
            checks.push(Check::new(
                format!("{name} at most {limit:#}"),
                seen <= limit.unsigned_abs(),
                format!("{:.0} ms", as_ms(seen)),
            ));
        }
    }
    checks
}

fn latency(
    action: UserAction,
    label: &str,
    quantile: f64,
    limit: SignedDuration,
    tally: Option<&Tally>,
) -> Check {
    let name = format!("{action} {label} at most {limit:#}");
    match tally.filter(|tally| tally.latencies.count() > 0) {
        Some(tally) => {
            let seen = tally.latencies.quantile(quantile);
            Check::new(
                name,
                seen <= limit.unsigned_abs(),
                format!("{:.1} ms", as_ms(seen)),
            )
        }
        None => Check::fail(name, "nothing was measured"),
    }
}

fn as_ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merged(post_ms: u64, errors: u64) -> Merged {
        let mut tallies = Tallies::new().unwrap();
        for action in SmokeScenario::built_in().unwrap().thresholds.latency.keys() {
            for _ in 0..100 {
                tallies.succeeded(*action, Duration::from_millis(post_ms));
            }
        }
        for _ in 0..errors {
            tallies.failed(UserAction::Post, "HTTP 500");
        }
        Merged {
            agents: vec!["agent-1".into()],
            started: Timestamp::UNIX_EPOCH,
            server: ServerInfo::default(),
            tallies,
            checks: vec![Check::pass("set-up", "")],
            cross_node: Some(Duration::from_millis(20)),
            search_indexing: Some(Duration::from_millis(900)),
        }
    }

    fn evaluate(merged: Merged) -> ScenarioResult {
        let scenario = SmokeScenario::built_in().unwrap();
        ScenarioResult::evaluate(&scenario, "demo", "r1", merged)
    }

    fn failed(result: &ScenarioResult) -> Vec<&str> {
        let failed = result.checks.iter().filter(|check| !check.pass);
        failed.map(|check| check.name.as_str()).collect()
    }

    #[test]
    fn a_good_run_passes() {
        let result = evaluate(merged(50, 0));
        assert!(result.passed, "{:?}", failed(&result));
    }

    #[test]
    fn one_error_misses_a_threshold_of_zero() {
        let result = evaluate(merged(50, 1));
        assert!(!result.passed);
        assert_eq!(failed(&result), ["errors at most 0 %"]);
    }

    #[test]
    fn a_lost_delivery_misses_the_threshold_and_is_no_failed_request() {
        let mut merged = merged(50, 0);
        for _ in 0..300 {
            merged
                .tallies
                .failed(UserAction::Deliver, "not delivered within 10s");
        }
        let result = evaluate(merged);
        assert_eq!(failed(&result), ["lost deliveries at most 0 %"]);
        assert!(result.error_rate_percent().abs() < f64::EPSILON);
    }

    #[test]
    fn slow_actions_miss_their_percentiles() {
        let result = evaluate(merged(4_000, 0));
        assert!(!result.passed);
        assert!(failed(&result).contains(&"post p95 at most 3s"));
        assert!(!failed(&result).contains(&"post p99 at most 5s"));
    }

    #[test]
    fn an_action_that_never_happened_fails_its_threshold() {
        let mut merged = merged(50, 0);
        merged.tallies = Tallies::new().unwrap();
        let result = evaluate(merged);
        assert!(failed(&result).contains(&"log-in p95 at most 20s"));
        assert!(failed(&result).contains(&"errors at most 0 %"));
    }

    #[test]
    fn slow_delivery_between_nodes_is_missed() {
        let mut merged = merged(50, 0);
        merged.cross_node = Some(Duration::from_secs(9));
        assert_eq!(
            failed(&evaluate(merged)),
            ["delivery between nodes at most 5s"]
        );
    }

    #[test]
    fn stored_results_come_back_as_they_were() {
        let directory = tempfile::tempdir().unwrap();
        let result = evaluate(merged(50, 2));
        let path = result.save(directory.path()).unwrap();
        assert!(path.ends_with("scenario-smoke.json"));
        assert_eq!(ScenarioResult::load(&path).unwrap(), result);
        let definition = result.definition.unwrap();
        let scenario: SmokeScenario = serde_json::from_value(definition).unwrap();
        assert_eq!(scenario, SmokeScenario::built_in().unwrap());
    }

    #[test]
    fn results_of_another_format_are_refused_by_number() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("scenario-x.json");
        std::fs::write(&path, r#"{"format": 99, "shape": "unknown"}"#).unwrap();
        let error = ScenarioResult::load(&path).unwrap_err();
        assert!(matches!(error, StoreError::Format { found: 99, .. }));
    }
}
