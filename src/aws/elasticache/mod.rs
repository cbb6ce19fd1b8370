//! The cache.

pub(in crate::aws) mod cache;
mod scale;
mod subnets;
mod tags;
