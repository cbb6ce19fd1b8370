//! Answers to what can be known before anything is changed: quotas, offers, permissions, snapshots.

pub(in crate::aws) mod dry_runs;
pub(in crate::aws) mod names;
pub(in crate::aws) mod offers;
pub(in crate::aws) mod permissions;
pub(in crate::aws) mod quotas;
pub(in crate::aws) mod region;
pub(in crate::aws) mod restorable;
