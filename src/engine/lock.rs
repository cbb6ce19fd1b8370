//! The lease that keeps two operators from changing one environment at once.
//!
//! A lease is one small object, written and removed only under conditions (S3's `If-Match`
//! and `If-None-Match`), so that of two who try, one wins. It ends by itself when its holder
//! no longer renews it; whoever comes next takes it over by a conditional write on the very
//! version that expired. Time is the store's own: the clocks of operators play no part.
//!
//! Pure protocol. Where leases are stored is behind [`LeaseStore`]; who asks, and what to do
//! about a refusal, is the command line's business.

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};

use crate::engine::cloud::{CloudError, FailureClass};
use crate::engine::lease::{
    Claim, Condition, Lease, LeaseStore, LockError, Version, after, described, object, text,
    unavailable, until,
};
use crate::engine::permit::{Permit, Standing};
use crate::engine::store_clock::StoreClock;

/// How long a lease lives without being renewed. It is renewed three times as often.
const LIFE: Duration = Duration::from_secs(60);

/// So long after the last change of a run that did not end cleanly the next one waits: until
/// then AWS's lists may not show what that run made (1 to 5 s were seen).
const SETTLE: Duration = Duration::from_secs(15);

/// A lease is begun with so much of its life at least: it is renewed after a third.
const FRESH: Duration = Duration::from_secs(30);

/// A store whose answers do not let a lease be had within this time is too slow for one.
const SLOW: Duration = Duration::from_secs(300);

/// The store tells its time in whole seconds.
const COARSE: Duration = Duration::from_secs(2);

/// How often a lease that somebody else holds is looked at.
const LOOK: Duration = Duration::from_secs(5);

/// How a lease is asked for.
#[derive(Clone, Debug, Default)]
pub struct Asking {
    /// How long to wait for somebody else's lease.
    pub patience: Duration,
    /// Take it from the holder of this nonce, whatever its lease says.
    pub break_of: Option<String>,
    /// That holder has ended and left no call in flight: nothing of it is waited for.
    pub holder_has_ended: bool,
}

impl Asking {
    fn breaks(&self, lease: &Lease) -> bool {
        self.break_of.as_deref() == Some(lease.claim.nonce.as_str())
    }
}

/// What one attempt to take a lease came to.
enum Attempt<S> {
    /// Taken.
    Taken(Held<S>),
    /// Somebody else's, at the store's time.
    Others(Box<Lease>, Timestamp),
    /// To be repeated.
    Again,
}

/// A held lease, renewed in the background until it is released or dropped.
#[derive(Debug)]
pub struct Held<S> {
    store: Arc<S>,
    name: String,
    current: Arc<Mutex<(Lease, Version)>>,
    standing: watch::Receiver<Standing>,
    renewing: tokio::task::JoinHandle<()>,
}

impl<S> Drop for Held<S> {
    fn drop(&mut self) {
        self.renewing.abort();
    }
}

impl<S: LeaseStore> Held<S> {
    /// Takes the lease of an environment.
    ///
    /// `told` hears why it takes a while.
    ///
    /// # Errors
    /// When somebody else holds it for longer than the patience, or the store fails.
    pub async fn take(
        store: Arc<S>,
        environment: &str,
        claim: Claim,
        asking: &Asking,
        told: impl Fn(String),
    ) -> Result<Self, LockError> {
        let began = Instant::now();
        let mut owed = began;
        let mut said = false;
        loop {
            let attempt = Self::attempt(&store, environment, &claim, asking, &mut owed).await;
            let pause = match attempt {
                Ok(Attempt::Taken(held)) => {
                    let settle = owed.saturating_duration_since(Instant::now());
                    if !settle.is_zero() {
                        told(format!(
                            "waiting {} s until all that the other run did can be seen",
                            settle.as_secs() + 1
                        ));
                        sleep(settle).await;
                    }
                    return Ok(held);
                }
                Ok(Attempt::Again) if began.elapsed() > asking.patience + SLOW => {
                    return Err(too_slow(environment));
                }
                Ok(Attempt::Again) => Duration::from_millis(200),
                Ok(Attempt::Others(lease, now)) => {
                    let left = until(lease.expires_at, now);
                    let patience = asking.patience.saturating_sub(began.elapsed());
                    if !lease.settling && patience.is_zero() {
                        return Err(LockError::Held { lease, now });
                    }
                    if !said {
                        said = true;
                        told(waiting(&lease, now));
                    }
                    let pause = left.clamp(Duration::from_millis(500), LOOK);
                    match lease.settling {
                        true => pause,
                        false => pause.min(patience),
                    }
                }
                // An answer that got lost: the next look tells what came of it.
                Err(LockError::Unavailable { cause, .. })
                    if cause.class.is_passing() && began.elapsed() < LIFE / 2 =>
                {
                    Duration::from_secs(1)
                }
                Err(error) => return Err(error),
            };
            sleep(pause).await;
        }
    }

