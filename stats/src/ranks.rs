//! Two samples by their ranks: the Mann-Whitney test, and the shift between them after Hodges and
//! Lehmann. Neither minds how the noise is distributed, nor one run that went wrong.

use serde::{Deserialize, Serialize};

/// Up to so many values the distribution of the rank sum is counted out; it is normal beyond.
const COUNTED: usize = 60;
/// An interval that holds the shift less often is none.
const LEAST_CONFIDENCE: f64 = 0.8;

/// By how much one sample lies above another.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Shift {
    /// The median of all differences between a value of the one and a value of the other.
    pub estimate: f64,
    /// Where it lies with [`Shift::confidence`]; none where there are too few values.
    pub interval: Option<(f64, f64)>,
    /// Probability that the interval holds the shift: at least what was asked for, where the
    /// numbers of values allow.
    pub confidence: f64,
}

/// The probability of ranks as far apart as these, or farther, when both samples are of one
/// distribution. Exact, with ties too, up to 60 values.
#[must_use]
pub fn mann_whitney(base: &[f64], with: &[f64]) -> f64 {
    let ranks = doubled_ranks(base, with);
    let total = ranks.len();
    // Twice the rank sum of `base`, against twice its mean.
    let sum: usize = ranks[..base.len()].iter().sum();
    let mean = base.len() * (total + 1);
    let distance = sum.abs_diff(mean);
    if total > COUNTED {
        return normal_p(&ranks, base.len(), with.len(), distance as f64 / 2.0);
    }
    let counts = subset_sums(&ranks, base.len());
    let all: f64 = counts.iter().sum();
    let far: f64 = counts
        .iter()
        .enumerate()
        .filter(|(sum, _)| sum.abs_diff(mean) >= distance)
        .map(|(_, count)| count)
        .sum();
    far / all
}

/// Each value's rank, doubled: tied values share the mean of their ranks.
fn doubled_ranks(base: &[f64], with: &[f64]) -> Vec<usize> {
    let values: Vec<f64> = base.iter().chain(with).copied().collect();
    values
        .iter()
        .map(|value| {
            let below = values.iter().filter(|other| *other < value).count();
            let equal = values
                .iter()
                .filter(|other| other.total_cmp(value).is_eq())
                .count();
            2 * below + equal + 1
        })
        .collect()
}

/// How many subsets of `size` ranks have which sum.
fn subset_sums(ranks: &[usize], size: usize) -> Vec<f64> {
    let most: usize = ranks.iter().sum();
    let mut counts = vec![vec![0.0; most + 1]; size + 1];
    counts[0][0] = 1.0;
    for (taken, rank) in ranks.iter().enumerate() {
        for chosen in (0..size.min(taken + 1)).rev() {
            let (lower, upper) = counts.split_at_mut(chosen + 1);
            for (sum, count) in lower[chosen].iter().enumerate() {
                if *count > 0.0 {
                    upper[0][sum + rank] += count;
                }
            }
        }
    }
    counts.swap_remove(size)
}

fn normal_p(ranks: &[usize], base: usize, with: usize, distance: f64) -> f64 {
    let total = ranks.len() as f64;
    // With ties the ranks vary less.
    let mean = total + 1.0;
    let spread: f64 = ranks
        .iter()
        .map(|rank| ((*rank as f64 - mean) / 2.0).powi(2))
        .sum();
    let variance = base as f64 * with as f64 * spread / (total * (total - 1.0));
    if variance <= 0.0 {
        return 1.0;
    }
    let z = (distance - 0.5).max(0.0) / variance.sqrt();
    // A Student variable with that many degrees of freedom is a normal one.
    (2.0 * crate::distribution::student_tail(z, 1e7)).min(1.0)
}

/// By how much `with` lies above `base`, with an interval that holds it with probability
/// `confidence`; on logarithms, a ratio.
#[must_use]
pub fn hodges_lehmann(base: &[f64], with: &[f64], confidence: f64) -> Shift {
    let mut differences: Vec<f64> = with
        .iter()
        .flat_map(|with| base.iter().map(move |base| with - base))
        .collect();
    differences.sort_by(f64::total_cmp);
    let count = differences.len();
    let estimate = median_of_sorted(&differences);
    let (cut, outside) = cut_off(base.len(), with.len(), confidence);
    let held = 1.0 - 2.0 * outside;
    let interval = (held >= LEAST_CONFIDENCE - 1e-9)
        .then(|| Some((*differences.get(cut - 1)?, *differences.get(count - cut)?)))
        .flatten();
    Shift {
        estimate,
        interval,
        confidence: held.max(0.0),
    }
}

