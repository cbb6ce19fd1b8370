//! The whole job on this machine: local cloud, rig, scenario, report, removal, proof.

#[cfg(target_os = "linux")]
mod drive;
#[cfg(target_os = "linux")]
mod failure;
mod result;

#[cfg(target_os = "linux")]
pub use drive::demo;
pub use result::{DemoOptions, DemoReport};
