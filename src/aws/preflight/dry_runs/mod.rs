//! Dry runs of EC2's calls, on the resources of a canary.

mod grounds;
mod network;
mod run;
