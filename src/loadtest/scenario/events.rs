//! What loadrig does to the rig during a storm, and when.

use jiff::SignedDuration;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::spec::{HostName, Role};

use super::durations::{none_up_to_an_hour, phase};
use super::phases::DropPhase;

/// Something that loadrig does to the rig, at a moment of a phase.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScenarioEvent {
    /// Name of the phase, as reports have it: `hold`, or `hold 2` where there are several.
    pub phase: String,
    /// How long after the start of the phase.
    #[serde(default)]
    pub at: SignedDuration,
    /// What is done.
    #[serde(flatten)]
    pub what: EventAction,
}

/// What loadrig can do to a rig.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EventAction {
    /// The server of an application node is killed and stays down for a time.
    LoseNode(NodeLoss),
    /// The proxy's program is killed and stays down for a time.
    LoseProxy(ProxyLoss),
    /// All application nodes are restarted, one after the other, as `up` does it.
    RollingRestart(WithoutOptions),
    /// The database fails over to its standby or reader; one without either is restarted.
    FailOverDatabase(WithoutOptions),
}

/// The loss of an application node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NodeLoss {
    /// Number of the node: 2 is `app-2`.
    #[serde(default = "first")]
    #[schemars(range(min = 1, max = 200))]
    pub node: u32,
    /// How long it stays down; until the end of the storm if it is left out.
    #[serde(default, rename = "for", skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "phase")]
    pub down: Option<SignedDuration>,
}

/// The loss of a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProxyLoss {
    /// Number of the proxy: 2 is `proxy-2`.
    #[serde(default = "first")]
    #[schemars(range(min = 1, max = 200))]
    pub proxy: u32,
    /// How long it stays down; until the end of the storm if it is left out.
    #[serde(default, rename = "for", skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "phase")]
    pub down: Option<SignedDuration>,
}

/// There is nothing to choose: `{}`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WithoutOptions {}

fn first() -> u32 {
    1
}

/// A service on a host that is killed and kept down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceLoss {
    /// The host.
    pub host: HostName,
    /// The unit of systemd.
    pub unit: &'static str,
    /// How long it stays down; until the end of the storm if there is no time.
    pub down: Option<SignedDuration>,
}

impl EventAction {
    /// The keys in the YAML.
    pub(super) const KEYS: [&'static str; 4] = [
        "lose-node",
        "lose-proxy",
        "rolling-restart",
        "fail-over-database",
    ];

    /// The key in the YAML, by which reports name it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        let [node, proxy, restart, database] = Self::KEYS;
        match self {
            EventAction::LoseNode(_) => node,
            EventAction::LoseProxy(_) => proxy,
            EventAction::RollingRestart(_) => restart,
            EventAction::FailOverDatabase(_) => database,
        }
    }

    /// The service that is lost. An event without one is carried out by whoever follows the storm.
    #[must_use]
    pub fn loss(&self) -> Option<ServiceLoss> {
        let host = |role, index| HostName { role, index };
        match *self {
            EventAction::LoseNode(loss) => Some(ServiceLoss {
                host: host(Role::App, loss.node),
                unit: "mattermost",
                down: loss.down,
            }),
            EventAction::LoseProxy(loss) => Some(ServiceLoss {
                host: host(Role::Proxy, loss.proxy),
                unit: "nginx",
                down: loss.down,
            }),
            EventAction::RollingRestart(_) | EventAction::FailOverDatabase(_) => None,
        }
    }
}

/// What breaks websockets in a storm.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum StormDisturbance {
    /// What loadrig does to the rig in a phase.
    Event {
        /// Index of the phase.
        index: usize,
        /// What is done.
        what: EventAction,
    },
    /// A phase in which agents break their own.
    Drop {
        /// Index of the phase.
        index: usize,
        /// Which, and how fast.
        drop: DropPhase,
    },
}

/// A list of mappings: when, and one thing that is done.
pub(super) fn events_schema(generator: &mut SchemaGenerator) -> Schema {
    let at = none_up_to_an_hour(generator);
    let [node, proxy, restart, database] = EventAction::KEYS;
    json_schema!({
        "description": "What loadrig does to the rig, and when.",
        "type": "array",
        "items": {
            "type": "object",
            "required": ["phase"],
            "properties": {
                "phase": { "type": "string", "description": "The phase in which it is done, as reports name it." },
                "at": at,
                node: generator.subschema_for::<NodeLoss>(),
                proxy: generator.subschema_for::<ProxyLoss>(),
                restart: generator.subschema_for::<WithoutOptions>(),
                database: generator.subschema_for::<WithoutOptions>(),
            },
            "additionalProperties": false,
        },
    })
}
