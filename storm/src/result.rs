//! What came of a storm: counts and distributions that merge over agents without loss.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::call::ClientCall;
use crate::histogram::{TimeHistogram, TimeHistogramError};
use crate::pace::RateChange;
use crate::phase_calls::PhaseCalls;
use crate::plan::STORM_FORMAT;

/// Why a call had no success.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StormErrorClass {
    /// There was no connection: refused, unreachable, or no TLS.
    Connect,
    /// There was a server, with a certificate that the client does not trust, or of another name.
    Certificate,
    /// No answer while the client waited. Its time is in the histogram, as a lower bound.
    Timeout,
    /// HTTP 429: a login gate or a rate limit.
    TooManyRequests,
    /// HTTP 5xx, from the server or a proxy.
    ServerError,
    /// HTTP 401. At a login it may hide any failure of the server.
    Unauthorized,
    /// Any other HTTP status from 400 on.
    Refused,
    /// The connection broke, or what came was no answer.
    Protocol,
    /// The storm ended before the driver had sent it.
    NotSent,
}

/// Errors by class.
pub type ErrorCounts = BTreeMap<StormErrorClass, u64>;

/// What was counted of one kind of call.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CallTally {
    /// All of them, failed ones too.
    pub count: u64,
    /// Failed ones.
    pub errors: ErrorCounts,
    /// From the intended start to the end of the answer: of those that were answered as asked, and
    /// as a lower bound of those that nobody waited for any more (`timeout`) and those that were
    /// under way when the storm ended.
    pub response: TimeHistogram,
    /// The same from the first byte that was written: without the wait for a connection.
    pub service: TimeHistogram,
    /// From the intended start to the actual one, of those that a timer starts: the driver's own
    /// lateness.
    pub start_lag: TimeHistogram,
    /// Distinct texts of errors, and how often. Each agent keeps the first few.
    pub error_texts: BTreeMap<String, u64>,
}

/// Distinct texts of errors that an agent keeps of one kind of call.
const ERROR_TEXTS: usize = 8;

impl CallTally {
    pub(crate) fn fail(&mut self, class: StormErrorClass, text: &str) {
        *self.errors.entry(class).or_default() += 1;
        let known = self.error_texts.len();
        match self.error_texts.get_mut(text) {
            Some(count) => *count += 1,
            None if known < ERROR_TEXTS => {
                self.error_texts.insert(text.to_owned(), 1);
            }
            None => {}
        }
    }

    /// Calls that failed, of all classes.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.errors.values().sum()
    }

    pub(crate) fn merge(&mut self, other: &Self) -> Result<(), TimeHistogramError> {
        self.count += other.count;
        add_counts(&mut self.errors, &other.errors);
        self.response.merge(&other.response)?;
        self.service.merge(&other.service)?;
        self.start_lag.merge(&other.start_lag)?;
        add_counts(&mut self.error_texts, &other.error_texts);
        Ok(())
    }
}

fn add_counts<K: Ord + Clone>(ours: &mut BTreeMap<K, u64>, theirs: &BTreeMap<K, u64>) {
    for (key, count) in theirs {
        *ours.entry(key.clone()).or_default() += count;
    }
}

/// How far users came. Each counts once, whatever happened afterwards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserCounts {
    /// Whose intended arrival has come.
    pub offered: u64,
    /// That began.
    pub started: u64,
    /// That logged in.
    pub logged_in: u64,
    /// That had channels and posts before them.
    pub usable: u64,
    /// That had a live websocket.
    pub live: u64,
    /// That gave up, or were not in when the storm ended.
    pub never: u64,
}

impl UserCounts {
    pub(crate) fn add(&mut self, other: &Self) {
        self.offered += other.offered;
        self.started += other.started;
        self.logged_in += other.logged_in;
        self.usable += other.usable;
        self.live += other.live;
        self.never += other.never;
    }
}

/// Attempts to log in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoginAttempts {
    /// All of them.
    pub made: u64,
    /// That the client hung up on.
    pub abandoned: u64,
    /// That were refused with HTTP 429.
    pub refused: u64,
    /// That failed otherwise.
    pub failed: u64,
}

impl LoginAttempts {
    pub(crate) fn add(&mut self, other: &Self) {
        self.made += other.made;
        self.abandoned += other.abandoned;
        self.refused += other.refused;
        self.failed += other.failed;
    }
}

