//! Carries a plan out: makes users arrive when they are to, breaks websockets, counts second by
//! second, and says what came of it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use crate::actions::unix_ms;
use crate::client::{Travel, run_user};
use crate::health::DriverProbe;
use crate::histogram::TimeHistogramError;
use crate::keeper::SecondKeeper;
use crate::known::IdTable;
use crate::line::{StormCheckpoint, StormControl, StormLine};
use crate::pace::RateChange;
use crate::plan::{STORM_FORMAT, StormPhase, StormPlan};
use crate::position::{BREAK_SETTLES, StormPosition, due_by};
use crate::recorder::{StormRecorder, lock, millis};
use crate::result::{PhaseTime, StormResult};
use crate::route::SocketRoute;
use crate::storm::{SharedStorm, SocketBreak};

/// Distance of the looks at whether everybody has arrived.
const DRAIN_LOOK: Duration = Duration::from_millis(20);

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
    plan.check()?;
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
        clock: Mutex::new(PhaseClock::default()),
        phases: Mutex::default(),
        rate_factor: watch::channel(plan.resume.map_or(1.0, |from| from.rate)).0,
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
                message = control.recv(), if controlled => match message {
                    Some(StormControl::Stop) => break,
                    Some(StormControl::Rate(rate)) => {
                        let rate = if rate.is_finite() { rate.max(0.0) } else { 1.0 };
                        stage.rate_factor.send_replace(rate);
                        let at_ms = storm.recorder.ms(Instant::now());
                        keeper.rates.push(RateChange { at_ms, factor: rate });
                    }
                    // Nobody is there to say anything; the storm goes on.
                    None => controlled = false,
                },
                _ = tick.tick() => {
                    let second = storm.recorder.take_second()?;
                    probe.second(&second);
                    let position = stage.position();
                    // Who does not read in time misses a line; the storm waits for nobody.
                    let (invalid, _) = probe.seconds();
                    let sample = keeper.keep(&storm.recorder, second, &position, invalid)?;
                    if let Some(sample) = sample {
                        let _ = lines.try_send(StormLine::Sample(Box::new(sample)));
                    }
                    if keeper.is_checkpoint(plan.checkpoint_every_ms) {
                        let result = keeper.result(
                            &storm.recorder,
                            stage.phase_times(),
                            probe.health(),
                            started_ms,
                            true,
                        )?;
                        let checkpoint = StormCheckpoint { result, position };
                        let _ = lines.try_send(StormLine::Checkpoint(Box::new(checkpoint)));
                    }
                }
            }
        }
    }
    // What is under way is neither answered nor failed: it took at least as long as it did so far.
    storm.recorder.end();
    lock(&stage.users).abort_all();
    let mut users = std::mem::take(&mut *lock(&stage.users));
    while users.join_next().await.is_some() {}
    let rest = storm.recorder.take_second()?;
    keeper.keep(&storm.recorder, rest, &StormPosition::default(), 0)?;
    let result = keeper.result(
        &storm.recorder,
        stage.phase_times(),
        probe.health(),
        started_ms,
        cut_short,
    )?;
    let _ = lines
        .send(StormLine::Result(Box::new(result.clone())))
        .await;
    Ok(result)
}

const SECOND: Duration = Duration::from_secs(1);

impl StormPlan {
    /// Whether it can be carried out, as far as the plan itself tells.
    ///
    /// # Errors
    /// When it is of another version or contradicts itself.
    pub fn check(&self) -> Result<(), StormError> {
        if self.format != STORM_FORMAT {
            return Err(StormError::Format {
                theirs: self.format,
            });
        }
        let wrong = |text: String| Err(StormError::Plan(text));
        if self.entrances.is_empty() {
            return wrong("it has no entrance".into());
        }
        let arriving: u64 = self
            .phases
            .iter()
            .map(|phase| match phase {
                StormPhase::Arrive { users, .. } => u64::from(*users),
                _ => 0,
            })
            .sum();
        if arriving > u64::from(self.accounts.users) {
            let accounts = self.accounts.users;
            return wrong(format!("{arriving} users arrive, with {accounts} accounts"));
        }
        for phase in &self.phases {
            if let StormPhase::Drop { share, .. } = phase
                && !(0.0..=1.0).contains(share)
            {
                return wrong(format!("a share of {share} websockets is dropped"));
            }
        }
        Ok(())
    }
}

/// How far the plan's clock is in a phase.
#[derive(Clone, Copy, Debug)]
struct PhaseClock {
    phase: usize,
    /// It showed `shown` at the moment `read`, and runs at the rate.
    read: Instant,
    shown: Duration,
    rate: f64,
}

impl Default for PhaseClock {
    fn default() -> Self {
        Self {
            phase: 0,
            read: Instant::now(),
            shown: Duration::ZERO,
            rate: 1.0,
        }
    }
}

