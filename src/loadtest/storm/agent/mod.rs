//! The detached agent: a worker that carries its part of a storm out whether or not anybody is
//! connected, and what reads its files and talks to it.
//!
//! Runs on the agent host. Knows the proxy's URL and the files of its own directory: no AWS, no SSH.

mod control;
mod directory;
mod error;
mod follow;
mod journal;
mod open_files;
mod start;
mod work;

pub use control::control;
pub use directory::StormDirectory;
pub use error::StormAgentError;
pub use follow::follow;
pub use start::{BareWorker, WorkerStarter, WorkerUnit, start};
pub use work::work;
