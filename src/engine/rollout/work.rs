//! The steps of a rollout.

use std::sync::Arc;

use tokio::sync::watch;

use super::balancer::TargetState;
use super::error::RolloutError;
use super::state::Rollout;
use crate::blueprint::{Address, Stage};
use crate::engine::cloud::{Cloud, CloudError};
use crate::engine::context::{Engine, SharedInventory};
use crate::engine::cut_off::NOTHING_CHANGED;
use crate::engine::hosts::{HostCondition, HostRequest, Hosts};
use crate::engine::task::{Finished, Task, TaskError, boxed};
use crate::engine::walk::Urgency;
use crate::events::Outcome;
use crate::spec::HostName;

/// The name of the step that asks which application nodes change.
pub(in crate::engine) const SURVEY: &str = "rollout";

/// What the requests of a walk to its hosts have in common.
#[derive(Clone)]
pub(in crate::engine) struct WalkContext {
    pub(in crate::engine) shared: SharedInventory,
    pub(in crate::engine) rollout: Arc<Rollout>,
    pub(in crate::engine) stop: watch::Receiver<Urgency>,
}

impl<C: Cloud, H: Hosts> Engine<C, H> {
    /// The step that asks all application nodes that stay; none where there are none.
    pub(in crate::engine) fn survey(self: &Arc<Self>, work: &WalkContext) -> Option<Task> {
        if work.rollout.order.kept.is_empty() {
            return None;
        }
        let (engine, work) = (Arc::clone(self), work.clone());
        Some(Task {
            name: SURVEY.to_owned(),
            after: Vec::new(),
            seconds: 1,
            bills: false,
            cut_off: NOTHING_CHANGED,
            work: Box::pin(async move { engine.compare_nodes(&work).await }),
        })
    }

    async fn compare_nodes(&self, work: &WalkContext) -> Result<Finished, TaskError> {
        let order = &work.rollout.order;
        let mut asked = Vec::new();
        for host in &order.kept {
            let request = self.host_request(work, *host, Stage::Configure, SURVEY);
            let request = request.await.map_err(boxed)?;
            asked.push(async { Ok((*host, self.hosts.compare(request).await?)) });
        }
        let found = futures::future::try_join_all(asked).await;
        let found = found.map_err(|error: TaskError| error)?;
        let serving = found.iter().filter(|one| one.1 == HostCondition::Serving);
        let names: Vec<String> = serving.map(|one| one.0.to_string()).collect();
        work.rollout.found(found);
        // One that a former rollout left out would come back with the proxies, and the others follow it.
        for host in work.rollout.as_planned_beside_others() {
            let request = self.host_request(work, host, Stage::Configure, SURVEY);
            let request = request.await.map_err(boxed)?;
            self.join(&work.rollout, &request).await?;
        }
        if !names.is_empty()
            && let Some(only) = order.only_node()
        {
            self.events.note(format!(
                "{only} is the only application node: nobody is served while it changes"
            ));
        }
        Ok(Finished {
            outcome: Outcome::Unchanged,
            detail: (!names.is_empty()).then(|| format!("one by one: {}", names.join(", "))),
        })
    }

    /// Carries out a stage of a host.
    pub(in crate::engine) async fn host_stage(
        &self,
        work: &WalkContext,
        host: HostName,
        stage: Stage,
    ) -> Result<Finished, TaskError> {
        self.permit.check().map_err(boxed)?;
        let step = Address::host(host, stage);
        let request = self.host_request(work, host, stage, step.as_str());
        let request = request.await.map_err(boxed)?;
        let order = &work.rollout.order;
        let is_node = order
            .nodes()
            .chain(order.created.iter().copied())
            .any(|one| one == host);
        let outcome = match (stage, is_node) {
            (Stage::Configure, true) => self.configure_node(&work.rollout, request).await?,
            (Stage::Configure, false) => {
                let outcome = self.apply_to_host(request).await?;
                self.tell_peers(work, host).await?;
                outcome
            }
            (Stage::Prepare, _) => self.apply_to_host(request).await?,
        };
        Ok(Finished {
            outcome,
            detail: None,
        })
    }

