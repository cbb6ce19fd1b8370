//! Every integration test that needs no privileges, a module for each area. One program, so
//! that the library and the SDK are linked once. What needs root is in `tests/privileged`.
#![allow(
    clippy::expect_used,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a test that cannot go on panics, and what it prints is shown when it fails"
)]

mod acme;
mod architecture;
mod aws;
mod aws_data;
mod cli;
mod commands;
mod common;
#[cfg(target_os = "linux")]
mod connector;
#[cfg(target_os = "linux")]
mod crash;
mod hosts;
mod known_faults;
mod lease;
mod lock;
#[cfg(target_os = "linux")]
mod login_gate;
mod names;
mod network;
#[cfg(target_os = "linux")]
mod nginx;
mod ops;
mod permissions;
mod placement;
mod plan;
mod planning;
#[cfg(target_os = "linux")]
mod population;
mod predict;
mod prices;
#[cfg(target_os = "linux")]
mod promises;
mod refusals;
mod report;
mod results;
#[cfg(target_os = "linux")]
#[allow(dead_code, reason = "the rig is shared with the stand-in's tests")]
#[path = "../../standin/tests/server/rig/mod.rs"]
mod rig;
mod runner;
mod scenario;
mod search_proxy;
#[cfg(target_os = "linux")]
mod search_relay;
mod second_emulator;
mod spec;
mod storm_agents;
#[cfg(target_os = "linux")]
mod storms;
#[cfg(target_os = "linux")]
mod strict;
mod study;
mod survey;
mod unanswered;
#[cfg(target_os = "linux")]
mod wire;
#[cfg(target_os = "linux")]
mod zones;
