//! Scenarios: what the simulated users do and what counts as good, read from YAML.
//!
//! Knows files and values only: nothing of agents, servers or the clock.

mod client;
mod durations;
mod engine;
mod event_check;
mod events;
mod file;
mod kind;
mod mix;
mod overrides;
mod phase_check;
mod phases;
mod population;
mod smoke;
mod storm;
mod storm_check;
mod storm_schema;
mod storm_thresholds;

pub use client::{StormClient, StormRetry, StormTooMany};
pub use engine::ScenarioEngine;
pub use events::{
    EventAction, NodeLoss, ProxyLoss, ScenarioEvent, ServiceLoss, StormDisturbance, WithoutOptions,
};
pub use file::scenario_schema;
pub use kind::Scenario;
pub use overrides::{StormOverrideError, StormOverrides};
pub use phases::{
    ArrivingPhase, BurstPhase, DecayTime, DrainPhase, DropPhase, HoldPhase, PhaseShape, RampPhase,
    ScenarioPhase, StepPhase,
};
pub use population::Population;
pub(super) use smoke::{CrossNodeStep, SearchStep, TransferFileStep};
pub use smoke::{LatencyLimit, SmokeScenario, Steps, Thresholds};
pub use storm::{AccountShare, StormScenario};
pub use storm_thresholds::{
    CallThresholds, LoginThresholds, RecoveryThresholds, ReturnThresholds, StormThresholds,
};
