//! What trials say of a load: it is carried, it is not, or more trials are needed (RFC 9971, with the
//! formulas of the authors' library).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::goal::SearchTarget;

/// What a trial came to.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CeilingTrial {
    /// Users.
    pub load: u32,
    /// Length that was asked for, seconds.
    pub duration: f64,
    /// All time that it took under load, with ramp and settling, seconds.
    pub spent: f64,
    /// Share of what the users did that went wrong: failed, too late, or not sent in time.
    pub loss: f64,
    /// The agents kept up. A trial in which they did not says nothing of the server.
    pub valid: bool,
}

/// All valid trials, by load.
#[derive(Clone, Debug, Default)]
pub(super) struct Trials(BTreeMap<u32, Vec<CeilingTrial>>);

/// What is known of a load, for a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LoadClass {
    /// It is carried.
    Lower,
    /// It is not.
    Upper,
    /// More trials are needed.
    Open,
}

/// The highest load that is carried and the lowest that is not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct RelevantBounds {
    pub(super) lower: Option<u32>,
    pub(super) upper: Option<u32>,
}

impl RelevantBounds {
    /// Distance as a difference of logarithms, in widths of the target.
    pub(super) fn widths(&self, target: &SearchTarget) -> Option<f64> {
        let (lower, upper) = (f64::from(self.lower?), f64::from(self.upper?));
        Some((upper / lower).ln() / target.width)
    }
}

impl Trials {
    pub(super) fn add(&mut self, trial: CeilingTrial) {
        self.0.entry(trial.load).or_default().push(trial);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What all trials at a load say for a target.
    pub(super) fn classify(&self, load: u32, target: &SearchTarget) -> LoadClass {
        let (mut good_long, mut bad_long, mut good_short, mut bad_short) = (0.0, 0.0, 0.0, 0.0);
        for trial in self.0.get(&load).into_iter().flatten() {
            let is_long = trial.duration >= target.trial * (1.0 - 1e-9);
            let is_bad = trial.loss > target.loss_ratio;
            *match (is_long, is_bad) {
                (true, false) => &mut good_long,
                (true, true) => &mut bad_long,
                (false, false) => &mut good_short,
                (false, true) => &mut bad_short,
            } += trial.duration;
        }
        let exceed = target.exceed_ratio;
        // Short trials condemn a load as far as good short ones do not speak for it.
        let short_excess = bad_short - good_short * exceed / (1.0 - exceed);
        let bad = bad_long + f64::max(0.0, short_excess);
        let total = f64::max(good_long + bad, target.duration_sum);
        let limit = total * exceed + 1e-9;
        // If all trials that are missing were good, and if all were bad.
        match (bad <= limit, total - good_long <= limit) {
            (true, true) => LoadClass::Lower,
            (false, false) => LoadClass::Upper,
            _ => LoadClass::Open,
        }
    }

    /// The bounds of a target. Where a higher load passed although a lower one failed, the lower one
    /// counts.
    pub(super) fn bounds(&self, target: &SearchTarget) -> RelevantBounds {
        let mut bounds = RelevantBounds::default();
        for load in self.0.keys() {
            match self.classify(*load, target) {
                LoadClass::Lower => bounds.lower = Some(*load),
                LoadClass::Upper => {
                    bounds.upper = Some(*load);
                    break;
                }
                LoadClass::Open => {}
            }
        }
        bounds
    }

    /// The loss ratio at a load that stands for its full-length trials: the quantile that the exceed
    /// ratio names, with the time that is missing counted as lost.
    pub(super) fn quantile_loss(&self, load: u32, target: &SearchTarget) -> f64 {
        let mut trials: Vec<&CeilingTrial> = self
            .0
            .get(&load)
            .into_iter()
            .flatten()
            .filter(|trial| trial.duration >= target.trial * (1.0 - 1e-9))
            .collect();
        trials.sort_by(|a, b| a.loss.total_cmp(&b.loss));
        let measured: f64 = trials.iter().map(|trial| trial.duration).sum();
        let mut remaining = f64::max(target.duration_sum, measured) * (1.0 - target.exceed_ratio);
        for trial in trials {
            remaining -= trial.duration;
            if remaining <= 1e-9 {
                return trial.loss;
            }
        }
        1.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TARGET: SearchTarget = SearchTarget {
        loss_ratio: 0.01,
        exceed_ratio: 0.5,
        trial: 30.0,
        duration_sum: 90.0,
        width: 0.02,
    };

    fn class(trials: &[(f64, f64)]) -> LoadClass {
        all(trials).classify(100, &TARGET)
    }

    fn all(trials: &[(f64, f64)]) -> Trials {
        let mut all = Trials::default();
        for (duration, loss) in trials {
            all.add(CeilingTrial {
                load: 100,
                duration: *duration,
                spent: *duration,
                loss: *loss,
                valid: true,
            });
        }
        all
    }

    #[test]
    fn half_of_the_time_decides() {
        assert_eq!(class(&[]), LoadClass::Open);
        assert_eq!(class(&[(30.0, 0.0)]), LoadClass::Open);
        assert_eq!(class(&[(30.0, 0.0), (30.0, 0.0)]), LoadClass::Lower);
        assert_eq!(class(&[(30.0, 0.5), (30.0, 0.5)]), LoadClass::Upper);
        let one_each = [(30.0, 0.0), (30.0, 0.5)];
        assert_eq!(class(&one_each), LoadClass::Open);
        assert_eq!(
            class(&[&one_each[..], &[(30.0, 0.0)]].concat()),
            LoadClass::Lower
        );
    }

    #[test]
    fn short_trials_condemn_and_do_not_prove() {
        let good = [(10.0, 0.0); 20];
        assert_eq!(class(&good), LoadClass::Open);
        let bad = [(10.0, 1.0); 5];
        assert_eq!(class(&bad), LoadClass::Upper);
        assert_eq!(class(&[&bad[..], &good[..]].concat()), LoadClass::Open);
    }

    #[test]
    fn missing_time_counts_as_lost() {
        let loss = |trials: &[(f64, f64)]| all(trials).quantile_loss(100, &TARGET);
        assert!((loss(&[(30.0, 0.001)]) - 1.0).abs() < 1e-12);
        let enough = [(30.0, 0.001), (30.0, 0.004), (30.0, 0.3)];
        assert!((loss(&enough) - 0.004).abs() < 1e-12);
    }

    #[test]
    fn a_load_that_passes_above_one_that_fails_is_no_bound() {
        let mut trials = Trials::default();
        for (load, loss) in [(100, 0.0), (120, 0.5), (140, 0.0), (160, 0.5)] {
            for _ in 0..3 {
                trials.add(CeilingTrial {
                    load,
                    duration: 30.0,
                    spent: 30.0,
                    loss,
                    valid: true,
                });
            }
        }
        let bounds = trials.bounds(&TARGET);
        assert_eq!((bounds.lower, bounds.upper), (Some(100), Some(120)));
    }
}
