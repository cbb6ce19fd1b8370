//! A scenario of either engine.

use super::smoke::SmokeScenario;
use super::storm::StormScenario;

/// A scenario, as read and checked.
#[derive(Clone, Debug, PartialEq)]
pub enum Scenario {
    /// Does the whole rig work?
    Smoke(Box<SmokeScenario>),
    /// How does it stand many users at once?
    Storm(Box<StormScenario>),
}

impl Scenario {
    /// Its name, as given to `loadrig test`.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Scenario::Smoke(smoke) => &smoke.name,
            Scenario::Storm(storm) => &storm.name,
        }
    }

    /// Simulated users over all agents.
    #[must_use]
    pub fn users(&self) -> u32 {
        match self {
            Scenario::Smoke(smoke) => smoke.users,
            Scenario::Storm(storm) => storm.users,
        }
    }
}
