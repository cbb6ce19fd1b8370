//! Drives load through a rig and judges what comes back.
//!
//! The agent's half runs on agent hosts and knows the proxy's URL alone; the operator's
//! half starts agents through a trait, merges what they measured and holds it against the
//! scenario's thresholds.

pub mod agent;
mod api;
mod cross_node;
mod deliveries;
mod scenario;
mod socket;
mod steps;
mod tally;
mod wire;

pub use scenario::{LatencyLimit, Scenario, ScenarioError, Steps, Thresholds};
pub use tally::{Action, ErrorSample, HistogramError, Latencies, Tallies, Tally};
pub use wire::{
    Admin, AgentLine, AgentPlan, AgentResult, Check, FORMAT, Password, Progress, Server,
};
