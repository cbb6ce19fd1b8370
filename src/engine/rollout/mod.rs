//! Changes of application nodes that serve users: one node at a time.
//!
//! Whether a node changes is known only once its host was asked, so a step before them asks all
//! of them. Nodes that serve nobody come first, side by side; then each of the others leaves the
//! proxies, changes, and comes back once it is ready. One that does not come back ends that: no
//! other node is touched. What serves nobody yet, as in a first `up`, knows nothing of all this.

mod balancer;
mod edges;
mod error;
mod state;
mod work;

pub(super) use edges::edges;
pub(super) use state::Rollout;
pub(super) use work::{SURVEY, WalkContext};
