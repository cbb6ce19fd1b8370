//! Permutation tests: what would the figures show if the labels of the runs meant nothing?
//!
//! When two builds are equal, every way of giving their runs the labels of the two sides is as
//! likely as the one that was made. So the share of arrangements that show as much as the real one
//! is the exact probability of a false alarm, whatever the noise looks like and however the
//! measures hang together. For several measures at once, the greatest statistic of each arrangement
//! counts (Westfall and Young, step-down): measures that rise and fall together cost no more than
//! one, and five runs a side suffice however many measures there are.

use crate::random::SplitMix;

/// Up to so many arrangements are all looked at; beyond, as many are drawn.
pub(crate) const ARRANGEMENTS: usize = 20_000;
/// What differs by less than this part is the same number, rounded differently.
const ROUNDING: f64 = 1e-9;

/// How the runs can be given to the two sides: in each row, the runs of the second side. The first
/// row is how they were.
pub(crate) struct Arrangements {
    rows: Vec<Vec<usize>>,
}

impl Arrangements {
    /// All of them, or a sample that is the same in every run of the program.
    pub(crate) fn of(base: usize, with: usize) -> Self {
        let total = base + with;
        let real: Vec<usize> = (base..total).collect();
        let mut rows = vec![real.clone()];
        if combinations(total, with) <= ARRANGEMENTS as f64 {
            let mut row: Vec<usize> = (0..with).collect();
            loop {
                if row != real {
                    rows.push(row.clone());
                }
                // The next one in lexicographic order.
                let Some(at) = (0..with).rev().find(|at| row[*at] < base + at) else {
                    break;
                };
                row[at] += 1;
                for next in at + 1..with {
                    row[next] = row[next - 1] + 1;
                }
            }
        } else {
            let mut random = SplitMix::new(0x10AD);
            let mut order: Vec<usize> = (0..total).collect();
            while rows.len() < ARRANGEMENTS {
                for at in 0..with {
                    order.swap(at, at + random.below(total - at));
                }
                rows.push(order[..with].to_vec());
            }
        }
        Self { rows }
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.rows.len()
    }

    /// Student's statistic of a row of values in each arrangement; positive where the second side
    /// is higher.
    pub(crate) fn statistics(&self, values: &[f64]) -> Vec<f64> {
        let sum: f64 = values.iter().sum();
        let squares = squares(values);
        let statistic = |row: &Vec<usize>| {
            let (n, m) = ((values.len() - row.len()) as f64, row.len() as f64);
            let with: f64 = row.iter().map(|at| values[*at]).sum();
            let difference = with / m - (sum - with) / n;
            let between = n * m / (n + m) * difference * difference;
            student(difference, squares - between, squares, n, m)
        };
        self.rows.iter().map(statistic).collect()
    }
}

/// The sum of squared distances from the mean; zero where all that differs is rounding.
pub(crate) fn squares(values: &[f64]) -> f64 {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    if squares <= count * (mean * ROUNDING).powi(2) * ROUNDING {
        0.0
    } else {
        squares
    }
}

/// Student's statistic from the sum of squares within the sides. What is zero but for rounding is
/// zero: `squares` is the sum over all.
pub(crate) fn student(difference: f64, within: f64, squares: f64, n: f64, m: f64) -> f64 {
    if squares <= 0.0 {
        return 0.0;
    }
    if within <= squares * ROUNDING {
        return difference.signum() * f64::INFINITY;
    }
    difference / (within / (n + m - 2.0) * (1.0 / n + 1.0 / m)).sqrt()
}

/// How many ways there are to choose.
pub(crate) fn combinations(total: usize, chosen: usize) -> f64 {
    (0..chosen.min(total - chosen))
        .map(|at| (total - at) as f64 / (at + 1) as f64)
        .product::<f64>()
        .round()
}

fn reaches(statistic: f64, real: f64) -> bool {
    // The second test says nothing of what is infinite.
    statistic >= real || statistic >= real - real.abs() * ROUNDING
}

/// Share of arrangements with a statistic as high as the real one (the first), or higher.
pub(crate) fn share_as_high(statistics: &[f64]) -> f64 {
    let real = statistics[0];
    let count = statistics.iter().filter(|one| reaches(**one, real)).count();
    count as f64 / statistics.len() as f64
}

