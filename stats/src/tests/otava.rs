//! Change points beside those of Apache Otava 0.8: its published examples, and the program itself on
//! random series where `LOADRIG_OTAVA_PYTHON` names a Python that has `apache-otava` installed.

use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::random::SplitMix;
use crate::{Detection, change_points};

/// The series of Otava's `tests/tigerbeetle_test.py`.
const TIGERBEETLE: &str = include_str!("tigerbeetle.txt");

fn indexes(series: &[f64], detection: Detection) -> Vec<usize> {
    let points = change_points(series, detection);
    points.iter().map(|point| point.index).collect()
}

fn with_p(max_p: f64) -> Detection {
    Detection {
        max_p,
        ..Detection::default()
    }
}

const STEP: [f64; 20] = [
    1.02, 0.95, 0.99, 1.00, 1.12, 1.00, 1.01, 0.98, 1.01, 0.96, 0.50, 0.51, 0.48, 0.48, 0.55, 0.50,
    0.49, 0.51, 0.50, 0.49,
];
const EARLY_STEP: [f64; 11] = [
    1.02, 0.95, 0.99, 1.00, 1.12, 0.90, 0.50, 0.51, 0.48, 0.48, 0.55,
];
const SMALL_STEP: [f64; 11] = [
    2.02, 2.03, 2.01, 2.04, 1.82, 1.85, 1.79, 1.81, 1.80, 1.76, 1.78,
];

#[test]
fn published_examples_have_the_published_change_points() {
    let step = Detection {
        window: 10,
        ..with_p(0.0001)
    };
    assert_eq!(indexes(&STEP, step), [10]);
    assert_eq!(indexes(&EARLY_STEP, Detection::default()), [6]);
    assert_eq!(indexes(&SMALL_STEP, Detection::default()), [4]);
    let large_only = Detection {
        min_magnitude: 0.2,
        ..Detection::default()
    };
    assert_eq!(indexes(&SMALL_STEP, large_only), Vec::<usize>::new());
    let two = [
        0.3, 2.4, 1.5, -0.9, -0.5, 99.7, 98.3, 99.1, 149.0, 149.7, 149.5, 149.1, 148.8, 150.0,
    ];
    assert_eq!(indexes(&two, with_p(0.001)), [5, 8]);
    let zeros = [
        0.0, 0.0, 0.0, 1.00, 1.12, 0.90, 0.50, 0.51, 0.48, 0.48, 0.55,
    ];
    let found = indexes(&zeros, Detection::default());
    assert_eq!((found.len(), found[0]), (2, 3));
    let documented = [
        10.43, 10.23, 10.29, 10.91, 10.34, 10.69, 9.23, 9.11, 9.13, 9.03,
    ];
    let points = change_points(&documented, Detection::default());
    assert_eq!(points.len(), 1);
    assert_eq!(points[0].index, 6);
    assert_eq!(format!("{:.1} %", 100.0 * points[0].change()), "-12.9 %");
    let steady = [
        154_023.0, 138_455.0, 143_112.0, 149_190.0, 132_098.0, 151_344.0, 155_145.0, 148_889.0,
        149_466.0, 148_209.0,
    ];
    assert_eq!(indexes(&steady, Detection::default()), Vec::<usize>::new());
}

#[test]
fn the_tigerbeetle_series_has_the_published_change_points() {
    let series: Vec<f64> = TIGERBEETLE
        .split_whitespace()
        .map(|value| value.parse().unwrap())
        .collect();
    let found = |max_p, min_magnitude| {
        let detection = Detection {
            window: 30,
            max_p,
            min_magnitude,
            ..Detection::default()
        };
        indexes(&series, detection)
    };
    assert_eq!(found(0.01, 0.05), [15, 71]);
    assert_eq!(found(0.05, 0.05), [15, 71]);
    assert_eq!(found(0.1, 0.05), [10, 11, 15, 71, 363]);
    assert_eq!(found(0.2, 0.05), [10, 11, 15, 71]);
    assert_eq!(
        found(0.2, 0.0),
        [
            3, 6, 7, 10, 11, 13, 15, 16, 28, 29, 35, 37, 39, 41, 44, 48, 49, 56, 58, 61, 65, 66,
            69, 71, 74, 76, 82, 95, 108, 117, 125, 126, 129, 131, 136, 137, 142, 148, 165, 169,
            187, 190, 192, 197, 200, 212, 220, 241, 243, 246, 247, 249, 250, 260, 265, 266, 268,
            278, 282, 288, 305, 306, 325, 330, 337, 338, 340, 347, 349, 363
        ]
    );
    assert_eq!(
        found(0.1, 0.0),
        [
            3, 6, 10, 11, 15, 16, 28, 29, 35, 37, 39, 41, 44, 48, 49, 61, 71, 95, 117, 131, 142,
            148, 165, 169, 192, 206, 212, 260, 265, 268, 278, 282, 288, 305, 363
        ]
    );
    assert_eq!(
        found(0.01, 0.0),
        [
            15, 26, 61, 71, 95, 117, 131, 142, 148, 165, 169, 192, 212, 260
        ]
    );
    assert_eq!(
        found(0.001, 0.0),
        [15, 61, 71, 95, 117, 131, 142, 148, 192, 212, 260]
    );
    assert_eq!(found(0.0001, 0.0), [71, 95, 117, 131, 142, 148, 192, 212]);
    assert_eq!(found(0.000_01, 0.0), [71, 95, 131, 192, 212]);
}

