//! Scenarios: what the simulated users do and what counts as good, read from YAML.
//!
//! Knows files and values only: nothing of agents, servers or the clock.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::diagnose::{Diagnose, ExitCode};

use super::tally::Action;

/// The scenarios that ship with the program.
const BUILT_IN: [(&str, &str); 1] = [("smoke", include_str!("../../scenarios/smoke.yaml"))];

/// Most users that one scenario may simulate.
const MAX_USERS: u32 = 250_000;

/// A scenario, as read and checked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Its name, as given to `loadrig test`.
    pub name: String,
    /// For people.
    pub title: String,
    /// What it does, in a sentence or two.
    pub description: String,
    /// Simulated users over all agents.
    pub users: u32,
    /// After this time the agents stop.
    pub deadline: SignedDuration,
    /// What the users do, in this order.
    pub steps: Steps,
    /// What counts as good.
    pub thresholds: Thresholds,
}

/// What the users do. The order is given: each step needs the ones before it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Steps {
    /// Accounts are created.
    pub create_users: AtOnce,
    /// Each user logs in.
    pub log_in: AtOnce,
    /// Each user joins the run's team and one of its channels.
    pub join: Join,
    /// Each user opens a websocket.
    pub connect: AtOnce,
    /// Each user posts.
    pub post: Post,
    /// Posts travel between application nodes.
    pub cross_node: Option<CrossNode>,
    /// Files are uploaded and downloaded.
    pub transfer_file: Option<TransferFile>,
    /// A post is found by search.
    pub search: Option<Search>,
}

/// How many users do a step side by side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AtOnce {
    /// Users of one agent.
    pub at_once: u32,
}

/// Joining.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Join {
    /// Users of one agent side by side.
    pub at_once: u32,
    /// Channels that an agent's users are spread over.
    pub channels: u32,
}

/// Posting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Post {
    /// Users of one agent side by side.
    pub at_once: u32,
    /// Messages of each user.
    pub messages_per_user: u32,
    /// A post that a member's websocket has not brought by then is lost.
    pub deliver_within: SignedDuration,
}

/// Posting on one node and receiving on the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CrossNode {
    /// The proxy chooses the node; this often is a post or a connection repeated, for
    /// each node of the rig, until every node was met.
    pub attempts_per_node: u32,
}

/// Uploading and downloading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TransferFile {
    /// Transfers side by side on one agent.
    pub at_once: u32,
    /// Files of one agent.
    pub files: u32,
    /// Size of each, bytes.
    pub bytes: u32,
}

/// Searching.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Search {
    /// How long the agent goes on asking for a post that was just made.
    pub within: SignedDuration,
}

/// What counts as good.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Thresholds {
    /// Most failed requests, in percent of all.
    pub error_rate_percent: f64,
    /// Highest latencies by class of action.
    #[serde(default)]
    pub latency: BTreeMap<Action, LatencyLimit>,
    /// Slowest delivery from one application node to another.
    pub cross_node_delivery: Option<SignedDuration>,
    /// Longest time from a post to the search that finds it.
    pub search_indexing: Option<SignedDuration>,
    /// Every expected metrics target is up within this time after the load.
    pub metrics_scraped_within: Option<SignedDuration>,
}

/// Highest latencies of a class of action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LatencyLimit {
    /// 95th percentile.
    pub p95: Option<SignedDuration>,
    /// 99th percentile.
    pub p99: Option<SignedDuration>,
}

/// Why a scenario cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// Neither a built-in name nor a file.
    #[error("there is no scenario `{name}`")]
    Unknown {
        /// As given.
        name: String,
        /// The nearest name that exists.
        nearest: Option<&'static str>,
    },
    /// The file cannot be read.
    #[error("cannot read the scenario `{path}`")]
    Read {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The YAML is not a scenario.
    #[error("{place}: {message}")]
    Parse {
        /// `file:line:column`.
        place: String,
        /// What the parser says.
        message: String,
        /// The nearest key that exists.
        nearest: Option<String>,
    },
    /// Values that cannot work.
    #[error("{origin}: {}", problems.join("; "))]
    Invalid {
        /// The file.
        origin: String,
        /// Every problem.
        problems: Vec<String>,
    },
}

