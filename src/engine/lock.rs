//! The lease that keeps two operators from changing one environment at once.
//!
//! A lease is one small object, written and deleted only under conditions (S3's `If-Match` and
//! `If-None-Match`), so that of two who try, one wins. It ends by itself when its holder no
//! longer renews it; whoever comes next takes it over by a conditional write on the very
//! version that expired.
//!
//! Three things make this safe without a server of our own.
//!
//! **Time is the store's.** Every answer of the store carries its time. A [`StoreClock`] carries
//! that time on with this process's steady clock, and keeps both ends of what is not known
//! (when between question and answer the store looked at its clock): a lease of one's own is
//! judged by the latest time that it can be, somebody else's by the earliest. The clocks of
//! operators play no part.
//!
//! **A holder stops before the lease ends.** Steps ask the [`Permit`] before each change. It
//! refuses once the lease may have ended by this process's own clock, whatever the store says,
//! so a holder that is cut off from the store stops changing things before anybody else can
//! start.
//!
//! **Whoever follows waits until calls in flight have settled.** A call that the last holder
//! sent just before its end can take effect afterwards, and what it created is not listed for
//! some seconds. A run that did not end cleanly leaves its lease *settling* instead of deleting
//! it, and who takes a lease over waits [`SETTLE_TIME`] past the end that the old one had.
//! Without that wait the next snapshot would miss what the last run created, and create it a
//! second time.
//!
//! A write whose answer was lost is not an error: the next read shows whether it took effect,
//! because the object then bears this holder's nonce.
//!
//! Pure protocol. Where leases are stored is behind [`LeaseStore`]; who asks, and what to do
//! about a refusal, is the caller's business.

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};

use crate::engine::cloud::{CloudError, FailureClass};
use crate::engine::lease::{
    Condition, Holder, Lease, LeaseStore, LockError, ObjectVersion, after, describe_lease, object,
    text, unavailable, until,
};
use crate::engine::permit::{LeaseStatus, Permit};
use crate::engine::store_clock::StoreClock;

/// How long a lease is valid without being renewed. It is renewed after a third of it, so that
/// two renewals can fail.
const LEASE_DURATION: Duration = Duration::from_mins(1);

/// How long the next run waits after the last change of one that did not end cleanly: until
/// then AWS's lists may not show what that run created (1 to 5 s were seen).
const SETTLE_TIME: Duration = Duration::from_secs(15);

/// A lease is used only when this much of it is left at least. Less would leave no time for the
/// first renewal.
const MIN_REMAINING: Duration = Duration::from_secs(30);

/// How long a lease is tried for when answers come so late that it is nearly over each time.
const STORE_TIMEOUT: Duration = Duration::from_mins(5);

/// The store tells its time in whole seconds, and rounds it.
const CLOCK_GRANULARITY: Duration = Duration::from_secs(2);

/// How often a lease that somebody else holds is read.
const READ_INTERVAL: Duration = Duration::from_secs(5);

/// How to acquire a lease.
#[derive(Clone, Debug, Default)]
pub struct AcquireOptions {
    /// How long to wait while somebody else holds the lease.
    pub patience: Duration,
    /// Take the lease from the holder with this nonce although it has not ended.
    pub break_nonce: Option<String>,
    /// That holder has ended and left no call in flight: nothing of it is waited for.
    pub holder_has_ended: bool,
}

impl AcquireOptions {
    fn breaks(&self, lease: &Lease) -> bool {
        self.break_nonce.as_deref() == Some(lease.holder.nonce.as_str())
    }
}

/// The result of one attempt to acquire a lease.
enum Attempt<S> {
    /// This process holds it.
    Acquired(HeldLease<S>),
    /// Somebody else holds it, at this time of the store's.
    HeldByOther(Box<Lease>, Timestamp),
    /// Not known yet: another attempt tells.
    Unclear,
}

