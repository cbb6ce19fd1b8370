//! Walks a plan: starts what is ready, waits, retries, reports, stops when told.
//!
//! Knows clouds and hosts only through their traits.

mod cloud;

pub use cloud::{
    Account, Cloud, CloudError, FailureClass, Looked, Observed, Request, SecretInputs, Snapshot,
    State,
};
