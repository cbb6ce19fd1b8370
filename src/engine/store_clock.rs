//! The time of the store that holds leases: the clocks of operators play no part.

use jiff::Timestamp;
use tokio::time::Instant;

use crate::engine::lease::after;

/// The store's time, carried on by this process's steady clock.
///
/// It was read somewhere between question and answer, which the SDK's repetitions can keep
/// minutes apart: a lease of one's own has to be judged by the one, a stranger's by the other.
#[derive(Clone, Copy, Debug)]
pub(super) struct StoreClock {
    read: Timestamp,
    asked: Instant,
    answered: Instant,
}

impl StoreClock {
    pub(super) fn of(read: Timestamp, asked: Instant) -> Self {
        Self {
            read,
            asked,
            answered: Instant::now(),
        }
    }

    /// It is no later than this, but for the second that the store leaves out.
    pub(super) fn at_most(self) -> Timestamp {
        after(self.read, self.asked.elapsed())
    }

    /// It is no earlier than this.
    pub(super) fn at_least(self) -> Timestamp {
        after(self.read, self.answered.elapsed())
    }
}
