//! A run of load on a rig, whichever engine drives it.

use serde::{Deserialize, Serialize};

/// A run of load on a rig: all that somebody needs to know of it who comes from another machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoadRun {
    /// The run of `loadrig` that started it.
    pub run: String,
    /// Name of the environment.
    pub environment: String,
    /// The hosts that drive it, for example `agent-1`.
    pub agents: Vec<String>,
    /// When it begins, milliseconds since 1970. Each host goes by its own clock, so hosts begin as
    /// far apart as their clocks are.
    pub start_ms: u64,
    /// Its hosts stop so many milliseconds after the start.
    pub deadline_ms: u64,
    /// The scenario, as stored results have it.
    pub scenario: serde_json::Value,
}

impl LoadRun {
    /// By when every host has stopped, milliseconds since 1970.
    #[must_use]
    pub fn latest_end_ms(&self) -> u64 {
        self.start_ms.saturating_add(self.deadline_ms)
    }
}
