//! Scenarios: what the simulated users do and what counts as good, read from YAML.
//!
//! Knows files and values only: nothing of agents, servers or the clock.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;

use jiff::SignedDuration;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::spec::{
    DURATION, LONGEST, PathCheck, SHORTEST, SourceText, SpecErrors, or_expected, read_file,
    read_yaml, schema_of,
};

use super::tally::UserAction;

/// The scenarios that ship with the program.
const BUILT_IN: [(&str, &str); 1] = [("smoke", include_str!("../../scenarios/smoke.yaml"))];

/// The schema of a duration, with the shortest and longest that is allowed, and an example.
macro_rules! duration {
    ($name:ident, $shortest:literal, $longest:literal, $example:literal) => {
        fn $name(_: &mut SchemaGenerator) -> Schema {
            json_schema!({
                "type": "string",
                "format": DURATION,
                "examples": [$example],
                SHORTEST: $shortest,
                LONGEST: $longest,
            })
        }
    };
}

duration!(up_to_a_day, "1s", "24h", "3m");
duration!(up_to_an_hour, "1s", "1h", "30s");
duration!(up_to_ten_minutes, "1s", "10m", "10s");
duration!(latency, "1ms", "10m", "500ms");

/// A scenario, as read and checked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Its name, as given to `loadrig test`.
    pub name: String,
    /// For people.
    pub title: String,
    /// What it does, in a sentence or two.
    pub description: String,
    /// Simulated users over all agents; at least one posts and one receives.
    #[schemars(range(min = 2, max = 250_000))]
    pub users: u32,
    /// After this time the agents stop.
    #[schemars(schema_with = "up_to_a_day")]
    pub deadline: SignedDuration,
    /// What the users do, in this order.
    pub steps: Steps,
    /// What counts as good.
    pub thresholds: Thresholds,
}

/// What the users do. The order is given: each step needs the ones before it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Steps {
    /// Accounts are created.
    pub create_users: Concurrency,
    /// Each user logs in.
    pub log_in: Concurrency,
    /// Each user joins the run's team and one of its channels.
    pub join: JoinStep,
    /// Each user opens a websocket.
    pub connect: Concurrency,
    /// Each user posts.
    pub post: PostStep,
    /// Posts travel between application nodes.
    pub cross_node: Option<CrossNodeStep>,
    /// Files are uploaded and downloaded.
    pub transfer_file: Option<TransferFileStep>,
    /// A post is found by search.
    pub search: Option<SearchStep>,
}

/// How many users do a step side by side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Concurrency {
    /// Users of one agent.
    #[schemars(range(min = 1, max = 10_000))]
    pub at_once: u32,
}

/// Joining.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct JoinStep {
    /// Users of one agent side by side.
    #[schemars(range(min = 1, max = 10_000))]
    pub at_once: u32,
    /// Channels that an agent's users are spread over.
    #[schemars(range(min = 1, max = 1000))]
    pub channels: u32,
}

/// Posting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PostStep {
    /// Users of one agent side by side.
    #[schemars(range(min = 1, max = 10_000))]
    pub at_once: u32,
    /// Messages of each user.
    #[schemars(range(min = 0, max = 10_000))]
    pub messages_per_user: u32,
    /// A post that a member's websocket has not brought by then is lost.
    #[schemars(schema_with = "up_to_ten_minutes")]
    pub deliver_within: SignedDuration,
}

/// Posting on one node and receiving on the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CrossNodeStep {
    /// The proxy chooses the node; this often is a post or a connection repeated, for
    /// each node of the rig, until every node was met.
    #[schemars(range(min = 2, max = 1000))]
    pub attempts_per_node: u32,
}

/// Uploading and downloading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TransferFileStep {
    /// Transfers side by side on one agent.
    #[schemars(range(min = 1, max = 10_000))]
    pub at_once: u32,
    /// Files of one agent.
    #[schemars(range(min = 0, max = 10_000))]
    pub files: u32,
    /// Size of each, bytes; the proxy accepts 50 MB.
    #[schemars(range(min = 1, max = 50_000_000))]
    pub bytes: u32,
}

