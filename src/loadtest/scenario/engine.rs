//! What drives a scenario.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What drives a scenario.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ScenarioEngine {
    /// A few users who do everything once, closed-loop.
    #[default]
    Smoke,
    /// Thousands of web clients in an open model.
    Storm,
}
