//! The engine's hosts: bundles over SSH, or none where only resources are touched.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::OnceCell;
use tokio::time::Instant;

use crate::blueprint::{Address, Stage};
use crate::engine::{HostRequest, Hosts, TaskError, Urgency};
use crate::events::{Events, Outcome};
use crate::hosts::{HostError, Keyring, Payload, render};
use crate::plan::Inventory;
use crate::spec::{HostName, Role, Spec};

use super::payload::facts;

/// Brings a rig's hosts to their bundles.
pub(super) struct RigHosts {
    /// What the rig should be.
    pub spec: Spec,
    /// The files that go to hosts.
    pub payload: Arc<Payload>,
    /// SSH, once the secrets are known.
    pub keyring: OnceCell<Keyring>,
    /// How long a host may take to answer and to apply a stage of its bundle.
    pub timeout: Duration,
    /// Warnings that were shown: a fleet gives the same one many times, and each host gives it
    /// once per stage.
    pub shown: Mutex<BTreeSet<String>>,
}

impl Hosts for RigHosts {
    async fn apply(&self, request: HostRequest) -> Result<Outcome, TaskError> {
        let HostRequest {
            host,
            stage,
            inventory,
            secrets,
            events,
            mut stop,
        } = request;
        let keyring = self
            .keyring
            .get_or_try_init(|| Keyring::open(&self.spec.name, &self.spec.access, &secrets, &[]))
            .await
            .map_err(boxed)?;
        register(keyring, &self.spec, host, &inventory).map_err(boxed)?;
        let facts = facts(&self.spec, &inventory, &secrets, &self.payload);
        let bundle = render(&self.spec, host, stage, &facts).map_err(boxed)?;
        let step = Address::host(host, stage);
        let quit = async move {
            if stop
                .wait_for(|urgency| *urgency >= Urgency::Drain)
                .await
                .is_err()
            {
                // Nobody is left who could interrupt.
                std::future::pending::<()>().await;
            }
        };
        let deadline = Instant::now() + self.timeout;
        let applied = keyring
            .apply(&bundle, step.as_str(), &events, deadline, quit)
            .await
            .map_err(boxed)?;
        for (step, warning) in &applied.warnings {
            self.note_once(&events, host, &format!("{step}: {warning}"));
        }
        if stage == Stage::Prepare {
            for note in bundle.notes() {
                events.note(format!("{host}: {note}"));
            }
        }
        Ok(applied.outcome())
    }
}

impl RigHosts {
    /// Shows a warning with the first host that gives it.
    fn note_once(&self, events: &Events, host: HostName, text: &str) {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        if shown.insert(text.to_owned()) {
            events.note(format!("{host}: {text} (shown once for all hosts)"));
        }
    }
}

/// Tells a keyring where a host is, and which bastion it is behind. A host that does not exist
/// yet is left out.
pub(super) fn register(
    keyring: &Keyring,
    spec: &Spec,
    host: HostName,
    inventory: &Inventory,
) -> Result<(), HostError> {
    let Some(address) = inventory.operator_address(spec, host) else {
        return Ok(());
    };
    if !spec.network.is_behind_bastion(host.role) {
        return keyring.add(host, address);
    }
    let bastion = HostName {
        role: Role::Bastion,
        index: 1,
    };
    let Some(at) = inventory.operator_address(spec, bastion) else {
        return Ok(());
    };
    keyring.add(bastion, at)?;
    keyring.add_behind(host, address, bastion)
}

fn boxed<E: crate::diagnose::Diagnose + Send + Sync + 'static>(error: E) -> TaskError {
    Box::new(error)
}

/// Stands in where no host is touched.
pub(super) struct NoHosts;

impl Hosts for NoHosts {
    async fn apply(&self, _request: HostRequest) -> Result<Outcome, TaskError> {
        Ok(Outcome::Unchanged)
    }
}
