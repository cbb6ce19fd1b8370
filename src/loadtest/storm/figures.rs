//! What is kept of a storm: what agents measured, what hosts did, what was expected.

use loadrig_storm::StormResult;
use serde::{Deserialize, Serialize};

use crate::loadtest::HostSeries;

/// What came of a storm, over all agents.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StormFigures {
    /// The figures, merged over agents: counts, times, and what happened in each second.
    pub storm: StormResult,
    /// When each phase was.
    pub phases: Vec<StormPhaseSpan>,
    /// Times in which an agent did not work.
    pub gaps: Vec<AgentGap>,
    /// Why the figures are not the server's; none when they are. Thresholds then say nothing of the server.
    pub invalid: Option<String>,
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
    /// Its name.
    pub name: String,
    /// When the first agent began it.
    pub begin_ms: u64,
    /// When the last agent had done it.
    pub end_ms: u64,
}

/// A time in which an agent did not work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentGap {
    /// The agent.
    pub agent: String,
    /// Its last checkpoint before it, milliseconds from the start of the storm.
    pub from_ms: u64,
    /// When it went on, milliseconds from the start of the storm.
    pub to_ms: u64,
    /// Why.
    pub reason: String,
    /// Users who were to arrive meanwhile. They were not sent late.
    pub lost_users: u64,
}

/// What was expected of a storm before it began: nine of ten storms are between the two ends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StormExpectation {
    /// Seconds from the start, and the least and the most users who are in by then.
    pub users_in: Vec<(f64, f64, f64)>,
    /// When the last user is in, seconds: the least, the median, the most. None where it was not
    /// seen to come.
    pub last_in: Option<(f64, f64, f64)>,
    /// Share of the storms that collapse, 0 to 1.
    pub collapsed: f64,
}
