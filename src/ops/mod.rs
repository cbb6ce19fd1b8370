//! Operations: what the program does, one file or folder for each.
//!
//! An operation takes an options struct and answers with a typed result, or an error that
//! tells its reader what to do ([`Diagnose`](crate::diagnose::Diagnose)). It asks through
//! [`Confirm`], tells what happens through [`Events`](crate::events::Events), and reaches a
//! cloud through [`Adapters`], which the caller wires. It knows no command line and no
//! terminal: the command line is one caller, `examples/rig.rs` is another.
//!
//! What [`Rig::read`] finds is read once per operation and handed on as a value.

pub mod access;
mod adapters;
mod agent_hosts;
mod agent_program;
pub mod bundle;
mod certificate;
mod confirm;
pub mod credentials;
pub mod demo;
pub mod doctor;
pub mod down;
pub mod error;
pub mod files;
mod findings;
pub mod host_changes;
mod hosts;
pub mod iam_policy;
mod key_pair;
pub mod leases;
mod license;
pub mod list;
pub mod local_files;
pub mod lock;
pub mod measure_hash;
pub mod measure_logins;
mod operator;
mod passwords;
mod payload;
pub mod plan;
mod planned_hosts;
pub mod population;
pub mod predict;
pub mod preflight;
pub mod registry;
pub mod report;
pub mod results;
mod rig;
pub mod run_dir;
mod saml;
mod sampling;
pub mod saved_plan;
mod session;
mod ssh_database;
mod standin;
pub mod status;
pub mod test;
pub mod up;
pub mod verify;

pub use adapters::Adapters;
pub use confirm::{Confirm, Question};
pub use error::OpsError;
pub use findings::offline_findings;
pub use rig::{HostAccess, Rig, RigState, Target, describe_caller};
pub use session::Session;
