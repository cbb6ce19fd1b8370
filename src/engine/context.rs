//! What every step of an environment works with, and what the steps learn from each other.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::engine::permit::Permit;
use crate::engine::poll::Poller;
use crate::events::Events;
use crate::identity::Secrets;
use crate::plan::{Inventory, Observed};

/// The engine of one environment.
pub struct Engine<C, H> {
    /// Where resources are created and deleted.
    pub cloud: Arc<C>,
    /// Polls until resources are ready or gone.
    pub poller: Poller<C>,
    /// Applies bundles to hosts over SSH.
    pub hosts: Arc<H>,
    /// Environment name.
    pub environment: String,
    /// Extra tags on every resource.
    pub tags: BTreeMap<String, String>,
    /// The operator's own public key; `None` uses the generated one.
    pub operator_key: Option<String>,
    /// Whether it may change anything: the environment's lock.
    pub permit: Permit,
    /// Where it reports what it does.
    pub events: Events,
}

/// What exists by now, shared by the steps of a walk.
///
/// A step reads what the steps before it have created, and adds its own result. Clones share
/// one inventory.
#[derive(Clone, Debug, Default)]
pub struct SharedInventory {
    resources: Arc<Mutex<Inventory>>,
    secrets: Arc<Mutex<Option<Secrets>>>,
}

impl SharedInventory {
    /// A copy of what exists at this moment.
    #[must_use]
    pub fn inventory(&self) -> Inventory {
        lock(&self.resources).clone()
    }

    /// The environment's secrets, once the seed exists and was read.
    #[must_use]
    pub fn secrets(&self) -> Option<Secrets> {
        lock(&self.secrets).clone()
    }

    pub(super) fn insert(&self, resource: Observed) {
        lock(&self.resources).insert(resource);
    }

    pub(super) fn set_secrets(&self, secrets: Secrets) {
        *lock(&self.secrets) = Some(secrets);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
