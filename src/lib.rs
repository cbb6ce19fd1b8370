//! loadrig: declarative Mattermost load-test rigs and gold-standard deployments on AWS.
//!
//! `ARCHITECTURE.md` tells how the modules fit together.

pub mod aws;
pub mod blueprint;
pub mod diagnose;
pub mod engine;
pub mod events;
pub mod identity;
pub mod loadtest;
pub mod plan;
pub mod report;
pub mod spec;
