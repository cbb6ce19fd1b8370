//! The whole job on this machine: local cloud, rig, scenario, report, removal, proof.

#[cfg(target_os = "linux")]
mod drive;
#[cfg(target_os = "linux")]
mod failure;
#[cfg(target_os = "linux")]
mod official;
mod result;

#[cfg(target_os = "linux")]
pub use drive::demo;
#[cfg(target_os = "linux")]
pub use official::official_environment;
pub use result::{DemoOptions, DemoReport};
