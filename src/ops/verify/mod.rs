//! Is the rig what the plan says, and does it work?

mod balancer;
mod probe;
mod run;

pub use probe::HostState;
pub(super) use probe::host_states;
pub use run::{RigCheck, VerifyReport, run, verify};
