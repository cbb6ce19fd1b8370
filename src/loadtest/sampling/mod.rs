//! What the rig's hosts do during a run: processors in use, connections, and what the server says
//! of its logins, second by second.
//!
//! A sampler runs on each host for itself, so that a run that nobody watches has figures, too. It
//! is started and read through a trait: nothing here knows SSH.

mod commands;
mod series;

pub use commands::{HostSampler, SampledHost, SamplingError};
pub use series::{HostPoint, HostSeries, SeriesError};
