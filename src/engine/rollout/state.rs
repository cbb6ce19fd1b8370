//! What the steps of a rollout know of each other.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedRwLockReadGuard, RwLock};

use crate::blueprint::kinds::RegisteredTargets;
use crate::blueprint::{Address, Blueprint, Desired, Step};
use crate::engine::hosts::{HostCondition, NodePeers};
use crate::plan::{Inventory, Observed, Plan, RolloutOrder};
use crate::spec::HostName;

/// One walk's rollout, shared by its steps.
pub(in crate::engine) struct Rollout {
    pub(super) order: RolloutOrder,
    /// What existed before the walk: a node that is still to be replaced has its old address.
    existing: Inventory,
    pub(super) balancer: Option<Balancer>,
    state: Mutex<RolloutState>,
    /// Written to by the node whose turn it is, read by those that are down anyway.
    pub(super) turn: Arc<RwLock<()>>,
}

/// Nodes that serve although one did not come back.
#[derive(Debug, Default)]
pub(super) struct OtherNodes {
    /// Those that this walk has changed.
    pub(super) changed: Vec<HostName>,
    /// Those that needed no change.
    pub(super) as_planned: Vec<HostName>,
    /// Those whose turn does not come.
    pub(super) untouched: Vec<HostName>,
}

/// The nodes in the target group.
pub(super) struct Balancer {
    /// What is registered, as found before the walk.
    pub(super) existing: Observed,
    /// What is registered at the end.
    pub(super) wanted: RegisteredTargets,
}

#[derive(Default)]
struct RolloutState {
    /// Nodes that get no requests from the proxies.
    away: BTreeSet<HostName>,
    found: BTreeMap<HostName, HostCondition>,
    /// Whom each node was in a cluster with before it changed.
    known: BTreeMap<HostName, BTreeSet<HostName>>,
    /// Held from before any turn can begin until a node that was down is up again.
    repairs: BTreeMap<HostName, OwnedRwLockReadGuard<()>>,
    /// Hosts other than application nodes that this walk has configured.
    configured: BTreeSet<HostName>,
    /// Nodes that have changed and are back.
    changed: BTreeSet<HostName>,
    /// The node that did not come back.
    stopped: Option<HostName>,
}

impl Rollout {
    pub(in crate::engine) fn of(order: RolloutOrder, blueprint: &Blueprint, plan: &Plan) -> Self {
        let existing = plan.changes.iter().filter_map(|one| one.existing.clone());
        let existing: Inventory = existing.collect();
        let targets = blueprint.node(&Address::targets()).map(|node| &node.step);
        let balancer = match (targets, existing.get(&Address::targets())) {
            (Some(Step::Resource(Desired::Targets(wanted))), Some(existing)) => Some(Balancer {
                existing: existing.clone(),
                wanted: wanted.clone(),
            }),
            _ => None,
        };
        let state = RolloutState {
            away: order.created.iter().copied().collect(),
            ..RolloutState::default()
        };
        Self {
            order,
            existing,
            balancer,
            state: Mutex::new(state),
            turn: Arc::default(),
        }
    }

