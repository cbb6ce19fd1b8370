//! The way from one process to the account: latency, and the process's death.
//!
//! Every API call is one numbered step. A call takes a while to arrive, takes effect at one
//! instant, and its answer takes a while to come back. The process can be killed just before
//! or just after the effect of call `k`; what else was on its way is lost in the first case
//! and takes effect in the second, and none of the answers arrives.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use axum::http::Response;
use bytes::Bytes;
use futures::future::BoxFuture;
use strict_cloud::model::answer_violations;
use strict_cloud::{AwsAccount, SharedAccount};
use strict_cloud::{Call, StrictCloud};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

use crate::connector::Answers;

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

/// What somebody else does to the account just before a call takes effect.
pub type Interference = Box<dyn FnOnce(&mut AwsAccount) + Send>;

/// An account as a death leaves it.
pub struct Death {
    pub kill: Kill,
    pub account: AwsAccount,
}

/// What stands at the other end.
#[derive(Clone)]
pub enum CloudBackend {
    /// An account in memory.
    Memory(SharedAccount),
    /// The strict cloud before an emulator.
    Emulated(StrictCloud),
}

#[derive(Default)]
struct LinkState {
    names: Vec<String>,
    in_flight: BTreeMap<usize, Call>,
    interferences: BTreeMap<usize, Interference>,
    died: Option<Instant>,
    calls_after_death: usize,
    deaths: Option<Vec<Death>>,
    /// The calls whose answer was lost, if the first answer of each is to be.
    lost: Option<BTreeSet<String>>,
}

/// The connection of one process.
pub struct ProcessLink {
    backend: CloudBackend,
    state: Mutex<LinkState>,
    kill: Option<Kill>,
    killed: Notify,
    hosts: OnceLock<SharedAccount>,
}

impl ProcessLink {
    /// Connects a new process.
    pub fn new(backend: CloudBackend, kill: Option<Kill>) -> Arc<Self> {
        Arc::new(Self {
            backend,
            state: Mutex::default(),
            kill,
            killed: Notify::new(),
            hosts: OnceLock::new(),
        })
    }

    /// Keeps the account as each possible death would leave it; in memory alone.
    pub fn keep_deaths(&self) {
        self.state().deaths = Some(Vec::new());
    }

    /// Somebody else's hand in the account at a call; in memory alone.
    pub fn interfere(&self, at: usize, interference: Interference) {
        self.state().interferences.insert(at, interference);
    }

    /// Loses the first answer to each kind of call that changes something.
    pub fn lose_first_answers(&self) {
        self.state().lost = Some(BTreeSet::new());
    }

    /// Waits for the process's death.
    pub async fn death(&self) {
        self.killed.notified().await;
    }

    /// The names of the calls so far.
    pub fn calls(&self) -> Vec<String> {
        let state = self.state();
        assert_eq!(state.calls_after_death, 0, "calls of a dead process");
        state.names.clone()
    }

    /// What the kept deaths leave.
    pub fn deaths(&self) -> Vec<Death> {
        self.state().deaths.take().unwrap_or_default()
    }

    /// The account as this process leaves it, if it is one in memory.
    pub fn account(&self) -> Option<AwsAccount> {
        match &self.backend {
            CloudBackend::Memory(account) => Some(account.account()),
            CloudBackend::Emulated(_) => None,
        }
    }

    /// The account behind the strict cloud, if there is one: it says which hosts answer.
    pub fn hosts_are_in(&self, account: SharedAccount) {
        assert!(self.hosts.set(account).is_ok(), "said once");
    }

    /// Whether what runs on an instance answers.
    pub fn host_answers(&self, instance: &str) -> bool {
        let account = match &self.backend {
            CloudBackend::Memory(account) => Some(account),
            CloudBackend::Emulated(_) => self.hosts.get(),
        };
        account.is_none_or(|account| account.answers(instance))
    }

