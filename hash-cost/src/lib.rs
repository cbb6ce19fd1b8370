//! What a password hash costs the machine that this runs on: the price of a login.
//!
//! [`measure`] times the hashes of Mattermost's servers on one thread and on all processors at once.
//! Knows no server, no file and no environment; all times are seconds.

mod algorithm;
mod machine;
mod timing;

pub use algorithm::TimedHash;
pub use machine::{HashTimings, MachineHashCost, measure};
pub use timing::RepeatTiming;
