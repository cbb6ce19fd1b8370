//! Storms: thousands of users who do what Mattermost's web client does, from agents that go on
//! without the operator.
//!
//! [`agent`] is the half that runs on agent hosts.

pub mod agent;
mod figures;
mod wire;

pub use figures::{AgentGap, StormExpectation, StormFigures, StormPhaseSpan};
pub use wire::{
    DetachedStorm, STORM_ORDER_FORMAT, StandingStage, StormAgentLine, StormAnswer, StormGap,
    StormOrder, StormOutcome, StormStanding, StormWord,
};