/// What happened to websockets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebsocketCounts {
    /// Opened, again or for the first time.
    pub connected: u64,
    /// Ended against the client's will, or by a phase that drops them.
    pub dropped: u64,
    /// Attempts to connect again.
    pub attempts: u64,
    /// Connected again with the same connection id: nothing was missed.
    pub resumed: u64,
    /// Connected again with another connection id: a second flood of calls follows.
    pub anew: u64,
    /// Caught up: all calls of the flood were answered.
    pub caught_up: u64,
    /// Ended because a number was missing.
    pub gaps: u64,
    /// Ended because a ping was not answered.
    pub silent: u64,
    /// Users who had a live websocket and lost it, each once until it is live again.
    #[serde(default)]
    pub users_lost: u64,
    /// Those of them whose websocket is live again, on the same page or on one loaded anew.
    #[serde(default)]
    pub users_back: u64,
    /// Users who lost a live websocket, each once until everything that they missed was asked for
    /// and answered.
    #[serde(default)]
    pub users_behind: u64,
    /// Those of them for whom it was.
    #[serde(default)]
    pub users_caught_up: u64,
}

impl WebsocketCounts {
    pub(crate) fn add(&mut self, other: &Self) {
        self.connected += other.connected;
        self.dropped += other.dropped;
        self.attempts += other.attempts;
        self.resumed += other.resumed;
        self.anew += other.anew;
        self.caught_up += other.caught_up;
        self.gaps += other.gaps;
        self.silent += other.silent;
        self.users_lost += other.users_lost;
        self.users_back += other.users_back;
        self.users_behind += other.users_behind;
        self.users_caught_up += other.users_caught_up;
    }
}

/// How long users took, from their intended arrival; the last two from the loss of the websocket.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StormTimings {
    /// Until the login was answered with a session.
    pub login: TimeHistogram,
    /// Until user, preferences, teams and limits were there.
    pub shell: TimeHistogram,
    /// Until channels and posts were there and the message box was ready.
    pub usable: TimeHistogram,
    /// Until the websocket's `hello`.
    pub live: TimeHistogram,
    /// From the loss of a websocket until there was one again.
    pub reconnected: TimeHistogram,
    /// From the loss of a websocket until all calls that follow it were answered.
    pub caught_up: TimeHistogram,
}

impl StormTimings {
    pub(crate) fn merge(&mut self, other: &Self) -> Result<(), TimeHistogramError> {
        self.login.merge(&other.login)?;
        self.shell.merge(&other.shell)?;
        self.usable.merge(&other.usable)?;
        self.live.merge(&other.live)?;
        self.reconnected.merge(&other.reconnected)?;
        self.caught_up.merge(&other.caught_up)
    }
}

/// When the last user came so far, milliseconds from the start of the storm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastUser {
    /// Was in.
    pub logged_in_ms: Option<u64>,
    /// Could read and write.
    pub usable_ms: Option<u64>,
    /// Had a live websocket.
    pub live_ms: Option<u64>,
    /// Had caught up after the loss of a websocket.
    pub caught_up_ms: Option<u64>,
}

impl LastUser {
    pub(crate) fn latest(&mut self, other: &Self) {
        self.logged_in_ms = self.logged_in_ms.max(other.logged_in_ms);
        self.usable_ms = self.usable_ms.max(other.usable_ms);
        self.live_ms = self.live_ms.max(other.live_ms);
        self.caught_up_ms = self.caught_up_ms.max(other.caught_up_ms);
    }
}

/// What happened in one second. Gauges follow from the counts: see [`StormResult::gauges`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StormSecond {
    /// Users.
    pub users: UserCounts,
    /// Attempts to log in.
    pub attempts: LoginAttempts,
    /// Websockets.
    pub websockets: WebsocketCounts,
    /// Calls that ended.
    pub calls: u64,
    /// Those that failed.
    pub errors: ErrorCounts,
    /// Response times of logins.
    pub login: TimeHistogram,
    /// Response times of all other calls.
    pub others: TimeHistogram,
    /// The driver's lateness.
    pub start_lag: TimeHistogram,
}

