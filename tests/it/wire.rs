//! Sweeps at the wire: the real program against the strict cloud before a real emulator,
//! killed at every call, and under failures drawn from seeds. Whatever happens, the same
//! command again has to converge, and `down` has to leave nothing.
//!
//! `cargo test` takes samples. `make kill-sweep` and `make fault-sweep` run all of it.

mod canary;
mod desk;
mod failover;
mod faults;
mod inventory;
mod kill;
mod lane;
mod past;
mod tally;