/// The most differences that may be cut off on either side, at least one, and the probability that
/// the shift is beyond what is left on one side.
fn cut_off(base: usize, with: usize, confidence: f64) -> (usize, f64) {
    let beyond = (1.0 - confidence) / 2.0;
    if base + with > COUNTED {
        let (n, m) = (base as f64, with as f64);
        let deviation = (n * m * (n + m + 1.0) / 12.0).sqrt();
        // A Student variable with that many degrees of freedom is a normal one.
        let z = crate::distribution::student_quantile(1.0 - beyond, 1e7);
        let cut = (n * m / 2.0 - z * deviation).floor().max(1.0);
        return (cut as usize, beyond);
    }
    let counts = inversions(base, with);
    let all: f64 = counts.iter().sum();
    let mut outside = 0.0;
    let mut cut = 0;
    for (at, number) in counts.iter().enumerate() {
        let next = outside + number / all;
        if next > beyond || 2 * (at + 1) > base * with {
            break;
        }
        outside = next;
        cut = at + 1;
    }
    if cut > 0 {
        return (cut, outside);
    }
    // The widest interval that there is: from the smallest difference to the largest.
    (1, counts.first().copied().unwrap_or(all) / all)
}

/// How many orders of the two samples have how many pairs in which the first is greater.
fn inversions(first: usize, second: usize) -> Vec<f64> {
    // The rank sum less its least value counts the same thing.
    let ranks: Vec<usize> = (1..=first + second).collect();
    let least = first * (first + 1) / 2;
    let mut counts = subset_sums(&ranks, first).split_off(least);
    counts.truncate(first * second + 1);
    counts
}

/// The median of numbers in order; not a number without any.
pub(crate) fn median_of_sorted(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    match (sorted.len() % 2, sorted) {
        (_, []) => f64::NAN,
        (1, _) => sorted[middle],
        _ => f64::midpoint(sorted[middle - 1], sorted[middle]),
    }
}

/// The median of numbers in any order.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    median_of_sorted(&sorted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-9, "{found} for {expected}");
    }

    #[test]
    fn the_smallest_p_of_few_runs_is_that_of_the_tables() {
        let low = |n: usize| (0..n).map(|i| i as f64).collect::<Vec<_>>();
        let high = |n: usize| (0..n).map(|i| 100.0 + i as f64).collect::<Vec<_>>();
        for (runs, p) in [
            (3, 0.1),
            (4, 2.0 / 70.0),
            (5, 2.0 / 252.0),
            (6, 2.0 / 924.0),
        ] {
            close(mann_whitney(&low(runs), &high(runs)), p);
        }
    }

    #[test]
    fn exact_p_values_are_those_of_scipy() {
        close(
            mann_whitney(&[1.0, 2.0, 3.0, 4.0, 5.0], &[3.5, 6.0, 7.0, 8.0, 9.0]),
            0.031_746_031_746_031_744,
        );
        // Enumerated by hand: SciPy's exact method knows no ties.
        close(
            mann_whitney(&[1.0, 2.0, 2.0, 3.0], &[2.0, 3.0, 4.0, 4.0]),
            0.2,
        );
    }

    #[test]
    fn equal_samples_are_no_evidence() {
        close(mann_whitney(&[2.0; 5], &[2.0; 5]), 1.0);
        let many = [2.0; 40];
        close(mann_whitney(&many, &many), 1.0);
    }

    #[test]
    fn many_values_are_judged_by_the_normal_distribution() {
        let base: Vec<f64> = (0..40).map(f64::from).collect();
        let with: Vec<f64> = (0..40).map(|i| f64::from(i) + 10.3).collect();
        let p = mann_whitney(&base, &with);
        assert!((1e-5..1e-3).contains(&p), "{p}");
    }

    #[test]
    fn intervals_of_many_values_are_those_of_the_normal_distribution() {
        let (exact, _) = cut_off(30, 30, 0.95);
        let (normal, outside) = cut_off(30, 31, 0.95);
        assert!(
            (exact as f64 / 900.0 - normal as f64 / 930.0).abs() < 0.01,
            "{exact} {normal}"
        );
        close(outside, 0.025);
    }

    #[test]
    fn the_shift_ignores_one_run_that_went_wrong() {
        let base = [10.0, 10.1, 9.9, 10.2, 9.8];
        let with = [11.0, 11.1, 10.9, 11.2, 40.0];
        let shift = hodges_lehmann(&base, &with, 0.95);
        assert!((shift.estimate - 1.1).abs() < 0.11, "{shift:?}");
        close(shift.confidence, 1.0 - 8.0 / 252.0);
        let (low, high) = shift.interval.unwrap();
        assert!(low > 0.5 && high > 1.2, "{shift:?}");
    }

    #[test]
    fn few_runs_have_a_wide_interval_or_none() {
        let three = hodges_lehmann(&[1.0, 2.0, 3.0], &[2.0, 3.0, 5.0], 0.95);
        close(three.confidence, 0.9);
        assert_eq!(three.interval, Some((-1.0, 4.0)));
        let one = hodges_lehmann(&[1.0], &[2.0], 0.95);
        assert_eq!((one.estimate, one.interval), (1.0, None));
    }
}
