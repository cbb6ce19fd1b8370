//! The scenario of a few users who do everything once: does the whole rig work?

use std::collections::BTreeMap;

use jiff::SignedDuration;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::durations::{latency, up_to_a_day, up_to_an_hour, up_to_ten_minutes};
use super::engine::ScenarioEngine;
use crate::loadtest::tally::UserAction;

/// A smoke scenario, as read and checked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SmokeScenario {
    /// What drives it. Results do not repeat it: those of other engines have another form.
    #[serde(default, skip_serializing)]
    pub engine: ScenarioEngine,
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
