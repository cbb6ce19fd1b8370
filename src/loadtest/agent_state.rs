//! One agent at work: its plan, its connection to the proxy, what it has measured, and the line
//! on which it reports. What its users do is elsewhere.

use std::io::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::api::{Api, ApiError};
use super::deliveries::{Deliveries, SocketId};
use super::socket::Inbox;
use super::tally::{HistogramError, Tallies, UserAction};
use super::wire::{AgentLine, AgentPlan, AgentProgress, AgentResult, Check, FORMAT, ServerInfo};

/// Why an agent could not even begin, or had nobody left to tell.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// Standard input is unreadable.
    #[error("cannot read the plan from standard input")]
    Input(#[source] std::io::Error),
    /// The plan makes no sense.
    #[error("standard input holds no agent plan: {0}")]
    Plan(#[source] serde_json::Error),
    /// Another version's plan.
    #[error("the plan has format {theirs}, this agent knows {FORMAT}")]
    Format {
        /// The plan's format.
        theirs: u32,
    },
    /// Nobody reads standard output any more.
    #[error("standard output is closed: the operator has gone")]
    Output,
    /// The HTTP client or a histogram could not be set up.
    #[error("cannot set up: {0}")]
    Setup(String),
}

impl From<HistogramError> for AgentError {
    fn from(error: HistogramError) -> Self {
        Self::Setup(error.to_string())
    }
}

impl From<ApiError> for AgentError {
    fn from(error: ApiError) -> Self {
        Self::Setup(error.to_string())
    }
}

/// Whoever reads the agent's lines.
pub(super) struct OperatorLine {
    output: Mutex<Box<dyn Write + Send>>,
    /// Nobody reads any more.
    pub(super) gone: CancellationToken,
}

impl OperatorLine {
    pub(super) fn say(&self, line: &AgentLine) {
        let written = serde_json::to_string(line)
            .map_err(std::io::Error::other)
            .and_then(|text| {
                let mut output = self.output.lock().unwrap_or_else(PoisonError::into_inner);
                writeln!(output, "{text}").and_then(|()| output.flush())
            });
        if written.is_err() {
            self.gone.cancel();
        }
    }
}

/// What was measured so far.
pub(super) struct Measured {
    pub(super) tallies: Tallies,
    pub(super) checks: Vec<Check>,
    pub(super) server: ServerInfo,
    pub(super) cross_node: Option<Duration>,
    pub(super) search_indexing: Option<Duration>,
    /// Why websockets closed before the end.
    pub(super) closed: Vec<String>,
}

/// One agent at work.
pub(super) struct Agent {
    pub(super) plan: AgentPlan,
    /// One for each entrance, the first for all that is not a user's.
    apis: Vec<Api>,
    pub(super) shared: Arc<AgentState>,
    pub(super) listener: OperatorLine,
}

/// What websocket readers and steps both write to.
pub(super) struct AgentState {
    measured: Mutex<Measured>,
    pub(super) deliveries: Deliveries,
}

impl AgentState {
    pub(super) fn measured(&self) -> MutexGuard<'_, Measured> {
        self.measured.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inbox for AgentState {
    fn posted(&self, socket: SocketId, token: &str) {
        if let Some(took) = self.deliveries.received(token, socket) {
            self.measured().tallies.succeeded(UserAction::Deliver, took);
        }
    }

    fn closed(&self, _socket: SocketId, why: &str) {
        self.measured().closed.push(why.to_owned());
    }
}

impl Agent {
    pub(super) fn new(plan: AgentPlan, output: Box<dyn Write + Send>) -> Result<Self, AgentError> {
        let measured = Measured {
            tallies: Tallies::new()?,
            checks: Vec::new(),
            server: ServerInfo::default(),
            cross_node: None,
            search_indexing: None,
            closed: Vec::new(),
        };
        let apis: Vec<Api> = plan
            .entrances
            .iter()
            .map(|entrance| Api::new(&entrance.url, entrance.route.as_ref()))
            .collect::<Result<_, _>>()?;
        if apis.is_empty() {
            return Err(ApiError::Unexpected("the plan has no entrance".to_owned()).into());
        }
        Ok(Self {
            apis,
            plan,
            shared: Arc::new(AgentState {
                measured: Mutex::new(measured),
                deliveries: Deliveries::default(),
            }),
            listener: OperatorLine {
                output: Mutex::new(output),
                gone: CancellationToken::new(),
            },
        })
    }

    /// The entrance of a user, by its number: always the same.
    #[allow(
        clippy::indexing_slicing,
        reason = "there is at least one, and the index is below their number"
    )]
    pub(super) fn api(&self, user: u32) -> &Api {
        &self.apis[user as usize % self.apis.len()]
    }

    pub(super) fn check(&self, check: Check) {
        self.shared.measured().checks.push(check);
    }

    pub(super) fn progress(&self, step: &str, done: u64, total: u64) {
        self.listener.say(&AgentLine::Progress(AgentProgress {
            step: step.to_owned(),
            done,
            total,
        }));
    }

    /// Counts a request and its latency; what it gave when it went well.
    pub(super) async fn timed<T, E: std::fmt::Display>(
        &self,
        action: UserAction,
        request: impl Future<Output = Result<T, E>>,
    ) -> Option<T> {
        self.counted(action, request).await.ok()
    }

    /// Counts a request and its latency, and hands its outcome on.
    pub(super) async fn counted<T, E: std::fmt::Display>(
        &self,
        action: UserAction,
        request: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let begun = Instant::now();
        let answer = request.await;
        let took = begun.elapsed();
        let mut measured = self.shared.measured();
        match &answer {
            Ok(_) => measured.tallies.succeeded(action, took),
            Err(error) => measured.tallies.failed(action, &error.to_string()),
        }
        drop(measured);
        answer
    }

    /// Does the work for every item, so many side by side; keeps what gave something.
    pub(super) async fn each<T, R, F, W>(
        &self,
        step: &str,
        at_once: u32,
        items: Vec<T>,
        work: W,
    ) -> Vec<R>
    where
        F: Future<Output = Option<R>>,
        W: FnMut(T) -> F,
    {
        let total = items.len() as u64;
        let at_once = usize::try_from(at_once).unwrap_or(usize::MAX);
        self.progress(step, 0, total);
        let mut results = Vec::with_capacity(items.len());
        let mut running = futures::stream::iter(items)
            .map(work)
            .buffer_unordered(at_once);
        let mut done: u64 = 0;
        while let Some(result) = running.next().await {
            results.extend(result);
            done += 1;
            if done.is_multiple_of(10) || done == total {
                self.progress(step, done, total);
            }
        }
        results
    }

    pub(super) fn result(&self, started: Timestamp) -> AgentResult {
        let mut measured = self.shared.measured();
        AgentResult {
            format: FORMAT,
            agent: self.plan.agent.clone(),
            started,
            finished: Timestamp::now(),
            server: measured.server.clone(),
            actions: measured.tallies.clone(),
            checks: std::mem::take(&mut measured.checks),
            cross_node_ms: measured.cross_node.map(millis),
            search_indexing_ms: measured.search_indexing.map(millis),
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
