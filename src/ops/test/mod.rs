//! Runs scenarios on a rig that is up.

mod beside;
mod differing;
mod engine;
mod engines;
mod fail_over;
mod outcome;
mod outlook;
mod reconnects;
mod rig_events;
mod rolling_restart;
mod run;
mod smoke;
mod storm;

pub use engine::RunWatch;
pub(super) use engine::TestSite;
pub use fail_over::fail_over_database;
pub use outcome::TestReport;
pub use run::{PlannedTest, TestEnd, attach_test, run_test, set_rate_factor, stop_test};