impl Diagnose for ScenarioError {
    fn hints(&self) -> Vec<String> {
        match self {
            ScenarioError::Unknown { nearest, .. } => {
                let names: Vec<&str> = BUILT_IN.iter().map(|(name, _)| *name).collect();
                nearest
                    .iter()
                    .map(|name| format!("did you mean `{name}`?"))
                    .chain([format!(
                        "give the path of a YAML file, or one of: {}",
                        names.join(", ")
                    )])
                    .collect()
            }
            ScenarioError::Parse {
                nearest: Some(nearest),
                ..
            } => vec![format!("did you mean `{nearest}`?")],
            ScenarioError::Read { .. }
            | ScenarioError::Parse { .. }
            | ScenarioError::Invalid { .. } => {
                vec!["`docs/scenarios.md` describes every key".into()]
            }
        }
    }

    fn exit_code(&self) -> ExitCode {
        ExitCode::Usage
    }
}

impl Scenario {
    /// The scenario of a built-in name or of a YAML file.
    ///
    /// # Errors
    /// When there is neither, and when the YAML is not a usable scenario.
    pub fn find(name_or_path: &str) -> Result<Self, ScenarioError> {
        if let Some((name, text)) = BUILT_IN.iter().find(|(name, _)| *name == name_or_path) {
            return Self::parse(&format!("scenarios/{name}.yaml"), text);
        }
        let path = Path::new(name_or_path);
        let looks_like_path = path.extension().is_some() || path.components().count() > 1;
        if !looks_like_path && !path.exists() {
            return Err(ScenarioError::Unknown {
                name: name_or_path.to_owned(),
                nearest: nearest(name_or_path, BUILT_IN.iter().map(|(name, _)| *name)),
            });
        }
        let text = std::fs::read_to_string(path).map_err(|source| ScenarioError::Read {
            path: name_or_path.to_owned(),
            source,
        })?;
        Self::parse(name_or_path, &text)
    }

    /// The names of the scenarios that ship with the program.
    pub fn built_in() -> impl Iterator<Item = &'static str> {
        BUILT_IN.iter().map(|(name, _)| *name)
    }

    /// Reads a scenario; `origin` is what errors call the text.
    ///
    /// # Errors
    /// When the YAML is not a usable scenario.
    pub fn parse(origin: &str, text: &str) -> Result<Self, ScenarioError> {
        let scenario: Scenario =
            serde_yaml::from_str(text).map_err(|error| parse_error(origin, &error))?;
        let problems = scenario.problems();
        if problems.is_empty() {
            Ok(scenario)
        } else {
            Err(ScenarioError::Invalid {
                origin: origin.to_owned(),
                problems,
            })
        }
    }

    fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let mut require = |holds: bool, problem: &str| {
            if !holds {
                problems.push(problem.to_owned());
            }
        };
        let steps = &self.steps;
        let name_is_plain = self
            .name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        require(
            name_is_plain && (1..=32).contains(&self.name.len()),
            "`name` must be 1 to 32 of a-z, 0-9 and -",
        );
        require(
            (2..=MAX_USERS).contains(&self.users),
            "`users` must be from 2 (one posts, one receives) to 250000",
        );
        require(
            within(self.deadline, 24 * 3600),
            "`deadline` must be from 1s to 24h",
        );
        for (key, at_once) in [
            ("create_users", steps.create_users.at_once),
            ("log_in", steps.log_in.at_once),
            ("join", steps.join.at_once),
            ("connect", steps.connect.at_once),
            ("post", steps.post.at_once),
            (
                "transfer_file",
                steps.transfer_file.map_or(1, |step| step.at_once),
            ),
        ] {
            require(
                (1..=10_000).contains(&at_once),
                &format!("`steps.{key}.at_once` must be from 1 to 10000"),
            );
        }
        require(
            (1..=1000).contains(&steps.join.channels),
            "`steps.join.channels` must be from 1 to 1000",
        );
        require(
            within(steps.post.deliver_within, 600),
            "`steps.post.deliver_within` must be from 1s to 10m",
        );
        if let Some(step) = steps.cross_node {
            require(
                (2..=1000).contains(&step.attempts_per_node),
                "`steps.cross_node.attempts_per_node` must be from 2 to 1000",
            );
        }
        if let Some(step) = steps.transfer_file {
            require(
                (1..=50_000_000).contains(&step.bytes),
                "`steps.transfer_file.bytes` must be from 1 to 50000000, the proxy's limit",
            );
        }
        if let Some(step) = steps.search {
            require(
                within(step.within, 3600),
                "`steps.search.within` must be from 1s to 1h",
            );
        }
        require(
            (0.0..=100.0).contains(&self.thresholds.error_rate_percent),
            "`thresholds.error_rate_percent` must be from 0 to 100",
        );
        problems
    }
}

