//! The network, its security groups, and the hosts in it.

pub(in crate::aws) mod adopted;
pub(in crate::aws) mod endpoints;
pub(in crate::aws) mod images;
pub(in crate::aws) mod instance_changes;
pub(in crate::aws) mod instances;
pub(in crate::aws) mod key_pairs;
pub(in crate::aws) mod launch;
pub(in crate::aws) mod nat;
pub(in crate::aws) mod network;
pub(in crate::aws) mod route_tables;
pub(in crate::aws) mod security_groups;
pub(in crate::aws) mod status_checks;
