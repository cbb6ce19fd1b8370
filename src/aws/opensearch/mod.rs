//! The search domain.

pub(in crate::aws) mod domain;
