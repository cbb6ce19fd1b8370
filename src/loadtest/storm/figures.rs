//! What is kept of a storm: what agents measured, what hosts did, what was expected.

use loadrig_storm::StormResult;
use serde::{Deserialize, Serialize};

use crate::loadtest::HostSeries;

/// A storm, as it is stored with its verdict.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StormFigures {
    /// What all agents measured together.
    pub storm: StormResult,
    /// The scenario's phases, when they were.
    pub phases: Vec<StormPhaseSpan>,
    /// Times in which an agent was not there.
    #[serde(default)]
    pub gaps: Vec<AgentGap>,
    /// What the rig's hosts did.
    #[serde(default)]
    pub hosts: Vec<HostSeries>,
    /// What was expected; none where nothing could be forecast.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forecast: Option<StormExpectation>,
}

/// When a phase was, milliseconds from the start of the storm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StormPhaseSpan {
    /// The phase's key in the scenario: `storm`, `drain`.
    pub name: String,
    /// Its begin.
    pub begin_ms: u64,
    /// Its end.
    pub end_ms: u64,
}

/// A time in which an agent was not there, milliseconds from the start of the storm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentGap {
    /// The agent.
    pub agent: String,
    /// When it was last heard of.
    pub from_ms: u64,
    /// When it was there again.
    pub to_ms: u64,
    /// Why, as far as it is known.
    pub reason: String,
}

/// What was expected of a storm before it began: nine of ten storms are between the two ends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StormExpectation {
    /// Seconds from the start, and the least and the most users who are in by then.
    pub users_in: Vec<(f64, f64, f64)>,
    /// When the last user is in, seconds: the least, the median, the most.
    pub last_in: (f64, f64, f64),
    /// Share of the storms that collapse, 0 to 1.
    pub collapsed: f64,
}
