//! What will happen to one variant of an environment.

use forecast::Range;
use serde::Serialize;

use super::cost::ExtraCost;

/// What will happen to one variant of the environment.
#[derive(Clone, Debug, Serialize)]
pub struct PredictedCase {
    /// What is changed.
    pub change: String,
    /// How the YAML says so; none where nothing of it changes.
    pub yaml: Option<String>,
    /// What it costs more.
    pub cost: ExtraCost,
    /// Seconds within which the users come.
    pub within: f64,
    /// How it goes.
    pub verdict: StormVerdict,
    /// Share of the simulated storms that collapsed.
    pub collapsed: f64,
    /// Users who get in.
    pub logged_in: Range,
    /// Seconds until the last of them is in; none if nobody gets in.
    pub last_in: Option<Range>,
    /// Seconds that half of them wait at the most; none if nobody gets in.
    pub median_wait: Option<Range>,
    /// Seconds from the start until logins are answered at once again; `null` is never, while clients try.
    pub recovered: Range,
    /// Share of the nodes' work that is for clients who have gone.
    pub dead_work: f64,
    /// The most that logins take of the application nodes' processors, as a share, where passwords are at
    /// their dearest.
    pub processors: f64,
    /// Seconds after which the simulation was given up that had not ended by then.
    pub cut_off: Option<f64>,
}

/// How a storm goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum StormVerdict {
    /// Everybody is in soon after the last has come.
    #[serde(rename = "in time")]
    InTime,
    /// Everybody gets in, later than that.
    #[serde(rename = "late")]
    Late,
    /// Some of the simulated storms collapse, fewer than half.
    #[serde(rename = "may collapse")]
    MayCollapse,
    /// The nodes work for clients that have gone: nobody gets in any more, or most of the work is lost.
    #[serde(rename = "collapses")]
    Collapses,
}

impl StormVerdict {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            StormVerdict::InTime => "in time",
            StormVerdict::Late => "late",
            StormVerdict::MayCollapse => "may collapse",
            StormVerdict::Collapses => "collapses",
        }
    }
}

impl PredictedCase {
    /// Whether everybody is in in time.
    #[must_use]
    pub fn passes(&self) -> bool {
        self.verdict == StormVerdict::InTime
    }
}
