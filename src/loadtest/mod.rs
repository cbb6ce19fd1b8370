//! Drives load through a rig and judges what comes back.
//!
//! The agent's half runs on agent hosts and knows the proxy's URL alone; the operator's
//! half starts agents through a trait, merges what they measured and holds it against the
//! scenario's thresholds.

pub mod agent;
mod api;
mod cross_node;
mod deliveries;
mod result;
mod run;
mod scenario;
mod socket;
mod steps;
mod tally;
mod targets;
mod wire;

pub use result::{ActionSummary, RESULT_FORMAT, ScenarioResult, StoreError};
pub use run::{AgentHost, HostError, LoadTest, LoadTestError};
pub use scenario::{LatencyLimit, Scenario, ScenarioError, Steps, Thresholds};
pub use tally::{Action, ErrorSample, HistogramError, Latencies, Tallies, Tally};
pub use targets::{ExpectedTarget, MetricsHost};
pub use wire::{
    Admin, AgentLine, AgentPlan, AgentResult, Check, FORMAT, Password, Progress, Server,
};
