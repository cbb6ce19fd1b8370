//! Two builds, several runs of each: which is better, by how much, and what could not have been seen.
//!
//! **The decision.** Equal builds are called different in less than 4 of 100 comparisons, however
//! many measures are compared ([`ALARMS`]), so that of a thousand comparisons no more than 5 in 100
//! are wrong by any luck. That risk is spent where it finds most: two thirds of it on the question
//! that a comparison is run for, whether the overall latency (the geometric mean of the measures that
//! count towards it) has become worse; a ninth on whether it has become better; and two ninths on
//! single measures, so that one action that became much slower is found although the others hide it
//! in the mean. When the overall latency differs, the whole of it goes to the single measures.
//!
//! With five runs against four (126 arrangements) or more, the tests are permutations, see
//! [`crate::permutation`], whose risk is exact: with five a side 6, 1 and 2 of 252. With fewer runs no
//! arrangement can be rare enough, and Student's t-test on logarithms decides, with Holm's correction: it assumes that
//! the noise is about log-normal. A side with one run shows no noise of its own, so nothing is decided.
//!
//! **The size.** Each measure has its shift after Hodges and Lehmann with a 95 % interval of its own,
//! and the least change that would have been found nine times in ten, given the noise that was seen.

use serde::{Deserialize, Serialize};

use crate::distribution::{student_quantile, student_tail};
use crate::permutation::{
    ARRANGEMENTS, Arrangements, combinations, share_as_high, squares, step_down, student,
};
use crate::ranks::{hodges_lehmann, mann_whitney, median};

/// Probability that equal builds are called different, in any of the measures.
pub const ALARMS: f64 = 0.036;
/// Parts of [`ALARMS`]: overall worse, overall better, single measures.
const SHARES: [f64; 3] = [6.0 / 9.0, 1.0 / 9.0, 2.0 / 9.0];
/// How often a change of the size that [`MeasureFinding::least`] says is found.
pub const POWER: f64 = 0.9;
/// The confidence of the intervals.
const CONFIDENCE: f64 = 0.95;

/// Which direction is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Better {
    /// Latencies, error rates.
    Lower,
    /// Throughput, supported users.
    Higher,
}

/// How two values are held against each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MeasureScale {
    /// As a ratio: all values are above zero.
    Ratio,
    /// As a difference, in the measure's own unit.
    Difference,
}

/// A figure of every run of both sides.
#[derive(Clone, Debug, PartialEq)]
pub struct Measure {
    /// Its name.
    pub name: String,
    /// Which direction is good.
    pub better: Better,
    /// How two values are held against each other.
    pub scale: MeasureScale,
    /// It counts towards the overall figure; only with [`MeasureScale::Ratio`].
    pub overall: bool,
    /// One value for each run of the base.
    pub base: Vec<f64>,
    /// One value for each run of the other side.
    pub with: Vec<f64>,
}

/// What a comparison says of a figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ComparisonVerdict {
    /// It is better.
    Better,
    /// It is worse.
    Worse,
    /// What there is of a difference may be noise.
    NoDifference,
}

/// What decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TestKind {
    /// All arrangements of the runs, or many of them: exact.
    Permutation,
    /// Student's t-test, with Holm's correction: for log-normal noise.
    Student,
    /// Nothing: a side has one run, which shows no noise.
    None,
}

/// A figure of both sides, and the verdict.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MeasureFinding {
    /// Its name.
    pub name: String,
    /// Which direction is good.
    pub better: Better,
    /// How the sides are held against each other.
    pub scale: MeasureScale,
    /// Median of the base's runs.
    pub base: f64,
    /// Median of the other side's runs.
    pub with: f64,
    /// By how much the other side is higher: as a part of the base (0.05 is 5 %), or with
    /// [`MeasureScale::Difference`] in the measure's unit.
    pub change: f64,
    /// Where the change lies with [`MeasureFinding::confidence`], this measure looked at alone; none where
    /// there are too few runs.
    pub interval: Option<(f64, f64)>,
    /// Probability that the interval holds the change.
    pub confidence: f64,
    /// Standard deviation between runs of one side, in the unit of the change; none where both sides
    /// have one run.
    pub noise: Option<f64>,
    /// The least change for the worse that would have been found nine times in ten ([`POWER`]); none
    /// where nothing can be found.
    pub least: Option<f64>,
    /// Two-sided p-value after Mann and Whitney, this measure looked at alone.
    pub rank_p: f64,
    /// p-value that decided: of the overall figure in the direction that was seen, of a single
    /// measure in either, corrected for the number of measures.
    pub p: Option<f64>,
    /// The verdict.
    pub verdict: ComparisonVerdict,
}

