//! The kill sweep: a process dies at every API call, on both sides of its effect; whoever
//! comes next, from another machine and with nothing remembered, repairs it.
//!
//! A process that is killed leaves nothing but the account, and processes are deterministic
//! here. So one undisturbed run is enough to have the account of every possible death: it is
//! copied at each call. Deaths that leave the account in the same state have the same future,
//! which is lived through once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use jiff::SignedDuration;
use loadrig::spec::Spec;
use strict_cloud::AwsAccount;

use super::link::{Death, Kill};
use super::outcome::{ids, later, leftovers, still_to_do, unaccounted};
use super::process::{End, Fate, Job, run, run_with};

/// So long after a death, at the least, the next process starts: by then lists are true.
pub const LATER: Duration = Duration::from_secs(15);
/// The next process starts when the account's clock shows a multiple of this,
/// so that deaths shortly after one another leave the same account.
const GRID: Duration = Duration::from_secs(15);
/// After this long lists are true and nothing is on its way.
pub const SETTLED: Duration = Duration::from_hours(1);

/// No command that ends without what it should do takes longer: what AWS takes is a fortieth here,
/// so this is for the repetitions of calls that are refused.
const ENDS_WITHIN: Duration = Duration::from_mins(5);

/// What commands come to in an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// `up` brings the environment to its spec, in so many runs at the most; those before the last
    /// one say why they failed.
    Converges {
        /// How often `up` is repeated.
        runs: usize,
    },
    /// `up` cannot, ends early and says this; `down` removes what it created.
    UpEnds(&'static str),
    /// Neither `up` nor `down` can do anything: they end early and say this.
    BothEnd(&'static str),
}

/// One command, killed everywhere.
pub struct Sweep<'a> {
    /// What it is called in the summary.
    pub name: String,
    /// What exists beforehand.
    pub before: AwsAccount,
    /// The command that is killed.
    pub job: Job<'a>,
    /// What the repair brings the environment to.
    pub spec: &'a Spec,
    /// What belongs to others and has to stay.
    pub outside: &'a BTreeSet<String>,
    /// What the account admits.
    pub expected: Expected,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct SweepResult {
    /// API calls of an undisturbed run.
    pub calls: usize,
    /// Cases: a death and one of the two ways to go on.
    pub cases: usize,
    /// Different accounts that the deaths left, of those that were lived through.
    pub states: usize,
    /// Different accounts that the deaths left.
    pub all_states: usize,
    /// What went wrong, with what reproduces it.
    pub wrong: Vec<String>,
}

impl Expected {
    /// Whether a command that nobody disturbed came to this, and soon enough.
    fn check(self, is_up: bool, end: &End, took: SignedDuration) -> Result<(), String> {
        let saying = match self {
            Self::Converges { runs: 1 } => None,
            // The first run may fail.
            Self::Converges { .. } if is_up => return Ok(()),
            Self::Converges { .. } => None,
            Self::UpEnds(saying) => is_up.then_some(saying),
            Self::BothEnd(saying) => Some(saying),
        };
        match (saying, end) {
            (None, End::Done) => Ok(()),
            (Some(saying), End::Failed(message)) if message.contains(saying) => {
                match Duration::try_from(took) {
                    Ok(took) if took <= ENDS_WITHIN => Ok(()),
                    _ => Err(format!("it ended only after {took:#}: {message}")),
                }
            }
            (_, other) => Err(format!("{other:?}")),
        }
    }
}

impl Sweep<'_> {
    /// Lives through every case, or through those of `sample` states, on all processors.
    pub fn run(&self, sample: Option<usize>) -> SweepResult {
        let fate = Fate {
            keep_deaths: true,
            ..Fate::default()
        };
        let undisturbed = run_with(self.before.clone(), self.job, fate);
        let calls = undisturbed.calls;
        let took = undisturbed.account.now().duration_since(self.before.now());
        let is_up = matches!(self.job, Job::Up(_));
        if let Err(what) = self.expected.check(is_up, &undisturbed.end, took) {
            return SweepResult {
                wrong: vec![format!("{}, undisturbed: {what}", self.name)],
                ..SweepResult::default()
            };
        }
        let mut states: BTreeMap<u64, (AwsAccount, Vec<Kill>)> = BTreeMap::new();
        for Death { kill, account } in undisturbed.deaths {
            let account = at_restart(account);
            let state = states.entry(account.fingerprint());
            state.or_insert((account, vec![])).1.push(kill);
        }
        let mut states: Vec<(AwsAccount, Vec<Kill>)> = states.into_values().collect();
        states.sort_by_key(|(_, kills)| (kills[0].call, kills[0].side));
        let all = states.len();
        let step = sample.map_or(1, |count| (all / count).max(1));
        let states: Vec<_> = states.into_iter().step_by(step).collect();
        let (next, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
        let workers = std::thread::available_parallelism().map_or(2, usize::from);
        std::thread::scope(|scope| {
            for _ in 0..workers {
                scope.spawn(|| {
                    while let Some((account, kills)) =
                        states.get(next.fetch_add(1, Ordering::Relaxed))
                    {
                        let found = self.futures(account);
                        let mut wrong = wrong.lock().expect("no worker panics");
                        wrong.extend(found.into_iter().map(|what| {
                            let Kill { call, side } = kills[0];
                            let at = &calls[call];
                            format!("{}: killed {side:?} call {call} ({at}): {what}", self.name)
                        }));
                    }
                });
            }
        });
        SweepResult {
            calls: calls.len(),
            cases: states.iter().map(|(_, kills)| kills.len() * 2).sum(),
            states: states.len(),
            all_states: all,
            wrong: wrong.into_inner().expect("no worker panics"),
        }
    }

    /// What is wrong with either way to go on.
    fn futures(&self, account: &AwsAccount) -> Vec<String> {
        let mut wrong = Vec::new();
        if let Err(what) = self.up_then_down(account.clone()) {
            wrong.push(format!("up, then down: {what}"));
        }
        if let Err(what) = self.down(account.clone()) {
            wrong.push(format!("down at once: {what}"));
        }
        wrong
    }

    /// `up` comes to what is expected of it, and `down` then leaves nothing.
    fn up_then_down(&self, account: AwsAccount) -> Result<(), String> {
        let runs = match self.expected {
            Expected::Converges { runs } => runs,
            Expected::UpEnds(_) | Expected::BothEnd(_) => {
                let account = self.once(account, Job::Up(self.spec))?;
                return self.down(account);
            }
        };
        let mut account = account;
        for left in (0..runs).rev() {
            let up = run(account, Job::Up(self.spec));
            account = later(up.account, SETTLED);
            match up.end {
                End::Done => break,
                other if left == 0 => return Err(format!("stuck in up: {other:?}")),
                _ => {}
            }
        }
        let mut wrong = unaccounted(&account, self.spec, self.outside);
        let todo = still_to_do(&account, self.spec);
        if !todo.is_empty() {
            wrong.push(format!(
                "stuck: the next plan has work: {}",
                todo.join(", ")
            ));
        }
        if !wrong.is_empty() {
            return Err(wrong.join("; "));
        }
        self.down(account)
    }

    /// One run of a command, which has to come to what is expected.
    fn once(&self, account: AwsAccount, job: Job<'_>) -> Result<AwsAccount, String> {
        let (began, is_up) = (account.now(), matches!(job, Job::Up(_)));
        let left = run(account, job);
        let took = left.account.now().duration_since(began);
        let word = if is_up { "up" } else { "down" };
        self.expected
            .check(is_up, &left.end, took)
            .map_err(|what| format!("stuck in {word}: {what}"))?;
        Ok(left.account)
    }

    /// `down` leaves nothing of ours, and all of others.
    fn down(&self, account: AwsAccount) -> Result<(), String> {
        let account = later(self.once(account, Job::Down(self.spec))?, SETTLED);
        let left = leftovers(&account, self.outside);
        if !left.is_empty() {
            return Err(format!("orphans: {}", left.join(", ")));
        }
        let missing: Vec<_> = self.outside.difference(&ids(&account)).cloned().collect();
        if !missing.is_empty() {
            return Err(format!("removed what is not ours: {}", missing.join(", ")));
        }
        Ok(())
    }
}

/// The account when the next process starts.
pub fn at_restart(account: AwsAccount) -> AwsAccount {
    let account = later(account, LATER);
    let since = account.now().duration_since(jiff::Timestamp::UNIX_EPOCH);
    let since = Duration::try_from(since).expect("after the epoch");
    let over = since.as_nanos() % GRID.as_nanos();
    let over = Duration::from_nanos(u64::try_from(over).expect("less than the grid"));
    later(account, GRID.saturating_sub(over))
}
