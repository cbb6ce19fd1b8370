//! The load balancer before the application nodes, where there is one: nodes are taken out of its
//! target group and put back.

use std::time::Duration;

use tokio::time::Instant;

use super::state::Rollout;
use crate::blueprint::{Address, Desired, Kind};
use crate::engine::cloud::{Cloud, CloudError, NOT_READY, Request, SecretInputs};
use crate::engine::context::Engine;
use crate::engine::hosts::{HostRequest, Hosts};
use crate::engine::poll::Cadence;
use crate::engine::wait::retry;
use crate::plan::Observed;

/// How long a call may be refused for reasons that pass.
const PATIENCE: Duration = Duration::from_mins(5);
/// How long a node may take to be drained, or to be found healthy. Deregistration takes 30 s where
/// connections stay open, and two checks that succeed take 20 s.
const SETTLED: Duration = Duration::from_mins(5);

/// What a node in the target group is waited for to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TargetState {
    /// It gets nothing any more, and nothing is under way.
    Gone,
    /// The load balancer sends requests to it.
    Healthy,
}

impl TargetState {
    /// What the load balancer still has to do, if anything.
    fn lacks(self, targets: &Observed, node: &str) -> Option<&'static str> {
        let among = |name: &str| targets.set(name).is_some_and(|ids| ids.contains(node));
        match self {
            TargetState::Gone if among("targets") => Some("to leave it out"),
            TargetState::Gone if among("draining") => Some("to end its connections"),
            TargetState::Healthy if !among("targets") => Some("to register it"),
            TargetState::Healthy if among("not_healthy") => Some("to find it healthy"),
            TargetState::Gone | TargetState::Healthy => None,
        }
    }
}

impl<C: Cloud, H: Hosts> Engine<C, H> {
    /// Brings the target group to the nodes that are not away, and waits until the node that the
    /// request is for is in the state that follows from that.
    pub(super) async fn balance(
        &self,
        rollout: &Rollout,
        request: &HostRequest,
        state: TargetState,
    ) -> Result<(), CloudError> {
        let Some(balancer) = &rollout.balancer else {
            return Ok(());
        };
        let step = request.step.as_str();
        let inventory = rollout.inventory(&request.inventory);
        let away = rollout.away();
        let is_away =
            |address: &Address| away.iter().any(|one| *address == Address::instance(*one));
        let mut registered = balancer.wanted.clone();
        registered.instances.retain(|address| !is_away(address));
        let desired = Desired::Targets(registered);
        let address = Address::targets();
        let update = || async {
            self.permit.check()?;
            let request = Request {
                environment: &self.environment,
                address: &address,
                desired: &desired,
                inventory: &inventory,
                tags: &self.tags,
                predecessors: &[],
                secrets: SecretInputs::default(),
            };
            self.cloud.update(request, &balancer.existing).await
        };
        retry(step, &self.events, Instant::now() + PATIENCE, update).await?;
        let node = inventory.get(&Address::instance(request.host));
        let Some(node) = node.map(|node| node.id.clone()) else {
            return Ok(());
        };
        self.await_target(step, &node, state).await
    }

    async fn await_target(
        &self,
        step: &str,
        node: &str,
        state: TargetState,
    ) -> Result<(), CloudError> {
        let deadline = Instant::now() + SETTLED;
        let cadence = Cadence::of(Kind::Targets);
        let mut listed = Instant::now();
        loop {
            let listing = retry(step, &self.events, deadline, || {
                self.poller.list_since(Kind::Targets, listed)
            });
            let (at, found) = listing.await?;
            listed = at;
            let lacks = match found.first() {
                Some(targets) => state.lacks(targets, node),
                // What a list does not show is neither registered nor draining.
                None => (state == TargetState::Healthy).then_some("to register it"),
            };
            let Some(lacks) = lacks else { return Ok(()) };
            if Instant::now() > deadline {
                return Err(CloudError::without_answer(
                    "elasticloadbalancing:DescribeTargetHealth",
                    Address::targets(),
                    NOT_READY,
                    format!(
                        "the load balancer still has {lacks} after {} min: `{node}`",
                        SETTLED.as_secs() / 60
                    ),
                ));
            }
            self.events
                .waiting(step, format!("the load balancer {lacks}"));
            cadence.pause().await;
        }
    }
}
