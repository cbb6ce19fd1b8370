//! The private DNS zone.

pub(in crate::aws) mod changes;
mod sync;
pub(in crate::aws) mod zone;
