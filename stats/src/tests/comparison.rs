//! False alarms and power, on simulated runs.

use crate::random::SplitMix;
use crate::{Better, ComparisonVerdict, Measure, MeasureScale, RunComparison, TestKind, compare};

/// How the noise between runs is distributed.
#[derive(Clone, Copy, Debug)]
enum Noise {
    Normal,
    /// One run in eight is thrown off by five times as much.
    Outliers,
    /// Hosts of two kinds: half of the runs are on the slower.
    TwoKinds,
    /// Skewed: nothing makes a run much faster, much makes it slower.
    Skewed,
}

impl Noise {
    /// Mean 0, standard deviation about 1.
    fn draw(self, random: &mut SplitMix) -> f64 {
        match self {
            Noise::Normal => random.normal(),
            Noise::Outliers => {
                let factor = if random.below(8) == 0 { 2.5 } else { 0.5 };
                factor * random.normal()
            }
            Noise::TwoKinds => {
                let kind = if random.below(2) == 0 { 1.0 } else { -1.0 };
                0.95 * kind + 0.3 * random.normal()
            }
            Noise::Skewed => -random.uniform().ln() - 1.0,
        }
    }
}

/// Ten actions with median and 95th percentile. A run has noise of its own (host, placement), which
/// all its figures share, and each figure has some besides: tails more than medians.
struct SimulatedRuns {
    noise: Noise,
    shared: f64,
    median: f64,
    tail: f64,
}

const REALISTIC: SimulatedRuns = SimulatedRuns {
    noise: Noise::Normal,
    shared: 0.015,
    median: 0.02,
    tail: 0.03,
};

impl SimulatedRuns {
    /// Runs of both sides; the figures of the second are `slower` by a factor, all or only those of
    /// one action.
    fn pair(
        &self,
        random: &mut SplitMix,
        runs: (usize, usize),
        slower: f64,
        only: Option<usize>,
    ) -> Vec<Measure> {
        let shared: Vec<f64> = (0..runs.0 + runs.1)
            .map(|_| self.shared * self.noise.draw(random))
            .collect();
        let mut measures = Vec::new();
        for action in 0..10 {
            for (name, deviation) in [("p50", self.median), ("p95", self.tail)] {
                let mut value = |run: usize| {
                    let own = deviation * self.noise.draw(random);
                    let moved = run >= runs.0 && only.is_none_or(|only| only == action);
                    let factor = if moved { slower } else { 1.0 };
                    20.0 * factor * (shared[run] + own).exp()
                };
                let values: Vec<f64> = (0..runs.0 + runs.1).map(&mut value).collect();
                measures.push(Measure {
                    name: format!("action-{action} {name}"),
                    better: Better::Lower,
                    scale: MeasureScale::Ratio,
                    overall: true,
                    base: values[..runs.0].to_vec(),
                    with: values[runs.0..].to_vec(),
                });
            }
        }
        measures
    }
}

fn is_alarm(comparison: &RunComparison) -> bool {
    comparison.any(ComparisonVerdict::Worse) || comparison.any(ComparisonVerdict::Better)
}

/// Number of comparisons of equal builds that say anything but `no difference`.
fn false_alarms(rig: &SimulatedRuns, runs: (usize, usize), pairs: u64, measures: usize) -> usize {
    (0..pairs)
        .filter(|seed| {
            let mut random = SplitMix::new(1_000 + seed);
            let mut pair = rig.pair(&mut random, runs, 1.0, None);
            pair.truncate(measures);
            is_alarm(&compare(&pair).unwrap())
        })
        .count()
}

fn found(
    rig: &SimulatedRuns,
    runs: (usize, usize),
    pairs: u64,
    slower: f64,
    only: Option<usize>,
) -> usize {
    (0..pairs)
        .filter(|seed| {
            let mut random = SplitMix::new(9_000 + seed);
            let pair = rig.pair(&mut random, runs, slower, only);
            compare(&pair).unwrap().any(ComparisonVerdict::Worse)
        })
        .count()
}

