//! Is the rig what the plan says, and does it work?

mod balancer;
mod causes;
mod certificate;
mod check;
mod entrance_name;
mod inspected;
mod job_server;
mod probe;
mod promised;
mod questions;
mod readers;
mod run;
mod ways;

pub use check::RigCheck;
pub(super) use inspected::{differences, repairs};
pub use probe::HostState;
pub(super) use probe::{host_states, in_time, open};
pub(super) use promised::administrator;
pub use run::{VerifyReport, run, verify};
pub(super) use ways::{Ways, open_ways};
