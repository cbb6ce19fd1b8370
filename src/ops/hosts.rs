//! The engine's hosts: bundles over SSH, or none where only resources are touched.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OnceCell;
use tokio::time::Instant;

use crate::blueprint::{Address, Stage};
use crate::engine::{HostRequest, Hosts, TaskError, Urgency};
use crate::events::Outcome;
use crate::hosts::{Keyring, Payload, render};
use crate::spec::Spec;

use super::rig::{facts, introduce};

/// Brings a rig's hosts to their bundles.
pub struct RigHosts {
    /// What the rig should be.
    pub spec: Spec,
    /// The files that go to hosts.
    pub payload: Arc<Payload>,
    /// SSH, once the secrets are known.
    pub keyring: OnceCell<Keyring>,
    /// How long a host may take to answer and to apply a stage of its bundle.
    pub timeout: Duration,
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
        introduce(keyring, &self.spec, host, inventory.as_map()).map_err(boxed)?;
        let facts = facts(&self.spec, inventory.as_map(), &secrets, &self.payload);
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
            events.note(format!("{host}: {step}: {warning}"));
        }
        if stage == Stage::Prepare {
            for note in bundle.notes() {
                events.note(format!("{host}: {note}"));
            }
        }
        Ok(applied.outcome())
    }
}

fn boxed<E: crate::diagnose::Diagnose + Send + Sync + 'static>(error: E) -> TaskError {
    Box::new(error)
}

/// Stands where no host is touched.
pub struct NoHosts;

impl Hosts for NoHosts {
    async fn apply(&self, _request: HostRequest) -> Result<Outcome, TaskError> {
        Ok(Outcome::Unchanged)
    }
}