#[test]
fn a_thousand_pairs_of_equal_builds_raise_at_most_fifty_alarms_whatever_the_noise() {
    for noise in [
        Noise::Normal,
        Noise::Outliers,
        Noise::TwoKinds,
        Noise::Skewed,
    ] {
        for (shared, runs) in [
            (0.015, (5, 5)),
            (0.0, (5, 5)),
            (0.05, (5, 5)),
            (0.015, (6, 4)),
        ] {
            let rig = SimulatedRuns {
                noise,
                shared,
                ..REALISTIC
            };
            let alarms = false_alarms(&rig, runs, 1_000, 20);
            assert!(
                alarms <= 50,
                "{noise:?}, shared {shared}, {runs:?}: {alarms}"
            );
            let alarms = false_alarms(&rig, runs, 1_000, 1);
            assert!(alarms <= 50, "{noise:?}, one measure, {runs:?}: {alarms}");
        }
    }
}

#[test]
fn few_runs_raise_no_more_alarms() {
    for noise in [Noise::Normal, Noise::Outliers, Noise::Skewed] {
        for runs in [(2, 2), (3, 3), (4, 4), (5, 2)] {
            let rig = SimulatedRuns { noise, ..REALISTIC };
            let alarms = false_alarms(&rig, runs, 1_000, 20);
            assert!(alarms <= 50, "{noise:?}, {runs:?}: {alarms}");
        }
    }
}

#[test]
fn a_slowdown_of_five_percent_is_found_nine_times_in_ten_with_five_runs_a_side() {
    for noise in [Noise::Normal, Noise::Outliers, Noise::Skewed] {
        let rig = SimulatedRuns { noise, ..REALISTIC };
        let found = found(&rig, (5, 5), 500, 1.05, None);
        assert!(found >= 450, "{noise:?}: {found} of 500");
    }
}

#[test]
fn the_same_is_found_with_two_percent_of_noise_that_all_figures_share() {
    let rig = SimulatedRuns {
        shared: 0.019,
        ..REALISTIC
    };
    let mut random = SplitMix::new(1);
    let many = rig.pair(&mut random, (300, 300), 1.0, None);
    let noise = compare(&many).unwrap().overall.unwrap().noise.unwrap();
    assert!((0.0185..0.0215).contains(&noise), "{noise}");
    let found = found(&rig, (5, 5), 500, 1.05, None);
    assert!(found >= 450, "{found} of 500");
}

#[test]
fn a_single_measure_with_two_percent_of_noise_shows_a_slowdown_of_five_percent() {
    let found = (0..1_000_u64)
        .filter(|seed| {
            let mut random = SplitMix::new(*seed);
            let mut draw = |mean: f64| mean * (0.02 * random.normal()).exp();
            let measure = Measure {
                name: "latency".into(),
                better: Better::Lower,
                scale: MeasureScale::Ratio,
                overall: false,
                base: (0..5).map(|_| draw(10.0)).collect(),
                with: (0..5).map(|_| draw(10.5)).collect(),
            };
            compare(&[measure]).unwrap().any(ComparisonVerdict::Worse)
        })
        .count();
    assert!(found >= 900, "{found} of 1000");
}

#[test]
fn one_action_that_became_much_slower_is_found_among_many() {
    let rig = REALISTIC;
    let found = found(&rig, (5, 5), 300, 1.25, Some(4));
    assert!(found >= 270, "{found} of 300");
}

#[test]
fn what_could_have_been_seen_is_found_nine_times_in_ten() {
    // The least change that the figures of equal runs promise, planted into runs like them.
    let rig = SimulatedRuns {
        shared: 0.03,
        ..REALISTIC
    };
    let mut promised = Vec::new();
    for seed in 0..200 {
        let mut random = SplitMix::new(seed);
        let comparison = compare(&rig.pair(&mut random, (5, 5), 1.0, None)).unwrap();
        promised.push(comparison.overall.unwrap().least.unwrap());
    }
    let least = promised.iter().sum::<f64>() / promised.len() as f64;
    let found = found(&rig, (5, 5), 300, 1.0 + least, None);
    assert!((255..=295).contains(&found), "{found} of 300 at {least}");
}