/// A held lease, renewed in the background until it is released or dropped.
#[derive(Debug)]
pub struct HeldLease<S> {
    store: Arc<S>,
    name: String,
    current: Arc<Mutex<(Lease, ObjectVersion)>>,
    status: watch::Receiver<LeaseStatus>,
    renewing: tokio::task::JoinHandle<()>,
}

impl<S> Drop for HeldLease<S> {
    fn drop(&mut self) {
        self.renewing.abort();
    }
}

impl<S: LeaseStore> HeldLease<S> {
    /// Acquires the lease of an environment, and renews it until it is released.
    ///
    /// `notify` is told why it takes a while.
    ///
    /// # Errors
    /// When somebody else holds it for longer than the patience, or the store fails.
    pub async fn acquire(
        store: Arc<S>,
        environment: &str,
        holder: Holder,
        options: &AcquireOptions,
        notify: impl Fn(String),
    ) -> Result<Self, LockError> {
        let began = Instant::now();
        let mut usable_from = began;
        let mut notified = false;
        loop {
            let attempt =
                Self::attempt(&store, environment, &holder, options, &mut usable_from).await;
            let pause = match attempt {
                Ok(Attempt::Acquired(held)) => {
                    let settle = usable_from.saturating_duration_since(Instant::now());
                    if !settle.is_zero() {
                        notify(format!(
                            "waiting {} s until all that the other run did can be seen",
                            settle.as_secs() + 1
                        ));
                        sleep(settle).await;
                    }
                    return Ok(held);
                }
                Ok(Attempt::Unclear) if began.elapsed() > options.patience + STORE_TIMEOUT => {
                    return Err(store_too_slow(environment));
                }
                Ok(Attempt::Unclear) => Duration::from_millis(200),
                Ok(Attempt::HeldByOther(lease, now)) => {
                    let left = until(lease.expires_at, now);
                    let patience = options.patience.saturating_sub(began.elapsed());
                    if !lease.settling && patience.is_zero() {
                        return Err(LockError::Held { lease, now });
                    }
                    if !notified {
                        notified = true;
                        notify(waiting_text(&lease, now));
                    }
                    let pause = left.clamp(Duration::from_millis(500), READ_INTERVAL);
                    match lease.settling {
                        true => pause,
                        false => pause.min(patience),
                    }
                }
                // An answer that got lost: the next look tells what came of it.
                Err(LockError::Unavailable { cause, .. })
                    if cause.class.is_passing() && began.elapsed() < LEASE_DURATION / 2 =>
                {
                    Duration::from_secs(1)
                }
                Err(error) => return Err(error),
            };
            sleep(pause).await;
        }
    }

