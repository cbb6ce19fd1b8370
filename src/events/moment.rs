//! What a storm is like in one second.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What all agents of a storm said of one second. Counts are of the storm so far, rates and times of
/// this second; a time is none where nothing ended in it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StormMoment {
    /// The second, from the start of the storm.
    pub second: u64,
    /// Name of the phase.
    pub phase: String,
    /// Agents that said something of this second; of the others their last counts are in.
    pub agents: u64,
    /// Users whose moment to arrive has come.
    pub offered: u64,
    /// The same in this second.
    pub offered_per_second: f64,
    /// Users who have logged in.
    pub users_in: u64,
    /// The same in this second.
    pub achieved_per_second: f64,
    /// Users who have arrived, are not in and have not given up.
    pub waiting: u64,
    /// Users who can read and write.
    pub usable: u64,
    /// Websockets that are open.
    pub websockets: u64,
    /// Attempts to log in.
    pub attempts: u64,
    /// Those that were refused with HTTP 429.
    pub refused: u64,
    /// Those that clients hung up on.
    pub abandoned: u64,
    /// Calls that ended.
    pub calls: u64,
    /// Those that failed, by class.
    pub errors: BTreeMap<String, u64>,
    /// Response time of a login, median, milliseconds.
    pub login_p50_ms: Option<f64>,
    /// The 95th percentile.
    pub login_p95_ms: Option<f64>,
    /// The 99th percentile.
    pub login_p99_ms: Option<f64>,
    /// Response time of all other calls, median, milliseconds.
    #[serde(default)]
    pub others_p50_ms: Option<f64>,
    /// The 95th percentile.
    pub others_p95_ms: Option<f64>,
    /// The 99th percentile.
    #[serde(default)]
    pub others_p99_ms: Option<f64>,
    /// How late agents started calls, 99th percentile, milliseconds.
    pub start_lag_p99_ms: Option<f64>,
    /// Share of its processors that each host of the rig has in use, 0 to 1, by its newest sample.
    /// Hosts whose samples do not arrive are left out, as are all in seconds that are long past, which whoever
    /// comes back to a storm is told first.
    #[serde(default)]
    pub cpu: BTreeMap<String, f64>,
    /// How many times as fast as planned users arrive, where somebody changed that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pace: Option<f64>,
    /// How long it takes by the forecast until the last user is in, or after websockets broke until the
    /// last has caught up, whichever is later; none where nothing was forecast, or it was not seen to come.
    #[serde(default)]
    pub time_left: Option<TimeLeft>,
    /// What the verdict would be.
    #[serde(default)]
    pub verdict: LiveVerdict,
}

/// How long something still takes by a forecast, in seconds: nine of ten are between the two ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TimeLeft {
    /// The least.
    pub low_s: f64,
    /// The median.
    pub median_s: f64,
    /// The most.
    pub high_s: f64,
}

/// What the verdict of a storm would be by what is known of it so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveVerdict {
    /// Thresholds that are missed, or will be by the forecast, as the result's checks name them.
    pub missed: Vec<String>,
    /// Thresholds of which nothing is known before the end.
    pub open: usize,
}

impl LiveVerdict {
    /// Whether nothing is missed by now.
    #[must_use]
    pub fn would_pass(&self) -> bool {
        self.missed.is_empty()
    }
}
