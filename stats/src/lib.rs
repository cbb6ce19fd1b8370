//! Statistics of load tests: whether one build is slower than another, since when a figure has
//! changed, and how many users a rig carries.
//!
//! Two runs of the same build differ: hosts, placement, caches and the order of requests all vary.
//! What is said here therefore counts *runs*, never requests, and says how large the noise between
//! runs is.
//!
//! * [`compare`] holds the runs of two builds against each other.
//! * [`change_points`] finds where the level of a series of runs changed, as Apache Otava does.
//! * [`CeilingSearch`] searches for the number of users that a rig carries, in trials.
//!
//! Pure functions of numbers: no file, no clock, no randomness from outside. The same numbers give
//! the same answer on every machine.

mod change_points;
mod compare;
mod distribution;
mod permutation;
mod random;
mod ranks;
mod search;
#[cfg(test)]
mod tests;

pub use change_points::{ChangePoint, Detection, Segment, change_points};
pub use compare::{
    ALARMS, Better, CompareError, ComparisonVerdict, Measure, MeasureFinding, MeasureScale, POWER,
    RunComparison, TestKind, compare,
};
pub use ranks::{Shift, hodges_lehmann, mann_whitney};
pub use search::{
    CeilingSearch, CeilingStep, CeilingTrial, GoalError, GoalResult, SearchEnd, SearchGoal,
    SearchPlan,
};
