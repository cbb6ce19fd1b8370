//! Carries a plan out: makes users arrive when they are to, breaks websockets, counts second by
//! second, and says what came of it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use crate::actions::unix_ms;
use crate::arrivals::arrival_times;
use crate::call::ClientCall;
use crate::client::{Travel, run_user};
use crate::health::DriverProbe;
use crate::histogram::TimeHistogramError;
use crate::known::IdTable;
use crate::line::{StormControl, StormLine, StormSample};
use crate::plan::{STORM_FORMAT, StormPhase, StormPlan};
use crate::recorder::{StormRecorder, lock, millis};
use crate::result::{
    ErrorCounts, LastUser, LoginAttempts, Milestones, StormErrorClass, StormResult, StormSecond,
    UserCounts, WebsocketCounts,
};
use crate::route::SocketRoute;
use crate::storm::{SharedStorm, SocketBreak, mix};

/// Distance of the looks at whether everybody has arrived.
const DRAIN_LOOK: Duration = Duration::from_millis(20);
/// By when every client has lost the websocket that it was to lose.
const BREAK_SETTLES: Duration = Duration::from_millis(500);

/// A plan that cannot be carried out.
#[derive(Debug, thiserror::Error)]
pub enum StormError {
    /// The plan is of another version.
    #[error("the plan has format {theirs}, this program knows {STORM_FORMAT}")]
    Format {
        /// The plan's.
        theirs: u32,
    },
    /// The plan contradicts itself.
    #[error("the plan cannot be carried out: {0}")]
    Plan(String),
    /// An entrance cannot be used.
    #[error("entrance `{url}`: {reason}")]
    Entrance {
        /// Its URL.
        url: String,
        /// Why not.
        reason: String,
    },
    /// A histogram could not be merged.
    #[error(transparent)]
    Histogram(#[from] TimeHistogramError),
}

/// Carries a plan out, within its deadline. Says every so often where it stands; whoever stops
/// listening stops nothing. Whatever the server does ends in a result.
///
/// # Errors
/// When the plan is of another version or contradicts itself, or an entrance has no address.
pub async fn run(
    plan: StormPlan,
    mut control: mpsc::Receiver<StormControl>,
    lines: mpsc::Sender<StormLine>,
) -> Result<StormResult, StormError> {
    check(&plan)?;
    let mut routes = Vec::with_capacity(plan.entrances.len());
    for entrance in &plan.entrances {
        routes.push(SocketRoute::find(entrance).await?);
    }
    let (say_break, breaks) = watch::channel(SocketBreak::default());
    let began = Instant::now();
    let started_ms = unix_ms();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let storm = Arc::new(SharedStorm {
        accounts: plan.accounts.clone(),
        behavior: plan.client.clone(),
        mix: plan.mix,
        seed: plan.seed,
        routes,
        source_addresses: plan.source_addresses.clone(),
        keep_alive: Duration::from_millis(plan.client.keep_alive_ms.max(1)),
        recorder: StormRecorder::new(began, threads),
        ids: IdTable::default(),
        site: OnceLock::new(),
        breaks,
    });
    let stage = StormStage {
        storm: Arc::clone(&storm),
        users: Mutex::new(JoinSet::new()),
        phase: Mutex::new(0),
        pace: watch::channel(1.0).0,
        say_break,
    };
    let mut probe = DriverProbe::start(plan.agent.clone());
    let mut keeper = SecondKeeper::new(began, plan.sample_every_ms);
    let mut tick = tokio::time::interval_at((began + SECOND).into(), SECOND);
    tick.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let deadline =
        tokio::time::sleep_until((began + Duration::from_millis(plan.deadline_ms)).into());
    tokio::pin!(deadline);
    let mut cut_short = true;
    {
        let conduct = stage.conduct(&plan);
        tokio::pin!(conduct);
        let mut controlled = true;
        loop {
            tokio::select! {
                () = &mut conduct => {
                    cut_short = false;
                    break;
                }
                () = &mut deadline => break,
                word = control.recv(), if controlled => match word {
                    Some(StormControl::Stop) => break,
                    Some(StormControl::Rate(rate)) => {
                        let rate = if rate.is_finite() { rate.max(0.0) } else { 1.0 };
                        stage.pace.send_replace(rate);
                    }
                    // Nobody is there to say anything; the storm goes on.
                    None => controlled = false,
                },
                _ = tick.tick() => {
                    let second = storm.recorder.take_second()?;
                    probe.second(&second);
                    let phase = *lock(&stage.phase);
                    if let Some(sample) = keeper.keep(second, phase)? {
                        // Who does not read in time misses a sample; the storm waits for nobody.
                        let _ = lines.try_send(StormLine::Sample(Box::new(sample)));
                    }
                }
            }
        }
    }
    // Each call that is under way counts as one that nobody waits for any more.
    lock(&stage.users).abort_all();
    let mut users = std::mem::take(&mut *lock(&stage.users));
    while users.join_next().await.is_some() {}
    let ended = Instant::now();
    keeper.keep(storm.recorder.take_second()?, 0)?;
    let result = keeper.result(&storm, probe.finish(), started_ms, ended, cut_short)?;
    let _ = lines
        .send(StormLine::Result(Box::new(result.clone())))
        .await;
    Ok(result)
}

const SECOND: Duration = Duration::from_secs(1);

fn check(plan: &StormPlan) -> Result<(), StormError> {
    if plan.format != STORM_FORMAT {
        return Err(StormError::Format {
            theirs: plan.format,
        });
    }
    let wrong = |text: String| Err(StormError::Plan(text));
    if plan.entrances.is_empty() {
        return wrong("it has no entrance".into());
    }
    let arriving: u64 = plan
        .phases
        .iter()
        .map(|phase| match phase {
            StormPhase::Arrive { users, .. } => u64::from(*users),
            _ => 0,
        })
        .sum();
    if arriving > u64::from(plan.accounts.users) {
        let accounts = plan.accounts.users;
        return wrong(format!("{arriving} users arrive, with {accounts} accounts"));
    }
    for phase in &plan.phases {
        if let StormPhase::Drop { share, .. } = phase
            && !(0.0..=1.0).contains(share)
        {
            return wrong(format!("a share of {share} websockets is dropped"));
        }
    }
    Ok(())
}

/// Where the storm takes place.
struct StormStage {
    storm: Arc<SharedStorm>,
    users: Mutex<JoinSet<()>>,
    phase: Mutex<usize>,
    /// How many times as fast as planned users arrive.
    pace: watch::Sender<f64>,
    say_break: watch::Sender<SocketBreak>,
}

impl StormStage {
    /// All phases, one after the other.
    async fn conduct(&self, plan: &StormPlan) {
        let mut next = 0;
        let mut start = Instant::now();
        for (index, phase) in plan.phases.iter().enumerate() {
            *lock(&self.phase) = index;
            match *phase {
                StormPhase::Arrive {
                    users,
                    over_ms,
                    shape,
                } => {
                    let over = Duration::from_millis(over_ms);
                    let seed = mix(plan.seed ^ (index as u64 + 1));
                    let times = arrival_times(users, over, shape, seed);
                    start = self.arrive(&times, over, start, next).await;
                    next += users;
                }
                StormPhase::Hold { for_ms } => {
                    start += Duration::from_millis(for_ms);
                    tokio::time::sleep_until(start.into()).await;
                }
                StormPhase::Drop { share, over_ms } => {
                    let over = Duration::from_millis(over_ms);
                    self.say_break.send_modify(|order| {
                        order.number += 1;
                        order.share = share;
                        order.over = over;
                    });
                    // Whoever loses its websocket is on the way before anybody looks.
                    start = Instant::now() + over + BREAK_SETTLES;
                    tokio::time::sleep_until(start.into()).await;
                }
                StormPhase::Drain { at_most_ms } => {
                    let latest = Instant::now() + Duration::from_millis(at_most_ms);
                    while self.storm.recorder.travellers() > 0 && Instant::now() < latest {
                        tokio::time::sleep(DRAIN_LOOK).await;
                    }
                    start = Instant::now();
                }
            }
        }
    }

