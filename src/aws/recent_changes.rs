//! What this process changed a moment ago, and lists may not show yet.
//!
//! After `UpdateDomainConfig`, `ModifyReplicationGroup` and the like, a list may go on showing the
//! resource as usable for some seconds before it shows it as being changed. Whoever believes the
//! first read goes on while the resource restarts. Terraform's AWS provider does not read for 30 s
//! (caches) or 60 s (domains); here a read counts once it shows what was asked for.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::blueprint::Attributes;
use crate::engine::{Observed, State};

/// For how long a list may not show a change.
const LAG: Duration = Duration::from_mins(1);

#[derive(Debug)]
struct RecentChange {
    since: Instant,
    /// What the service calls the change, if it has names for them.
    name: Option<String>,
    /// What the last call changes.
    step: Attributes,
    /// What the resource should be once all calls are made.
    wanted: Attributes,
}

/// The changes of this process, by the resource's id.
#[derive(Debug, Default)]
pub(in crate::aws) struct RecentChanges(Mutex<BTreeMap<String, RecentChange>>);

impl RecentChanges {
    /// Notes that a call was made: it changes `step`, on the way to `wanted`.
    pub(in crate::aws) fn note(&self, id: &str, step: Attributes, wanted: Attributes) {
        self.note_named(id, None, step, wanted);
    }

    /// The same, with the service's name for the change.
    pub(in crate::aws) fn note_named(
        &self,
        id: &str,
        name: Option<&str>,
        step: Attributes,
        wanted: Attributes,
    ) {
        let change = RecentChange {
            since: Instant::now(),
            name: name.map(str::to_owned),
            step,
            wanted,
        };
        self.lock().insert(id.to_owned(), change);
    }

    /// The resource as a list shows it, if that can be believed: it is not ready before the last
    /// change shows. Where others are still to be made, it is not finished.
    pub(in crate::aws) fn apply_to(&self, mut seen: Observed) -> Observed {
        if seen.state != State::Ready {
            return seen;
        }
        let mut changes = self.lock();
        let Some(change) = changes.get(&seen.id) else {
            return seen;
        };
        let shown = shows(&seen, &change.step);
        if !shown && change.since.elapsed() < LAG {
            seen.state = State::Pending;
            "changing".clone_into(&mut seen.status);
        } else if shown && !shows(&seen, &change.wanted) {
            seen.attributes.insert("finished", false);
        } else {
            let change = changes.remove(&seen.id);
            if let Some(change) = change.filter(|_| !shown) {
                seen.state = State::Failed;
                seen.attributes.insert("reason", undone(&change.step));
            }
        }
        seen
    }

    /// The service's name for the change of a resource that was not seen to end yet.
    pub(in crate::aws) fn name_of(&self, id: &str) -> Option<String> {
        self.lock().get(id)?.name.clone()
    }

    /// Forgets a resource that is deleted.
    pub(in crate::aws) fn forget(&self, id: &str) {
        self.lock().remove(id);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, RecentChange>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A service that gives a change up may show the resource as usable and as it was before.
fn undone(step: &Attributes) -> String {
    let names: Vec<&str> = step.iter().map(|(name, _)| name).collect();
    format!(
        "AWS took the change and has not made it: {}",
        names.join(", ")
    )
}

/// Whether all these attributes that are told are so.
fn shows(seen: &Observed, attributes: &Attributes) -> bool {
    attributes
        .iter()
        .all(|(name, wanted)| seen.value(name).is_none_or(|found| found == wanted))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blueprint::{Address, Kind};

    fn cache(nodes: u32, failover: bool) -> Observed {
        let mut attributes = Attributes::default();
        attributes.insert("nodes", nodes);
        attributes.insert("failover", failover);
        Observed {
            address: Address::cache(),
            kind: Kind::Cache,
            id: "lr-demo-cache".to_owned(),
            state: State::Ready,
            status: "available".to_owned(),
            attributes,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_read_counts_once_it_shows_the_change() {
        let changes = RecentChanges::default();
        let nodes = [("nodes", 2_u32.into())].into_iter().collect();
        changes.note("lr-demo-cache", nodes, cache(2, true).attributes);
        assert_eq!(changes.apply_to(cache(1, false)).state, State::Pending);
        let more = changes.apply_to(cache(2, false));
        assert!(more.state == State::Ready && more.says("finished", false));
        let done = changes.apply_to(cache(2, true));
        assert!(done.state == State::Ready && !done.says("finished", false));
        // Nothing is remembered of a change that is done.
        assert_eq!(changes.apply_to(cache(1, false)).state, State::Ready);
    }

    #[tokio::test(start_paused = true)]
    async fn a_change_that_never_shows_has_failed_after_a_minute() {
        let changes = RecentChanges::default();
        let wanted = cache(2, true).attributes;
        changes.note("lr-demo-cache", wanted.clone(), wanted);
        tokio::time::advance(Duration::from_secs(59)).await;
        assert_eq!(changes.apply_to(cache(1, false)).state, State::Pending);
        tokio::time::advance(Duration::from_secs(2)).await;
        let undone = changes.apply_to(cache(1, false));
        assert_eq!(undone.state, State::Failed);
        assert!(
            undone
                .text("reason")
                .is_some_and(|why| why.contains("nodes"))
        );
    }
}
