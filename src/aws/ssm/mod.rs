//! The environment's seed, a parameter of Systems Manager.

pub(in crate::aws) mod seed;
