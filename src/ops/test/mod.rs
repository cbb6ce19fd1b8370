//! Runs scenarios on a rig that is up.

mod fail_over;
mod outcome;
mod reconnects;
mod rig_events;
mod rolling_restart;
mod smoke;
mod storm;

pub use outcome::TestReport;
pub use smoke::test;
pub use storm::{StormEnd, StormWatch, attach_storm, pace_storm, run_storm, stop_storm};