/// Two builds, compared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunComparison {
    /// Runs of the base.
    pub base_runs: usize,
    /// Runs of the other side.
    pub with_runs: usize,
    /// What decided.
    pub test: TestKind,
    /// The geometric mean of the measures that count towards it; none where fewer than two do.
    pub overall: Option<MeasureFinding>,
    /// Each measure, as given.
    pub measures: Vec<MeasureFinding>,
}

impl RunComparison {
    /// Every finding, the overall one first.
    pub fn findings(&self) -> impl Iterator<Item = &MeasureFinding> {
        self.overall.iter().chain(&self.measures)
    }

    /// Whether any figure got this verdict.
    #[must_use]
    pub fn any(&self, verdict: ComparisonVerdict) -> bool {
        self.findings().any(|finding| finding.verdict == verdict)
    }
}

/// Why numbers cannot be compared.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CompareError {
    /// A side has no run.
    #[error("each side needs a run")]
    NoRuns,
    /// Measures have values of different numbers of runs.
    #[error("`{0}` has not one value for each run")]
    Length(String),
    /// A value is no number, or not above zero where a ratio is asked for.
    #[error("`{0}` has a value that cannot be compared")]
    Value(String),
}

/// Compares the runs of two builds.
///
/// # Errors
/// When a side is empty, or a measure lacks a value or has one that cannot be compared.
pub fn compare(measures: &[Measure]) -> Result<RunComparison, CompareError> {
    let (base_runs, with_runs) = check(measures)?;
    let rows: Vec<Oriented> = measures.iter().map(Oriented::of).collect();
    let counted: Vec<&Oriented> = measures
        .iter()
        .zip(&rows)
        .filter(|(measure, _)| measure.overall && measure.scale == MeasureScale::Ratio)
        .map(|(_, row)| row)
        .collect();
    let overall = (counted.len() > 1).then(|| Oriented::mean(&counted));
    let deciding = Deciding::new(base_runs, with_runs, &rows, overall.as_ref());
    let decisions = deciding.decide();
    let finding = |measure: &Measure, row: &Oriented, decision: Decision| -> MeasureFinding {
        row.finding(measure, decision, base_runs)
    };
    Ok(RunComparison {
        base_runs,
        with_runs,
        test: deciding.kind,
        overall: overall
            .as_ref()
            .zip(decisions.overall)
            .map(|(row, decision)| {
                let (base, with) = row.0.split_at(base_runs);
                let exp = |values: &[f64]| values.iter().map(|value| value.exp()).collect();
                let measure = Measure {
                    name: "overall".to_owned(),
                    better: Better::Lower,
                    scale: MeasureScale::Ratio,
                    overall: true,
                    base: exp(base),
                    with: exp(with),
                };
                finding(&measure, row, decision)
            }),
        measures: measures
            .iter()
            .zip(&rows)
            .zip(decisions.measures)
            .map(|((measure, row), decision)| finding(measure, row, decision))
            .collect(),
    })
}

fn check(measures: &[Measure]) -> Result<(usize, usize), CompareError> {
    let runs = measures
        .first()
        .map_or((0, 0), |first| (first.base.len(), first.with.len()));
    if runs.0 == 0 || runs.1 == 0 {
        return Err(CompareError::NoRuns);
    }
    for measure in measures {
        if (measure.base.len(), measure.with.len()) != runs {
            return Err(CompareError::Length(measure.name.clone()));
        }
        let is_fine = |value: &f64| {
            value.is_finite() && (measure.scale == MeasureScale::Difference || *value > 0.0)
        };
        if !measure.base.iter().chain(&measure.with).all(is_fine) {
            return Err(CompareError::Value(measure.name.clone()));
        }
    }
    Ok(runs)
}

/// The values of a measure, the base's first, so that higher is worse; logarithms where ratios count.
struct Oriented(Vec<f64>);

/// A p-value, whether it is small enough, and the risk that it was held against.
#[derive(Clone, Copy)]
struct Decision {
    p: Option<f64>,
    verdict: ComparisonVerdict,
    /// The one-sided risk of calling this figure worse; none where nothing is decided.
    risk: Option<f64>,
}

impl Oriented {
    fn of(measure: &Measure) -> Self {
        let sign = match measure.better {
            Better::Lower => 1.0,
            Better::Higher => -1.0,
        };
        let value = |value: &f64| match measure.scale {
            MeasureScale::Ratio => sign * value.ln(),
            MeasureScale::Difference => sign * value,
        };
        Self(
            measure
                .base
                .iter()
                .chain(&measure.with)
                .map(value)
                .collect(),
        )
    }

