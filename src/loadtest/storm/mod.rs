//! Storms: thousands of users who do what Mattermost's web client does, from agents that go on
//! without the operator.
//!
//! [`agent`] is the half that runs on agent hosts. The rest is the operator's: it divides a storm
//! among the agents, starts them, follows them, and holds what came of it against the thresholds.
//! It may come and go, and come back from another machine: all that it needs lies on the agents.

pub mod agent;
mod agents;
mod checks;
mod divide;
mod error;
mod event_checks;
mod figures;
mod follow;
mod live;
mod live_verdict;
mod login_recovery;
mod outlook;
mod recovery;
mod start;
mod verdict;
mod wire;

pub use agents::{FoundStorm, control_storm, find_storm};
pub use divide::{StormAccounts, at_entrances, divide};
pub use error::StormTestError;
pub use figures::{
    AgentGap, PhaseCallSummary, PhaseCallTimes, ReconnectExpectation, RigEventRecord,
    StormExpectation, StormFigures, StormPhaseSpan,
};
pub use follow::{HeardStorm, hear_storm};
pub use live::LiveSources;
pub use outlook::{LoginOutlook, ReturnOutlook, StormOutlook};
pub use recovery::{EventRecovery, ReturnTimes};
pub use start::{StormTest, check_agents, longest_storm};
pub use verdict::error_name;
pub use wire::{
    STORM_ORDER_FORMAT, StatusStage, StormAgentLine, StormAnswer, StormGap, StormMessage,
    StormOrder, StormOutcome, StormStatus, read_storm,
};
