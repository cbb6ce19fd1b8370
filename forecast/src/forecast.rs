//! What to expect of a storm: many of them, over what is uncertain.

use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};
use serde::Serialize;

use crate::model::{Ending, Outcome, Rig, Storm};
use crate::scale::simulate_coarsely;

/// A storm has collapsed if more than this share of the work, or of the gate's turns, is for clients that
/// have gone.
const COLLAPSED: f64 = 0.5;
/// Users that are played at the most; of more, each stands for several.
const MOST_USERS: u32 = 16_000;
/// A twentieth of the storms is below an interval, and a twentieth above.
const BELOW: f64 = 0.05;
/// Points of a curve, at the most: a chart has no more dots.
const CURVE_POINTS: f64 = 600.0;
/// What a login takes besides its password: the way to the server and back, its queries, its session. Up to
/// so many seconds.
const BESIDES: f64 = 0.05;
/// A longer patience is no longer a client's.
const LONGEST_PATIENCE: f64 = 600.0;

/// A median with the interval that holds nine of ten.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Range {
    /// A twentieth is below.
    pub low: f64,
    /// Half is below.
    pub median: f64,
    /// A twentieth is above.
    pub high: f64,
}

impl Range {
    pub(crate) fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let at = |share: f64| {
            values
                .get(nth(values.len(), share))
                .copied()
                .unwrap_or_default()
        };
        Self {
            low: at(BELOW),
            median: at(0.5),
            high: at(1.0 - BELOW),
        }
    }
}

/// The index, of so many sorted values, of that which a share of them is below.
fn nth(count: usize, share: f64) -> usize {
    (count.saturating_sub(1) as f64 * share).round() as usize
}

/// What to expect of a storm.
#[derive(Clone, Debug, PartialEq)]
pub struct Forecast {
    /// Share of the storms in which everybody got in.
    pub everybody_in: f64,
    /// Users who got in.
    pub logged_in: Range,
    /// Seconds until the last of them was in, of the storms in which anybody was; infinite where that was
    /// not seen to come; none if nobody got in in any.
    pub last_in: Option<Range>,
    /// Seconds that it takes at the least.
    pub least: Range,
    /// Share of the storms that collapsed: nobody gets in any more, users were lost, or more than half of
    /// the work was for clients that had gone.
    pub collapsed: f64,
    /// Seconds from first attempt to login: the median user; none if nobody got in in any storm.
    pub median_wait: Option<Range>,
    /// The same, of the 95th of 100 users.
    pub late_wait: Option<Range>,
    /// Share of the work that was done for clients that had gone.
    pub dead_work: Range,
    /// Seconds until logins are answered at once again; infinite if they never are while clients try.
    pub recovered: Range,
    /// Attempts that the gate refused.
    pub refused: Range,
    /// Seconds after which a storm was not played on that had not ended by then.
    pub cut_off: Option<f64>,
    /// How many users are in, over time.
    pub curve: LoginCurve,
}

/// How many users are in, over time: up to the last of them, and at least as long as they come.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct LoginCurve {
    /// Seconds from one point to the next; the first one is after so many.
    pub every: f64,
    /// Users who are in.
    pub users_in: Vec<Range>,
}

impl LoginCurve {
    fn of(played: &[&Outcome], window: f64) -> Self {
        let last = played.iter().map(|one| one.last_in).fold(window, f64::max);
        let every = (last / CURVE_POINTS).ceil().max(1.0);
        let points = (last / every).ceil() as u32;
        let point = |index: u32| {
            let second = f64::from(index) * every;
            Range::of(played.iter().map(|one| one.in_by(second)).collect())
        };
        Self {
            every,
            users_in: (1..=points).map(point).collect(),
        }
    }
}

