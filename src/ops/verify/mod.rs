//! Is the rig what the plan says, and does it work?

mod balancer;
mod certificate;
mod check;
mod probe;
mod promised;
mod run;
mod ways;

pub use check::RigCheck;
pub use probe::HostState;
pub(super) use probe::host_states;
pub(super) use promised::administrator;
pub use run::{VerifyReport, run, verify};