fn within(duration: SignedDuration, most_seconds: i64) -> bool {
    duration >= SignedDuration::from_secs(1) && duration <= SignedDuration::from_secs(most_seconds)
}

/// serde's messages name the unknown key and the known ones in backticks; from them
/// comes the suggestion.
fn parse_error(origin: &str, error: &serde_yaml::Error) -> ScenarioError {
    let mut message = error.to_string();
    let place = match error.location() {
        Some(location) => {
            let suffix = format!(" at line {} column {}", location.line(), location.column());
            if let Some(short) = message.strip_suffix(&suffix) {
                message = short.to_owned();
            }
            format!("{origin}:{}:{}", location.line(), location.column())
        }
        None => origin.to_owned(),
    };
    let mut quoted = message.split('`').skip(1).step_by(2);
    let nearest = if message.contains("unknown field") || message.contains("unknown variant") {
        quoted.next().and_then(|key| nearest(key, quoted))
    } else {
        None
    };
    let nearest = nearest.map(str::to_owned);
    ScenarioError::Parse {
        place,
        message,
        nearest,
    }
}

fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= candidate.len().div_ceil(3))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn smoke() -> &'static str {
        BUILT_IN[0].1
    }

    #[test]
    fn every_built_in_scenario_is_valid_and_bears_its_name() {
        for name in Scenario::built_in() {
            assert_eq!(Scenario::find(name).unwrap().name, name);
        }
    }

    #[test]
    fn a_misspelt_key_is_placed_and_corrected() {
        let text = smoke().replace("transfer_file:", "transfer_fiel:");
        let error = Scenario::parse("my.yaml", &text).unwrap_err();
        let shown = error.to_string();
        assert!(shown.starts_with("my.yaml:"), "{shown}");
        assert!(shown.contains("unknown field `transfer_fiel`"), "{shown}");
        assert_eq!(error.hints(), ["did you mean `transfer_file`?"]);
        assert_eq!(error.exit_code(), ExitCode::Usage);
    }

    #[test]
    fn an_unknown_action_in_the_thresholds_is_corrected() {
        let text = smoke().replace("    log-in:", "    login:");
        let error = Scenario::parse("my.yaml", &text).unwrap_err();
        assert_eq!(error.hints(), ["did you mean `log-in`?"]);
    }

    #[test]
    fn every_impossible_value_is_reported() {
        let text = smoke()
            .replace("users: 50", "users: 1")
            .replace("deadline: 3m", "deadline: 0s")
            .replace("error_rate_percent: 0.0", "error_rate_percent: 101");
        let ScenarioError::Invalid { problems, .. } =
            Scenario::parse("my.yaml", &text).unwrap_err()
        else {
            panic!("expected `Invalid`");
        };
        assert_eq!(problems.len(), 3, "{problems:?}");
    }

    #[test]
    fn an_unknown_name_suggests_the_nearest() {
        let error = Scenario::find("smok").unwrap_err();
        assert_eq!(error.hints()[0], "did you mean `smoke`?");
    }

    #[test]
    fn a_missing_file_is_a_read_error() {
        let error = Scenario::find("no/such.yaml").unwrap_err();
        assert!(matches!(error, ScenarioError::Read { .. }));
    }
}
