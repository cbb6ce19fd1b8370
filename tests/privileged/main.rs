//! Tests that need Linux, root, namespaces and the packages that `loadrig local prepare`
//! names. There is one local cloud on a machine, so they take turns, by a lock on one file.
#![cfg(target_os = "linux")]

mod e2e;
mod local_cloud;
