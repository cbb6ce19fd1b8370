//! What is kept of a storm: what agents measured, what hosts did, what was expected.

use std::collections::BTreeMap;
use std::time::Duration;

use loadrig_storm::{ClientCall, PhaseTally, StormResult};
use serde::{Deserialize, Serialize};

use super::recovery::EventRecovery;
use crate::loadtest::HostSeries;

/// What came of a storm, over all agents.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StormFigures {
    /// The figures, merged over agents: counts, times, and what happened in each second.
    pub storm: StormResult,
    /// When each phase was, and what was measured in it.
    pub phases: Vec<StormPhaseSpan>,
    /// Times in which an agent did not work.
    pub gaps: Vec<AgentGap>,
    /// What was done to the rig, then the phases in which agents broke websockets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<RigEventRecord>,
    /// Why the figures are not the server's; none when they are. Thresholds then say nothing of the server.
    pub invalid: Option<String>,
    /// What the rig's hosts did.
    #[serde(default)]
    pub hosts: Vec<HostSeries>,
    /// From when on logins were answered at once, milliseconds from the start of the storm; 0 if they always
    /// were, none if they were not at the end.
    #[serde(default)]
    pub logins_recovered_ms: Option<u64>,
    /// What was expected; none where nothing could be forecast.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forecast: Option<StormExpectation>,
}

/// A phase: when it was, milliseconds from the start of the storm, and what was measured in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StormPhaseSpan {
    /// Its name.
    pub name: String,
    /// When the first agent began it.
    pub begin_ms: u64,
    /// When the last agent had done it.
    pub end_ms: u64,
    /// The calls that were to begin in it, by kind.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub calls: BTreeMap<ClientCall, PhaseCallSummary>,
}

/// Calls of one kind in one phase.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PhaseCallSummary {
    /// All of them, failed ones too.
    pub count: u64,
    /// Failed ones.
    pub failed: u64,
    /// Their response times; none where no call was answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<PhaseCallTimes>,
}

/// Response times from the intended start, milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PhaseCallTimes {
    /// The median.
    pub p50_ms: f64,
    /// The 95th percentile.
    pub p95_ms: f64,
    /// The 99th percentile.
    pub p99_ms: f64,
    /// The longest.
    pub max_ms: f64,
}

impl From<&PhaseTally> for PhaseCallSummary {
    fn from(tally: &PhaseTally) -> Self {
        let times = &tally.response;
        let ms = |time: Duration| time.as_secs_f64() * 1000.0;
        Self {
            count: tally.count,
            failed: tally.failed,
            times: (times.count() > 0).then(|| PhaseCallTimes {
                p50_ms: ms(times.quantile(0.5)),
                p95_ms: ms(times.quantile(0.95)),
                p99_ms: ms(times.quantile(0.99)),
                max_ms: ms(times.max()),
            }),
        }
    }
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

/// What was done to the rig, or by agents to their own websockets, and what came of it. Times are
/// milliseconds from the start of the storm, by the clock of the host that wrote them down.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RigEventRecord {
    /// The scenario's word for it; of a phase its name.
    pub action: String,
    /// What was done, for people.
    pub text: String,
    /// When it was to be done: its phase as it came, and the time within it.
    pub planned_ms: u64,
    /// When it was done; none when it was not.
    pub begin_ms: Option<u64>,
    /// When it was over: a service serves again, the last node is back, the database is available.
    pub end_ms: Option<u64>,
    /// What went wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// What it did to clients; none when it was not done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovery: Option<EventRecovery>,
    /// When those who lost a websocket were to be expected back; none where nothing could be forecast.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<ReconnectExpectation>,
    /// Until calls were to be expected to be answered again, milliseconds from the event: as long as it
    /// went on. None where others answer meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_errors_ms: Option<u64>,
}

/// When clients that lost a websocket are to be expected back, milliseconds from the event: the least,
/// the median and the most of nine of ten losses.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReconnectExpectation {
    /// What it goes by besides the web client's pauses, for people.
    #[serde(default)]
    pub basis: String,
    /// 99 % of them are connected again.
    pub connected_p99_ms: (u64, u64, u64),
    /// The last one is.
    pub connected_last_ms: (u64, u64, u64),
    /// 99 % of them have caught up.
    pub caught_up_p99_ms: (u64, u64, u64),
    /// The last one has.
    pub caught_up_last_ms: (u64, u64, u64),
    /// Seconds from the start of the storm, and the least and the most users without a websocket then.
    #[serde(default)]
    pub away: Vec<(f64, f64, f64)>,
    /// The same of those who have not caught up.
    #[serde(default)]
    pub behind: Vec<(f64, f64, f64)>,
}

/// What was expected of a storm before it began: nine of ten storms are between the two ends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StormExpectation {
    /// Seconds from the start, and the least and the most users who are in by then.
    pub users_in: Vec<(f64, f64, f64)>,
    /// When the last user is in, seconds: the least, the median, the most. None where it was not
    /// seen to come.
    pub last_in: Option<(f64, f64, f64)>,
    /// When logins are answered at once again, seconds: the least, the median, the most. None where that was
    /// not seen to come.
    #[serde(default)]
    pub recovered: Option<(f64, f64, f64)>,
    /// Share of the storms that collapse, 0 to 1.
    pub collapsed: f64,
}