    /// Makes users arrive, and returns when the phase is over: at a pace other than the planned
    /// one, earlier or later.
    async fn arrive(
        &self,
        times: &[Duration],
        over: Duration,
        start: Instant,
        first: u32,
    ) -> Instant {
        let mut pace = self.pace.subscribe();
        // The plan's clock shows `shown` at the moment `read`, and runs at the pace.
        let (mut read, mut shown) = (start, Duration::ZERO);
        let mut index = 0;
        loop {
            let at = times.get(index as usize).copied();
            let target = at
                .unwrap_or(over)
                .max(if at.is_some() { Duration::ZERO } else { shown });
            let rate = *pace.borrow_and_update();
            let due = due(read, target.saturating_sub(shown), rate);
            tokio::select! {
                biased;
                changed = pace.changed() => {
                    let now = Instant::now();
                    if now > read {
                        shown += (now - read).mul_f64(rate);
                        read = now;
                    }
                    if changed.is_err() {
                        std::future::pending::<()>().await;
                    }
                }
                () = wait_until(due) => {
                    let due = due.unwrap_or(read);
                    if at.is_none() {
                        return due;
                    }
                    self.spawn(first + index, due);
                    index += 1;
                }
            }
        }
    }

    fn spawn(&self, index: u32, intended: Instant) {
        let storm = Arc::clone(&self.storm);
        storm
            .recorder
            .count(|shard| shard.second.users.offered += 1);
        let travel = Travel::new(&storm);
        lock(&self.users).spawn(run_user(storm, index, intended, travel));
    }
}

/// When the plan's clock will have gone on by so much; never at a pace of zero.
fn due(read: Instant, more: Duration, rate: f64) -> Option<Instant> {
    if rate <= 0.0 {
        return None;
    }
    let wait = Duration::try_from_secs_f64(more.as_secs_f64() / rate).ok()?;
    read.checked_add(wait)
}

async fn wait_until(due: Option<Instant>) {
    match due {
        // What is due already does not go by the runtime's timer, which would yield.
        Some(due) if due <= Instant::now() => {}
        Some(due) => tokio::time::sleep_until(due.into()).await,
        None => std::future::pending().await,
    }
}

/// Keeps the seconds, and makes samples of them.
struct SecondKeeper {
    began: Instant,
    /// Seconds from one sample to the next.
    every: u64,
    seconds: Vec<StormSecond>,
    users: UserCounts,
    attempts: LoginAttempts,
    websockets: WebsocketCounts,
    calls: u64,
    errors: ErrorCounts,
    /// Since the last sample.
    recent: StormSecond,
}

impl SecondKeeper {
    fn new(began: Instant, every_ms: u64) -> Self {
        Self {
            began,
            every: every_ms.div_ceil(1000).max(1),
            seconds: Vec::new(),
            users: UserCounts::default(),
            attempts: LoginAttempts::default(),
            websockets: WebsocketCounts::default(),
            calls: 0,
            errors: ErrorCounts::new(),
            recent: StormSecond::default(),
        }
    }

