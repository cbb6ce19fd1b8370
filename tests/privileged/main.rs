//! Tests that need Linux, root, namespaces and the packages that `loadrig local prepare`
//! names. There is one local cloud on a machine, so they take turns, by a lock on one file.
#![allow(
    clippy::expect_used,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a test that cannot go on panics, and what it prints is shown when it fails"
)]
#![cfg(target_os = "linux")]

mod e2e;
mod local_cloud;
