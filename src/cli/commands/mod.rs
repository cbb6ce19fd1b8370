//! One file per command, or per family of small ones.

pub(super) mod agent;
pub(super) mod architectures;
pub(super) mod bundle;
pub(super) mod compare;
pub(super) mod credentials;
pub(super) mod demo;
pub(super) mod doctor;
pub(super) mod down;
pub(super) mod files;
pub(super) mod history;
pub(super) mod iam_policy;
pub(super) mod list;
pub(super) mod local;
pub(super) mod measure_hash;
pub(super) mod plan;
pub(super) mod predict;
pub(super) mod registry;
pub(super) mod report;
pub(super) mod runs;
pub(super) mod search_proxy;
pub(super) mod ssh;
pub(super) mod status;
pub(super) mod test;
pub(super) mod tunnel;
pub(super) mod up;
pub(super) mod verify;
