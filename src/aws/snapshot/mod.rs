//! What exists, read in bulk.

pub(in crate::aws) mod bulk;
pub(in crate::aws) mod environments;
pub(in crate::aws) mod read;