    /// Reads the lease once, and writes it once where what was read allows it.
    ///
    /// `usable_from` is when the holder may begin to change things. It only ever moves into the
    /// future: a write whose answer was lost may have taken a lease over, and then obliges to
    /// wait as an answered one does.
    async fn attempt(
        store: &Arc<S>,
        environment: &str,
        holder: &Holder,
        options: &AcquireOptions,
        usable_from: &mut Instant,
    ) -> Result<Attempt<S>, LockError> {
        let (found, clock) = read(&**store, environment).await?;
        let now = clock.at_least();
        let (fence, condition, settle) = match found {
            None => (now.as_second(), Condition::Absent, Duration::ZERO),
            // Ours, written by an earlier attempt whose answer was lost or late.
            Some((lease, version)) if lease.holder == *holder => {
                if until(lease.expires_at, clock.at_most()) > MIN_REMAINING {
                    let held = Self::start_renewing(store, (lease, version), clock);
                    return Ok(Attempt::Acquired(held));
                }
                (lease.fence, Condition::Is(version), Duration::ZERO)
            }
            Some((lease, version)) if now >= lease.expires_at || options.breaks(&lease) => {
                // A holder whose lease was broken goes on until it would have ended, and may
                // have calls in flight then.
                let settled = match lease.settling {
                    true => lease.expires_at,
                    false => after(lease.expires_at, SETTLE_TIME),
                };
                let fence = lease.fence + 1;
                let settle = match options.breaks(&lease) && options.holder_has_ended {
                    true => Duration::ZERO,
                    false => until(settled, now).min(LEASE_DURATION + SETTLE_TIME),
                };
                (fence, Condition::Is(version), settle)
            }
            Some((lease, _)) => return Ok(Attempt::HeldByOther(Box::new(lease), now)),
        };
        let lease = Lease {
            format: 1,
            environment: environment.to_owned(),
            holder: holder.clone(),
            acquired: now,
            expires_at: after(clock.at_most(), LEASE_DURATION),
            fence,
            settling: false,
            left: false,
        };
        let asked = Instant::now();
        *usable_from = (*usable_from).max(asked + settle);
        let name = object(environment);
        let put = store.put(&name, text(&lease), condition);
        let written = put.await.map_err(|error| unavailable(environment, error))?;
        let clock = StoreClock::of(written.at, asked);
        Ok(match written.value {
            Some(version) if until(lease.expires_at, clock.at_most()) > MIN_REMAINING => {
                Attempt::Acquired(Self::start_renewing(store, (lease, version), clock))
            }
            // Written, but the answer took so long that little of the lease may be left. Or
            // refused: somebody was quicker, or the SDK repeated this very write after its
            // answer was lost, and the second one found the version of the first.
            _ => Attempt::Unclear,
        })
    }

    fn start_renewing(store: &Arc<S>, stored: (Lease, ObjectVersion), clock: StoreClock) -> Self {
        let name = object(&stored.0.environment);
        // When a lease of an earlier attempt was written is not known; when it ends is.
        let left = until(stored.0.expires_at, clock.at_most()).min(LEASE_DURATION);
        let (sender, status) = watch::channel(LeaseStatus {
            valid_until: Instant::now() + left.saturating_sub(CLOCK_GRANULARITY),
            lost: None,
        });
        let current = Arc::new(Mutex::new(stored));
        let renewing = tokio::spawn(renew(
            Arc::clone(store),
            name.clone(),
            Arc::clone(&current),
            clock,
            sender,
        ));
        Self {
            store: Arc::clone(store),
            name,
            current,
            status,
            renewing,
        }
    }

    /// For the steps that change something.
    #[must_use]
    pub fn permit(&self) -> Permit {
        Permit::of(self.status.clone())
    }

    /// The lease as it was last written.
    #[must_use]
    pub fn lease(&self) -> Lease {
        lock(&self.current).0.clone()
    }

    /// Ends when the lease is lost; the value says how.
    pub fn lost(&self) -> impl Future<Output = LockError> + Send + use<S> {
        let mut status = self.status.clone();
        let environment = self.lease().environment;
        async move {
            let seen = status.wait_for(|now| now.lost.is_some()).await;
            let how = seen.ok().and_then(|now| now.lost.clone());
            let Some(how) = how else {
                // Released: nothing can be lost any more.
                return std::future::pending().await;
            };
            LockError::Lost { environment, how }
        }
    }

    /// The loss, if there was one.
    #[must_use]
    pub fn loss(&self) -> Option<LockError> {
        let how = self.status.borrow().lost.clone()?;
        Some(LockError::Lost {
            environment: self.lease().environment,
            how,
        })
    }

