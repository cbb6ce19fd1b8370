//! Is the rig what the plan says, and does it work?

mod balancer;
mod check;
mod probe;
mod run;

pub use check::RigCheck;
pub use probe::HostState;
pub(super) use probe::host_states;
pub use run::{VerifyReport, run, verify};
