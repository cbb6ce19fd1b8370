//! A plan as the tasks of a walk.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::watch;

use crate::blueprint::kinds::Priced;
use crate::blueprint::{Address, Blueprint, Desired, Step};
use crate::engine::cloud::Cloud;
use crate::engine::context::{Engine, SharedInventory};
use crate::engine::cut_off::{MAY_BE_GONE, MAY_EXIST, ON_HOST};
use crate::engine::hosts::Hosts;
use crate::engine::remove::remove;
use crate::engine::rollout::{Rollout, SURVEY, WalkContext, edges};
use crate::engine::service_roles::{SERVICE_ROLES, services_of};
use crate::engine::task::{Finished, Task, TaskWork, boxed};
use crate::engine::walk::{Urgency, WalkReport, walk};
use crate::events::Outcome;
use crate::plan::{Action, Change, Plan, RolloutOrder, deleted_after};
use crate::spec::Prices;

impl<C: Cloud, H: Hosts> Engine<C, H> {
    /// Brings the environment to its blueprint. Returns what exists afterwards.
    pub async fn up(
        self: &Arc<Self>,
        blueprint: &Blueprint,
        plan: &Plan,
        stop: watch::Receiver<Urgency>,
    ) -> (WalkReport, SharedInventory) {
        let shared = SharedInventory::default();
        let order = RolloutOrder::of(blueprint, plan);
        let mut edges = edges(&order, blueprint);
        let rollout = Arc::new(Rollout::of(order, blueprint, plan));
        let hosts = WalkContext {
            shared: shared.clone(),
            rollout: Arc::clone(&rollout),
            stop: stop.clone(),
        };
        let mut tasks = Vec::new();
        let changes: BTreeMap<&Address, &Change> = plan
            .changes
            .iter()
            .filter(|change| change.action != Action::Delete)
            .map(|change| (&change.address, change))
            .collect();
        let mut names = Vec::new();
        for node in &blueprint.nodes {
            let name = node.address.to_string();
            let mut after: Vec<String> = node.after.iter().map(Address::to_string).collect();
            after.extend(edges.remove(&name).into_iter().flatten());
            let engine = Arc::clone(self);
            let hosts = hosts.clone();
            let bills = match (&node.step, changes.get(&node.address)) {
                (Step::Resource(desired), Some(change)) => {
                    let creates = matches!(change.action, Action::Create | Action::Replace);
                    creates && is_billed(&node.address, desired)
                }
                _ => false,
            };
            let cut_off = match &node.step {
                Step::Resource(_) => MAY_EXIST,
                Step::Host { .. } => ON_HOST,
            };
            let work: TaskWork = match &node.step {
                Step::Resource(desired) => {
                    let Some(change) = changes.get(&node.address) else {
                        continue;
                    };
                    if services_of(desired.kind()).next().is_some() {
                        after.push(SERVICE_ROLES.to_owned());
                    }
                    let (change, desired) = ((*change).clone(), desired.clone());
                    Box::pin(async move {
                        if let Desired::Instance(instance) = &desired
                            && hosts.rollout.replaces(instance.host)
                        {
                            engine.leave(&hosts, instance.host).await?;
                        }
                        let WalkContext { shared, stop, .. } = &hosts;
                        engine.apply_change(&change, &desired, shared, stop).await
                    })
                }
                Step::Host { host, stage } => {
                    let (host, stage) = (*host, *stage);
                    Box::pin(async move { engine.host_stage(&hosts, host, stage).await })
                }
            };
            names.push(name.clone());
            tasks.push(Task {
                name,
                after,
                seconds: node.step.typical_seconds(),
                bills,
                cut_off,
                work,
            });
        }
        tasks.extend(self.service_roles(plan, &stop));
        tasks.extend(self.survey(&hosts).map(|survey| Task {
            after: edges.remove(SURVEY).into_iter().flatten().collect(),
            ..survey
        }));
        // What is surplus is deleted last: new capacity is there before the old goes.
        tasks.extend(self.removals(plan, &names));
        let mut report = walk(tasks, &self.events, stop).await;
        report.left_out = rollout.left_out();
        (report, shared)
    }

    /// Removes everything that a plan says, in the order that the kinds need.
    pub async fn down(self: &Arc<Self>, plan: &Plan, stop: watch::Receiver<Urgency>) -> WalkReport {
        walk(self.removals(plan, &[]), &self.events, stop).await
    }

    fn removals(self: &Arc<Self>, plan: &Plan, after_all: &[String]) -> Vec<Task> {
        let deletions: Vec<&Change> = plan
            .changes
            .iter()
            .filter(|change| change.action == Action::Delete)
            .collect();
        // Twins share an address: the id keeps the names apart.
        let name = |change: &Change| {
            let id = change.existing.as_ref().map_or("", |e| e.id.as_str());
            format!("{} ({id})", change.address)
        };
        deletions
            .iter()
            .filter_map(|change| {
                let existing = change.existing.clone()?;
                let first = deleted_after(change.kind);
                let after = deletions
                    .iter()
                    .filter(|other| first.contains(&other.kind))
                    .map(|other| name(other))
                    .chain(after_all.iter().cloned())
                    .collect();
                let step = name(change);
                let engine = Arc::clone(self);
                let label = step.clone();
                Some(Task {
                    name: step,
                    after,
                    seconds: existing.kind.info().typical_seconds,
                    bills: false,
                    cut_off: MAY_BE_GONE,
                    work: Box::pin(async move {
                        remove(&engine, &label, &existing).await.map_err(boxed)?;
                        Ok(Finished {
                            outcome: Outcome::Deleted,
                            detail: Some(existing.id),
                        })
                    }),
                })
            })
            .collect()
    }
}

/// Whether AWS bills a resource for as long as it exists.
fn is_billed(address: &Address, desired: &Desired) -> bool {
    let attributes = desired.attributes();
    let priced = Priced {
        address,
        attributes: &attributes,
        cluster: None,
    };
    let charges = (desired.kind().info().charges)(priced, &Prices::default());
    charges.is_ok_and(|charges| !charges.is_empty())
}
