//! The cache.

pub(in crate::aws) mod cache;