    fn mean(rows: &[&Oriented]) -> Self {
        let runs = rows.first().map_or(0, |row| row.0.len());
        let mean = |run: usize| rows.iter().map(|row| row.0[run]).sum::<f64>() / rows.len() as f64;
        Self((0..runs).map(mean).collect())
    }

    /// Student's statistic and the standard error of the difference; none with one run a side.
    fn student(&self, base_runs: usize) -> Option<(f64, f64)> {
        let (base, with) = self.0.split_at(base_runs);
        let (n, m) = (base.len() as f64, with.len() as f64);
        if n + m <= 2.0 {
            return None;
        }
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        let within = squares(base) + squares(with);
        let all = squares(&self.0);
        let error = (within / (n + m - 2.0) * (1.0 / n + 1.0 / m)).sqrt();
        Some((student(mean(with) - mean(base), within, all, n, m), error))
    }

    fn finding(&self, measure: &Measure, decision: Decision, base_runs: usize) -> MeasureFinding {
        let sign = match measure.better {
            Better::Lower => 1.0,
            Better::Higher => -1.0,
        };
        let (base, with) = self.0.split_at(base_runs);
        let shift = hodges_lehmann(base, with, CONFIDENCE);
        // From a shift for the worse to the measure's own direction and unit.
        let change = |shift: f64| match measure.scale {
            MeasureScale::Ratio => (sign * shift).exp_m1(),
            MeasureScale::Difference => sign * shift,
        };
        let freedom = self.0.len() as f64 - 2.0;
        let (n, m) = (base.len() as f64, with.len() as f64);
        let error = self.student(base_runs).map(|(_, error)| error);
        MeasureFinding {
            name: measure.name.clone(),
            better: measure.better,
            scale: measure.scale,
            base: median(&measure.base),
            with: median(&measure.with),
            change: change(shift.estimate),
            interval: shift.interval.map(|(low, high)| {
                let (a, b) = (change(low), change(high));
                (a.min(b), a.max(b))
            }),
            confidence: shift.confidence,
            noise: error.map(|error| {
                let deviation = error / (1.0 / n + 1.0 / m).sqrt();
                match measure.scale {
                    MeasureScale::Ratio => deviation.exp_m1(),
                    MeasureScale::Difference => deviation,
                }
            }),
            // Where no noise was seen, the measure is coarse: nothing says what it would have shown.
            least: error
                .filter(|error| *error > 0.0)
                .zip(decision.risk)
                .map(|(error, risk)| {
                    let steps =
                        student_quantile(1.0 - risk, freedom) + student_quantile(POWER, freedom);
                    change(steps * error)
                }),
            rank_p: mann_whitney(base, with),
            p: decision.p,
            verdict: decision.verdict,
        }
    }
}

/// What each decision may risk, as a probability.
#[derive(Clone, Copy)]
struct Risks {
    worse: f64,
    better: f64,
    single: f64,
    all: f64,
}

impl Risks {
    /// Which test decides between so many runs, and what it risks.
    fn of(base_runs: usize, with_runs: usize) -> (TestKind, Self) {
        let [worse, better, single] = SHARES.map(|share| share * ALARMS);
        let student = Self {
            worse,
            better,
            single,
            all: ALARMS,
        };
        if base_runs.min(with_runs) <= 1 {
            return (TestKind::None, student);
        }
        // Of arrangements only whole numbers can be rare. On sides of equal size each has a mirror
        // image, which shows as much in the other direction.
        let ways = combinations(base_runs + with_runs, with_runs).min(ARRANGEMENTS as f64);
        let all = (ALARMS * ways).floor();
        let pair = if base_runs == with_runs { 2.0 } else { 1.0 };
        let single = (SHARES[2] * all).round().max(pair);
        let better = (SHARES[1] * all).round().max(1.0);
        let worse = all - single - better;
        if worse < 2.0 {
            return (TestKind::Student, student);
        }
        let exact = Self {
            worse: worse / ways,
            better: better / ways,
            single: single / ways,
            all: all / ways,
        };
        (TestKind::Permutation, exact)
    }
}

/// Whether a p-value is small enough, whatever was rounded in the sums of risks.
fn is_rare(p: f64, risk: f64) -> bool {
    p <= risk * (1.0 + 1e-9)
}

struct Deciding<'a> {
    kind: TestKind,
    risks: Risks,
    base_runs: usize,
    with_runs: usize,
    rows: &'a [Oriented],
    overall: Option<&'a Oriented>,
}

struct Decisions {
    overall: Option<Decision>,
    measures: Vec<Decision>,
}

impl<'a> Deciding<'a> {
    fn new(
        base_runs: usize,
        with_runs: usize,
        rows: &'a [Oriented],
        overall: Option<&'a Oriented>,
    ) -> Self {
        let (kind, risks) = Risks::of(base_runs, with_runs);
        Self {
            kind,
            risks,
            base_runs,
            with_runs,
            rows,
            overall,
        }
    }

