//! What a search is to find out.

use serde::{Deserialize, Serialize};

/// A question to a search: the highest load at which losses stay within a ratio. Times in seconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SearchGoal {
    /// Its name.
    pub name: String,
    /// Highest share of losses in a trial that is still good.
    pub loss_ratio: f64,
    /// Share of the trial time at a load that may be bad all the same; RFC 9971 recommends 0.5.
    pub exceed_ratio: f64,
    /// Length of the first, coarse trials.
    pub initial_trial: f64,
    /// Length of a trial that counts in full: shorter ones can condemn a load, not prove it.
    pub final_trial: f64,
    /// Trial time at a load that is enough to decide.
    pub duration_sum: f64,
    /// The search ends when the bounds are this close, as a part of the upper one.
    pub width: f64,
}

/// Why a goal makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GoalError {
    /// A search without a goal.
    #[error("a search needs a goal")]
    None,
    /// A number is out of its range.
    #[error("goal `{goal}`: {what}")]
    Range {
        /// The goal's name.
        goal: String,
        /// What is wrong.
        what: &'static str,
    },
    /// The loads are not in order.
    #[error("the loads must be in order: least, start, most; and the least above zero")]
    Loads,
}

impl SearchGoal {
    pub(super) fn check(&self) -> Result<(), GoalError> {
        let ratio = |value: f64| (0.0..1.0).contains(&value);
        let what = match () {
            () if !ratio(self.loss_ratio) => "the loss ratio must be at least 0 and below 1",
            () if !ratio(self.exceed_ratio) => "the exceed ratio must be at least 0 and below 1",
            () if !(self.initial_trial > 0.0 && self.initial_trial <= self.final_trial) => {
                "the first trials must be longer than 0 and no longer than the last"
            }
            () if !(self.duration_sum >= self.final_trial && self.duration_sum.is_finite()) => {
                "the trial time at a load must be at least that of one trial"
            }
            // RFC 9971: what is lost cannot be told from what is offered within less than that.
            () if !(ratio(self.width) && self.width > 0.0) => "the width must be between 0 and 1",
            () => return Ok(()),
        };
        Err(GoalError::Range {
            goal: self.name.clone(),
            what,
        })
    }

    /// Targets from coarse to fine; the last is the goal itself. Those before it are twice as wide
    /// each, with trial times in a geometric series down to the first trials' length.
    pub(super) fn targets(&self, preceding: u32) -> Vec<SearchTarget> {
        let mut targets: Vec<SearchTarget> = (0..=preceding)
            .map(|step| {
                let part = match preceding {
                    0 => 0.0,
                    steps => f64::from(step) / f64::from(steps),
                };
                let sum = self.duration_sum * (self.initial_trial / self.duration_sum).powf(part);
                SearchTarget {
                    loss_ratio: self.loss_ratio,
                    exceed_ratio: self.exceed_ratio,
                    trial: self.final_trial.min(sum),
                    duration_sum: sum,
                    width: -(-self.width).ln_1p() * f64::from(1 << step),
                }
            })
            .collect();
        targets.reverse();
        targets
    }
}

/// A goal, or a coarser question on the way to it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct SearchTarget {
    pub(super) loss_ratio: f64,
    pub(super) exceed_ratio: f64,
    /// Length of a trial, seconds.
    pub(super) trial: f64,
    pub(super) duration_sum: f64,
    /// Distance of the bounds, as a difference of logarithms.
    pub(super) width: f64,
}
