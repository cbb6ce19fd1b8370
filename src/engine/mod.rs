//! Walks a plan: starts what is ready, waits, retries, reports, stops on request.
//!
//! Knows clouds and hosts only through their traits.

mod apply;
mod attempts;
mod cloud;
mod context;
mod cut_off;
mod hosts;
mod lease;
mod lock;
mod permit;
mod poll;
mod remove;
mod resource;
mod rollout;
mod service_roles;
mod settle;
mod store_clock;
mod task;
mod task_graph;
mod unreachable_host;
mod wait;
mod walk;

pub use crate::plan::{Inventory, Observed, Snapshot, State};
pub use attempts::Attempts;
pub use cloud::{
    Account, Blocker, Cloud, CloudError, FailureClass, Kept, LeftoverCheck, Request, SecretInputs,
    is_credential_code,
};
pub use context::{Engine, SharedInventory};
pub use hosts::{HostCondition, HostRequest, Hosts, NodePeers};
pub use lease::{
    Condition, Holder, Lease, LeaseStore, LockError, ObjectVersion, Timestamped, describe_lease,
    environment_of_lease,
};
pub use lock::{
    AcquireOptions, HeldLease, delete_expired_lease, longest_wait_after_break, read_lease,
    take_back_lease,
};
pub use permit::Permit;
pub use poll::Poller;
pub use task::{Finished, Task, TaskError};
pub use walk::{Urgency, WalkReport, walk};