    /// One look, and one write where the look allows it.
    ///
    /// `owed` is when what the lease is for may begin. It grows from attempt to attempt: a
    /// write whose answer was lost owes what an answered one does.
    async fn attempt(
        store: &Arc<S>,
        environment: &str,
        claim: &Claim,
        asking: &Asking,
        owed: &mut Instant,
    ) -> Result<Attempt<S>, LockError> {
        let (found, clock) = look(&**store, environment).await?;
        let now = clock.at_least();
        let (fence, condition, settle) = match found {
            None => (now.as_second(), Condition::Absent, Duration::ZERO),
            // An earlier attempt whose answer was lost, or late.
            Some((lease, version)) if lease.claim == *claim => {
                if until(lease.expires_at, clock.at_most()) > FRESH {
                    let held = Self::hold(store, (lease, version), clock);
                    return Ok(Attempt::Taken(held));
                }
                (lease.fence, Condition::Is(version), Duration::ZERO)
            }
            Some((lease, version)) if now >= lease.expires_at || asking.breaks(&lease) => {
                // A holder whose lease ended, or was broken, acts on until it would have ended,
                // and may have calls in flight then.
                let settled = match lease.settling {
                    true => lease.expires_at,
                    false => after(lease.expires_at, SETTLE),
                };
                let fence = lease.fence + 1;
                let settle = match asking.breaks(&lease) && asking.holder_has_ended {
                    true => Duration::ZERO,
                    false => until(settled, now).min(LIFE + SETTLE),
                };
                (fence, Condition::Is(version), settle)
            }
            Some((lease, _)) => return Ok(Attempt::Others(Box::new(lease), now)),
        };
        let lease = Lease {
            format: 1,
            environment: environment.to_owned(),
            claim: claim.clone(),
            acquired: now,
            expires_at: after(clock.at_most(), LIFE),
            fence,
            settling: false,
        };
        let asked = Instant::now();
        *owed = (*owed).max(asked + settle);
        let name = object(environment);
        let put = store.put(&name, text(&lease), condition);
        let written = put.await.map_err(|error| unavailable(environment, error))?;
        let clock = StoreClock::of(written.at, asked);
        Ok(match written.value {
            Some(version) if until(lease.expires_at, clock.at_most()) > FRESH => {
                Attempt::Taken(Self::hold(store, (lease, version), clock))
            }
            // Ours, but the answer took so long that little of it may be left. Or refused:
            // somebody was quicker, or it was this very write and its answer was lost.
            _ => Attempt::Again,
        })
    }

    fn hold(store: &Arc<S>, stored: (Lease, Version), clock: StoreClock) -> Self {
        let name = object(&stored.0.environment);
        // What an adopted lease was written with is not known: its own end is.
        let left = until(stored.0.expires_at, clock.at_most()).min(LIFE);
        let (tell, standing) = watch::channel(Standing {
            valid_until: Instant::now() + left.saturating_sub(COARSE),
            lost: None,
        });
        let current = Arc::new(Mutex::new(stored));
        let renewing = tokio::spawn(renew(
            Arc::clone(store),
            name.clone(),
            Arc::clone(&current),
            clock,
            tell,
        ));
        Self {
            store: Arc::clone(store),
            name,
            current,
            standing,
            renewing,
        }
    }

    /// For the steps that change something.
    #[must_use]
    pub fn permit(&self) -> Permit {
        Permit::of(self.standing.clone())
    }

