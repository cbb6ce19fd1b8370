//! Changes that not every name server has yet.
//!
//! Route 53 answers a change with `PENDING` and carries it to its name servers within about a
//! minute (`ChangeInfo` of the Amazon Route 53 API Reference). A resolver that asks too early learns
//! that the name does not exist, and remembers that for as long as the zone's SOA record says. So a
//! zone or its records are not ready before the change is `INSYNC`. Only the answer to the call
//! names the change: a later process does not know of it, and takes the zone for ready.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_sdk_route53::types::{ChangeInfo, ChangeStatus};
use tokio::time::Instant;

use crate::blueprint::Kind;
use crate::engine::{Observed, State};

/// How often a change is asked for: Route 53 takes five calls a second from the whole account.
const INTERVAL: Duration = Duration::from_secs(5);

#[derive(Debug)]
struct UnsyncedChange {
    change: String,
    asked: Instant,
    /// What changes, as it will be.
    seen: Observed,
}

/// The changes of this process that are on their way, by environment and kind.
#[derive(Debug, Default)]
pub(in crate::aws) struct ZoneChanges(Mutex<BTreeMap<(String, Kind), UnsyncedChange>>);

impl ZoneChanges {
    /// The zone or its records after a change: not ready while it is on its way.
    pub(in crate::aws) fn note(
        &self,
        environment: &str,
        mut seen: Observed,
        change: Option<&ChangeInfo>,
    ) -> Observed {
        let Some(change) = change.filter(|change| change.status == ChangeStatus::Pending) else {
            return seen;
        };
        seen.state = State::Pending;
        "pending".clone_into(&mut seen.status);
        let pending = UnsyncedChange {
            change: bare(&change.id),
            asked: Instant::now(),
            seen: seen.clone(),
        };
        let key = (environment.to_owned(), seen.kind);
        self.lock().insert(key, pending);
        seen
    }

    /// A change that is on its way and has not been asked for lately: its name. Otherwise what
    /// changes, or nothing when nothing does.
    pub(in crate::aws) fn next_look(&self, environment: &str, kind: Kind) -> Look {
        let key = (environment.to_owned(), kind);
        let mut changes = self.lock();
        match changes.get_mut(&key) {
            None => Look::Synced,
            Some(change) if change.asked.elapsed() < INTERVAL => {
                Look::Unsynced(change.seen.clone())
            }
            Some(change) => {
                change.asked = Instant::now();
                Look::Ask(change.change.clone())
            }
        }
    }

    /// What Route 53 says of a change: what changes, while it is on its way.
    pub(in crate::aws) fn answered(
        &self,
        environment: &str,
        kind: Kind,
        change: Option<&ChangeInfo>,
    ) -> Option<Observed> {
        let key = (environment.to_owned(), kind);
        let mut changes = self.lock();
        if change.is_some_and(|change| change.status == ChangeStatus::Pending) {
            return changes.get(&key).map(|change| change.seen.clone());
        }
        changes.remove(&key);
        None
    }

    /// Forgets the changes of a zone that is deleted.
    pub(in crate::aws) fn forget(&self, zone: &str) {
        self.lock().retain(|_, pending| pending.seen.id != zone);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<(String, Kind), UnsyncedChange>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What to do to learn whether a change is everywhere.
pub(in crate::aws) enum Look {
    /// Nothing is on its way.
    Synced,
    /// This is, as far as is known.
    Unsynced(Observed),
    /// Ask for this change.
    Ask(String),
}

/// Ids come with and without their kind, as in `/hostedzone/Z1` and `/change/C1`.
pub(in crate::aws) fn bare(id: &str) -> String {
    id.rsplit('/').next().unwrap_or(id).to_owned()
}
