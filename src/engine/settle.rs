//! When a changed resource counts as ready.
//!
//! RDS answers `available` for some seconds after it accepted a change or a restart, and a change
//! that fails later ends in `available` too, with the old values. Terraform's AWS provider
//! (1a5174b, `internal/service/rds/instance.go`) asks for three such answers in a row, and
//! CloudFormation's handlers for RDS compare and read the database's events.

use std::time::Duration;

use tokio::time::Instant;

use crate::plan::{Difference, Observed, Unsettled};

/// For so long a service may answer with the values of before a change as if nothing were going
/// on. Once it has told of the change, its values are compared as soon as it is ready again.
const VISIBILITY_LAG: Duration = Duration::from_mins(2);

/// The pause between two reads of what is ready already.
pub(super) const READ_INTERVAL: Duration = Duration::from_secs(1);

/// Compares a resource with what it was changed to.
pub(super) type Compare<'a> = &'a (dyn Fn(&Observed) -> Unsettled + Sync);

/// What one read of a ready resource says about its change.
pub(super) enum ChangeStatus {
    /// The change is over.
    Settled,
    /// Nothing can be said yet.
    InProgress,
    /// The change is over and these values are what they were.
    Undone(Vec<Difference>),
}

/// What the reads of a changed resource have shown so far.
pub(super) struct Settling<'a> {
    compare: Compare<'a>,
    /// So many equal reads in a row decide.
    needed: u32,
    since: Instant,
    /// Whether it was seen changing.
    shown: bool,
    as_wanted: u32,
    as_before: u32,
}

impl<'a> Settling<'a> {
    pub(super) fn new(compare: Compare<'a>, needed: u32) -> Self {
        Self {
            compare,
            needed,
            since: Instant::now(),
            shown: false,
            as_wanted: 0,
            as_before: 0,
        }
    }

    /// It is changing.
    pub(super) fn is_changing(&mut self) {
        self.shown = true;
        (self.as_wanted, self.as_before) = (0, 0);
    }

    /// It says that it is ready.
    pub(super) fn is_ready(&mut self, seen: &Observed) -> ChangeStatus {
        let left = (self.compare)(seen).differences;
        if left.is_empty() {
            (self.as_wanted, self.as_before) = (self.as_wanted + 1, 0);
            return match self.as_wanted >= self.needed {
                true => ChangeStatus::Settled,
                false => ChangeStatus::InProgress,
            };
        }
        (self.as_wanted, self.as_before) = (0, self.as_before + 1);
        let over = self.shown || self.since.elapsed() >= VISIBILITY_LAG;
        match over && self.as_before >= self.needed {
            true => ChangeStatus::Undone(left),
            false => ChangeStatus::InProgress,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blueprint::{Address, Attributes, DatabaseRole, Kind};
    use crate::plan::State;

    fn database() -> Observed {
        Observed {
            address: Address::database(DatabaseRole::Writer),
            kind: Kind::Database,
            id: "lr-demo-db-writer".to_owned(),
            state: State::Ready,
            status: "available".to_owned(),
            attributes: Attributes::default(),
        }
    }

    fn old_class(_: &Observed) -> Unsettled {
        let difference = Difference {
            attribute: "class".to_owned(),
            old: "db.r7g.large".to_owned(),
            new: "db.r7g.xlarge".to_owned(),
        };
        Unsettled {
            needs_call: false,
            differences: vec![difference],
        }
    }

    #[tokio::test(start_paused = true)]
    async fn old_values_are_no_failure_before_the_change_shows() {
        let mut settling = Settling::new(&old_class, 3);
        for _ in 0..60 {
            assert!(matches!(
                settling.is_ready(&database()),
                ChangeStatus::InProgress
            ));
            tokio::time::advance(READ_INTERVAL).await;
        }
        settling.is_changing();
        for last in [false, false, true] {
            let verdict = settling.is_ready(&database());
            assert_eq!(matches!(verdict, ChangeStatus::Undone(_)), last);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_change_that_never_shows_is_given_up() {
        let mut settling = Settling::new(&old_class, 3);
        tokio::time::advance(VISIBILITY_LAG).await;
        for last in [false, false, true] {
            let verdict = settling.is_ready(&database());
            assert_eq!(matches!(verdict, ChangeStatus::Undone(_)), last);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn reads_that_are_interrupted_begin_anew() {
        let as_wanted = |_: &Observed| Unsettled::default();
        let mut settling = Settling::new(&as_wanted, 3);
        let mut settled_after = |count| {
            let mut last = false;
            for _ in 0..count {
                last = matches!(settling.is_ready(&database()), ChangeStatus::Settled);
            }
            settling.is_changing();
            last
        };
        assert!(!settled_after(2));
        assert!(!settled_after(2));
        assert!(settled_after(3));
    }
}