/// For each measure, the probability that any of those that show no more than it would show as
/// much, up or down, if nothing differed: Westfall and Young's step-down adjusted p-values.
pub(crate) fn step_down(statistics: &[Vec<f64>]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..statistics.len()).collect();
    order.sort_by(|a, b| statistics[*a][0].abs().total_cmp(&statistics[*b][0].abs()));
    let Some(first) = statistics.first() else {
        return Vec::new();
    };
    let mut greatest = vec![0.0_f64; first.len()];
    let mut adjusted = vec![1.0; statistics.len()];
    for measure in &order {
        let real = statistics[*measure][0].abs();
        for (most, one) in greatest.iter_mut().zip(&statistics[*measure]) {
            *most = most.max(one.abs());
        }
        let count = greatest.iter().filter(|most| reaches(**most, real)).count();
        adjusted[*measure] = count as f64 / greatest.len() as f64;
    }
    // What shows less is never more certain than what shows more.
    let mut least = 0.0_f64;
    for measure in order.iter().rev() {
        least = least.max(adjusted[*measure]);
        adjusted[*measure] = least;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_arrangement_is_there_once_and_the_real_one_first() {
        let arrangements = Arrangements::of(5, 5);
        assert_eq!(arrangements.len(), 252);
        assert_eq!(arrangements.rows[0], [5, 6, 7, 8, 9]);
        let mut rows = arrangements.rows.clone();
        rows.sort();
        rows.dedup();
        assert_eq!(rows.len(), 252);
        assert_eq!(Arrangements::of(4, 2).len(), 15);
        assert_eq!(Arrangements::of(1, 1).len(), 2);
    }

    #[test]
    fn many_runs_are_sampled() {
        let arrangements = Arrangements::of(10, 10);
        assert_eq!(arrangements.len(), ARRANGEMENTS);
        for row in &arrangements.rows {
            let mut row = row.clone();
            row.sort_unstable();
            row.dedup();
            assert_eq!(row.len(), 10);
        }
    }

    #[test]
    fn separated_sides_are_the_most_extreme_arrangement() {
        let values = [1.0, 1.1, 1.2, 1.05, 1.15, 2.0, 2.1, 2.2, 2.05, 2.15];
        let statistics = Arrangements::of(5, 5).statistics(&values);
        assert!((share_as_high(&statistics) - 1.0 / 252.0).abs() < 1e-12);
        let adjusted = step_down(&[statistics]);
        assert!((adjusted[0] - 2.0 / 252.0).abs() < 1e-12);
    }

    #[test]
    fn constant_values_show_nothing_and_constant_sides_everything() {
        let arrangements = Arrangements::of(3, 3);
        let nothing = arrangements.statistics(&[0.1; 6]);
        assert!(nothing.iter().all(|one| one.abs() < f64::EPSILON));
        assert!((share_as_high(&nothing) - 1.0).abs() < f64::EPSILON);
        let all = arrangements.statistics(&[0.1, 0.1, 0.1, 0.3, 0.3, 0.3]);
        assert!(all[0].is_infinite());
        assert!((share_as_high(&all) - 0.05).abs() < 1e-12);
    }

    #[test]
    fn a_clear_difference_in_one_of_many_measures_is_found_with_five_runs() {
        let mut random = SplitMix::new(1);
        let arrangements = Arrangements::of(5, 5);
        let mut noise = |shift: f64| -> Vec<f64> {
            let shifted = |run| if run < 5 { 0.0 } else { shift };
            (0..10).map(|run| random.normal() + shifted(run)).collect()
        };
        let mut rows: Vec<Vec<f64>> = (0..40).map(|_| noise(0.0)).collect();
        rows[7] = noise(40.0);
        let statistics: Vec<Vec<f64>> = rows
            .iter()
            .map(|row| arrangements.statistics(row))
            .collect();
        let adjusted = step_down(&statistics);
        assert!((adjusted[7] - 2.0 / 252.0).abs() < 1e-12, "{}", adjusted[7]);
        assert!(
            adjusted
                .iter()
                .enumerate()
                .all(|(at, p)| at == 7 || *p > 0.04)
        );
    }
}