/// Plays `runs` storms, on all processors. The cost of a password lies for each at another point
/// between its value divided and multiplied by `uncertainty` (1 or more), on the logarithmic scale; and what
/// a login takes besides anywhere up to a twentieth of a second.
#[must_use]
pub fn forecast(rig: &Rig, storm: &Storm, uncertainty: f64, runs: u32, seed: u64) -> Forecast {
    let runs = runs.max(1);
    let mut besides = SmallRng::seed_from_u64(seed);
    let drawn: Vec<(Rig, u64, f64)> = (0..runs)
        .map(|run| {
            let (rig, seed) = drawn(rig, uncertainty, run, runs, seed);
            (rig, seed, besides.random::<f64>() * BESIDES)
        })
        .collect();
    let played = in_parallel(&drawn, |(rig, seed, besides)| {
        let outcome = simulate_coarsely(rig, storm, MOST_USERS, *seed);
        (*rig, outcome.later(*besides))
    });
    let range = |of: &dyn Fn(&Rig, &Outcome) -> f64| {
        Range::of(played.iter().map(|(rig, one)| of(rig, one)).collect())
    };
    let of_those_in = |of: &dyn Fn(&Outcome) -> Option<f64>| {
        let with_logins = played.iter().filter(|(_, one)| one.logged_in > 0);
        let values: Vec<f64> = with_logins.filter_map(|(_, one)| of(one)).collect();
        (!values.is_empty()).then(|| Range::of(values))
    };
    let share = |is: &dyn Fn(&Rig, &Outcome) -> bool| {
        let count = played.iter().filter(|(rig, one)| is(rig, one)).count();
        count as f64 / played.len() as f64
    };
    Forecast {
        everybody_in: share(&|_, one| one.logged_in == storm.users),
        logged_in: range(&|_, one| f64::from(one.logged_in)),
        last_in: of_those_in(&|one| match one.ending {
            Ending::CutOff => Some(f64::INFINITY),
            Ending::Drained | Ending::Collapsed => Some(one.last_in),
        }),
        least: range(&|rig, _| rig.least(storm)),
        collapsed: share(&|_, one| has_collapsed(storm, one)),
        median_wait: of_those_in(&|one| one.wait(0.5)),
        late_wait: of_those_in(&|one| one.wait(0.95)),
        dead_work: range(&|_, one| match one.ending {
            // From then on all of it.
            Ending::Collapsed => 1.0,
            Ending::Drained | Ending::CutOff => one.dead_work / one.work.max(f64::MIN_POSITIVE),
        }),
        recovered: range(&|_, one| one.recovered),
        refused: range(&|_, one| one.refused as f64),
        cut_off: played
            .iter()
            .filter(|(_, one)| one.ending == Ending::CutOff)
            .map(|(_, one)| one.played)
            .min_by(f64::total_cmp),
        curve: LoginCurve::of(
            &played.iter().map(|(_, one)| one).collect::<Vec<_>>(),
            storm.window,
        ),
    }
}

/// Of the storms that [`forecast`] plays the one at the upper end of the interval of costs, by itself: what
/// passes there is likely to pass all.
#[must_use]
pub fn dearest(rig: &Rig, storm: &Storm, uncertainty: f64, runs: u32, seed: u64) -> Outcome {
    let runs = runs.max(1);
    let last = nth(runs as usize, 1.0 - BELOW) as u32;
    let (rig, seed) = drawn(rig, uncertainty, last, runs, seed);
    simulate_coarsely(&rig, storm, MOST_USERS, seed)
}

/// The rig of one of so many storms, and its seed.
///
/// The storms that become the ends of an interval, if nothing but the cost matters, are those with the cost
/// that a twentieth is below and above: the others are spread evenly from there, beyond them too.
fn drawn(rig: &Rig, uncertainty: f64, run: u32, runs: u32, seed: u64) -> (Rig, u64) {
    let [low, high] = [BELOW, 1.0 - BELOW].map(|share| nth(runs as usize, share) as f64);
    let quantile = match runs {
        1 => 0.5,
        _ => BELOW + (1.0 - 2.0 * BELOW) * (f64::from(run) - low) / (high - low),
    };
    let mut drawn = *rig;
    let quantile = quantile.clamp(0.0, 1.0);
    drawn.nodes.hash *= uncertainty.max(1.0).powf(2.0 * quantile - 1.0);
    (drawn, seed.wrapping_add(u64::from(run)))
}

/// Does work for each item, in as many threads as there are processors; results in the items' order.
fn in_parallel<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let share = items.len().div_ceil(threads).max(1);
    std::thread::scope(|scope| {
        let started: Vec<_> = items
            .chunks(share)
            .map(|chunk| scope.spawn(|| chunk.iter().map(&work).collect::<Vec<R>>()))
            .collect();
        started
            .into_iter()
            .flat_map(|thread| match thread.join() {
                Ok(results) => results,
                Err(panic) => std::panic::resume_unwind(panic),
            })
            .collect()
    })
}

fn has_collapsed(storm: &Storm, outcome: &Outcome) -> bool {
    let dead_work = outcome.dead_work > outcome.work * COLLAPSED;
    let dead_turns = outcome.lost_turns as f64 > outcome.turns as f64 * COLLAPSED;
    let lost = match outcome.ending {
        Ending::Collapsed => true,
        Ending::Drained => outcome.logged_in < storm.users,
        Ending::CutOff => false,
    };
    lost || dead_work || dead_turns
}

/// The least patience, to a second, with which a storm does not collapse; none if it does with any.
#[must_use]
pub fn patience_that_holds(rig: &Rig, storm: &Storm, seed: u64) -> Option<f64> {
    let holds = |patience: f64| {
        let mut patient = *storm;
        patient.clients.patience = Some(patience);
        !has_collapsed(
            &patient,
            &simulate_coarsely(rig, &patient, MOST_USERS, seed),
        )
    };
    if !holds(LONGEST_PATIENCE) {
        return None;
    }
    let (mut fails, mut works) = (0.0, LONGEST_PATIENCE);
    while works - fails > 1.0 {
        let middle = f64::midpoint(fails, works);
        if holds(middle) {
            works = middle;
        } else {
            fails = middle;
        }
    }
    Some(works.ceil())
}
