//! Questions, as values: what is to be agreed to before anything changes.

use crate::engine::{Account, Lease};
use crate::plan::Change;
use crate::preflight::Finding;

use super::plan::PlanReview;
use crate::ops::error::Declined;

/// Something to be agreed to.
#[derive(Debug)]
pub enum Question<'a> {
    /// Carry out a plan.
    Apply(&'a PlanReview),
    /// Carry a plan out although some checks could not be made.
    Unchecked(&'a [&'a Finding]),
    /// Remove an environment.
    Remove {
        /// Name of the environment.
        environment: &'a str,
        /// Account and region that it is removed from.
        account: &'a Account,
        /// What is removed, and what is kept.
        changes: &'a [Change],
        /// Whether final snapshots or files stay.
        keeps_data: bool,
    },
    /// Take a lock from its holder.
    BreakLock {
        /// The lease that is broken.
        lease: &'a Lease,
        /// The lease, for people, at the store's time.
        described: &'a str,
        /// How long this run waits for the holder's calls at the most, seconds.
        wait_seconds: u64,
        /// Whether the caller named the holder beforehand.
        is_named: bool,
    },
    /// Create a canary and remove it.
    Canary {
        /// Account and region that it is created in.
        account: &'a Account,
        /// Its name.
        canary: &'a str,
        /// How many resources it has.
        resources: usize,
        /// What a host of it may cost, US dollars; without one it has none.
        spend: Option<f64>,
    },
    /// Remove an environment that the demo did not create.
    RemoveEarlier {
        /// Name of the environment.
        environment: &'a str,
        /// How many resources of it exist.
        resources: usize,
    },
    /// Remove the files of old runs from this machine.
    PruneRuns {
        /// Name of the environment.
        environment: &'a str,
        /// Names of the runs.
        runs: &'a [String],
    },
    /// Remove the registry's bucket.
    RemoveRegistry {
        /// Name of the bucket.
        bucket: &'a str,
    },
}

/// Whoever answers questions.
pub trait Confirm: Send + Sync {
    /// Comes back when the answer is yes.
    ///
    /// # Errors
    /// When it is no, or cannot be asked for.
    fn confirm(&self, question: &Question<'_>) -> Result<(), Declined>;

    /// Whether anybody looks at what is asked: if not, nothing is found out for that alone.
    fn is_asked(&self) -> bool {
        true
    }
}
