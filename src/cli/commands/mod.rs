//! One file per command, or per family of small ones.

pub(crate) mod agent;
pub(crate) mod architectures;
pub(crate) mod bundle;
pub(crate) mod demo;
pub(crate) mod down;
pub(crate) mod files;
pub(crate) mod iam_policy;
pub(crate) mod list;
pub mod local;
pub(crate) mod plan;
pub(crate) mod registry;
pub(crate) mod report;
pub(crate) mod ssh;
pub(crate) mod status;
pub(crate) mod test;
pub(crate) mod tunnel;
pub(crate) mod up;
pub(crate) mod verify;
