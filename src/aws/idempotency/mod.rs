//! Creations that may be repeated: what a name that is taken means, and what to do when the
//! answer was lost.

pub(in crate::aws) mod named;
pub(in crate::aws) mod unknown_outcome;
