//! Creations that may be repeated: whose the result is, and what to do when the answer was lost.

pub(in crate::aws) mod ownership;
pub(in crate::aws) mod unknown_outcome;
