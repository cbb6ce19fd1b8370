//! Bytes that requests may take together, of memory or of a disk.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What is left to be taken.
pub(super) struct Budget(Arc<AtomicU64>);

/// What one request has taken; given back when dropped.
pub(super) struct Share {
    left: Arc<AtomicU64>,
    bytes: u64,
}

impl Budget {
    pub(super) fn new(bytes: u64) -> Self {
        Self(Arc::new(AtomicU64::new(bytes)))
    }

    /// A share of nothing yet.
    pub(super) fn share(&self) -> Share {
        Share {
            left: Arc::clone(&self.0),
            bytes: 0,
        }
    }
}

impl Share {
    /// Makes the share so many bytes, if it is smaller. Whether that many were left; else it stays as it
    /// was.
    pub(super) fn grow_to(&mut self, bytes: u64) -> bool {
        let more = bytes.saturating_sub(self.bytes);
        let take = |left: u64| left.checked_sub(more);
        let taken = self
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take);
        if taken.is_ok() {
            self.bytes += more;
        }
        taken.is_ok()
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.left.fetch_add(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_bounded_together_and_given_back() {
        let budget = Budget::new(10);
        let (mut one, mut other) = (budget.share(), budget.share());
        assert!(one.grow_to(6));
        assert!(!other.grow_to(5));
        assert!(other.grow_to(4));
        // It has them already.
        assert!(one.grow_to(6));
        drop(one);
        assert!(other.grow_to(10));
    }
}