    /// The lease as it was last written.
    #[must_use]
    pub fn lease(&self) -> Lease {
        lock(&self.current).0.clone()
    }

    /// Ends when the lease is lost; the value says how.
    pub fn lost(&self) -> impl Future<Output = LockError> + Send + use<S> {
        let mut standing = self.standing.clone();
        let environment = self.lease().environment;
        async move {
            let seen = standing.wait_for(|now| now.lost.is_some()).await;
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
        let how = self.standing.borrow().lost.clone()?;
        Some(LockError::Lost {
            environment: self.lease().environment,
            how,
        })
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
        let (found, clock) = look(&*self.store, environment).await?;
        let Some((mut lease, version)) = found.filter(|(lease, _)| lease.claim == ours.claim)
        else {
            return Ok(());
        };
        let result = if clean {
            self.store.delete(&self.name, &version).await
        } else {
            lease.expires_at = after(clock.at_most(), SETTLE);
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
async fn renew<S: LeaseStore>(
    store: Arc<S>,
    name: String,
    current: Arc<Mutex<(Lease, Version)>>,
    mut clock: StoreClock,
    tell: watch::Sender<Standing>,
) {
    let lose = |how: String| tell.send_modify(|standing| standing.lost = Some(how));
    let mut pause = LIFE / 3;
    loop {
        let valid_until = tell.borrow().valid_until;
        tokio::select! {
            () = sleep(pause) => {}
            () = sleep_until(valid_until) => {
                return lose("it could not be renewed in time".to_owned());
            }
        }
        let (mut lease, version) = lock(&current).clone();
        let sent = Instant::now();
        lease.expires_at = after(clock.at_most(), LIFE);
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
                        tell.send_modify(|standing| {
                            standing.valid_until = sent + LIFE - COARSE;
                        });
                        LIFE / 3
                    }
                    // Our own earlier write whose answer was lost, or somebody else.
                    None => {
                        let seen = tokio::select! {
                            seen = look(&*store, &lease.environment) => seen,
                            () = sleep_until(valid_until) => {
                                return lose("it could not be renewed in time".to_owned());
                            }
                        };
                        match seen {
                            Ok((Some((found, version)), _)) if found.claim == lease.claim => {
                                *lock(&current) = (found, version);
                                Duration::ZERO
                            }
                            Ok((Some((found, _)), seen)) => {
                                let by = described(&found, seen.at_least());
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

/// How long whoever breaks a lock waits at the most before changing anything: a run that
/// works on, and cannot reach the store, may not know of it for so long.
#[must_use]
pub fn held_for_break() -> Duration {
    LIFE + SETTLE
}

/// Who holds the lease of an environment, and the store's time.
///
/// # Errors
/// When the store fails, or what it holds is no lease.
pub async fn holder<S: LeaseStore>(
    store: &S,
    environment: &str,
) -> Result<Option<(Lease, Timestamp)>, LockError> {
    let (found, clock) = look(store, environment).await?;
    Ok(found.map(|(lease, _)| (lease, clock.at_least())))
}

/// Removes the lease of an environment if it has ended.
///
/// # Errors
/// When somebody holds it, or the store fails.
pub async fn clear<S: LeaseStore>(store: &S, environment: &str) -> Result<(), LockError> {
    let (found, clock) = look(store, environment).await?;
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

async fn look<S: LeaseStore>(
    store: &S,
    environment: &str,
) -> Result<(Option<(Lease, Version)>, StoreClock), LockError> {
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

fn too_slow(environment: &str) -> LockError {
    let cause = CloudError {
        operation: "lock".to_owned(),
        target: object(environment),
        code: "TooSlow".to_owned(),
        message: format!(
            "answers take so long that in {} s no lease could be had",
            SLOW.as_secs()
        ),
        request_id: None,
        class: FailureClass::Transient,
    };
    unavailable(environment, cause)
}

fn waiting(lease: &Lease, now: Timestamp) -> String {
    if lease.settling {
        let seconds = until(lease.expires_at, now).as_secs();
        return format!(
            "waiting {seconds} s until all that the interrupted run of {} did can be seen",
            lease.claim.owner
        );
    }
    format!("waiting for the lock of {}", described(lease, now))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