/// Searches for posts that were just made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SearchStep {
    /// How long the agent goes on asking for a post that was just made.
    #[schemars(schema_with = "up_to_an_hour")]
    pub within: SignedDuration,
}

/// What counts as good.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Thresholds {
    /// Most failed requests, in percent of all.
    #[schemars(range(min = 0.0, max = 100.0))]
    pub error_rate_percent: f64,
    /// Highest latencies by class of action.
    #[serde(default)]
    #[schemars(schema_with = "latency_schema")]
    pub latency: BTreeMap<UserAction, LatencyLimit>,
    /// Slowest delivery from one application node to another.
    #[serde(default)]
    #[schemars(schema_with = "up_to_an_hour")]
    pub cross_node_delivery: Option<SignedDuration>,
    /// Longest time from a post to the search that finds it.
    #[serde(default)]
    #[schemars(schema_with = "up_to_an_hour")]
    pub search_indexing: Option<SignedDuration>,
    /// Every expected metrics target is up within this time after the load.
    #[serde(default)]
    #[schemars(schema_with = "up_to_an_hour")]
    pub metrics_scraped_within: Option<SignedDuration>,
}

/// Highest latencies of a class of action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LatencyLimit {
    /// 95th percentile.
    #[serde(default)]
    #[schemars(schema_with = "latency")]
    pub p95: Option<SignedDuration>,
    /// 99th percentile.
    #[serde(default)]
    #[schemars(schema_with = "latency")]
    pub p99: Option<SignedDuration>,
}

/// Every action may have a limit, and nothing else.
fn latency_schema(generator: &mut SchemaGenerator) -> Schema {
    let limit = LatencyLimit::json_schema(generator);
    let limits: Map<String, Value> = UserAction::ALL
        .into_iter()
        .map(|action| (action.to_string(), limit.clone().into()))
        .collect();
    json_schema!({
        "type": ["object", "null"],
        "properties": limits,
        "additionalProperties": false,
    })
}

/// JSON schema (draft 2020-12) of a scenario file.
#[must_use]
pub fn scenario_schema() -> &'static Value {
    static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
        let mut schema = schema_of::<Scenario>();
        schema["title"] = json!("loadrig scenario");
        schema
    });
    &SCHEMA
}

impl Scenario {
    /// The scenario of a built-in name or of a YAML file.
    ///
    /// # Errors
    /// When there is neither, and everything that is wrong with the file.
    pub fn find(name_or_path: &str) -> Result<Self, SpecErrors> {
        if let Some((name, text)) = BUILT_IN.iter().find(|(name, _)| *name == name_or_path) {
            return Self::parse(&format!("scenarios/{name}.yaml (built in)"), text);
        }
        let path = Path::new(name_or_path);
        let looks_like_path = path.extension().is_some() || path.components().count() > 1;
        if !looks_like_path && !path.exists() {
            return Err(SpecErrors::unplaced(
                name_or_path,
                format!("there is no scenario `{name_or_path}`"),
                or_expected(name_or_path, Self::built_in()),
                "give the path of a YAML file, or the name of a built-in scenario",
            ));
        }
        Self::check(read_file(path)?.source)
    }

    /// The names of the scenarios that ship with the program.
    pub fn built_in() -> impl Iterator<Item = &'static str> + Clone {
        BUILT_IN.iter().map(|(name, _)| *name)
    }

    /// Reads a scenario; `origin` is what errors call the text.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn parse(origin: &str, text: &str) -> Result<Self, SpecErrors> {
        Self::check(SourceText::new(origin, text))
    }

    /// Reads a scenario from a file's text.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub(crate) fn check(source: SourceText) -> Result<Self, SpecErrors> {
        read_yaml(source, "a scenario", scenario_schema(), check_name)
    }
}

