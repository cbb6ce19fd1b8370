//! PostgreSQL: instances of RDS, the Aurora cluster, and the groups that they need.

pub(in crate::aws) mod changes;
pub(in crate::aws) mod cluster;
pub(in crate::aws) mod cluster_instances;
pub(in crate::aws) mod events;
pub(in crate::aws) mod failover;
pub(in crate::aws) mod groups;
pub(in crate::aws) mod instances;
pub(in crate::aws) mod removal;
pub(in crate::aws) mod restore;
pub(in crate::aws) mod settings;
pub(in crate::aws) mod storage;
