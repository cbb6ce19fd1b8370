//! The way from one process to the account: latency, throttling, and the process's death.
//!
//! Every API call is one numbered step. A call takes a while to arrive, takes effect at one
//! instant, and its answer takes a while to come back. The process can be killed just before
//! or just after the effect of call `k`; what else was on its way is lost in the first case
//! and takes effect in the second, and none of the answers arrives.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use loadrig::engine::{CloudError, FailureClass};
use tokio::sync::Notify;
use tokio::time::{Duration, Instant, sleep};

use super::account::{Account, Fault, Ms};

/// On which side of a call's effect the process dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// The call has no effect, nor has any other that was on its way.
    Before,
    /// The call and all others that were on their way take effect; no answer arrives.
    After,
}

/// When a process dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kill {
    /// At which call, from 0.
    pub call: usize,
    /// Before or after its effect.
    pub side: Side,
}

type Effect = Box<dyn FnOnce(&mut Account) + Send>;

/// What somebody else does to the account at a call: resources changed behind our back.
pub type Hand = Box<dyn FnOnce(&mut Account) + Send>;

#[derive(Default)]
struct Inner {
    account: Account,
    names: Vec<&'static str>,
    on_their_way: BTreeMap<usize, Effect>,
    buckets: BTreeMap<&'static str, (f64, Ms)>,
    hands: BTreeMap<usize, Hand>,
    died: Option<Ms>,
    calls_after_death: usize,
}

/// The connection of one process.
pub struct Wire {
    inner: Mutex<Inner>,
    kill: Option<Kill>,
    killed: Notify,
    started: Instant,
    began: Ms,
}

impl std::fmt::Debug for Wire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wire").finish_non_exhaustive()
    }
}

impl Wire {
    /// Connects a new process.
    pub fn new(account: Account, kill: Option<Kill>, hands: BTreeMap<usize, Hand>) -> Arc<Self> {
        let began = account.now;
        Arc::new(Self {
            inner: Mutex::new(Inner {
                account,
                hands,
                ..Inner::default()
            }),
            kill,
            killed: Notify::new(),
            started: Instant::now(),
            began,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Ms {
        self.began + Ms::try_from(self.started.elapsed().as_millis()).unwrap_or(Ms::MAX)
    }

    /// Waits for the process's death.
    pub async fn death(&self) {
        self.killed.notified().await;
    }

    /// The names of the calls so far.
    pub fn calls(&self) -> Vec<&'static str> {
        self.lock().names.clone()
    }

    /// The account as this process leaves it.
    pub fn account(&self) -> Account {
        let mut inner = self.lock();
        assert_eq!(inner.calls_after_death, 0, "calls of a dead process");
        inner.account.now = self.now();
        inner.account.clone()
    }

    /// One API call.
    pub async fn call<T: Send + 'static>(
        &self,
        operation: &'static str,
        target: &str,
        effect: impl FnOnce(&mut Account) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, CloudError> {
        let answer: Arc<Mutex<Option<Result<T, Fault>>>> = Arc::default();
        let slot = Arc::clone(&answer);
        let now = self.now();
        let number = {
            let mut inner = self.lock();
            // At the very instant of its death some of its tasks may still be running.
            if inner.died.is_some_and(|at| at < now) {
                inner.calls_after_death += 1;
            }
            let number = inner.names.len();
            inner.names.push(operation);
            let effect = move |account: &mut Account| {
                let result = effect(account);
                *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
            };
            inner.on_their_way.insert(number, Box::new(effect));
            number
        };
        sleep(latency(number)).await;
        if !self.arrive(operation, number) {
            std::future::pending::<()>().await;
        }
        sleep(latency(number + 1)).await;
        let answer = answer.lock().unwrap_or_else(PoisonError::into_inner).take();
        match answer {
            Some(Ok(value)) => Ok(value),
            Some(Err(fault)) => Err(refusal(operation, target, &fault)),
            None => Err(refusal(operation, target, &throttled())),
        }
    }

    /// A call takes effect, or is throttled; `false` when the process is dead by now.
    fn arrive(&self, operation: &'static str, number: usize) -> bool {
        let now = self.now();
        let mut inner = self.lock();
        if inner.died.is_some() {
            return false;
        }
        inner.account.now = now;
        if let Some(hand) = inner.hands.remove(&number) {
            hand(&mut inner.account);
        }
        let dies = self.kill.filter(|kill| kill.call == number);
        if dies.is_some_and(|kill| kill.side == Side::Before) {
            inner.on_their_way.clear();
            return self.die(inner);
        }
        if let Some(effect) = inner.on_their_way.remove(&number)
            && inner.admits(operation, now)
        {
            effect(&mut inner.account);
        }
        if dies.is_some() {
            let rest = std::mem::take(&mut inner.on_their_way);
            for effect in rest.into_values() {
                effect(&mut inner.account);
            }
            return self.die(inner);
        }
        true
    }

    fn die(&self, mut inner: MutexGuard<'_, Inner>) -> bool {
        inner.died = Some(inner.account.now);
        self.killed.notify_one();
        false
    }
}

impl Inner {
    /// EC2's token buckets: capacity, and refill for each second.
    fn admits(&mut self, operation: &'static str, now: Ms) -> bool {
        let Some((capacity, refill)) = bucket(operation) else {
            return true;
        };
        let (left, at) = self.buckets.entry(operation).or_insert((capacity, now));
        let gained = f64::from(u32::try_from(now - *at).unwrap_or(u32::MAX)) / 1000.0 * refill;
        *left = (*left + gained).min(capacity);
        *at = now;
        let admitted = *left >= 1.0;
        if admitted {
            *left -= 1.0;
        }
        admitted
    }
}

/// "Request throttling for the Amazon EC2 API": requests, not resources.
fn bucket(operation: &str) -> Option<(f64, f64)> {
    match operation {
        "ec2:RunInstances" => Some((5.0, 2.0)),
        "ec2:TerminateInstances" => Some((100.0, 5.0)),
        name if name.starts_with("ec2:Describe") => Some((100.0, 20.0)),
        name if name.starts_with("ec2:") => Some((50.0, 5.0)),
        _ => None,
    }
}

fn throttled() -> Fault {
    Fault {
        code: "RequestLimitExceeded",
        message: "Request limit exceeded.".to_owned(),
    }
}

/// 40 to 140 ms each way, different from call to call, the same in every run.
fn latency(number: usize) -> Duration {
    let scrambled = (number as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
    Duration::from_millis(40 + scrambled % 100)
}

/// A refusal as the adapter reports it, classified by the adapter's own table.
pub fn refusal(operation: &str, target: &str, fault: &Fault) -> CloudError {
    CloudError {
        operation: operation.to_owned(),
        target: target.to_owned(),
        code: fault.code.to_owned(),
        message: fault.message.clone(),
        request_id: None,
        class: loadrig::aws::class_of_code(fault.code).unwrap_or(FailureClass::Terminal),
    }
}

/// What is there is a stranger's.
pub fn foreign(operation: &str, name: &str) -> CloudError {
    let fault = Fault {
        code: "ForeignResource",
        message: format!("`{name}` exists but is not tagged as ours"),
    };
    refusal(operation, name, &fault)
}