    /// Tells a host's address to those that were configured before it was known: whichever of them is the
    /// last to be configured tells all.
    async fn tell_peers(&self, work: &WalkContext, host: HostName) -> Result<(), TaskError> {
        let peers = self.hosts.peers(host);
        let step = Address::host(host, Stage::Configure);
        for peer in work.rollout.configured_before(host, &peers) {
            let request = self.host_request(work, peer, Stage::Configure, step.as_str());
            let mut request = request.await.map_err(boxed)?;
            request.inventory = work.rollout.inventory(&request.inventory);
            self.apply_to_host(request).await?;
        }
        Ok(())
    }

    async fn configure_node(
        &self,
        rollout: &Rollout,
        request: HostRequest,
    ) -> Result<Outcome, TaskError> {
        let host = request.host;
        match rollout.condition(host) {
            Some(HostCondition::AsPlanned) => Ok(Outcome::Unchanged),
            Some(HostCondition::ServingMeanwhile) => {
                let applied = self.apply_to_host(request).await;
                applied.map_err(|cause| boxed(RolloutError::StillServing { host, cause }))
            }
            Some(HostCondition::Serving) => self.change_in_turn(rollout, request).await,
            Some(HostCondition::Idle) => {
                let _before_others = rollout.repair(host);
                let applied = self.apply_and_join(rollout, &request).await;
                match &applied {
                    Ok(_) => rollout.has_changed(host),
                    Err(_) => {
                        rollout.stop(host);
                        0
                    }
                };
                applied
            }
            None if rollout.replaces(host) => self.change_and_admit(rollout, request).await,
            None => {
                let outcome = match rollout.order.is_empty() {
                    true => self.apply_to_host(request).await?,
                    false => self.apply_and_join(rollout, &request).await?,
                };
                rollout.stays(host);
                Ok(outcome)
            }
        }
    }

    /// Changes a node that serves, once no other is away.
    async fn change_in_turn(
        &self,
        rollout: &Rollout,
        mut request: HostRequest,
    ) -> Result<Outcome, TaskError> {
        let host = request.host;
        if rollout.turn.try_write().is_err() {
            self.events.waiting(&request.step, "its turn");
        }
        let stopped = request.stop.wait_for(|urgency| *urgency >= Urgency::Drain);
        let _turn = tokio::select! {
            turn = rollout.turn.write() => turn,
            Ok(_) = stopped => return Err(boxed(RolloutError::Interrupted { host })),
        };
        if let Some(stopped) = rollout.stopped() {
            return Err(boxed(RolloutError::Stopped { host, stopped }));
        }
        if *request.stop.borrow() >= Urgency::Drain {
            return Err(boxed(RolloutError::Interrupted { host }));
        }
        self.permit.check().map_err(boxed)?;
        self.drain(rollout, &request).await?;
        self.change_and_admit(rollout, request).await
    }

    /// Changes a node that gets no requests, and has it served again.
    async fn change_and_admit(
        &self,
        rollout: &Rollout,
        request: HostRequest,
    ) -> Result<Outcome, TaskError> {
        let host = request.host;
        let request = uninterrupted(request);
        self.events
            .working(&request.step, format!("{host} changes"));
        let outcome = match self.apply_and_join(rollout, &request).await {
            Ok(outcome) => outcome,
            Err(cause) => {
                rollout.stop(host);
                let others = rollout.others(host);
                return Err(boxed(RolloutError::NotBack {
                    environment: self.environment.clone(),
                    host,
                    others,
                    cause,
                }));
            }
        };
        let done = rollout.has_changed(host);
        if rollout.order.only_node().is_none() {
            if let Err(cause) = self.route(rollout, &request, TargetState::Healthy).await {
                rollout.stop(host);
                return Err(boxed(RolloutError::NotAdmitted { host, cause }));
            }
            let all = rollout.to_change();
            self.events
                .note(format!("{host} has changed and is back, {done} of {all}"));
        }
        Ok(outcome)
    }

    /// Brings a node to its bundle, and waits until it is a part of the server.
    async fn apply_and_join(
        &self,
        rollout: &Rollout,
        request: &HostRequest,
    ) -> Result<Outcome, TaskError> {
        let outcome = self.apply_to_host(request.clone()).await?;
        self.join(rollout, request).await?;
        Ok(outcome)
    }

