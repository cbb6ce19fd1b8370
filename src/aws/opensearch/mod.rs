//! The search domain.

pub(in crate::aws) mod domain;
pub(in crate::aws) mod status;
