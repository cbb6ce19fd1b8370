//! What counts as good in a storm. A threshold whose figure was never measured is missed.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use loadrig_storm::ClientCall;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::durations::limit;
use super::smoke::LatencyLimit;

/// Share of the calls of a second beyond which they count as disturbed, percent.
const DISTURBED_PERCENT: f64 = 1.0;

/// The driver's lateness beyond which its figures are not the server's.
const START_LAG: SignedDuration = SignedDuration::from_millis(10);

/// What counts as good in a storm. Each is optional.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct StormThresholds {
    /// Least share of the users who arrived that get in, in percent.
    #[schemars(range(min = 0.0, max = 100.0))]
    pub users_in_percent: Option<f64>,
    /// From the start of the storm's phase until the last user is in.
    #[schemars(schema_with = "limit")]
    pub last_user_in: Option<SignedDuration>,
    /// From the start of the storm's phase until the last user can read and write.
    #[schemars(schema_with = "limit")]
    pub last_user_usable: Option<SignedDuration>,
    /// From the moment at which users want to log in until they are in, over all their attempts.
    pub login: LoginThresholds,
    /// Response times by kind of call.
    #[schemars(schema_with = "calls_schema")]
    pub calls: CallThresholds,
    /// Most calls other than logins that failed, in percent of those.
    #[schemars(range(min = 0.0, max = 100.0))]
    pub error_rate_percent: Option<f64>,
    /// From the loss of a websocket until there is one again.
    pub reconnected: ReturnThresholds,
    /// From the loss of a websocket until all calls that follow it are answered.
    pub caught_up: ReturnThresholds,
    /// From each event of the scenario, and each phase `drop`, until the rig is as before.
    pub recovery: RecoveryThresholds,
    /// Most lateness of the agents themselves, 99th percentile: beyond it the other figures are not
    /// the server's alone.
    #[schemars(schema_with = "limit")]
    pub start_lag_p99: SignedDuration,
}

impl Default for StormThresholds {
    fn default() -> Self {
        Self {
            users_in_percent: None,
            last_user_in: None,
            last_user_usable: None,
            login: LoginThresholds::default(),
            calls: CallThresholds::default(),
            error_rate_percent: None,
            reconnected: ReturnThresholds::default(),
            caught_up: ReturnThresholds::default(),
            recovery: RecoveryThresholds::default(),
            start_lag_p99: START_LAG,
        }
    }
}

/// Longest times until users are in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LoginThresholds {
    /// Half of them.
    #[schemars(schema_with = "limit")]
    pub p50: Option<SignedDuration>,
    /// 95th percentile.
    #[schemars(schema_with = "limit")]
    pub p95: Option<SignedDuration>,
    /// 99th percentile.
    #[schemars(schema_with = "limit")]
    pub p99: Option<SignedDuration>,
    /// All of them.
    #[schemars(schema_with = "limit")]
    pub max: Option<SignedDuration>,
}

/// Longest times from the loss of a websocket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ReturnThresholds {
    /// 99th percentile.
    #[schemars(schema_with = "limit")]
    pub p99: Option<SignedDuration>,
    /// The last one.
    #[schemars(schema_with = "limit")]
    pub last: Option<SignedDuration>,
}

impl ReturnThresholds {
    /// Whether there is any.
    pub(super) fn is_given(&self) -> bool {
        self.p99.or(self.last).is_some()
    }
}

/// Longest times from an event or a phase `drop` until the rig is as before. Each is held to them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RecoveryThresholds {
    /// Until the clients that lost a websocket have one again.
    pub connected: ReturnThresholds,
    /// Until all calls that follow are answered.
    pub caught_up: ReturnThresholds,
    /// Until no more than `error_rate_percent` of the calls of any second fail.
    #[schemars(schema_with = "limit")]
    pub errors: Option<SignedDuration>,
    /// Most calls of a second that fail in a rig that has recovered, in percent of those.
    #[schemars(range(min = 0.0, max = 100.0))]
    pub error_rate_percent: f64,
}

impl Default for RecoveryThresholds {
    fn default() -> Self {
        Self {
            connected: ReturnThresholds::default(),
            caught_up: ReturnThresholds::default(),
            errors: None,
            error_rate_percent: DISTURBED_PERCENT,
        }
    }
}

/// Longest response times by kind of call.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CallThresholds {
    /// All calls together, other than logins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub others: Option<LatencyLimit>,
    /// Each kind of call by its name.
    #[serde(flatten)]
    pub by_call: BTreeMap<ClientCall, LatencyLimit>,
}

/// A limit for each kind of call, and for all others than logins together.
fn calls_schema(generator: &mut SchemaGenerator) -> Schema {
    let limit = Value::from(generator.subschema_for::<LatencyLimit>());
    let names = ClientCall::ALL.iter().map(|call| call.as_str());
    let limits: Map<String, Value> = std::iter::once("others")
        .chain(names)
        .map(|name| (name.to_owned(), limit.clone()))
        .collect();
    json_schema!({
        "description": "Response times by kind of call.",
        "type": "object",
        "properties": limits,
        "additionalProperties": false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_of_calls_are_named_by_their_calls() {
        let text = r#"{"others": {"p95": "1s"}, "create-post": {"p99": "2s"}}"#;
        let calls: CallThresholds = serde_json::from_str(text).unwrap();
        let limit = calls.by_call[&ClientCall::CreatePost];
        assert_eq!(limit.p99, Some(SignedDuration::from_secs(2)));
        assert!(calls.others.is_some());
        let stored = serde_json::to_string(&calls).unwrap();
        let again: CallThresholds = serde_json::from_str(&stored).unwrap();
        assert_eq!(again, calls);
    }
}
