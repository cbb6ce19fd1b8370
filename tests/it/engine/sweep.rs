//! The exhaustive kill sweep: a process dies at every API call, on both sides of its effect;
//! whoever comes next, from another machine and with nothing remembered, repairs it.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::account::{Account, Ms};
use super::fleet::{End, Job, later, leftovers, run, still_to_do, unaccounted};
use super::wire::{Kill, Side};
use loadrig::spec::Spec;

/// One command, killed everywhere.
pub struct Sweep<'a> {
    /// What it is called in the summary.
    pub name: &'static str,
    /// What exists beforehand.
    pub before: Account,
    /// The command that is killed.
    pub job: Job<'a>,
    /// What the repair brings the environment to.
    pub spec: &'a Spec,
    /// How long after the death the next process starts, milliseconds.
    pub restart: Ms,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Verdict {
    /// API calls of an undisturbed run.
    pub calls: usize,
    /// Cases: a kill and one of the two ways to go on.
    pub cases: usize,
    /// Different states in which the kills left the account.
    pub states: usize,
    /// What went wrong, with what reproduces it.
    pub wrong: Vec<String>,
}

/// What is wrong after a state, by the state's print.
type Judged = Mutex<BTreeMap<u64, Vec<String>>>;

/// Runs every case, on all processors.
///
/// The process is really killed at every call. Kills that leave the account in the same
/// state have the same future, since whoever comes next knows nothing but the account: that
/// future is lived through once.
pub fn sweep(sweep: &Sweep<'_>) -> Verdict {
    let undisturbed = run(sweep.before.clone(), sweep.job, None);
    let calls = undisturbed.calls;
    assert_eq!(undisturbed.end, End::Done, "{} undisturbed", sweep.name);
    let next = AtomicUsize::new(0);
    let judged = Judged::default();
    let wrong = Mutex::new(Vec::new());
    let workers = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let kill = Kill {
                        call: index / 2,
                        side: [Side::Before, Side::After][index % 2],
                    };
                    let Some(name) = calls.get(kill.call) else {
                        break;
                    };
                    let found = case(sweep, kill, &judged);
                    let mut wrong = wrong.lock().expect("no worker panics");
                    wrong.extend(found.into_iter().map(|what| {
                        let Kill { call, side } = kill;
                        format!("{}: k={call} ({name}) {side:?}: {what}", sweep.name)
                    }));
                }
            });
        }
    });
    Verdict {
        calls: calls.len(),
        cases: calls.len() * 4,
        states: judged.into_inner().expect("no worker panics").len(),
        wrong: wrong.into_inner().expect("no worker panics"),
    }
}

/// One kill with both continuations; what is wrong with either.
fn case(sweep: &Sweep<'_>, kill: Kill, judged: &Judged) -> Vec<String> {
    let dead = run(sweep.before.clone(), sweep.job, Some(kill));
    if dead.end != End::Killed {
        return vec![format!("the process ended with {:?}", dead.end)];
    }
    let account = later(dead.account, sweep.restart);
    let print = account.print();
    if let Some(known) = judged.lock().expect("no worker panics").get(&print) {
        return known.clone();
    }
    let mut wrong = Vec::new();
    if let Err(what) = up_then_down(account.clone(), sweep.spec) {
        wrong.push(format!("up, then down: {what}"));
    }
    if let Err(what) = down_at_once(account, sweep.spec) {
        wrong.push(format!("down at once: {what}"));
    }
    let mut judged = judged.lock().expect("no worker panics");
    judged.insert(print, wrong.clone());
    wrong
}

/// `up` converges, and `down` then leaves nothing.
fn up_then_down(account: Account, spec: &Spec) -> Result<(), String> {
    let account = run(account, Job::Up(spec), None)
        .done()
        .map_err(|what| format!("up: {what}"))?;
    let account = later(account, SETTLED);
    let mut wrong = unaccounted(&account, spec);
    let todo = still_to_do(&account, spec);
    if !todo.is_empty() {
        wrong.push(format!("the next plan has work: {}", todo.join(", ")));
    }
    if !wrong.is_empty() {
        return Err(wrong.join("; "));
    }
    down_at_once(account, spec)
}

/// `down` leaves nothing.
fn down_at_once(account: Account, spec: &Spec) -> Result<(), String> {
    let account = run(account, Job::Down(&spec.name), None)
        .done()
        .map_err(|what| format!("down: {what}"))?;
    let left = leftovers(&later(account, SETTLED));
    if left.is_empty() {
        Ok(())
    } else {
        Err(format!("left behind: {}", left.join(", ")))
    }
}

/// After this long lists are true and nothing lingers, milliseconds.
const SETTLED: Ms = 60_000;
