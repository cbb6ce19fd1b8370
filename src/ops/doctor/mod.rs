//! Tries an account with a canary: a small environment that costs nothing, created, looked at and
//! removed.
//!
//! The canary goes through the same blueprint, plan, engine and removal as every environment, so that
//! what it proves holds for them. Beside it stands what can be asked without creating anything:
//! permissions, dry runs, the roles of services. Whatever goes wrong on the way, what was created is
//! removed; what a run left that was killed is removed by the next one.

mod earlier;
mod host;
mod limits;
mod live;
mod probes;
mod record;
mod result;
mod spend;
mod trial;
mod walked;

pub use host::CanarySsh;
pub use live::{DoctorOptions, live, live_with, new_canary_name};
pub use record::{CanaryRecord, RecordedError};
pub use result::{CanaryArea, CanaryCheck, CanaryReport, CanaryVerdict};
