//! loadrig: declarative Mattermost load-test rigs and gold-standard deployments on AWS.
//!
//! `ARCHITECTURE.md` tells how the modules fit together.

pub mod aws;
pub mod blueprint;
pub mod cli;
pub mod diagnose;
pub mod engine;
pub mod events;
pub mod hosts;
pub mod identity;
pub mod loadtest;
#[cfg(target_os = "linux")]
pub mod localcloud;
pub mod ops;
pub mod plan;
pub mod preflight;
pub mod report;
pub mod spec;
