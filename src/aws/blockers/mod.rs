//! Who is in the way of a removal.

pub(in crate::aws) mod find;
pub(in crate::aws) mod vpc;
