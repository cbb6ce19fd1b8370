//! Whether requests can be sent at all at the moment. While they cannot, they fail at once, so that
//! whoever has several search proxies loses no time with one that is of no use; the domain is asked in
//! the background until it answers.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use super::failure::ForwardFailure;

/// What is known of the way to the domain.
#[derive(Default)]
pub(super) struct Outage(Mutex<WayToDomain>);

#[derive(Default)]
struct WayToDomain {
    /// Why nothing can be sent.
    blocked: Option<ForwardFailure>,
    /// When the domain last answered.
    answered: Option<Instant>,
}

impl Outage {
    /// Why nothing can be sent at the moment.
    pub(super) fn present(&self) -> Option<ForwardFailure> {
        self.way().blocked.clone()
    }

    /// The domain has answered.
    pub(super) fn ends(&self) {
        *self.way() = WayToDomain {
            blocked: None,
            answered: Some(Instant::now()),
        };
    }

    /// A request that came at `since` could not be sent. Whether that is the begin of an outage: it is none
    /// while others are answered, over connections that exist.
    pub(super) fn begins(&self, failure: &ForwardFailure, since: Instant) -> bool {
        let mut way = self.way();
        if way.blocked.is_some() || way.answered.is_some_and(|at| at >= since) {
            return false;
        }
        way.blocked = Some(failure.clone());
        true
    }

    fn way(&self) -> MutexGuard<'_, WayToDomain> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_outage_begins_once_and_not_while_others_are_answered() {
        let outage = Outage::default();
        let failure = ForwardFailure::Unreachable("refused".to_owned());
        let since = Instant::now();
        tokio::time::advance(Duration::from_secs(1)).await;
        outage.ends();
        assert!(!outage.begins(&failure, since));
        assert!(outage.present().is_none());

        tokio::time::advance(Duration::from_secs(1)).await;
        let since = Instant::now();
        assert!(outage.begins(&failure, since));
        assert!(!outage.begins(&failure, since));
        let reason = outage.present().map(|failure| failure.reason());
        assert!(reason.unwrap().ends_with("refused"));
        outage.ends();
        assert!(outage.present().is_none());
    }
}
