//! What hosts may do: their role, and the profile that gives it to them.

pub(in crate::aws) mod denied_roles;
pub(in crate::aws) mod instance_profile;
pub(in crate::aws) mod role;
pub(in crate::aws) mod service_roles;
pub(in crate::aws) mod tags;
