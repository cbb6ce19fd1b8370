//! The difference between what should be and what is, with a reason for every change.
//!
//! Pure: no I/O, no clock, no async. What exists comes in as a snapshot.

mod diff;
mod order;
mod snapshot;

pub use diff::{Action, Change, Difference, Plan, plan, plan_down};
pub use order::deleted_after;
pub use snapshot::{Observed, Snapshot, State};
