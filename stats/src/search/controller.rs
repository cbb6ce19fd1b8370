//! Chooses trials: a state machine that is asked for the next one and told what came of it.
//!
//! The state follows from the plan and the trials alone: a search that was interrupted is continued
//! from the trials that were stored ([`CeilingSearch::resume`]).

use serde::{Deserialize, Serialize};

use super::bounds::{CeilingTrial, RelevantBounds, Trials};
use super::goal::{GoalError, SearchGoal, SearchTarget};

/// A step up or down is at most this factor, so that no trial overloads a server by far.
const LARGEST_STEP: f64 = std::f64::consts::LN_2;
/// So many trials on end in which the agents did not keep up are enough.
const INVALID_IN_A_ROW: usize = 3;

/// What to search for, and where.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SearchPlan {
    /// The goals; at least one.
    pub goals: Vec<SearchGoal>,
    /// Lowest load, users; at least 1.
    pub least: u32,
    /// Highest load.
    pub most: u32,
    /// Load of the first trial: what the rig is expected to carry.
    pub start: u32,
    /// Coarser questions before each goal.
    pub preceding: u32,
    /// Time under load after which the search ends with what it has, seconds.
    pub budget: Option<f64>,
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum CeilingStep {
    /// Make a trial.
    Measure {
        /// Users.
        load: u32,
        /// Length, seconds.
        duration: f64,
        /// Index of the goal that wants to know.
        goal: usize,
    },
    /// There is nothing left to do.
    Done(SearchEnd),
}

/// Why a search ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SearchEnd {
    /// Every goal is answered as narrowly as asked.
    Reached,
    /// The time was used up: intervals are wider than asked.
    BudgetSpent,
    /// The agents did not keep up at a load, three times in a row: more agents are needed.
    AgentsSaturated {
        /// The load.
        load: u32,
    },
}

/// The answer to a goal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GoalResult {
    /// The goal's name.
    pub goal: String,
    /// Highest load that is carried; none when even the least is not.
    pub lower: Option<u32>,
    /// Lowest load above it that is not carried; none when the most is carried.
    pub upper: Option<u32>,
    /// What of the lower load went well (RFC 9971: conditional throughput), users.
    pub conditional: Option<f64>,
    /// Both bounds are as close as asked.
    pub is_narrow: bool,
}

/// A search under way.
#[derive(Clone, Debug)]
pub struct CeilingSearch {
    plan: SearchPlan,
    selectors: Vec<Selector>,
    trials: Trials,
    spent: f64,
    /// Trials on end in which the agents did not keep up, and the load of the last one.
    invalid: usize,
    invalid_load: Option<u32>,
    /// What the last step came from.
    last: Option<(usize, Move)>,
}

/// How a load was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Move {
    ExtendUp,
    ExtendDown,
    Other,
}

/// One goal on its way from coarse to fine.
#[derive(Clone, Debug)]
struct Selector {
    targets: Vec<SearchTarget>,
    level: usize,
    /// Bounds of the level before, when this one began.
    initial: RelevantBounds,
    /// How far the next step outside of what is known goes, as a difference of logarithms.
    step: f64,
}

impl CeilingSearch {
    /// Begins a search.
    ///
    /// # Errors
    /// When the plan makes no sense.
    pub fn new(plan: SearchPlan) -> Result<Self, GoalError> {
        if plan.goals.is_empty() {
            return Err(GoalError::None);
        }
        if !(1 <= plan.least && plan.least <= plan.start && plan.start <= plan.most) {
            return Err(GoalError::Loads);
        }
        let mut selectors = Vec::new();
        for goal in &plan.goals {
            goal.check()?;
            selectors.push(Selector {
                targets: goal.targets(plan.preceding),
                level: 0,
                initial: RelevantBounds::default(),
                step: LARGEST_STEP,
            });
        }
        Ok(Self {
            plan,
            selectors,
            trials: Trials::default(),
            spent: 0.0,
            invalid: 0,
            invalid_load: None,
            last: None,
        })
    }

    /// Continues a search from the trials that were made before.
    ///
    /// # Errors
    /// When the plan makes no sense.
    pub fn resume(plan: SearchPlan, trials: &[CeilingTrial]) -> Result<Self, GoalError> {
        let mut search = Self::new(plan)?;
        for trial in trials {
            search.next_step();
            search.record(*trial);
        }
        Ok(search)
    }

    /// What to do next; the same until a trial is recorded.
    pub fn next_step(&mut self) -> CeilingStep {
        if let (true, Some(load)) = (self.invalid >= INVALID_IN_A_ROW, self.invalid_load) {
            return CeilingStep::Done(SearchEnd::AgentsSaturated { load });
        }
        if self.plan.budget.is_some_and(|budget| self.spent >= budget) {
            return CeilingStep::Done(SearchEnd::BudgetSpent);
        }
        let mut best: Option<(f64, u32, usize, Move)> = None;
        for at in 0..self.selectors.len() {
            if let Some((load, duration, how)) = self.nominate(at) {
                // Short trials first, they may spare others; then low loads.
                let is_better = best.is_none_or(|(shortest, lowest, ..)| {
                    duration < shortest || (duration <= shortest && load < lowest)
                });
                if is_better {
                    best = Some((duration, load, at, how));
                }
            }
        }
        match best {
            Some((duration, load, goal, how)) => {
                self.last = Some((goal, how));
                CeilingStep::Measure {
                    load,
                    duration,
                    goal,
                }
            }
            None => CeilingStep::Done(SearchEnd::Reached),
        }
    }