    /// What distributes requests to the nodes, for people.
    pub(super) fn entrance(&self) -> &'static str {
        match self.balancer {
            Some(_) => "load balancer",
            None => "proxies",
        }
    }

    /// Whether an instance is replaced while users are served by it.
    pub(in crate::engine) fn replaces(&self, host: HostName) -> bool {
        self.order.replaced.contains(&host)
    }

    /// Application nodes that proxies send nothing to.
    pub(in crate::engine) fn away(&self) -> BTreeSet<HostName> {
        self.state().away.clone()
    }

    /// What exists: as the walk left it, and as it was before.
    pub(super) fn inventory(&self, now: &Inventory) -> Inventory {
        self.existing.iter().chain(now.iter()).cloned().collect()
    }

    /// Takes down what was found of each node. Those that are idle have their turn before anybody.
    pub(super) fn found(&self, conditions: Vec<(HostName, HostCondition)>) {
        for (host, condition) in conditions {
            let guard = match condition {
                HostCondition::Idle => Arc::clone(&self.turn).try_read_owned().ok(),
                HostCondition::AsPlanned
                | HostCondition::Serving
                | HostCondition::ServingMeanwhile => None,
            };
            let mut state = self.state();
            state.found.insert(host, condition);
            state.repairs.extend(guard.map(|guard| (host, guard)));
        }
    }

    pub(super) fn condition(&self, host: HostName) -> Option<HostCondition> {
        self.state().found.get(&host).copied()
    }

    /// The right to repair a node that is down.
    pub(super) fn repair(&self, host: HostName) -> Option<OwnedRwLockReadGuard<()>> {
        self.state().repairs.remove(&host)
    }

    /// Takes down whom a node is in a cluster with.
    pub(super) fn knows(&self, host: HostName, peers: BTreeSet<HostName>) {
        self.state().known.insert(host, peers);
    }

    /// The nodes that one has to know once it has changed: those that it knew before, and those that are as
    /// planned. Others may be as wrong as it was: what fixes them has to reach the first of them.
    pub(super) fn peers(&self, host: HostName) -> NodePeers {
        let state = self.state();
        let found = state.found.iter();
        let found = found.filter(|one| *one.1 == HostCondition::AsPlanned);
        let planned = found.map(|one| one.0).chain(&state.changed);
        let is_there = |one: &&HostName| **one != host && !state.away.contains(*one);
        let planned: BTreeSet<HostName> = planned.filter(is_there).copied().collect();
        let known = state.known.get(&host).into_iter().flatten();
        let mut all = planned.clone();
        all.extend(known.filter(is_there));
        NodePeers { all, planned }
    }

    /// The nodes that are as planned, where others are not.
    pub(super) fn as_planned_beside_others(&self) -> Vec<HostName> {
        let state = self.state();
        let is = |planned: bool| {
            let found = state.found.iter();
            found.filter(move |one| (*one.1 == HostCondition::AsPlanned) == planned)
        };
        match is(false).next().is_none() && self.order.replaced.is_empty() {
            true => Vec::new(),
            false => is(true).map(|one| *one.0).collect(),
        }
    }

    pub(super) fn leaves(&self, host: HostName) {
        self.state().away.insert(host);
    }

    pub(super) fn stays(&self, host: HostName) {
        self.state().away.remove(&host);
    }

    /// A host is configured; which of these were before it.
    pub(super) fn configured_before(&self, host: HostName, of: &[HostName]) -> Vec<HostName> {
        let mut state = self.state();
        state.configured.insert(host);
        let before = of.iter().filter(|one| state.configured.contains(one));
        before.copied().collect()
    }

    /// A node is as it should be; how many are.
    pub(super) fn has_changed(&self, host: HostName) -> usize {
        let mut state = self.state();
        state.away.remove(&host);
        state.changed.insert(host);
        state.changed.len()
    }

    /// A node did not come back: nothing else is touched.
    pub(super) fn stop(&self, host: HostName) {
        self.state().stopped.get_or_insert(host);
    }

    pub(super) fn stopped(&self) -> Option<HostName> {
        self.state().stopped
    }

    /// How many nodes change: in turn, or before that because they are down. Those that serve meanwhile
    /// are nowhere to come back from.
    pub(super) fn to_change(&self) -> usize {
        let state = self.state();
        let away = state.found.values();
        let away = away.filter(|one| matches!(one, HostCondition::Serving | HostCondition::Idle));
        away.count() + self.order.replaced.len()
    }

    /// Nodes that exist, or did before the walk, and that proxies send nothing to.
    pub(in crate::engine) fn left_out(&self) -> Vec<String> {
        let state = self.state();
        let left_out = self.order.nodes().filter(|node| state.away.contains(node));
        left_out.map(|node| node.to_string()).collect()
    }

    /// Nodes that serve although one did not come back.
    pub(super) fn others(&self, host: HostName) -> OtherNodes {
        let state = self.state();
        let mut others = OtherNodes::default();
        for one in self.order.nodes().filter(|one| *one != host) {
            let list = match state.found.get(&one) {
                _ if state.changed.contains(&one) => &mut others.changed,
                Some(HostCondition::Idle) => continue,
                Some(HostCondition::AsPlanned) => &mut others.as_planned,
                _ => &mut others.untouched,
            };
            list.push(one);
        }
        others
    }

    fn state(&self) -> MutexGuard<'_, RolloutState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blueprint::blueprint_offline;
    use crate::plan::{Snapshot, plan};
    use crate::spec::Library;

    #[test]
    fn nodes_that_were_down_count_among_those_that_change() {
        let library = Library::new(Some("no-such-directory".into()));
        let spec = library.architecture("10k").unwrap().example();
        let blueprint = blueprint_offline(&spec);
        let plan = plan(&blueprint, &Snapshot::default());
        let host = |name: &str| name.parse::<HostName>().unwrap();
        let order = RolloutOrder {
            kept: vec![host("app-1"), host("app-2"), host("app-3")],
            created: vec![host("app-4")],
            ..RolloutOrder::default()
        };
        let rollout = Rollout::of(order, &blueprint, &plan);
        rollout.found(vec![
            (host("app-1"), HostCondition::Serving),
            (host("app-2"), HostCondition::Idle),
            (host("app-3"), HostCondition::AsPlanned),
        ]);
        assert_eq!(rollout.has_changed(host("app-2")), 1);
        rollout.leaves(host("app-1"));
        // What does not exist yet is not left out.
        assert_eq!(rollout.left_out(), ["app-1"]);
        assert_eq!(rollout.has_changed(host("app-1")), 2);
        assert_eq!(rollout.to_change(), 2);
        assert_eq!(rollout.left_out(), [""; 0]);
        let others = rollout.others(host("app-1"));
        assert_eq!(others.changed, [host("app-2")]);
        assert_eq!(others.as_planned, [host("app-3")]);
        assert_eq!(others.untouched, []);
        // Planned by now are the node that is as it should be, and the one that was repaired.
        rollout.knows(host("app-1"), [host("app-4"), host("app-1")].into());
        let planned = BTreeSet::from([host("app-2"), host("app-3")]);
        let both = NodePeers {
            all: planned.clone(),
            planned,
        };
        assert_eq!(rollout.peers(host("app-1")), both, "app-4 does not exist");
        // Those that it knew before may be about to change.
        rollout.knows(host("app-2"), [host("app-5")].into());
        let peers = rollout.peers(host("app-2"));
        assert_eq!(peers.all, ["app-1", "app-3", "app-5"].map(host).into());
        assert_eq!(peers.planned, [host("app-1"), host("app-3")].into());
        assert_eq!(rollout.as_planned_beside_others(), [host("app-3")]);
    }
}
