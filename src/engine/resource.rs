//! One resource of a plan: created, updated or replaced, and waited for until it is ready.

use std::time::Duration;

use secrecy::SecretString;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::blueprint::{Address, Desired, Kind};
use crate::engine::cloud::{
    CHANGE_UNDONE, Cloud, CloudError, FailureClass, NOT_READY, Request, SecretInputs,
};
use crate::engine::context::{Engine, SharedInventory};
use crate::engine::hosts::Hosts;
use crate::engine::remove::remove;
use crate::engine::settle::Compare;
use crate::engine::task::{Finished, TaskError, boxed};
use crate::engine::wait::{not_ready, retry, retry_until_stopped, until_ready};
use crate::engine::walk::Urgency;
use crate::events::Outcome;
use crate::identity::{Secrets, SecretsError, new_seed, user_data};
use crate::plan::{Action, Change, Inventory, Observed, keep_restart, unsettled};

/// Calls after the first one that a resource may take: a database's settings, and two restarts.
const FURTHER_CALLS: usize = 4;

/// A change that is carried out.
struct Work<'a> {
    change: &'a Change,
    desired: &'a Desired,
    shared: &'a SharedInventory,
    step: &'a str,
    stop: &'a watch::Receiver<Urgency>,
}

impl<C: Cloud, H: Hosts> Engine<C, H> {
    /// Carries out a change, and waits until the resource is ready.
    pub(super) async fn apply_change(
        &self,
        change: &Change,
        desired: &Desired,
        shared: &SharedInventory,
        stop: &watch::Receiver<Urgency>,
    ) -> Result<Finished, TaskError> {
        let step = change.address.to_string();
        let work = Work {
            change,
            desired,
            shared,
            step: &step,
            stop,
        };
        let (ready, outcome) = self.act(&work).await.map_err(boxed)?;
        let ready = self.complete(&work, ready).await.map_err(boxed)?;
        let detail = Some(ready.id.clone());
        shared.insert(ready);
        if matches!(desired, Desired::Seed(_)) {
            self.secrets(shared).await.map_err(boxed)?;
        }
        Ok(Finished { outcome, detail })
    }

    /// The further calls that some creations and changes take once the resource is ready. A run
    /// that is cut off before them is completed by the next, since the resource says itself that
    /// something is left to do.
    async fn complete(&self, work: &Work<'_>, mut ready: Observed) -> Result<Observed, CloudError> {
        let desired = work.desired;
        let mut calls = 0;
        loop {
            let before = match desired.kind().info().ready_reads {
                0 => ready.clone(),
                _ => work.shared.inventory().name_references(ready.clone()),
            };
            let more = unsettled(desired, &before, &before).needs_call;
            if !more && !before.says("finished", false) {
                return Ok(ready);
            }
            if calls == FURTHER_CALLS {
                let message = format!("it is not complete after {FURTHER_CALLS} further calls");
                return Err(not_ready(&ready, message));
            }
            calls += 1;
            ready = self.update(work, &before).await?;
        }
    }

