//! What the operator and a detached agent say to each other: an order on standard input, and what
//! the agent answers, as lines of JSON.
//!
//! An agent outlives the connection that started it, so it also keeps what another operator needs
//! to take its result: which storm it is part of, and how that is judged.

use loadrig_storm::{StormPlan, StormResult, StormSample};
use serde::{Deserialize, Serialize};

use super::error::StormTestError;
use crate::loadtest::load_run::LoadRun;
use crate::loadtest::scenario::StormScenario;
use crate::loadtest::wire::ServerInfo;

/// The format of orders and answers; raised with every change that an old agent cannot read.
pub const STORM_ORDER_FORMAT: u32 = 2;

/// What an agent is to do, and of what that is a part.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StormOrder {
    /// Version of this message, [`STORM_ORDER_FORMAT`]; another one is refused.
    pub format: u32,
    /// The whole storm.
    pub storm: LoadRun,
    /// The agent's own part.
    pub plan: StormPlan,
}

/// The scenario of a storm that is on agents.
///
/// # Errors
/// When the storm is of another version.
pub fn read_storm(run: &LoadRun) -> Result<StormScenario, StormTestError> {
    serde_json::from_value(run.scenario.clone())
        .map_err(|error| StormTestError::Unreadable(error.to_string()))
}

/// How far an agent is with its storm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StatusStage {
    /// It waits for the moment of the start.
    Waiting,
    /// It works.
    Running,
    /// Its program ended before the storm did.
    Interrupted,
    /// It has a result.
    Ended,
}

/// The storm that an agent has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StormStatus {
    /// Which.
    pub storm: LoadRun,
    /// How far it is.
    pub stage: StatusStage,
}

/// What an agent answers when it is asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StormAnswer {
    /// Version of this message, [`STORM_ORDER_FORMAT`].
    pub format: u32,
    /// The agent's clock, milliseconds since 1970.
    pub now_ms: u64,
    /// Its storm: the one that goes on, or the last one.
    pub status: Option<StormStatus>,
}

/// A time in which an agent did not work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StormGap {
    /// Its last checkpoint, milliseconds from the start of the storm: what it did after that is
    /// not known.
    pub from_ms: u64,
    /// When it went on, milliseconds from the start of the storm.
    pub to_ms: u64,
    /// Why.
    pub reason: String,
    /// Users who were to arrive meanwhile. They were not sent late.
    pub lost_users: u64,
}

/// What came of one agent's part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StormOutcome {
    /// It was carried out.
    Done {
        /// The figures.
        result: Box<StormResult>,
        /// Times in which the agent did not work.
        gaps: Vec<StormGap>,
        /// Which server answered before the storm; nothing of one that did not.
        #[serde(default)]
        server: ServerInfo,
    },
    /// It could not be carried out.
    Failed {
        /// Why.
        reason: String,
    },
}

/// What an agent says while it works.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StormMessage {
    /// Where it stands.
    Sample(Box<StormSample>),
    /// It was interrupted, and goes on.
    Gap(StormGap),
    /// What came of it; the last line.
    Outcome(StormOutcome),
}

/// A line of what an agent says. Whoever lost the connection asks for those from the next number on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StormAgentLine {
    /// Its number, from zero.
    pub number: u64,
    /// What it says.
    pub message: StormMessage,
}
