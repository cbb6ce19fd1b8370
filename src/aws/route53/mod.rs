//! The private DNS zone.

pub(in crate::aws) mod zone;
