//! The lock of an environment, around every operation that changes it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::aws::{Aws, Registry};
use crate::diagnose::Diagnose as _;
use crate::engine::{
    AcquireOptions, HeldLease, Holder, Lease, LockError, Permit, Urgency, describe_lease,
    longest_wait_after_break, read_lease, take_back_lease,
};
use crate::events::Events;

use super::confirm::{Confirm, Question};
use super::session::Session;
use crate::ops::error::{LockRefusal, OpsError};

/// How long returning the lock may take; it expires when it is not returned.
const RELEASE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a lease whose holder died on this machine is waited for: its life, and the time
/// until all that the holder did can be seen.
const DEAD_HOLDER_TIMEOUT: Duration = Duration::from_mins(2);

/// What an operation does about a lock that somebody else holds.
#[derive(Clone, Debug, Default)]
pub struct LockOptions {
    /// How long to wait for it.
    pub timeout: Option<Duration>,
    /// Take it from its holder, whose name this is; empty when the caller gave none.
    pub break_lock: Option<String>,
    /// Whether a holder that died on this machine left no calls in flight
    /// ([`Adapters::is_on_this_machine`](super::Adapters::is_on_this_machine)).
    pub calls_end_with_process: bool,
}

/// What an operation wants the lock for.
#[derive(Clone, Copy, Debug)]
pub struct LockPurpose<'a> {
    /// Name of the environment.
    pub environment: &'a str,
    /// `up`, `down`, `test` …
    pub operation: &'a str,
    /// Name of the run's directory.
    pub run: &'a str,
}

/// The lock, held.
#[derive(Debug)]
pub struct Lock {
    held: HeldLease<Registry>,
    permit: Permit,
    events: Events,
    /// The bucket of the registry, where this run created it.
    new_registry: Option<String>,
}

impl Lock {
    /// Takes the lock, after waiting or asking as the options say. Creates the registry where
    /// it is missing.
    ///
    /// # Errors
    /// When somebody else holds it, the answer is no, or the registry cannot be used.
    pub async fn take(
        cloud: &Arc<Aws>,
        purpose: LockPurpose<'_>,
        options: &LockOptions,
        session: &Session<'_>,
    ) -> Result<Self, OpsError> {
        let mut stop = session.stop.clone();
        tokio::select! {
            taken = take(cloud, purpose, options, session) => taken,
            _ = stop.wait_for(|urgency| *urgency > Urgency::None) => {
                Err(LockRefusal::Interrupted.into())
            }
        }
    }

    /// What steps check before they change anything.
    #[must_use]
    pub fn permit(&self) -> Permit {
        self.permit.clone()
    }

    /// How urgently to stop: as the user wants, and at once when the lock is lost.
    #[must_use]
    pub fn stop(&self, user: &watch::Receiver<Urgency>) -> watch::Receiver<Urgency> {
        let mut user = user.clone();
        let lost = self.held.lost();
        let events = self.events.clone();
        let (tell, stop) = watch::channel(*user.borrow());
        tokio::spawn(async move {
            tokio::pin!(lost);
            loop {
                tokio::select! {
                    error = &mut lost => {
                        events.note(error.to_string());
                        let _nobody_waits = tell.send(Urgency::Now);
                        return;
                    }
                    changed = user.changed() => {
                        if changed.is_err() {
                            break;
                        }
                        let urgency = *user.borrow_and_update();
                        if tell.send(urgency).is_err() {
                            return;
                        }
                    }
                    () = tell.closed() => return,
                }
            }
            // Nobody can interrupt any more; the lock can still be lost.
            tokio::select! {
                error = &mut lost => {
                    events.note(error.to_string());
                    let _nobody_waits = tell.send(Urgency::Now);
                }
                () = tell.closed() => {}
            }
        });
        stop
    }

    /// Leaves the lock to what goes on by itself for so long at the most, whether or not this
    /// process does.
    ///
    /// # Errors
    /// When the lock was lost, or the registry cannot be used.
    pub async fn leave(self, at_most: Duration) -> Result<(), OpsError> {
        Ok(self.held.leave(at_most).await?)
    }

    /// Returns the lock. Losing it on the way outweighs what came of the work.
    ///
    /// # Errors
    /// The work's own, or that the lock was lost.
    pub async fn finish<T>(self, result: Result<T, OpsError>) -> Result<T, OpsError> {
        if let Some(loss) = self.held.loss() {
            let Err(failure) = result else {
                return Err(loss.into());
            };
            let mut hints = loss.hints();
            hints.extend(failure.hints());
            return Err(LockRefusal::LostWhileFailing {
                loss: loss.to_string(),
                failure: failure.to_string(),
                hints,
            }
            .into());
        }
        // After calls that were cut off, what they did may show up some seconds later: the
        // lease then stays until it has.
        let clean = result.is_ok() || !self.permit.was_used();
        if let Some(bucket) = self.new_registry.filter(|_| result.is_err() && clean) {
            // Refused before anything was changed, but for this.
            self.events.note(format!(
                "the registry `{bucket}` was created for the lock and stays: `loadrig registry remove` deletes it"
            ));
        }
        let released = tokio::time::timeout(RELEASE_TIMEOUT, self.held.release(clean)).await;
        if !matches!(released, Ok(Ok(()))) {
            self.events
                .note("cannot return the lock; it expires within a minute");
        }
        result
    }
}