impl PhaseClock {
    fn now(&self) -> Duration {
        self.shown + self.read.elapsed().mul_f64(self.rate)
    }
}

/// Where the storm takes place.
struct StormStage {
    storm: Arc<SharedStorm>,
    users: Mutex<JoinSet<()>>,
    clock: Mutex<PhaseClock>,
    /// When each phase began, and ended if it has.
    phases: Mutex<BTreeMap<usize, (Instant, Option<Instant>)>>,
    /// How many times as fast as planned users arrive.
    rate_factor: watch::Sender<f64>,
    say_break: watch::Sender<SocketBreak>,
}

impl StormStage {
    /// All phases from the position on at which the plan is taken up, one after the other.
    async fn conduct(&self, plan: &StormPlan) {
        let from = plan.resume.unwrap_or_default();
        let mut next = 0;
        let mut start = Instant::now();
        for (index, phase) in plan.phases.iter().enumerate() {
            if index < from.phase {
                if let StormPhase::Arrive { users, .. } = phase {
                    next += users;
                }
                continue;
            }
            let gone_ms = if index == from.phase {
                from.phase_ms
            } else {
                0
            };
            let gone = Duration::from_millis(gone_ms);
            self.begin(index, start, gone);
            match *phase {
                StormPhase::Arrive { users, over_ms, .. } => {
                    let over = Duration::from_millis(over_ms);
                    start = self
                        .arrive(&plan.arrivals(index), over, start, next, gone_ms)
                        .await;
                    next += users;
                }
                StormPhase::Hold { for_ms } => {
                    start += Duration::from_millis(for_ms).saturating_sub(gone);
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
                    start = Instant::now() + (over + BREAK_SETTLES).saturating_sub(gone);
                    tokio::time::sleep_until(start.into()).await;
                }
                StormPhase::Drain { at_most_ms } => {
                    let at_most = Duration::from_millis(at_most_ms).saturating_sub(gone);
                    let latest = Instant::now() + at_most;
                    while self.storm.recorder.travellers() > 0 && Instant::now() < latest {
                        tokio::time::sleep(DRAIN_LOOK).await;
                    }
                    start = Instant::now();
                }
            }
            if let Some((_, end)) = lock(&self.phases).get_mut(&index) {
                *end = Some(start);
            }
        }
        lock(&self.clock).phase = plan.phases.len();
    }

    /// Notes that a phase begins at a moment, at which so much of it has gone by.
    fn begin(&self, phase: usize, read: Instant, shown: Duration) {
        self.storm.recorder.begin_phase(phase, read);
        lock(&self.phases).insert(phase, (read, None));
        *lock(&self.clock) = PhaseClock {
            phase,
            read,
            shown,
            rate: 1.0,
        };
    }

    /// Where in the plan the agent is.
    fn position(&self) -> StormPosition {
        let clock = *lock(&self.clock);
        StormPosition {
            phase: clock.phase,
            phase_ms: millis(clock.now()),
            rate: *self.rate_factor.borrow(),
        }
    }

    /// When each phase was, until now.
    fn phase_times(&self) -> BTreeMap<usize, PhaseTime> {
        let now = Instant::now();
        let ms = |at| self.storm.recorder.ms(at);
        lock(&self.phases)
            .iter()
            .map(|(index, (begin, end))| {
                let time = PhaseTime {
                    begin_ms: ms(*begin),
                    end_ms: ms(end.unwrap_or(now)),
                };
                (*index, time)
            })
            .collect()
    }

    /// Makes users arrive, and returns when the phase is over: at another rate than the planned
    /// one, earlier or later. Those who were to arrive before `gone_ms` are left out.
    async fn arrive(
        &self,
        times: &[Duration],
        over: Duration,
        start: Instant,
        first: u32,
        gone_ms: u64,
    ) -> Instant {
        let mut rate_factor = self.rate_factor.subscribe();
        // The plan's clock shows `shown` at the moment `read`, and runs at the rate factor.
        let (mut read, mut shown) = (start, Duration::from_millis(gone_ms));
        let mut index = due_by(times, gone_ms);
        lock(&self.clock).rate = *rate_factor.borrow();
        loop {
            let at = times.get(index as usize).copied();
            let target = at
                .unwrap_or(over)
                .max(if at.is_some() { Duration::ZERO } else { shown });
            let rate = *rate_factor.borrow_and_update();
            let due = due(read, target.saturating_sub(shown), rate);
            tokio::select! {
                biased;
                changed = rate_factor.changed() => {
                    let now = Instant::now();
                    if now > read {
                        shown += (now - read).mul_f64(rate);
                        read = now;
                    }
                    {
                        let mut clock = lock(&self.clock);
                        clock.read = read;
                        clock.shown = shown;
                        clock.rate = *rate_factor.borrow();
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

/// When the plan's clock will have gone on by so much; never at a rate factor of zero.
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