    /// Waits until a node that answers is a part of the server, where there are others: were it alone,
    /// without license or search, the next node would end up the same.
    async fn join(&self, rollout: &Rollout, request: &HostRequest) -> Result<(), TaskError> {
        if rollout.order.only_node().is_some() {
            return Ok(());
        }
        let peers = rollout.peers(request.host);
        let request = HostRequest {
            inventory: rollout.inventory(&request.inventory),
            ..request.clone()
        };
        self.hosts.joined(request, peers).await
    }

    /// Takes down whom a node is in a cluster with, before it changes. One that cannot tell is not held to it.
    async fn note_peers(&self, rollout: &Rollout, request: &HostRequest) {
        let request = HostRequest {
            inventory: rollout.inventory(&request.inventory),
            ..request.clone()
        };
        let host = request.host;
        match self.hosts.known(request).await {
            Ok(known) => rollout.knows(host, known),
            Err(error) => tracing::warn!(%host, %error, "the node does not tell its cluster"),
        }
    }

    /// Takes a node that is about to be replaced out of the proxies.
    pub(in crate::engine) async fn leave(
        &self,
        work: &WalkContext,
        host: HostName,
    ) -> Result<(), TaskError> {
        let step = Address::instance(host);
        let request = self.host_request(work, host, Stage::Configure, step.as_str());
        let request = request.await.map_err(boxed)?;
        if let Some(only) = work.rollout.order.only_node() {
            self.events.note(format!(
                "{only} is the only application node: nobody is served while it is replaced"
            ));
        }
        self.drain(&work.rollout, &request).await
    }

    /// Has the proxies leave a node out, and waits for the requests that it still answers. The only
    /// node that there is stays in: nobody could stand in for it.
    async fn drain(&self, rollout: &Rollout, request: &HostRequest) -> Result<(), TaskError> {
        let host = request.host;
        if rollout.order.only_node().is_some() {
            return Ok(());
        }
        let request = uninterrupted(request.clone());
        self.note_peers(rollout, &request).await;
        self.events.working(
            &request.step,
            format!("{host} leaves the {}", rollout.entrance()),
        );
        rollout.leaves(host);
        let left = async {
            self.route(rollout, &request, TargetState::Gone).await?;
            for proxy in rollout.order.proxies() {
                let at_proxy = self.at_proxy(rollout, &request, proxy);
                self.hosts.drained(at_proxy, host).await?;
            }
            Ok(())
        };
        let Err(cause) = left.await else {
            return Ok(());
        };
        rollout.stop(host);
        rollout.stays(host);
        // It still serves: proxies that were told already should send to it again. Where they cannot
        // be told, the next `up` does it.
        if let Err(error) = self.route(rollout, &request, TargetState::Healthy).await {
            tracing::warn!(%host, %error, "not every proxy was told that the node stays");
        }
        Err(boxed(RolloutError::NotDrained { host, cause }))
    }

    /// Brings each proxy, one after the other, or the load balancer to the application nodes that
    /// are not away.
    async fn route(
        &self,
        rollout: &Rollout,
        request: &HostRequest,
        state: TargetState,
    ) -> Result<(), TaskError> {
        let balanced = self.balance(rollout, request, state);
        balanced.await.map_err(boxed)?;
        for proxy in rollout.order.proxies() {
            self.permit.check().map_err(boxed)?;
            let at_proxy = self.at_proxy(rollout, request, proxy);
            self.apply_to_host(at_proxy).await?;
        }
        Ok(())
    }

    /// The same for a proxy, with what is known by now.
    fn at_proxy(&self, rollout: &Rollout, request: &HostRequest, host: HostName) -> HostRequest {
        HostRequest {
            host,
            away: rollout.away(),
            inventory: rollout.inventory(&request.inventory),
            ..request.clone()
        }
    }

    async fn host_request(
        &self,
        work: &WalkContext,
        host: HostName,
        stage: Stage,
        step: &str,
    ) -> Result<HostRequest, CloudError> {
        Ok(HostRequest {
            host,
            stage,
            step: step.to_owned(),
            inventory: work.shared.inventory(),
            away: work.rollout.away(),
            secrets: self.secrets(&work.shared).await?,
            events: self.events.clone(),
            stop: work.stop.clone(),
        })
    }
}

/// A node that has left comes back before an interrupt ends the walk.
fn uninterrupted(request: HostRequest) -> HostRequest {
    let (_, never) = watch::channel(Urgency::None);
    HostRequest {
        stop: never,
        ..request
    }
}