/// The name becomes part of file names and of accounts on the server.
fn check_name(scenario: &Value, check: &mut PathCheck<'_>) {
    let Some(name) = scenario["name"].as_str() else {
        return;
    };
    let is_plain = name
        .chars()
        .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    if !(is_plain && (1..=32).contains(&name.len())) {
        check.report(
            &["name"],
            "the name cannot be used in file names",
            "expected 1 to 32 of a-z, 0-9 and -",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::{Diagnose, ExitCode};

    fn smoke() -> &'static str {
        BUILT_IN[0].1
    }

    fn problems(text: &str) -> Vec<(usize, String, String)> {
        let errors = Scenario::parse("my.yaml", text).unwrap_err();
        assert_eq!(errors.exit_code(), ExitCode::Usage);
        let problems = errors.problems.into_iter();
        problems
            .map(|problem| (problem.line, problem.message, problem.label))
            .collect()
    }

    #[test]
    fn every_built_in_scenario_is_valid_and_has_its_name() {
        for name in Scenario::built_in() {
            assert_eq!(Scenario::find(name).unwrap().name, name);
        }
    }

    #[test]
    fn a_misspelt_key_is_placed_and_corrected() {
        let text = smoke().replace("transfer_file:", "transfer_fiel:");
        let line = 1 + text.lines().take_while(|l| !l.contains("fiel")).count();
        assert_eq!(
            problems(&text),
            [(
                line,
                "unknown key `transfer_fiel` in `steps`".to_owned(),
                "did you mean `transfer_file`?".to_owned()
            )]
        );
    }

    #[test]
    fn an_unknown_action_in_the_thresholds_is_corrected() {
        let text = smoke().replace("    log-in:", "    login:");
        assert_eq!(problems(&text)[0].2, "did you mean `log-in`?");
    }

    #[test]
    fn every_problem_is_reported_at_once() {
        let text = smoke()
            .replace("name: smoke", "name: Smoke Test")
            .replace("users: 50", "users: many")
            .replace("deadline: 3m", "deadline: 0s")
            .replace("title: Smoke test\n", "")
            .replace("deliver_within: 10s", "deliver_within: 10")
            .replace("bytes: 262144", "bytes: 99000000")
            .replace("p95: 20s, p99: 30s", "p95: 20x, p99: 30s")
            .replace("error_rate_percent: 0.0", "error_rate_percent: 101");
        let messages: Vec<String> = problems(&text).into_iter().map(|p| p.1).collect();
        assert_eq!(
            messages,
            [
                "the file lacks the key `title`",
                "the name cannot be used in file names",
                "`users` cannot be the text `many`",
                "`deadline` cannot be `0s`",
                "`steps.post.deliver_within` cannot be `10`",
                "`steps.transfer_file.bytes` cannot be `99000000`",
                "`thresholds.error_rate_percent` cannot be `101`",
                "`thresholds.latency.create-user.p95` cannot be `20x`",
                "`thresholds.latency.log-in.p95` cannot be `20x`",
            ]
        );
    }

    #[test]
    fn durations_say_their_bounds() {
        let text = smoke().replace("deadline: 3m", "deadline: 25h");
        assert_eq!(
            problems(&text)[0].2,
            "expected a duration from `1s` to `24h`, such as `3m`"
        );
    }

    #[test]
    fn a_file_of_another_kind_is_not_repeated_in_the_error() {
        let errors = Scenario::parse("passwd", &"root:x:0:0:root\n".repeat(300_000)).unwrap_err();
        assert_eq!(errors.problems.len(), 1);
        assert!(errors.to_string().len() < 1000, "{errors}");
        let errors = Scenario::parse("x", &"a".repeat(5_000_000)).unwrap_err();
        assert!(errors.to_string().len() < 1000);
    }

    #[test]
    fn an_unknown_name_suggests_the_nearest() {
        let errors = Scenario::find("smok").unwrap_err();
        assert_eq!(errors.problems[0].message, "there is no scenario `smok`");
        assert_eq!(errors.problems[0].label, "did you mean `smoke`?");
    }

    #[test]
    fn a_missing_file_is_a_read_error() {
        let errors = Scenario::find("no/such.yaml").unwrap_err();
        assert!(
            errors.problems[0]
                .message
                .starts_with("cannot read `no/such.yaml`")
        );
    }
}
