//! Since when a figure has changed: the points of a series of runs where its level moved.
//!
//! E-divisive means (Matteson and James, arXiv 1306.4933) with Student's t-test and sliding windows
//! (Fleming et al.: Hunter, ICPE 2023, arXiv 2301.03034), as Apache Otava 0.8 computes it, so that
//! both tools mark the same runs. That includes Otava's habit of handing the t-test standard
//! deviations of the population where it expects those of a sample: its p-values are a little small.

use serde::{Deserialize, Serialize};

use crate::distribution::student_tail;

/// How change points are looked for. The defaults are Otava's.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Detection {
    /// So many runs are looked at together; at least 2.
    pub window: usize,
    /// A change is one if chance alone would show it less often than this.
    pub max_p: f64,
    /// Changes by this part of the level or less do not count: 0.05 is 5 %.
    pub min_magnitude: f64,
    /// Fewer runs show no noise of their own: a change has so many on either side, at least 1.
    pub min_runs: usize,
}

impl Default for Detection {
    fn default() -> Self {
        Self {
            window: 50,
            max_p: 0.001,
            min_magnitude: 0.0,
            min_runs: 1,
        }
    }
}

/// The runs between two change points.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Segment {
    /// Mean.
    pub mean: f64,
    /// Standard deviation of the population.
    pub deviation: f64,
}

/// A run from which on the level is another.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChangePoint {
    /// Index of the first run of the new level.
    pub index: usize,
    /// From the change point before to this one.
    pub before: Segment,
    /// From here to the next one.
    pub after: Segment,
    /// Probability that chance alone shows as much.
    pub p: f64,
}

impl ChangePoint {
    /// The change as a part of the level before: 0.1 is 10 % more. Zero where that level is zero.
    #[must_use]
    pub fn change(&self) -> f64 {
        relative(self.before.mean, self.after.mean)
    }

    /// The change as a part of the lower of both levels.
    #[must_use]
    pub fn magnitude(&self) -> f64 {
        let back = relative(self.after.mean, self.before.mean);
        self.change().abs().max(back.abs())
    }
}

fn relative(from: f64, to: f64) -> f64 {
    if from == 0.0 { 0.0 } else { to / from - 1.0 }
}

/// The change points of a series, in its order.
#[must_use]
pub fn change_points(series: &[f64], detection: Detection) -> Vec<ChangePoint> {
    // Candidates are found with a laxer threshold: a level that starts in the middle of a window
    // shows less there than in the whole series, by which it is judged in the end.
    let lax = match detection.max_p {
        p if p < 0.05 => 10.0 * p,
        p if p < 0.5 => 2.0 * p,
        p => p,
    };
    let mut indexes = Vec::new();
    let mut start = 0;
    let window = detection.window.max(2);
    while start < series.len() {
        let end = series.len().min(start + window);
        let found = divide(&series[start..end], lax);
        let last = found.last().map_or(0, |index| start + index);
        for index in found {
            if !indexes.contains(&(start + index)) {
                indexes.push(start + index);
            }
        }
        start = last.max(start + window / 2);
    }
    indexes.sort_unstable();
    merge(series, &indexes, detection)
}

/// The change points within one window.
fn divide(series: &[f64], max_p: f64) -> Vec<usize> {
    let mut points: Vec<usize> = Vec::new();
    loop {
        let mut bounds = vec![0];
        bounds.extend(&points);
        bounds.push(series.len());
        let mut best: Option<(f64, usize, usize, usize)> = None;
        for pair in bounds.windows(2) {
            let (from, to) = (pair[0], pair[1]);
            if let Some((divergence, index)) = candidate(&series[from..to])
                && best.is_none_or(|(most, ..)| divergence > most)
            {
                best = Some((divergence, from, from + index, to));
            }
        }
        let Some((_, from, index, to)) = best else {
            return points;
        };
        let p = point(series, from, index, to).p;
        // Also false where there is no p: both sides constant and equal.
        let is_significant = p <= max_p;
        if !is_significant {
            return points;
        }
        points.push(index);
        points.sort_unstable();
    }
}

/// Drops the least convincing point until all are convincing. Otava judges anew only the point that
/// took the place of a dropped one and the one after it, not the one before: so does this, to keep
/// the same points. What is said of them in the end is computed anew for all.
fn merge(series: &[f64], indexes: &[usize], detection: Detection) -> Vec<ChangePoint> {
    let judge = |points: &[usize], at: usize| -> ChangePoint {
        let from = at.checked_sub(1).map_or(0, |before| points[before]);
        let to = points.get(at + 1).copied().unwrap_or(series.len());
        point(series, from, points[at], to)
    };
    let mut indexes = indexes.to_vec();
    let all = |indexes: &[usize]| (0..indexes.len()).map(|at| judge(indexes, at)).collect();
    let mut points: Vec<ChangePoint> = all(&indexes);
    loop {
        let Some(mut weakest) = first_by(&points, |point, best| point.p > best.p) else {
            return points;
        };
        if let Some(few) = with_few_runs(series, &indexes, detection.min_runs) {
            weakest = few;
        } else if points[weakest].p < detection.max_p {
            let Some(least) = first_by(&points, |point, best| point.magnitude() < best.magnitude())
            else {
                return points;
            };
            if points[least].magnitude() > detection.min_magnitude {
                return all(&indexes);
            }
            weakest = least;
        }
        indexes.remove(weakest);
        points.remove(weakest);
        for at in [weakest, weakest + 1] {
            if at < points.len() {
                points[at] = judge(&indexes, at);
            }
        }
    }
}

