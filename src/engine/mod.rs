//! Walks a plan: starts what is ready, waits, retries, reports, stops when told.
//!
//! Knows clouds and hosts only through their traits.

mod apply;
mod cloud;
mod hosts;
mod poll;
mod wait;
mod walk;

pub use crate::plan::{Observed, Snapshot, State};
pub use apply::{Engine, World};
pub use cloud::{Account, Cloud, CloudError, FailureClass, Kept, Looked, Request, SecretInputs};
pub use hosts::{HostRequest, Hosts};
pub use poll::Poller;
pub use walk::{Finished, Task, TaskError, Urgency, WalkReport, walk};
