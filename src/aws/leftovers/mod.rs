//! The proof that nothing of an environment is left.

pub(in crate::aws) mod databases;
pub(in crate::aws) mod search;
