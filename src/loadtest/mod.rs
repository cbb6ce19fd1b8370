//! Drives load through a rig and judges what comes back.
//!
//! The agent's half runs on agent hosts and knows the proxy's URL alone; the operator's
//! half starts agents through a trait, merges what they measured and holds it against the
//! scenario's thresholds.

pub mod agent;
mod agent_state;
mod api;
mod cross_node;
mod deliveries;
mod entrance;
mod load_run;
mod login_times;
mod population;
mod promises;
mod result;
mod rig_events;
mod run;
mod sampling;
mod scenario;
mod socket;
mod steps;
pub mod storm;
mod tally;
mod targets;
mod task;
mod users;
mod wire;

pub use load_run::LoadRun;
pub use login_times::{LoginTimes, time_logins};
pub use population::{
    ACCOUNT_PREFIX, AccountHash, DatabaseFailure, PopulationChange, PopulationError,
    SeededPopulation, ServerDatabase, WantedPopulation, invalidate_caches, seed,
};
pub use promises::{
    JoinError, JoinPeer, JoinPlan, NodeJoin, PlannedLicense, Promise, PromiseJobServer,
    PromiseMail, PromiseMailbox, PromiseNode, PromisePlan, PromisePlugin, PromiseVerdict,
    ReaderAccess, check_joined, check_promises, known_addresses,
};
pub use result::{ActionSummary, RESULT_FORMAT, ScenarioResult, StoreError};
pub use rig_events::{
    EventNotes, LOSS_PROGRAM, arm_loss, claim_event, clear_events, collect_event, finish_event,
};
pub use run::{AgentHost, LoadTest, LoadTestError};
pub use sampling::{HostPoint, HostSampler, HostSeries, SampledHost, SamplingError, SeriesError};
pub use scenario::{
    AccountShare, ArrivingPhase, BurstPhase, CallThresholds, DecayTime, DrainPhase, DropPhase,
    EventAction, HoldPhase, LatencyLimit, LoginThresholds, NodeLoss, PhaseShape, Population,
    ProxyLoss, RampPhase, RecoveryThresholds, ReturnThresholds, Scenario, ScenarioEngine,
    ScenarioEvent, ScenarioPhase, ServiceLoss, SmokeScenario, StepPhase, Steps, StormClient,
    StormDisturbance, StormOverrideError, StormOverrides, StormRetry, StormScenario,
    StormThresholds, StormTooMany, Thresholds, WithoutOptions, scenario_schema,
};
pub use tally::{ErrorSample, HistogramError, Latencies, Tallies, Tally, UserAction};
pub use targets::{ExpectedTarget, MetricsHost};
pub use task::AgentTask;
pub use wire::{
    Admin, AgentHostError, AgentLine, AgentPlan, AgentProgress, AgentResult, Check, EntranceRoute,
    FORMAT, Password, RigEntrance, ServerInfo,
};
