//! How many users a rig carries: a search in trials, as MLRsearch does it (RFC 9971).
//!
//! A trial holds a number of users for a time and says which share of what they did went wrong. One
//! trial proves little: short ones can be lucky, and the same load passes today and fails tomorrow.
//! So loads are classified from all trials that were made at them, coarse questions are asked with
//! short trials before fine ones with long trials, and one search answers several goals at once.
//!
//! Unlike the published library, which begins at the highest load, this search comes from below: a
//! chat server that was overloaded needs time to recover, and would spoil the trials after that.

mod bounds;
mod controller;
mod goal;

pub use bounds::CeilingTrial;
pub use controller::{CeilingSearch, CeilingStep, GoalResult, SearchEnd, SearchPlan};
pub use goal::{GoalError, SearchGoal};