    /// Takes a trial into account.
    pub fn record(&mut self, trial: CeilingTrial) {
        self.spent += trial.spent;
        if !trial.valid {
            self.invalid += 1;
            self.invalid_load = Some(trial.load);
            return;
        }
        self.invalid = 0;
        self.trials.add(trial);
        if let Some((goal, how)) = self.last {
            let selector = &mut self.selectors[goal];
            let bounds = self.trials.bounds(&selector.targets[selector.level]);
            let went_on = match how {
                Move::ExtendUp => bounds.lower == Some(trial.load),
                Move::ExtendDown => bounds.upper == Some(trial.load),
                Move::Other => false,
            };
            if went_on {
                selector.step = (2.0 * selector.step).min(LARGEST_STEP);
            }
        }
    }

    /// The time under load so far, seconds.
    #[must_use]
    pub fn spent(&self) -> f64 {
        self.spent
    }

    /// What is known so far, for each goal.
    #[must_use]
    pub fn results(&self) -> Vec<GoalResult> {
        self.plan
            .goals
            .iter()
            .zip(&self.selectors)
            .filter_map(|(goal, selector)| {
                let target = selector.targets.last()?;
                let bounds = self.trials.bounds(target);
                Some(GoalResult {
                    goal: goal.name.clone(),
                    lower: bounds.lower,
                    upper: bounds.upper,
                    conditional: bounds.lower.map(|load| {
                        f64::from(load) * (1.0 - self.trials.quantile_loss(load, target))
                    }),
                    is_narrow: is_narrow(bounds, target),
                })
            })
            .collect()
    }

    /// The trial that a goal wants: load, length, and how it was chosen. Moves on to the next finer
    /// level where the present one is answered.
    fn nominate(&mut self, at: usize) -> Option<(u32, f64, Move)> {
        let (least, most) = (self.plan.least, self.plan.most);
        loop {
            let selector = &mut self.selectors[at];
            let target = selector.targets[selector.level];
            if self.trials.is_empty() {
                return Some((self.plan.start, target.trial, Move::Other));
            }
            let bounds = self.trials.bounds(&target);
            if bounds == RelevantBounds::default() && selector.level == 0 {
                return Some((self.plan.start, target.trial, Move::Other));
            }
            if let Some((load, how)) = selector.choose(bounds, &target, least, most) {
                return Some((load, target.trial, how));
            }
            if selector.level + 1 == selector.targets.len() {
                return None;
            }
            selector.level += 1;
            selector.initial = bounds;
            let width = selector.targets[selector.level].width;
            let apart = match (bounds.lower, bounds.upper) {
                (Some(lower), Some(upper)) => (f64::from(upper) / f64::from(lower)).ln(),
                _ => 0.0,
            };
            selector.step = (2.0 * width.max(apart)).min(LARGEST_STEP);
        }
    }
}

impl Selector {
    /// The next load at this level, by the first of these that applies: the middle of the bounds of
    /// the level before, those bounds themselves, a step beyond what is known, the middle of the
    /// bounds.
    fn choose(
        &self,
        bounds: RelevantBounds,
        target: &SearchTarget,
        least: u32,
        most: u32,
    ) -> Option<(u32, Move)> {
        let is_worth = |load: u32| {
            bounds.lower.is_none_or(|lower| lower < load)
                && bounds.upper.is_none_or(|upper| load < upper)
                && !is_narrow(bounds, target)
        };
        let initial = self.initial;
        let halves = initial
            .widths(target)
            .filter(|widths| *widths > 1.0 && *widths <= 2.0)
            .and_then(|_| middle(initial));
        let beyond = |load: u32, step: f64| {
            let load = (f64::from(load) * step.exp()).round();
            (load as u32).clamp(least, most)
        };
        let extension = match (bounds.lower, bounds.upper) {
            (Some(lower), None) if lower < most => {
                Some((beyond(lower, self.step).max(lower + 1), Move::ExtendUp))
            }
            (None, Some(upper)) if upper > least => {
                Some((beyond(upper, -self.step).min(upper - 1), Move::ExtendDown))
            }
            _ => None,
        };
        [halves, initial.lower, initial.upper]
            .into_iter()
            .flatten()
            .map(|load| (load, Move::Other))
            .chain(extension)
            .chain(middle(bounds).map(|load| (load, Move::Other)))
            .find(|(load, _)| is_worth(*load))
    }
}

/// Close enough, or nothing is between them.
fn is_narrow(bounds: RelevantBounds, target: &SearchTarget) -> bool {
    match (bounds.lower, bounds.upper) {
        (Some(lower), Some(upper)) => {
            upper - lower <= 1 || bounds.widths(target).is_some_and(|widths| widths <= 1.0)
        }
        _ => false,
    }
}

/// The load in the middle, by logarithms; none where nothing is between.
fn middle(bounds: RelevantBounds) -> Option<u32> {
    let (lower, upper) = (bounds.lower?, bounds.upper?);
    let middle = (f64::from(lower) * f64::from(upper)).sqrt().round() as u32;
    (upper - lower > 1).then(|| middle.clamp(lower + 1, upper - 1))
}
