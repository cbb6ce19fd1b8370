//! The load balancer with its listener, and the target group with its hosts.

mod load_balancer;
pub(in crate::aws) mod raw;
pub(in crate::aws) mod tags;
pub(in crate::aws) mod targets;
