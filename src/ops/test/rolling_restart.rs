//! Restarts the application nodes one by one: a rollout in which every node changes, and nothing but
//! its server's process does.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::blueprint::Stage;
use crate::engine::{Cloud as _, HostCondition, HostRequest, Hosts, Permit, TaskError, Urgency};
use crate::events::{Events, Outcome};
use crate::ops::error::{EventRefusal, OpsError, WalkError};
use crate::ops::hosts::RigHosts;
use crate::ops::rig::Rig;
use crate::spec::Role;

/// How long a node may take to serve again.
const BACK: Duration = Duration::from_mins(10);

/// Restarts the application nodes of a rig one by one, with the drain and the health checks of every
/// rollout.
///
/// # Errors
/// When the rig differs from its YAML, or a node does not come back.
pub(super) async fn restart_nodes(
    rig: &Rig,
    events: &Events,
    stop: watch::Receiver<Urgency>,
) -> Result<(), OpsError> {
    let state = rig.read().await?;
    if !state.plan.is_empty() {
        return Err(EventRefusal::Differs {
            environment: rig.spec.name.clone(),
        }
        .into());
    }
    let hosts = RestartedNodes(rig.hosts()?);
    // The lock is left to the storm, which keeps everybody else from the rig.
    let engine = rig.engine(hosts, events.clone(), Permit::default()).await?;
    let (report, _) = engine.up(&state.blueprint, &state.plan, stop).await;
    let read = rig.cloud.snapshot(&rig.spec.name);
    WalkError::check(report, &rig.spec.name, &rig.account.region, "test", read).await?;
    Ok(())
}

/// A rig's hosts, of which each application node counts as changed, and changes by a restart.
struct RestartedNodes(RigHosts);

impl Hosts for RestartedNodes {
    async fn apply(&self, request: HostRequest) -> Result<Outcome, TaskError> {
        match (request.host.role, request.stage) {
            (Role::App, Stage::Configure) => {
                let deadline = Instant::now() + BACK;
                self.0.restart_server(request, deadline).await?;
                Ok(Outcome::Updated)
            }
            // They are told which nodes to leave out.
            (Role::Proxy, Stage::Configure) => self.0.apply(request).await,
            _ => Ok(Outcome::Unchanged),
        }
    }

    async fn compare(&self, _request: HostRequest) -> Result<HostCondition, TaskError> {
        Ok(HostCondition::Serving)
    }

    async fn drained(
        &self,
        request: HostRequest,
        node: crate::spec::HostName,
    ) -> Result<(), TaskError> {
        self.0.drained(request, node).await
    }
}