    /// Waits until a resource is ready; after a change, until it is as desired. Where that fails,
    /// the service may know why.
    async fn await_ready(
        &self,
        work: &Work<'_>,
        seen: Observed,
        budget: Duration,
        before: Option<&Observed>,
    ) -> Result<Observed, CloudError> {
        let existing = seen.clone();
        let inventory = work.shared.inventory();
        let compare = before.map(|before| {
            move |seen: &Observed| {
                unsettled(
                    work.desired,
                    before,
                    &inventory.name_references(seen.clone()),
                )
            }
        });
        let compare = compare.as_ref().map(|compare| compare as Compare<'_>);
        let limits = (budget, compare);
        let waited = until_ready(&self.poller, work.step, &self.events, seen, limits).await;
        let Err(mut error) = waited else {
            return waited;
        };
        if matches!(error.code.as_str(), NOT_READY | CHANGE_UNDONE) {
            // The failure is told whether or not its reason can be read.
            let reasons = self.cloud.reasons(&existing).await.unwrap_or_default();
            if !reasons.is_empty() {
                error.message = format!("{}; {}", error.message, reasons.join("; "));
            }
        }
        Err(error)
    }

    async fn act(&self, work: &Work<'_>) -> Result<(Observed, Outcome), CloudError> {
        match (work.change.action, &work.change.existing) {
            (Action::Keep, Some(existing)) => {
                let patience = existing.kind.info().patience.create;
                let kept = self
                    .await_ready(work, existing.clone(), patience, None)
                    .await?;
                Ok((kept, Outcome::Unchanged))
            }
            (Action::Update, Some(existing)) => {
                let mut updated = self.update(work, existing).await?;
                keep_restart(work.desired, existing, &mut updated);
                Ok((updated, Outcome::Updated))
            }
            (Action::Replace, Some(existing)) => {
                remove(self, work.step, existing).await?;
                Ok((self.create(work).await?, Outcome::Created))
            }
            (Action::Create, _) => Ok((self.create(work).await?, Outcome::Created)),
            (action, _) => Err(CloudError::without_answer(
                "plan",
                work.step,
                &format!("{action:?}"),
                &*work.change.reason,
            )),
        }
    }

    /// Changes what exists, retrying while that helps.
    async fn update(&self, work: &Work<'_>, existing: &Observed) -> Result<Observed, CloudError> {
        let secrets = self.secret_inputs(work.desired, work.shared).await?;
        let patience = work.desired.kind().info().patience.update;
        let deadline = Instant::now() + patience;
        let stop = Some(work.stop);
        let updated = retry_until_stopped(work.step, &self.events, deadline, stop, || async {
            self.permit.check()?;
            let inventory = work.shared.inventory();
            let request = self.request(work.change, work.desired, &inventory, &secrets);
            self.cloud.update(request, existing).await
        })
        .await?;
        self.await_ready(work, updated, patience, Some(existing))
            .await
    }

    /// Creates, retrying while that helps. Where AWS has no capacity for an instance, the next
    /// zone or type is tried, also when it says so only after it accepted the launch.
    async fn create(&self, work: &Work<'_>) -> Result<Observed, CloudError> {
        let secrets = self.secret_inputs(work.desired, work.shared).await?;
        let mut refusal: Option<CloudError> = None;
        for candidate in &work.desired.candidates() {
            if let Some(refusal) = &refusal {
                self.events.note(format!(
                    "{}: {} ({}); trying {}",
                    work.step,
                    refusal.message,
                    refusal.code,
                    candidate.placement()
                ));
            }
            match self.create_candidate(work, candidate, &secrets).await {
                Err(error) if error.class == FailureClass::Capacity => refusal = Some(error),
                other => return other,
            }
        }
        Err(refusal.unwrap_or_else(|| {
            let message = "no zone and no instance type is left to try";
            CloudError::without_answer("plan", work.step, "NoCandidate", message)
        }))
    }

    /// Creates one, and waits until it is ready. One that fails because AWS did not see yet what
    /// it needs is removed and created once more.
    async fn create_candidate(
        &self,
        work: &Work<'_>,
        candidate: &Desired,
        secrets: &SecretInputs,
    ) -> Result<Observed, CloudError> {
        let patience = candidate.kind().info().patience.create;
        let mut created_again = false;
        loop {
            let deadline = Instant::now() + patience;
            let stop = Some(work.stop);
            let created = retry_until_stopped(work.step, &self.events, deadline, stop, || async {
                self.permit.check()?;
                // Read again each time: a subnet of another zone may exist by now.
                let inventory = work.shared.inventory();
                let request = self.request(work.change, candidate, &inventory, secrets);
                let created = self.cloud.create(request).await?;
                refuse_leaving(created)
            })
            .await?;
            match self
                .await_ready(work, created.clone(), patience, None)
                .await
            {
                Err(error) if error.code == NOT_READY && error.class.is_passing() => {
                    if created_again {
                        return Err(error);
                    }
                    created_again = true;
                    self.events.note(format!(
                        "{}: {}; creating it again",
                        work.step, error.message
                    ));
                    remove(self, work.step, &created).await?;
                }
                other => return other,
            }
        }
    }

    fn request<'a>(
        &'a self,
        change: &'a Change,
        desired: &'a Desired,
        inventory: &'a Inventory,
        secrets: &SecretInputs,
    ) -> Request<'a> {
        Request {
            environment: &self.environment,
            address: &change.address,
            desired,
            inventory,
            tags: &self.tags,
            predecessors: &change.predecessors,
            secrets: secrets.clone(),
        }
    }

    async fn secret_inputs(
        &self,
        desired: &Desired,
        shared: &SharedInventory,
    ) -> Result<SecretInputs, CloudError> {
        let mut inputs = SecretInputs::default();
        match desired {
            Desired::Seed(_) => inputs.seed = Some(new_seed()),
            Desired::KeyPair(_) => {
                inputs.public_key = match &self.operator_key {
                    Some(key) => Some(key.clone()),
                    None => {
                        let key = self.secrets(shared).await?.operator_key();
                        let public = key.public_key().to_openssh();
                        Some(public.map_err(|error| seed_error(error.to_string()))?)
                    }
                };
            }
            Desired::Database(_) | Desired::DatabaseCluster(_) => {
                inputs.password = Some(self.secrets(shared).await?.database_password());
            }
            Desired::Instance(instance) => {
                let host = instance.host;
                let secrets = self.secrets(shared).await?;
                let hostname = format!("{}-{host}", self.environment);
                let key = secrets.host_key(host);
                let data = user_data(host, &key, &hostname, instance.lifetime)
                    .map_err(|error: SecretsError| seed_error(error.to_string()))?;
                inputs.user_data = Some(data);
            }
            _ => {}
        }
        Ok(inputs)
    }

    /// The secrets, read from the cloud once.
    pub(super) async fn secrets(&self, shared: &SharedInventory) -> Result<Secrets, CloudError> {
        if let Some(secrets) = shared.secrets() {
            return Ok(secrets);
        }
        let step = Address::seed().to_string();
        let deadline = Instant::now() + Kind::Seed.info().patience.create;
        let seed: SecretString = retry(&step, &self.events, deadline, || async {
            let found = self.cloud.seed(&self.environment).await?;
            // Reads lag behind: it exists, or nobody would ask for it.
            found.ok_or_else(|| CloudError {
                class: FailureClass::Converging,
                ..seed_error("the parameter is not there".to_owned())
            })
        })
        .await?;
        let secrets = Secrets::from_seed(&seed).map_err(|error| seed_error(error.to_string()))?;
        shared.set_secrets(secrets.clone());
        Ok(secrets)
    }
}