    /// Leaves the lease to what goes on by itself for so long at the most. It is not renewed any
    /// more, and ends then, or when [`take_back_lease`] deletes it.
    ///
    /// # Errors
    /// When the lease was lost, or the store fails: it may then end with its last renewal.
    pub async fn leave(self, at_most: Duration) -> Result<(), LockError> {
        self.renewing.abort();
        let ours = self.lease();
        let environment = ours.environment.as_str();
        let lost = |how: String| LockError::Lost {
            environment: environment.to_owned(),
            how,
        };
        // A renewal may have been cut off: what is stored counts.
        let (found, clock) = read(&*self.store, environment).await?;
        let (mut lease, version) = match found {
            Some((lease, version)) if lease.holder == ours.holder => (lease, version),
            Some((lease, _)) => {
                let by = describe_lease(&lease, clock.at_least());
                return Err(lost(format!("it went to {by}")));
            }
            None => return Err(lost("it was removed".to_owned())),
        };
        lease.expires_at = after(clock.at_most(), at_most);
        lease.left = true;
        let put = self
            .store
            .put(&self.name, text(&lease), Condition::Is(version));
        let written = put.await;
        if matches!(&written, Ok(answer) if answer.value.is_some()) {
            return Ok(());
        }
        // Our own write whose answer was lost, or somebody else's.
        match (read(&*self.store, environment).await?.0, written) {
            (Some((found, _)), _) if found.left && found.holder == ours.holder => Ok(()),
            (_, Err(error)) => Err(unavailable(environment, error)),
            (_, Ok(_)) => Err(lost("somebody else wrote it meanwhile".to_owned())),
        }
    }

    /// Gives the lease back. After a run that did not end cleanly it stays for some seconds,
    /// so that the next run sees all that this one made.
    ///
    /// # Errors
    /// When the store fails; the lease then ends by itself.
    pub async fn release(self, clean: bool) -> Result<(), LockError> {
        self.renewing.abort();
        let ours = self.lease();
        let environment = ours.environment.as_str();
        // A renewal may have been cut off: what is stored counts.
        let (found, clock) = read(&*self.store, environment).await?;
        let Some((mut lease, version)) = found.filter(|(lease, _)| lease.holder == ours.holder)
        else {
            return Ok(());
        };
        let result = if clean {
            self.store.delete(&self.name, &version).await
        } else {
            lease.expires_at = after(clock.at_most(), SETTLE_TIME);
            lease.settling = true;
            let put = self
                .store
                .put(&self.name, text(&lease), Condition::Is(version));
            put.await.map(|_| ())
        };
        result.map_err(|error| unavailable(environment, error))
    }
}

/// Renews a lease until it is lost.
///
/// A renewal that fails is tried again until the lease may have ended; then it counts as lost,
/// even if the store would still accept one. A renewal that is refused reads what is stored:
/// our own nonce means that an earlier renewal took effect and its answer was lost.
async fn renew<S: LeaseStore>(
    store: Arc<S>,
    name: String,
    current: Arc<Mutex<(Lease, ObjectVersion)>>,
    mut clock: StoreClock,
    sender: watch::Sender<LeaseStatus>,
) {
    let lose = |how: String| sender.send_modify(|status| status.lost = Some(how));
    let mut pause = LEASE_DURATION / 3;
    loop {
        let valid_until = sender.borrow().valid_until;
        tokio::select! {
            () = sleep(pause) => {}
            () = sleep_until(valid_until) => {
                return lose("it could not be renewed in time".to_owned());
            }
        }
        let (mut lease, version) = lock(&current).clone();
        let sent = Instant::now();
        lease.expires_at = after(clock.at_most(), LEASE_DURATION);
        let put = store.put(&name, text(&lease), Condition::Is(version));
        let written = tokio::select! {
            written = put => written,
            () = sleep_until(valid_until) => {
                return lose("it could not be renewed in time".to_owned());
            }
        };
        pause = match written {
            Ok(answer) => {
                clock = StoreClock::of(answer.at, sent);
                match answer.value {
                    Some(version) => {
                        *lock(&current) = (lease, version);
                        sender.send_modify(|status| {
                            status.valid_until = sent + LEASE_DURATION - CLOCK_GRANULARITY;
                        });
                        LEASE_DURATION / 3
                    }
                    // Our own earlier write whose answer was lost, or somebody else.
                    None => {
                        let seen = tokio::select! {
                            seen = read(&*store, &lease.environment) => seen,
                            () = sleep_until(valid_until) => {
                                return lose("it could not be renewed in time".to_owned());
                            }
                        };
                        match seen {
                            Ok((Some((found, version)), _)) if found.holder == lease.holder => {
                                *lock(&current) = (found, version);
                                Duration::ZERO
                            }
                            Ok((Some((found, _)), seen)) => {
                                let by = describe_lease(&found, seen.at_least());
                                return lose(format!("it went to {by}"));
                            }
                            Ok((None, _)) => return lose("it was removed".to_owned()),
                            Err(_) => Duration::from_secs(1),
                        }
                    }
                }
            }
            // Until the lease ends there is time to try again.
            Err(_) => Duration::from_secs(2),
        };
    }
}