    fn state(&self) -> MutexGuard<'_, LinkState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn pass(&self, call: Call) -> Option<Response<Bytes>> {
        let loses = self.loses_answer(&call);
        let number = self.depart(call);
        sleep(latency(number)).await;
        let Some(answer) = self.arrive(number).await else {
            // The dead get no answers, and make no more calls.
            return std::future::pending().await;
        };
        sleep(latency(number + 1)).await;
        answer.filter(|_| !loses)
    }

    fn loses_answer(&self, call: &Call) -> bool {
        let mut state = self.state();
        let lost = state.lost.as_mut();
        lost.is_some_and(|lost| !call.reads() && lost.insert(call.name()))
    }

    fn depart(&self, call: Call) -> usize {
        let mut state = self.state();
        // At the very instant of its death some of its tasks may still be running.
        if state.died.is_some_and(|at| at < Instant::now()) {
            state.calls_after_death += 1;
        }
        let number = state.names.len();
        state.names.push(call.name());
        state.in_flight.insert(number, call);
        number
    }

    /// A call takes effect; none when the process is dead by now.
    async fn arrive(&self, number: usize) -> Option<Option<Response<Bytes>>> {
        let call = self.start(number)?;
        let answer = self.carry_out(call).await;
        if self.kill
            != Some(Kill {
                call: number,
                side: Side::After,
            })
        {
            return Some(answer);
        }
        let rest = std::mem::take(&mut self.state().in_flight);
        for call in rest.into_values() {
            self.carry_out(call).await;
        }
        self.die()
    }

    /// Takes a call that is about to take effect out of those on their way.
    fn start(&self, number: usize) -> Option<Call> {
        let mut state = self.state();
        if state.died.is_some() {
            return None;
        }
        if let CloudBackend::Memory(shared) = &self.backend {
            if let Some(interference) = state.interferences.remove(&number) {
                shared.change(interference);
            }
            let in_flight = state.in_flight.clone();
            if let Some(deaths) = &mut state.deaths {
                let mut account = shared.account();
                deaths.push(Death {
                    kill: Kill {
                        call: number,
                        side: Side::Before,
                    },
                    account: account.clone(),
                });
                let now = account.now();
                let first = in_flight.get(&number).into_iter();
                let rest = in_flight.iter().filter(|(other, _)| **other != number);
                for call in first.chain(rest.map(|(_, call)| call)) {
                    let _ = account.answer(now, call);
                }
                deaths.push(Death {
                    kill: Kill {
                        call: number,
                        side: Side::After,
                    },
                    account,
                });
            }
        }
        if self.kill
            == Some(Kill {
                call: number,
                side: Side::Before,
            })
        {
            drop(state);
            return self.die();
        }
        state.in_flight.remove(&number)
    }

    async fn carry_out(&self, call: Call) -> Option<Response<Bytes>> {
        match &self.backend {
            CloudBackend::Memory(account) => {
                let answer = account.answer(&call);
                if answer.status().is_success() {
                    let wrong = answer_violations(&call, answer.headers(), answer.body());
                    assert!(
                        wrong.is_empty(),
                        "the answer to {}: {}",
                        call.name(),
                        wrong[0]
                    );
                }
                Some(answer)
            }
            CloudBackend::Emulated(cloud) => Answers::answer(cloud, call).await,
        }
    }

    fn die<T>(&self) -> Option<T> {
        let mut state = self.state();
        state.in_flight.clear();
        state.died = Some(Instant::now());
        self.killed.notify_one();
        None
    }
}

impl Answers for ProcessLink {
    fn answer(&self, call: Call) -> BoxFuture<'_, Option<Response<Bytes>>> {
        Box::pin(self.pass(call))
    }
}

/// 40 to 140 ms each way, different from call to call, the same in every run.
fn latency(number: usize) -> Duration {
    let scrambled = (number as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
    Duration::from_millis(40 + scrambled % 100)
}