    fn keep(
        &mut self,
        second: StormSecond,
        phase: usize,
    ) -> Result<Option<StormSample>, TimeHistogramError> {
        self.users.add(&second.users);
        self.attempts.add(&second.attempts);
        self.websockets.add(&second.websockets);
        self.calls += second.calls;
        for (class, count) in &second.errors {
            *self.errors.entry(*class).or_default() += count;
        }
        self.recent.merge(&second)?;
        self.seconds.push(second);
        if !(self.seconds.len() as u64).is_multiple_of(self.every) {
            return Ok(None);
        }
        let recent = std::mem::take(&mut self.recent);
        let users = self.users;
        Ok(Some(StormSample {
            at_ms: millis(self.began.elapsed()),
            phase,
            users,
            waiting: users.offered.saturating_sub(users.logged_in + users.never),
            websockets: self
                .websockets
                .connected
                .saturating_sub(self.websockets.dropped),
            attempts: self.attempts,
            calls: self.calls,
            errors: self.errors.clone(),
            login: recent.login,
            others: recent.others,
            start_lag: recent.start_lag,
        }))
    }

    fn result(
        self,
        storm: &SharedStorm,
        driver: crate::result::DriverHealth,
        started_ms: u64,
        ended: Instant,
        cut_short: bool,
    ) -> Result<StormResult, TimeHistogramError> {
        let mut users = self.users;
        users.never = users.offered - users.logged_in;
        let mut result = StormResult {
            format: STORM_FORMAT,
            started_ms,
            elapsed_ms: storm.recorder.ms(ended),
            cut_short,
            calls: BTreeMap::new(),
            users,
            attempts: self.attempts,
            websockets: self.websockets,
            milestones: Milestones::default(),
            last: LastUser::default(),
            seconds: self.seconds,
            drivers: BTreeMap::from([(driver.agent.clone(), driver)]),
        };
        storm.recorder.finish(&mut result)?;
        let unsent = users.offered.saturating_sub(users.started);
        if unsent > 0 {
            let login = result.calls.entry(ClientCall::Login).or_default();
            login.count += unsent;
            let text = "the storm ended first";
            for _ in 0..unsent {
                login.fail(StormErrorClass::NotSent, text);
            }
        }
        Ok(result)
    }
}