/// A resource that an earlier run began to delete still has the name: the new one can be
/// created only once it is gone.
fn refuse_leaving(created: Observed) -> Result<Observed, CloudError> {
    if !created.state.is_leaving() {
        return Ok(created);
    }
    let message = format!(
        "`{}` is still being deleted ({})",
        created.id, created.status
    );
    Err(CloudError {
        class: FailureClass::Converging,
        ..CloudError::without_answer("create", &created.address, "StillDeleting", message)
    })
}

fn seed_error(message: String) -> CloudError {
    CloudError::without_answer("ssm:GetParameter", Address::seed(), "UnusableSeed", message)
}

#[cfg(test)]
mod tests {
    use crate::blueprint::{Attributes, Kind};
    use crate::plan::State;

    use super::*;

    #[test]
    fn a_resource_that_is_being_deleted_is_waited_for() {
        let of = |state| {
            refuse_leaving(Observed {
                address: Address::search(),
                kind: Kind::Search,
                id: "lr-perf-search".to_owned(),
                state,
                status: "deleting".to_owned(),
                attributes: Attributes::default(),
            })
        };
        assert!(of(State::Pending).is_ok() && of(State::Ready).is_ok());
        for state in [State::Deleting, State::Gone] {
            assert_eq!(of(state).unwrap_err().class, FailureClass::Converging);
        }
    }
}
