//! The roles of AWS's services: created before the first resource that needs one, beside the
//! network that this is created in. Where a service does not know its role yet, it refuses for some
//! seconds, and the call is repeated.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::blueprint::Kind;
use crate::blueprint::kinds::{GrantCondition, GrantUse};
use crate::engine::cloud::Cloud;
use crate::engine::context::Engine;
use crate::engine::cut_off::MAY_EXIST;
use crate::engine::hosts::Hosts;
use crate::engine::task::{Finished, Task, TaskError, boxed};
use crate::engine::wait::retry_until_stopped;
use crate::engine::walk::Urgency;
use crate::events::Outcome;
use crate::plan::{Action, Plan};

/// The name of the step.
pub(super) const SERVICE_ROLES: &str = "service-linked-roles";

/// How long roles are tried to be created.
const PATIENCE: Duration = Duration::from_mins(5);

impl<C: Cloud, H: Hosts> Engine<C, H> {
    /// The step that creates the roles which a plan's creations need; none when they need none.
    pub(super) fn service_roles(
        self: &Arc<Self>,
        plan: &Plan,
        stop: &watch::Receiver<Urgency>,
    ) -> Option<Task> {
        let creates = |action: Action| matches!(action, Action::Create | Action::Replace);
        let changes = plan.changes.iter().filter(|one| creates(one.action));
        let services: BTreeSet<&str> = changes.flat_map(|one| services_of(one.kind)).collect();
        if services.is_empty() {
            return None;
        }
        let (engine, stop) = (Arc::clone(self), stop.clone());
        Some(Task {
            bills: false,
            name: SERVICE_ROLES.to_owned(),
            after: Vec::new(),
            seconds: 1,
            cut_off: MAY_EXIST,
            work: Box::pin(async move { engine.create_service_roles(&services, &stop).await }),
        })
    }

    async fn create_service_roles(
        &self,
        services: &BTreeSet<&str>,
        stop: &watch::Receiver<Urgency>,
    ) -> Result<Finished, TaskError> {
        let services: Vec<&str> = services.iter().copied().collect();
        let deadline = Instant::now() + PATIENCE;
        let created = retry_until_stopped(
            SERVICE_ROLES,
            &self.events,
            deadline,
            Some(stop),
            || async {
                self.permit.check()?;
                self.cloud.create_service_roles(&services).await
            },
        );
        if !created.await.map_err(boxed)? {
            return Ok(Finished {
                outcome: Outcome::Unchanged,
                detail: None,
            });
        }
        Ok(Finished {
            outcome: Outcome::Created,
            detail: Some(services.join(", ")),
        })
    }
}

/// The services that act by a role of their own in what is of a kind.
pub(super) fn services_of(kind: Kind) -> impl Iterator<Item = &'static str> {
    let grants = kind.info().grants.iter();
    grants
        .filter(|grant| grant.is_for(GrantUse::Create))
        .filter_map(|grant| match grant.condition {
            GrantCondition::ServiceRole(service) => Some(service),
            _ => None,
        })
}
