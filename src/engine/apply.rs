//! Plans to tasks: what the walk does for each change and each host step.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use secrecy::SecretString;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::blueprint::{Address, Blueprint, Desired, Kind, Step};
use crate::diagnose::Diagnose;
use crate::events::{Events, Outcome};
use crate::identity::{Secrets, SecretsError, new_seed, user_data};
use crate::plan::{Action, Change, Observed, Plan, deleted_after, typical_seconds, usual_seconds};

use super::cloud::{Cloud, CloudError, FailureClass, Request, SecretInputs};
use super::hosts::{HostRequest, Hosts};
use super::permit::Permit;
use super::poll::Poller;
use super::remove::remove;
use super::wait::{patience, retry, until_ready};
use super::walk::{Finished, Task, TaskError, Urgency, WalkReport, walk};

/// What exists by now, shared by the tasks of a walk.
#[derive(Clone, Debug, Default)]
pub struct World {
    resources: Arc<Mutex<BTreeMap<Address, Observed>>>,
    secrets: Arc<Mutex<Option<Secrets>>>,
}

impl World {
    /// A copy of what exists.
    #[must_use]
    pub fn resources(&self) -> BTreeMap<Address, Observed> {
        lock(&self.resources).clone()
    }

    /// The environment's secrets, once the seed stands.
    #[must_use]
    pub fn secrets(&self) -> Option<Secrets> {
        lock(&self.secrets).clone()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The engine of one environment.
pub struct Engine<C, H> {
    /// The cloud.
    pub cloud: Arc<C>,
    /// Who looks whether things are ready or gone.
    pub poller: Poller<C>,
    /// The hosts.
    pub hosts: Arc<H>,
    /// Environment name.
    pub environment: String,
    /// Extra tags on every resource.
    pub tags: BTreeMap<String, String>,
    /// The operator's own public key; `None` uses the generated one.
    pub operator_key: Option<String>,
    /// Whether it may change anything: the environment's lock.
    pub permit: Permit,
    /// Where it tells what it does.
    pub events: Events,
}

impl<C: Cloud, H: Hosts> Engine<C, H> {
    /// Brings the environment to its blueprint. The world holds what exists afterwards.
    pub async fn up(
        self: &Arc<Self>,
        blueprint: &Blueprint,
        plan: &Plan,
        stop: watch::Receiver<Urgency>,
    ) -> (WalkReport, World) {
        let world = World::default();
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
            let after = node.after.iter().map(Address::to_string).collect();
            let engine = Arc::clone(self);
            let world = world.clone();
            let work: super::walk::TaskWork = match &node.step {
                Step::Resource(desired) => {
                    let Some(change) = changes.get(&node.address) else {
                        continue;
                    };
                    let (change, desired) = ((*change).clone(), desired.clone());
                    Box::pin(async move { engine.resource(&change, &desired, &world).await })
                }
                Step::Host { host, stage } => {
                    let (host, stage) = (*host, *stage);
                    let stop = stop.clone();
                    Box::pin(async move {
                        engine.permit.check().map_err(boxed)?;
                        let secrets = engine.secrets(&world).await.map_err(boxed)?;
                        let request = HostRequest {
                            host,
                            stage,
                            world: world.resources(),
                            secrets,
                            events: engine.events.clone(),
                            stop,
                        };
                        let outcome = engine.hosts.apply(request).await?;
                        Ok(Finished {
                            outcome,
                            detail: None,
                        })
                    })
                }
            };
            names.push(name.clone());
            tasks.push(Task {
                name,
                after,
                seconds: usual_seconds(&node.step),
                work,
            });
        }
        // What is surplus goes last: new capacity stands before old capacity falls.
        tasks.extend(self.removals(plan, &names));
        let report = walk(tasks, &self.events, stop).await;
        (report, world)
    }

    /// Removes everything that a plan says, in the order that the kinds need.
    pub async fn down(self: &Arc<Self>, plan: &Plan, stop: watch::Receiver<Urgency>) -> WalkReport {
        walk(self.removals(plan, &[]), &self.events, stop).await
    }

    fn removals(self: &Arc<Self>, plan: &Plan, after_all: &[String]) -> Vec<Task> {
        let doomed: Vec<&Change> = plan
            .changes
            .iter()
            .filter(|change| change.action == Action::Delete)
            .collect();
        // Twins share an address: the id keeps the names apart.
        let name = |change: &Change| {
            let id = change.existing.as_ref().map_or("", |e| e.id.as_str());
            format!("{} ({id})", change.address)
        };
        doomed
            .iter()
            .filter_map(|change| {
                let existing = change.existing.clone()?;
                let first = deleted_after(change.kind);
                let after = doomed
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
                    seconds: typical_seconds(existing.kind),
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

    async fn resource(
        &self,
        change: &Change,
        desired: &Desired,
        world: &World,
    ) -> Result<Finished, TaskError> {
        let step = change.address.to_string();
        let (observed, outcome) = self
            .act(change, desired, world, &step)
            .await
            .map_err(boxed)?;
        let ready = until_ready(&self.poller, &step, &self.events, observed)
            .await
            .map_err(boxed)?;
        let ready = self
            .finish(change, desired, world, ready)
            .await
            .map_err(boxed)?;
        let detail = Some(ready.id.clone());
        lock(&world.resources).insert(change.address.clone(), ready);
        if matches!(desired, Desired::Seed) {
            self.secrets(world).await.map_err(boxed)?;
        }
        Ok(Finished { outcome, detail })
    }

    /// The second call that some creations take once the resource is ready. A run that is cut
    /// off before it is finished by the next, since the resource says so itself.
    async fn finish(
        &self,
        change: &Change,
        desired: &Desired,
        world: &World,
        ready: Observed,
    ) -> Result<Observed, CloudError> {
        if ready.get("finished") != Some("false") {
            return Ok(ready);
        }
        let step = change.address.to_string();
        let updated = self
            .call(change, desired, world, &step, Some(&ready))
            .await?;
        until_ready(&self.poller, &step, &self.events, updated).await
    }

    async fn act(
        &self,
        change: &Change,
        desired: &Desired,
        world: &World,
        step: &str,
    ) -> Result<(Observed, Outcome), CloudError> {
        match (change.action, &change.existing) {
            (Action::Keep, Some(existing)) => Ok((existing.clone(), Outcome::Unchanged)),
            (Action::Update, Some(existing)) => {
                let updated = self
                    .call(change, desired, world, step, Some(existing))
                    .await?;
                Ok((updated, Outcome::Updated))
            }
            (Action::Replace, Some(existing)) => {
                remove(self, step, existing).await?;
                let made = self.call(change, desired, world, step, None).await?;
                Ok((made, Outcome::Created))
            }
            (Action::Create, _) => {
                let made = self.call(change, desired, world, step, None).await?;
                Ok((made, Outcome::Created))
            }
            (action, _) => Err(CloudError {
                operation: "plan".to_owned(),
                target: step.to_owned(),
                code: format!("{action:?}"),
                message: change.reason.clone(),
                request_id: None,
                class: FailureClass::Terminal,
            }),
        }
    }

    /// Creates, or updates what exists, retrying while that helps. Where AWS has no capacity
    /// for an instance, the next zone or type is tried.
    async fn call(
        &self,
        change: &Change,
        desired: &Desired,
        world: &World,
        step: &str,
        existing: Option<&Observed>,
    ) -> Result<Observed, CloudError> {
        let secrets = self.secret_inputs(desired, world).await?;
        let deadline = Instant::now() + patience(desired.kind());
        if let Some(existing) = existing {
            return retry(step, &self.events, deadline, || async {
                self.permit.check()?;
                let resources = world.resources();
                let request = self.request(change, desired, &resources, &secrets);
                self.cloud.update(request, existing).await
            })
            .await;
        }
        let candidates = desired.candidates();
        let mut refusal: Option<CloudError> = None;
        for candidate in &candidates {
            if let Some(refusal) = &refusal {
                self.events.note(format!(
                    "{step}: {} ({}); trying {}",
                    refusal.message,
                    refusal.code,
                    candidate.placement()
                ));
            }
            let made = retry(step, &self.events, deadline, || async {
                self.permit.check()?;
                // Anew each time: a subnet of another zone may stand by now.
                let resources = world.resources();
                let request = self.request(change, candidate, &resources, &secrets);
                let made = self.cloud.create(request).await?;
                staying(made)
            })
            .await;
            match made {
                Err(error) if error.class == FailureClass::Capacity => refusal = Some(error),
                other => return other,
            }
        }
        Err(refusal.unwrap_or_else(|| CloudError {
            operation: "plan".to_owned(),
            target: step.to_owned(),
            code: "NoCandidate".to_owned(),
            message: "there is no place where it could be made".to_owned(),
            request_id: None,
            class: FailureClass::Terminal,
        }))
    }

    fn request<'a>(
        &'a self,
        change: &'a Change,
        desired: &'a Desired,
        world: &'a BTreeMap<Address, Observed>,
        secrets: &SecretInputs,
    ) -> Request<'a> {
        Request {
            environment: &self.environment,
            address: &change.address,
            desired,
            world,
            tags: &self.tags,
            predecessors: &change.predecessors,
            secrets: secrets.clone(),
        }
    }

    async fn secret_inputs(
        &self,
        desired: &Desired,
        world: &World,
    ) -> Result<SecretInputs, CloudError> {
        let mut inputs = SecretInputs::default();
        match desired {
            Desired::Seed => inputs.seed = Some(new_seed()),
            Desired::KeyPair => {
                inputs.public_key = match &self.operator_key {
                    Some(key) => Some(key.clone()),
                    None => {
                        let key = self.secrets(world).await?.operator_key();
                        let public = key.public_key().to_openssh();
                        Some(public.map_err(|error| seed_error(error.to_string()))?)
                    }
                };
            }
            Desired::Database { .. } | Desired::DatabaseCluster { .. } => {
                inputs.password = Some(self.secrets(world).await?.database_password());
            }
            Desired::Instance { host, .. } => {
                let secrets = self.secrets(world).await?;
                let hostname = format!("{}-{host}", self.environment);
                let data = user_data(*host, &secrets.host_key(*host), &hostname)
                    .map_err(|error: SecretsError| seed_error(error.to_string()))?;
                inputs.user_data = Some(data);
            }
            _ => {}
        }
        Ok(inputs)
    }

    /// The secrets, read from the cloud once.
    async fn secrets(&self, world: &World) -> Result<Secrets, CloudError> {
        if let Some(secrets) = world.secrets() {
            return Ok(secrets);
        }
        let step = Address::seed().to_string();
        let deadline = Instant::now() + patience(Kind::Seed);
        let seed: SecretString = retry(&step, &self.events, deadline, || async {
            let found = self.cloud.seed(&self.environment).await?;
            // Reads lag behind: it stands, or this would not be asked for.
            found.ok_or_else(|| CloudError {
                class: FailureClass::Converging,
                ..seed_error("the parameter is not there".to_owned())
            })
        })
        .await?;
        let secrets = Secrets::from_seed(&seed).map_err(|error| seed_error(error.to_string()))?;
        *lock(&world.secrets) = Some(secrets.clone());
        Ok(secrets)
    }
}

/// What has the name of something that an earlier run began to remove can be made only once
/// that is gone.
fn staying(made: Observed) -> Result<Observed, CloudError> {
    if !made.state.is_leaving() {
        return Ok(made);
    }
    Err(CloudError {
        operation: "create".to_owned(),
        target: made.address.to_string(),
        code: "StillGoing".to_owned(),
        message: format!("`{}` is still being removed ({})", made.id, made.status),
        request_id: None,
        class: FailureClass::Converging,
    })
}

fn boxed<E: Diagnose + Send + Sync + 'static>(error: E) -> TaskError {
    Box::new(error)
}

fn seed_error(message: String) -> CloudError {
    CloudError {
        operation: "ssm:GetParameter".to_owned(),
        target: Address::seed().to_string(),
        code: "UnusableSeed".to_owned(),
        message,
        request_id: None,
        class: FailureClass::Terminal,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use crate::blueprint::Kind;
    use crate::plan::State;

    use super::*;

    #[test]
    fn what_is_still_going_is_asked_for_again() {
        let of = |state| {
            staying(Observed {
                address: Address::search(),
                kind: Kind::Search,
                id: "lr-perf-search".to_owned(),
                state,
                status: "deleting".to_owned(),
                attributes: BTreeMap::new(),
            })
        };
        assert!(of(State::Pending).is_ok() && of(State::Ready).is_ok());
        for state in [State::Deleting, State::Gone] {
            assert_eq!(of(state).unwrap_err().class, FailureClass::Converging);
        }
    }
}
