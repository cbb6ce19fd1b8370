//! The bucket of files, and the registry of environments and leases.

pub(in crate::aws) mod bucket;
pub(in crate::aws) mod registry;
pub(in crate::aws) mod removal;
pub(in crate::aws) mod settings;