async fn take(
    cloud: &Arc<Aws>,
    purpose: LockPurpose<'_>,
    options: &LockOptions,
    session: &Session<'_>,
) -> Result<Lock, OpsError> {
    let events = session.events;
    let unusable = |cause| LockError::Unavailable {
        environment: purpose.environment.to_owned(),
        cause,
    };
    let registry = Registry::of(cloud).await.map_err(unusable)?;
    let is_new = registry.ensure().await.map_err(unusable)?;
    let new_registry = is_new.then(|| registry.bucket().to_owned());
    let store = Arc::new(registry);
    let holder = holder(purpose);
    let mut acquire = AcquireOptions {
        // Who breaks a lock does not wait for it first.
        patience: match options.break_lock {
            Some(_) => Duration::ZERO,
            None => options.timeout.unwrap_or_default(),
        },
        ..AcquireOptions::default()
    };
    loop {
        let told = |text: String| events.note(text);
        let (store, mine) = (Arc::clone(&store), holder.clone());
        match HeldLease::acquire(store, purpose.environment, mine, &acquire, told).await {
            Ok(held) => {
                return Ok(Lock {
                    permit: held.permit(),
                    held,
                    events: events.clone(),
                    new_registry,
                });
            }
            Err(LockError::Held { lease, .. })
                if options.break_lock.is_none()
                    && options.calls_end_with_process
                    && acquire.break_nonce.is_none()
                    && died_here(&lease, &holder) =>
            {
                events.note(format!(
                    "process {} of this machine held the lock and has ended: taking it over",
                    lease.holder.pid
                ));
                acquire.break_nonce = Some(lease.holder.nonce.clone());
                acquire.holder_has_ended = true;
            }
            Err(LockError::Held { lease, .. })
                if acquire.patience.is_zero()
                    && options.break_lock.is_none()
                    && died_here(&lease, &holder) =>
            {
                events.note(format!(
                    "process {} of this machine held the lock and has ended: waiting for its lease to expire",
                    lease.holder.pid
                ));
                acquire.patience = DEAD_HOLDER_TIMEOUT;
            }
            Err(LockError::Held { lease, now }) if acquire.break_nonce.is_none() => {
                let Some(named) = &options.break_lock else {
                    return Err(LockError::Held { lease, now }.into());
                };
                confirm_break(session.confirm, named, &lease, &describe_lease(&lease, now))?;
                acquire.break_nonce = Some(lease.holder.nonce.clone());
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Returns the lock that a run left to what went on by itself.
///
/// # Errors
/// When the registry cannot be used.
pub async fn take_back(cloud: &Arc<Aws>, environment: &str, run: &str) -> Result<(), OpsError> {
    let unusable = |cause| LockError::Unavailable {
        environment: environment.to_owned(),
        cause,
    };
    let registry = Registry::of(cloud).await.map_err(unusable)?;
    Ok(take_back_lease(&registry, environment, run).await?)
}

/// Refuses what would disturb whoever holds the lock, and needs none of its own.
///
/// # Errors
/// When somebody holds it, or the registry cannot be used.
pub async fn must_be_free(cloud: &Arc<Aws>, environment: &str) -> Result<(), OpsError> {
    let unusable = |cause| LockError::Unavailable {
        environment: environment.to_owned(),
        cause,
    };
    let registry = Registry::of(cloud).await.map_err(unusable)?;
    match read_lease(&registry, environment).await? {
        Some((lease, now)) if now < lease.expires_at => {
            let lease = Box::new(lease);
            Err(LockError::Held { lease, now }.into())
        }
        _ => Ok(()),
    }
}

/// Asks before a lock is broken, unless another holder was meant.
fn confirm_break(
    confirm: &dyn Confirm,
    named: &str,
    lease: &Lease,
    described: &str,
) -> Result<(), OpsError> {
    let owner = &lease.holder.owner;
    if !named.is_empty() && named != owner {
        return Err(LockRefusal::OtherHolder {
            owner: owner.clone(),
            named: named.to_owned(),
        }
        .into());
    }
    confirm.confirm(&Question::BreakLock {
        lease,
        described,
        wait_seconds: longest_wait_after_break().as_secs(),
        is_named: named == owner,
    })?;
    Ok(())
}

fn holder(purpose: LockPurpose<'_>) -> Holder {
    Holder {
        owner: owner(),
        pid: std::process::id(),
        job: job(),
        operation: purpose.operation.to_owned(),
        run: purpose.run.to_owned(),
        nonce: format!("{:032x}", rand::random::<u128>()),
    }
}

/// Whether the lock's holder was a process of this user on this machine that has ended.
/// Where that cannot be known it is `false`: the holder then counts as alive. The holder of a lease
/// that was left has ended, and what it left the lease to has not.
fn died_here(lease: &Lease, me: &Holder) -> bool {
    let holder = &lease.holder;
    cfg!(target_os = "linux")
        && !lease.left
        && holder.owner == me.owner
        && !std::path::Path::new(&format!("/proc/{}", holder.pid)).exists()
}

/// `user@host`, as far as the machine knows.
fn owner() -> String {
    let unknown = || "unknown".to_owned();
    let user = whoami::username().unwrap_or_else(|_| unknown());
    let host = whoami::hostname().unwrap_or_else(|_| unknown());
    format!("{user}@{host}")
}

/// The page of the job on a build server, if this runs in one.
fn job() -> Option<String> {
    let variable = |name: &str| std::env::var(name).ok().filter(|text| !text.is_empty());
    let github = || {
        Some(format!(
            "{}/{}/actions/runs/{}",
            variable("GITHUB_SERVER_URL")?,
            variable("GITHUB_REPOSITORY")?,
            variable("GITHUB_RUN_ID")?
        ))
    };
    github()
        .or_else(|| variable("CI_JOB_URL"))
        .or_else(|| variable("BUILD_URL"))
}