#[test]
fn short_and_constant_series_have_none() {
    for series in [&[][..], &[1.0], &[1.0, 2.0], &[3.0; 70]] {
        assert_eq!(indexes(series, Detection::default()), Vec::<usize>::new());
    }
}

#[test]
fn a_change_has_runs_enough_on_either_side() {
    let three = Detection {
        min_runs: 3,
        ..Detection::default()
    };
    // Otava marks the last run, which alone has the new level.
    let last = [1.00, 1.01, 0.99, 1.00, 1.01, 0.99, 1.50];
    assert_eq!(indexes(&last, Detection::default()), [6]);
    assert_eq!(indexes(&last, three), [0; 0]);
    let three_of_each = [1.00, 1.01, 0.99, 1.50, 1.51, 1.49];
    assert_eq!(indexes(&three_of_each, three), [3]);
    // A level of two runs is none, those around it are.
    let between = [
        1.00, 1.01, 0.99, 1.00, 3.00, 3.01, 2.00, 2.01, 1.99, 2.00, 2.01,
    ];
    let found = indexes(&between, three);
    assert_eq!(found.len(), 1, "{found:?}");
}

/// Reads series with their parameters, answers with the index of each point.
const DRIVER: &str = r"
import json, sys
from otava.analysis import compute_change_points
answers = []
for case in json.load(sys.stdin):
    points, _ = compute_change_points(case['series'], case['window'], case['max_p'], case['min_magnitude'])
    answers.append([int(p.index) for p in points])
json.dump(answers, sys.stdout)
";

/// Steps, drifts and outliers on noise; some series of few distinct values.
fn random_series(random: &mut SplitMix) -> Vec<f64> {
    let length = 2 + random.below(150);
    let (mut level, mut drift) = (100.0, 0.0);
    let coarse = random.below(6) == 0;
    (0..length)
        .map(|_| {
            match random.below(40) {
                0 => level *= 1.0 + 0.2 * random.normal(),
                1 => drift = 0.3 * random.normal(),
                2 => drift = 0.0,
                _ => {}
            }
            level += drift;
            let outlier = if random.below(30) == 0 { 20.0 } else { 0.0 };
            let value = level + 2.0 * random.normal() + outlier;
            if coarse { (value / 4.0).round() } else { value }
        })
        .collect()
}

#[test]
fn random_series_have_the_change_points_that_otava_finds() {
    let Some(python) = std::env::var_os("LOADRIG_OTAVA_PYTHON") else {
        eprintln!("not run: LOADRIG_OTAVA_PYTHON names no Python that has apache-otava");
        return;
    };
    let mut random = SplitMix::new(2023);
    let cases: Vec<(Vec<f64>, Detection)> = (0..500)
        .map(|_| {
            let detection = Detection {
                window: [10, 30, 50][random.below(3)],
                max_p: [0.0001, 0.001, 0.01, 0.05][random.below(4)],
                min_magnitude: [0.0, 0.0, 0.05][random.below(3)],
                ..Detection::default()
            };
            (random_series(&mut random), detection)
        })
        .collect();
    let asked: Vec<serde_json::Value> = cases
        .iter()
        .map(|(series, detection)| {
            let mut case = serde_json::to_value(detection).unwrap();
            case["series"] = serde_json::to_value(series).unwrap();
            case
        })
        .collect();
    let mut program = Command::new(python)
        .args(["-c", DRIVER])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("LOADRIG_OTAVA_PYTHON starts");
    let mut input = program.stdin.take().unwrap();
    input
        .write_all(&serde_json::to_vec(&asked).unwrap())
        .unwrap();
    drop(input);
    let output = program.wait_with_output().unwrap();
    assert!(output.status.success());
    let answers: Vec<Vec<usize>> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answers.len(), cases.len());
    let mut points = 0;
    for ((series, detection), answer) in cases.iter().zip(&answers) {
        let found = indexes(series, *detection);
        assert_eq!(&found, answer, "{detection:?} {series:?}");
        points += found.len();
    }
    assert!(
        points > 300,
        "only {points} change points: the test tells nothing"
    );
}
