//! What each step checks before it changes anything: is the environment still ours?

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::watch;
use tokio::time::Instant;

use crate::engine::cloud::CloudError;

/// The right to change the environment, as long as the lease is held.
///
/// Checked before every call that changes something, not once at the start: a laptop that slept
/// through the end of its lease must not carry on with its plan when it wakes up. Without a
/// lease (tests, commands that change nothing) it is always granted.
#[derive(Clone, Debug, Default)]
pub struct Permit {
    status: Option<watch::Receiver<LeaseStatus>>,
    used: Arc<AtomicBool>,
}

impl Permit {
    pub(super) fn of(status: watch::Receiver<LeaseStatus>) -> Self {
        Self {
            status: Some(status),
            used: Arc::default(),
        }
    }

    /// Whether any step checked it, so whether anything may have been changed.
    #[must_use]
    pub fn was_used(&self) -> bool {
        self.used.load(Ordering::Relaxed)
    }

    /// Refuses when the lease is lost, or so old that somebody else may have taken it over.
    ///
    /// # Errors
    /// A terminal one: the run has to stop.
    pub fn check(&self) -> Result<(), CloudError> {
        self.used.store(true, Ordering::Relaxed);
        let Some(status) = &self.status else {
            return Ok(());
        };
        let status = status.borrow();
        if status.lost.is_none() && Instant::now() < status.valid_until {
            return Ok(());
        }
        let lost = status.lost.clone();
        let message = lost.unwrap_or_else(|| "the lease could not be renewed in time".to_owned());
        Err(CloudError::without_answer(
            "lock",
            "the environment",
            "LeaseLost",
            message,
        ))
    }
}

/// Whether a lease is still held.
#[derive(Clone, Debug)]
pub(super) struct LeaseStatus {
    /// Nobody else can hold it before this time of this process's own steady clock.
    pub(super) valid_until: Instant,
    /// How it was lost.
    pub(super) lost: Option<String>,
}