/// Deletes the lease that a run left to what goes on by itself. Nothing is to do when it is
/// somebody else's by now, or gone.
///
/// # Errors
/// When the store fails, or what it holds is no lease.
pub async fn take_back_lease<S: LeaseStore>(
    store: &S,
    environment: &str,
    run: &str,
) -> Result<(), LockError> {
    let Some((lease, version)) = read(store, environment).await?.0 else {
        return Ok(());
    };
    if !lease.left || lease.holder.run != run {
        return Ok(());
    }
    let deleted = store.delete(&object(environment), &version).await;
    deleted.map_err(|error| unavailable(environment, error))
}

/// How long whoever breaks a lock waits at most before changing anything: a run that goes on
/// and cannot reach the store does not learn of it sooner.
#[must_use]
pub fn longest_wait_after_break() -> Duration {
    LEASE_DURATION + SETTLE_TIME
}

/// The lease of an environment, if there is one, and the store's time.
///
/// # Errors
/// When the store fails, or what it holds is no lease.
pub async fn read_lease<S: LeaseStore>(
    store: &S,
    environment: &str,
) -> Result<Option<(Lease, Timestamp)>, LockError> {
    let (found, clock) = read(store, environment).await?;
    Ok(found.map(|(lease, _)| (lease, clock.at_least())))
}

/// Deletes the lease of an environment if it has ended.
///
/// # Errors
/// When somebody holds it, or the store fails.
pub async fn delete_expired_lease<S: LeaseStore>(
    store: &S,
    environment: &str,
) -> Result<(), LockError> {
    let (found, clock) = read(store, environment).await?;
    let Some((lease, version)) = found else {
        return Ok(());
    };
    let now = clock.at_least();
    if now < lease.expires_at {
        return Err(LockError::Held {
            lease: Box::new(lease),
            now,
        });
    }
    let deleted = store.delete(&object(environment), &version).await;
    deleted.map_err(|error| unavailable(environment, error))
}

async fn read<S: LeaseStore>(
    store: &S,
    environment: &str,
) -> Result<(Option<(Lease, ObjectVersion)>, StoreClock), LockError> {
    let asked = Instant::now();
    let answer = store
        .get(&object(environment))
        .await
        .map_err(|error| unavailable(environment, error))?;
    let clock = StoreClock::of(answer.at, asked);
    let Some((content, version)) = answer.value else {
        return Ok((None, clock));
    };
    let lease = serde_json::from_str(&content).map_err(|error| LockError::Unreadable {
        environment: environment.to_owned(),
        message: error.to_string(),
    })?;
    Ok((Some((lease, version)), clock))
}

fn store_too_slow(environment: &str) -> LockError {
    let message = format!(
        "answers take so long that in {} s no lease could be had",
        STORE_TIMEOUT.as_secs()
    );
    let cause = CloudError {
        class: FailureClass::Transient,
        ..CloudError::without_answer("lock", object(environment), "TooSlow", message)
    };
    unavailable(environment, cause)
}

fn waiting_text(lease: &Lease, now: Timestamp) -> String {
    if lease.settling {
        let seconds = until(lease.expires_at, now).as_secs();
        return format!(
            "waiting {seconds} s until all that the last run of {} did can be seen",
            lease.holder.owner
        );
    }
    format!("waiting for the lock of {}", describe_lease(lease, now))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