#[test]
fn a_figure_that_rises_where_higher_is_better_is_better() {
    let measure = |better| Measure {
        name: "supported users".into(),
        better,
        scale: MeasureScale::Ratio,
        overall: false,
        base: vec![1_000.0, 1_010.0, 990.0, 1_005.0, 995.0],
        with: vec![1_200.0, 1_210.0, 1_190.0, 1_205.0, 1_195.0],
    };
    for (better, verdict) in [
        (Better::Higher, ComparisonVerdict::Better),
        (Better::Lower, ComparisonVerdict::Worse),
    ] {
        let comparison = compare(&[measure(better)]).unwrap();
        let finding = &comparison.measures[0];
        assert_eq!(finding.verdict, verdict);
        assert!((finding.change - 0.2).abs() < 0.01, "{finding:?}");
        let (low, high) = finding.interval.unwrap();
        assert!(low < 0.2 && high > 0.2 && low > 0.15, "{finding:?}");
        // What can be seen is a change for the worse: fewer users, or more of what should be low.
        let is_rise = finding.least.unwrap() > 0.0;
        assert_eq!(is_rise, better == Better::Lower);
    }
}

#[test]
fn one_run_a_side_decides_nothing() {
    let measure = Measure {
        name: "latency".into(),
        better: Better::Lower,
        scale: MeasureScale::Ratio,
        overall: false,
        base: vec![10.0],
        with: vec![30.0],
    };
    let against_many = Measure {
        base: vec![10.0, 10.1, 10.2, 9.9],
        ..measure.clone()
    };
    let comparison = compare(&[against_many]).unwrap();
    assert_eq!(comparison.test, TestKind::None);
    assert_eq!(comparison.measures[0].least, None);
    let comparison = compare(&[measure]).unwrap();
    assert_eq!(comparison.test, TestKind::None);
    let finding = &comparison.measures[0];
    assert_eq!(finding.verdict, ComparisonVerdict::NoDifference);
    assert_eq!(
        (finding.least, finding.interval, finding.noise),
        (None, None, None)
    );
    assert!((finding.change - 2.0).abs() < 1e-9);
}

#[test]
fn rates_that_are_zero_are_compared_as_differences() {
    let rates = |base: [f64; 5], with: [f64; 5]| {
        let measure = Measure {
            name: "errors".into(),
            better: Better::Lower,
            scale: MeasureScale::Difference,
            overall: false,
            base: base.to_vec(),
            with: with.to_vec(),
        };
        compare(&[measure]).unwrap().measures.remove(0)
    };
    assert_eq!(
        rates([0.0; 5], [0.0; 5]).verdict,
        ComparisonVerdict::NoDifference
    );
    assert_eq!(rates([0.0; 5], [2.0; 5]).verdict, ComparisonVerdict::Worse);
    let finding = rates([0.0; 5], [0.0, 0.0, 0.1, 0.0, 0.0]);
    assert_eq!(finding.verdict, ComparisonVerdict::NoDifference);
}

#[test]
fn numbers_that_cannot_be_compared_are_refused() {
    let measure = |base: Vec<f64>, with: Vec<f64>| Measure {
        name: "x".into(),
        better: Better::Lower,
        scale: MeasureScale::Ratio,
        overall: false,
        base,
        with,
    };
    assert!(compare(&[]).is_err());
    assert!(compare(&[measure(vec![], vec![1.0])]).is_err());
    assert!(compare(&[measure(vec![0.0], vec![1.0])]).is_err());
    assert!(compare(&[measure(vec![f64::NAN], vec![1.0])]).is_err());
    let two = [
        measure(vec![1.0], vec![1.0]),
        measure(vec![1.0, 2.0], vec![1.0]),
    ];
    assert!(compare(&two).is_err());
}