    fn decide(&self) -> Decisions {
        let Risks {
            worse,
            better,
            single,
            all,
        } = self.risks;
        // A single measure is itself what the comparison is about: all risk is on its two directions.
        if let ([row], None) = (self.rows, self.overall) {
            let decision = self.decide_direction(row, worse + single, better);
            return Decisions {
                overall: None,
                measures: vec![decision],
            };
        }
        let overall = self
            .overall
            .map(|row| self.decide_direction(row, worse, better));
        let risk = match overall {
            Some(decision) if decision.verdict == ComparisonVerdict::NoDifference => single,
            // Nothing was spent on an overall figure, or what was spent on it comes back.
            _ => all,
        };
        Decisions {
            overall,
            measures: self.decide_each(risk),
        }
    }

    /// Worse, better or neither, each with its own risk.
    fn decide_direction(&self, row: &Oriented, worse: f64, better: f64) -> Decision {
        let tails = match self.kind {
            TestKind::None => None,
            TestKind::Permutation => {
                let arrangements = Arrangements::of(self.base_runs, self.with_runs);
                let statistics = arrangements.statistics(&row.0);
                let mirrored: Vec<f64> = statistics.iter().map(|one| -one).collect();
                Some((share_as_high(&statistics), share_as_high(&mirrored)))
            }
            TestKind::Student => self
                .student_p(row)
                .map(|(t, freedom)| (student_tail(t, freedom), student_tail(-t, freedom))),
        };
        let verdict = match tails {
            Some((up, _)) if is_rare(up, worse) => ComparisonVerdict::Worse,
            Some((_, down)) if is_rare(down, better) => ComparisonVerdict::Better,
            _ => ComparisonVerdict::NoDifference,
        };
        Decision {
            p: tails.map(|(up, down)| up.min(down)),
            verdict,
            risk: tails.map(|_| worse),
        }
    }

    /// Each measure, at a risk for all of them together.
    fn decide_each(&self, risk: f64) -> Vec<Decision> {
        let p_values: Vec<Option<f64>> = match self.kind {
            TestKind::None => vec![None; self.rows.len()],
            TestKind::Permutation => {
                let arrangements = Arrangements::of(self.base_runs, self.with_runs);
                let statistics: Vec<Vec<f64>> = self
                    .rows
                    .iter()
                    .map(|row| arrangements.statistics(&row.0))
                    .collect();
                step_down(&statistics).into_iter().map(Some).collect()
            }
            TestKind::Student => {
                let p = |row: &Oriented| {
                    self.student_p(row)
                        .map(|(t, freedom)| 2.0 * student_tail(t.abs(), freedom))
                };
                holm(&self.rows.iter().map(p).collect::<Vec<_>>())
            }
        };
        self.rows
            .iter()
            .zip(p_values)
            .map(|(row, p)| {
                let verdict = match (p, row.student(self.base_runs)) {
                    (Some(p), Some((t, _))) if is_rare(p, risk) && t > 0.0 => {
                        ComparisonVerdict::Worse
                    }
                    (Some(p), Some((t, _))) if is_rare(p, risk) && t < 0.0 => {
                        ComparisonVerdict::Better
                    }
                    _ => ComparisonVerdict::NoDifference,
                };
                Decision {
                    p,
                    verdict,
                    risk: p.map(|_| risk / (2 * self.rows.len()) as f64),
                }
            })
            .collect()
    }

    /// Student's statistic with its degrees of freedom. None where no noise was seen: with so few
    /// runs that says that the measure is coarse, not that it is exact.
    fn student_p(&self, row: &Oriented) -> Option<(f64, f64)> {
        let (t, error) = row.student(self.base_runs)?;
        (error > 0.0 && t.is_finite())
            .then_some((t, (self.base_runs + self.with_runs) as f64 - 2.0))
    }
}

/// Holm's correction for several measures; what has no p-value is not counted.
fn holm(p_values: &[Option<f64>]) -> Vec<Option<f64>> {
    let mut order: Vec<usize> = (0..p_values.len())
        .filter(|at| p_values[*at].is_some())
        .collect();
    order.sort_by(|a, b| {
        let p = |at: &usize| p_values[*at].unwrap_or(1.0);
        p(a).total_cmp(&p(b))
    });
    let mut adjusted = vec![None; p_values.len()];
    let mut least = 0.0_f64;
    for (done, at) in order.iter().enumerate() {
        let left = (order.len() - done) as f64;
        least = least.max((p_values[*at].unwrap_or(1.0) * left).min(1.0));
        adjusted[*at] = Some(least);
    }
    adjusted
}
