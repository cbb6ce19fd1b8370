//! What each step looks at before it changes anything: is the environment still ours?

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::watch;
use tokio::time::Instant;

use crate::engine::cloud::{CloudError, FailureClass};

/// What a step has to see before it changes anything: is the lease still ours?
///
/// Without a lease (tests, commands that change nothing) it always holds.
#[derive(Clone, Debug, Default)]
pub struct Permit {
    standing: Option<watch::Receiver<Standing>>,
    used: Arc<AtomicBool>,
}

impl Permit {
    pub(super) fn of(standing: watch::Receiver<Standing>) -> Self {
        Self {
            standing: Some(standing),
            used: Arc::default(),
        }
    }

    /// Whether any step asked.
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
        let Some(standing) = &self.standing else {
            return Ok(());
        };
        let standing = standing.borrow();
        if standing.lost.is_none() && Instant::now() < standing.valid_until {
            return Ok(());
        }
        Err(CloudError {
            operation: "lock".to_owned(),
            target: "the environment".to_owned(),
            code: "LeaseLost".to_owned(),
            message: standing
                .lost
                .clone()
                .unwrap_or_else(|| "the lease could not be renewed in time".to_owned()),
            request_id: None,
            class: FailureClass::Terminal,
        })
    }
}

/// How a held lease stands.
#[derive(Clone, Debug)]
pub(super) struct Standing {
    /// Until then nobody else can have it, by this process's own steady clock.
    pub(super) valid_until: Instant,
    /// How it was lost.
    pub(super) lost: Option<String>,
}