/// Of the points that have fewer runs than `least` on one of their sides, the one whose neighbours
/// are the most convincing without it.
fn with_few_runs(series: &[f64], indexes: &[usize], least: usize) -> Option<usize> {
    let bounds = |indexes: &[usize], at: usize| {
        let from = at.checked_sub(1).map_or(0, |before| indexes[before]);
        let to = indexes.get(at + 1).copied().unwrap_or(series.len());
        (from, to)
    };
    let runs = |at: usize| {
        let (from, to) = bounds(indexes, at);
        (indexes[at] - from).min(to - indexes[at])
    };
    let without = |removed: usize| {
        let mut rest = indexes.to_vec();
        rest.remove(removed);
        let neighbours = removed.saturating_sub(1)..rest.len().min(removed + 1);
        let p = |at: usize| {
            let (from, to) = bounds(&rest, at);
            point(series, from, rest[at], to).p
        };
        neighbours.map(p).fold(0.0, f64::max)
    };
    let few = (0..indexes.len()).filter(|at| runs(*at) < least);
    few.map(|at| (at, without(at)))
        .min_by(|(_, a), (_, b)| a.total_cmp(b))
        .map(|(at, _)| at)
}

/// The first of those that nothing is `beyond`.
fn first_by(
    points: &[ChangePoint],
    beyond: impl Fn(&ChangePoint, &ChangePoint) -> bool,
) -> Option<usize> {
    let mut best = 0;
    for (index, point) in points.iter().enumerate() {
        if beyond(point, &points[best]) {
            best = index;
        }
    }
    (!points.is_empty()).then_some(best)
}

fn point(series: &[f64], from: usize, index: usize, to: usize) -> ChangePoint {
    let before = segment(&series[from..index]);
    let after = segment(&series[index..to]);
    ChangePoint {
        index,
        before,
        after,
        p: p_value(before, index - from, after, to - index),
    }
}

fn segment(values: &[f64]) -> Segment {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    Segment {
        mean,
        deviation: (squares / count).sqrt(),
    }
}

/// Student's two-sided test with equal variances. Not a number where nothing varies and nothing
/// differs.
fn p_value(left: Segment, lefts: usize, right: Segment, rights: usize) -> f64 {
    if lefts + rights <= 2 {
        return 1.0;
    }
    let (n, m) = (lefts as f64, rights as f64);
    let freedom = n + m - 2.0;
    let variance =
        ((n - 1.0) * left.deviation.powi(2) + (m - 1.0) * right.deviation.powi(2)) / freedom;
    let t = (left.mean - right.mean) / (variance * (1.0 / n + 1.0 / m)).sqrt();
    2.0 * student_tail(t.abs(), freedom)
}

/// The split that sets both sides apart most, looked for over all splits and all right ends: the
/// divergence and the index. None for less than two values.
///
/// With X to the left of the split and Y from there to the right end, the divergence is twice the
/// mean distance between both less the mean distances within each, weighted with nm/(n+m).
fn candidate(series: &[f64]) -> Option<(f64, usize)> {
    let count = series.len();
    if count < 2 {
        return None;
    }
    let distance = |i: usize, j: usize| (series[i] - series[j]).abs();
    let mut best = (f64::NEG_INFINITY, 0);
    // Sum of distances within the left side, grown with the split.
    let mut within_left = 0.0;
    // For each right end: sum of distances between left side and everything up to that end.
    for split in 1..count {
        if split > 1 {
            within_left += (0..split - 1).map(|i| distance(i, split - 1)).sum::<f64>();
        }
        let n = split as f64;
        let (mut between, mut within_right) = (0.0, 0.0);
        for last in split..count {
            between += (0..split).map(|i| distance(i, last)).sum::<f64>();
            within_right += (split..last).map(|j| distance(j, last)).sum::<f64>();
            let m = (last - split + 1) as f64;
            let mut divergence = 2.0 / (n + m) * between;
            if split > 1 {
                divergence -= 2.0 * m / ((n + m) * (n - 1.0)) * within_left;
            }
            if last > split {
                divergence -= 2.0 * n / ((n + m) * (m - 1.0)) * within_right;
            }
            if divergence > best.0 {
                best = (divergence, split);
            }
        }
    }
    Some(best)
}
