//! What an operation that changes something runs with.

use tokio::sync::watch;

use crate::engine::Urgency;
use crate::events::Events;

use super::confirm::Confirm;

/// Where an operation tells, hears and asks.
#[derive(Clone)]
pub struct Session<'a> {
    /// Hears what happens.
    pub events: &'a Events,
    /// How urgently the caller wants to stop.
    pub stop: watch::Receiver<Urgency>,
    /// Answers questions.
    pub confirm: &'a dyn Confirm,
}

impl std::fmt::Debug for Session<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").finish_non_exhaustive()
    }
}