impl Default for StormSecond {
    fn default() -> Self {
        Self {
            users: UserCounts::default(),
            attempts: LoginAttempts::default(),
            websockets: WebsocketCounts::default(),
            calls: 0,
            errors: ErrorCounts::new(),
            login: TimeHistogram::coarse(),
            others: TimeHistogram::coarse(),
            start_lag: TimeHistogram::coarse(),
        }
    }
}

impl StormSecond {
    pub(crate) fn merge(&mut self, other: &Self) -> Result<(), TimeHistogramError> {
        self.users.add(&other.users);
        self.attempts.add(&other.attempts);
        self.websockets.add(&other.websockets);
        self.calls += other.calls;
        add_counts(&mut self.errors, &other.errors);
        self.login.merge(&other.login)?;
        self.others.merge(&other.others)?;
        self.start_lag.merge(&other.start_lag)
    }
}

/// How many users are where at the end of a second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct StormGauges {
    /// Have arrived, are not in and have not given up.
    pub waiting: u64,
    /// Have logged in.
    pub logged_in: u64,
    /// Websockets that are open.
    pub websockets: u64,
}

/// How the driver itself fared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DriverHealth {
    /// The agent.
    pub agent: String,
    /// CPU time that it used, milliseconds.
    pub cpu_ms: u64,
    /// Wall-clock time, milliseconds.
    pub elapsed_ms: u64,
    /// Processors that it may use.
    pub processors: u32,
    /// Most memory that it had resident, KiB.
    pub peak_memory_kib: u64,
    /// Most files and sockets that it had open.
    pub peak_sockets: u64,
    /// How late a timer of the runtime was, sampled every 10 ms.
    pub timer_lag: TimeHistogram,
    /// Seconds in which it was too slow for its figures to count: more than 1 % of their calls, and
    /// more than two, began more than 10 ms late, or more than 90 % of its processors were in use.
    pub invalid_seconds: u64,
    /// Seconds that it lasted.
    pub seconds: u64,
}

impl DriverHealth {
    /// Share of the processors that it used, 0 to 1.
    #[must_use]
    pub fn cpu_share(&self) -> f64 {
        let possible = self.elapsed_ms * u64::from(self.processors.max(1));
        self.cpu_ms as f64 / possible.max(1) as f64
    }

    /// Whether the figures are the server's and not the driver's.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        is_driver_valid(self.invalid_seconds, self.seconds)
    }
}

/// Whether a driver was quick enough: at most 1 % of its seconds were invalid, or a single one.
#[must_use]
pub fn is_driver_valid(invalid_seconds: u64, seconds: u64) -> bool {
    invalid_seconds <= 1.max(seconds / 100)
}

/// When a phase was, milliseconds from the start of the storm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhaseTime {
    /// When the first agent began it.
    pub begin_ms: u64,
    /// When the last agent had done it.
    pub end_ms: u64,
}

impl PhaseTime {
    fn join(&mut self, other: Self) {
        self.begin_ms = self.begin_ms.min(other.begin_ms);
        self.end_ms = self.end_ms.max(other.end_ms);
    }
}

/// What came of a storm, on one agent or on all.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StormResult {
    /// Version of this message, [`STORM_FORMAT`].
    pub format: u32,
    /// When the first agent began, milliseconds since 1970.
    pub started_ms: u64,
    /// How long the longest took, milliseconds.
    pub elapsed_ms: u64,
    /// Whether an agent was told to stop, or reached its deadline, before its last phase was over.
    pub cut_short: bool,
    /// By kind of call.
    pub calls: BTreeMap<ClientCall, CallTally>,
    /// How far users came.
    pub users: UserCounts,
    /// Attempts to log in.
    pub attempts: LoginAttempts,
    /// Websockets.
    pub websockets: WebsocketCounts,
    /// How long users took.
    // Reports of earlier versions have it by another name.
    #[serde(alias = "milestones")]
    pub timings: StormTimings,
    /// When the last of them was where.
    pub last: LastUser,
    /// Second by second, from the start of each agent.
    pub seconds: Vec<StormSecond>,
    /// When each phase was, by its index in the plan; those that were not reached are missing.
    #[serde(default)]
    pub phases: BTreeMap<usize, PhaseTime>,
    /// Calls by the phase in which they were to begin.
    #[serde(default)]
    pub phase_calls: PhaseCalls,
    /// What each agent was told of the pace of arrivals, in the order of time. See
    /// [`StormResult::pace`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rates: Vec<RateChange>,
    /// Each agent's own state, by name.
    pub drivers: BTreeMap<String, DriverHealth>,
}

/// Results that cannot be merged.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// They are of another version.
    #[error("a result has format {theirs}, this program knows {STORM_FORMAT}")]
    Format {
        /// The other's.
        theirs: u32,
    },
    /// An agent is there twice.
    #[error("there are two results of agent `{0}`")]
    SameAgent(String),
    /// A histogram of theirs does not fit.
    #[error(transparent)]
    Histogram(#[from] TimeHistogramError),
}

impl StormResult {
    /// One of a storm in which nothing has happened yet.
    #[must_use]
    pub fn new(started_ms: u64) -> Self {
        Self {
            format: STORM_FORMAT,
            started_ms,
            elapsed_ms: 0,
            cut_short: false,
            calls: BTreeMap::new(),
            users: UserCounts::default(),
            attempts: LoginAttempts::default(),
            websockets: WebsocketCounts::default(),
            timings: StormTimings::default(),
            last: LastUser::default(),
            seconds: Vec::new(),
            phases: BTreeMap::new(),
            phase_calls: PhaseCalls::default(),
            rates: Vec::new(),
            drivers: BTreeMap::new(),
        }
    }

    /// Adds another agent's. In whatever order results are merged, the outcome is the same.
    ///
    /// # Errors
    /// When the other is of another version, of an agent that is in already, or unreadable.
    pub fn merge(&mut self, other: &Self) -> Result<(), MergeError> {
        if other.format != self.format {
            return Err(MergeError::Format {
                theirs: other.format,
            });
        }
        if let Some(agent) = other.drivers.keys().find(|a| self.drivers.contains_key(*a)) {
            return Err(MergeError::SameAgent(agent.clone()));
        }
        self.started_ms = self.started_ms.min(other.started_ms);
        self.elapsed_ms = self.elapsed_ms.max(other.elapsed_ms);
        self.cut_short |= other.cut_short;
        for (call, theirs) in &other.calls {
            self.calls.entry(*call).or_default().merge(theirs)?;
        }
        self.users.add(&other.users);
        self.attempts.add(&other.attempts);
        self.websockets.add(&other.websockets);
        self.timings.merge(&other.timings)?;
        self.last.latest(&other.last);
        if self.seconds.len() < other.seconds.len() {
            self.seconds
                .resize_with(other.seconds.len(), StormSecond::default);
        }
        for (ours, theirs) in self.seconds.iter_mut().zip(&other.seconds) {
            ours.merge(theirs)?;
        }
        self.join_phases(&other.phases, 0);
        self.phase_calls.merge(&other.phase_calls)?;
        self.join_rates(&other.rates, 0);
        self.drivers.extend(other.drivers.clone());
        Ok(())
    }

    pub(crate) fn join_phases(&mut self, others: &BTreeMap<usize, PhaseTime>, later_ms: u64) {
        for (index, time) in others {
            let time = PhaseTime {
                begin_ms: time.begin_ms + later_ms,
                end_ms: time.end_ms + later_ms,
            };
            self.phases.entry(*index).or_insert(time).join(time);
        }
    }

    pub(crate) fn merge_call(
        &mut self,
        call: ClientCall,
        tally: &CallTally,
    ) -> Result<(), TimeHistogramError> {
        self.calls.entry(call).or_default().merge(tally)
    }

    /// Errors of all calls, by class.
    #[must_use]
    pub fn errors(&self) -> ErrorCounts {
        let mut all = ErrorCounts::new();
        for tally in self.calls.values() {
            add_counts(&mut all, &tally.errors);
        }
        all
    }

    /// How many users were where at the end of each second.
    #[must_use]
    pub fn gauges(&self) -> Vec<StormGauges> {
        let mut users = UserCounts::default();
        let mut websockets = WebsocketCounts::default();
        self.seconds
            .iter()
            .map(|second| {
                users.add(&second.users);
                websockets.add(&second.websockets);
                StormGauges {
                    waiting: users.offered.saturating_sub(users.logged_in + users.never),
                    logged_in: users.logged_in,
                    websockets: websockets.connected.saturating_sub(websockets.dropped),
                }
            })
            .collect()
    }
}
