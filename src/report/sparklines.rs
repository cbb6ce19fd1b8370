//! Charts over time in lines of text, as the terminal shows them.

use crate::loadtest::storm::StormFigures;

use super::over_time::{TimeChart, TimeLine};

/// Blocks of a sparkline, from the least to the most; nothing is blank.
const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// A curve in a line of text.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sparkline {
    pub(super) name: String,
    pub(super) blocks: String,
    /// The highest value.
    pub(super) most: f64,
}

/// What a chart's curves stand under: where something was done to the rig, and where an agent did not
/// work, in as many characters; each only if there was such a thing.
pub(super) fn marks(
    chart: &TimeChart,
    figures: &StormFigures,
    width: usize,
) -> Vec<(&'static str, String)> {
    let longest = longest(chart);
    let cell = |ms: u64| cell_of(ms as f64 / 1000.0, longest, width);
    let line = |spans: Vec<(usize, usize)>, mark: char| {
        let mut cells = vec![' '; width];
        for (from, to) in &spans {
            if let Some(cells) = cells.get_mut(*from..=*to) {
                cells.fill(mark);
            }
        }
        (!spans.is_empty()).then(|| cells.into_iter().collect())
    };
    let begun = figures.events.iter().filter_map(|event| event.begin_ms);
    let events = begun.map(|ms| (cell(ms), cell(ms))).collect();
    let gaps = figures.gaps.iter();
    let gaps = gaps.map(|gap| (cell(gap.from_ms), cell(gap.to_ms.max(gap.from_ms))));
    [
        ("events", line(events, '▼')),
        ("agents away", line(gaps.collect(), '░')),
    ]
    .into_iter()
    .filter_map(|(name, line)| Some((name, line?)))
    .collect()
}

/// Seconds from the start to the last point.
fn longest(chart: &TimeChart) -> f64 {
    let last = chart.lines.iter().filter_map(|line| line.points.last());
    last.map(|point| point.0).fold(0.0, f64::max)
}

/// The character in which a moment lies.
fn cell_of(at: f64, longest: f64, width: usize) -> usize {
    let place = (at / longest.max(1e-9) * width as f64).ceil() as usize;
    place.clamp(1, width) - 1
}

/// Curves of a chart in as many characters each, under each the two between which it was expected; the
/// highest of all is a full block.
pub(super) fn sparklines(chart: &TimeChart, width: usize) -> Vec<Sparkline> {
    let longest = longest(chart);
    let highest = |points: &[(f64, f64)]| points.iter().map(|point| point.1).fold(0.0, f64::max);
    let curves: Vec<_> = chart
        .lines
        .iter()
        .flat_map(|line| {
            let own = (line.name.clone(), line.points.clone());
            std::iter::once(own).chain(expected(chart, line, longest))
        })
        .collect();
    let most = curves
        .iter()
        .map(|(_, points)| highest(points))
        .fold(0.0, f64::max);
    let spark = |points: &[(f64, f64)]| {
        // Of each character the highest value, and the last.
        let mut cells: Vec<Option<(f64, f64)>> = vec![None; width];
        for (at, value) in points {
            if let Some(cell) = cells.get_mut(cell_of(*at, longest, width)) {
                let before = cell.map_or(*value, |(most, _)| most);
                *cell = Some((before.max(*value), *value));
            }
        }
        // Fewer points than cells: each stands until the next.
        let mut last = None;
        cells
            .into_iter()
            .map(|cell| {
                let shown = cell.map(|(most, _)| most).or(last);
                last = cell.map(|(_, value)| value).or(last);
                shown.map_or(' ', |value| block(value, most))
            })
            .collect::<String>()
    };
    curves
        .into_iter()
        .map(|(name, points)| Sparkline {
            name,
            blocks: spark(&points),
            most: highest(&points),
        })
        .collect()
}

/// The least and the most that was expected of a curve, as far as it was measured; nothing where nothing
/// was.
fn expected(chart: &TimeChart, line: &TimeLine, longest: f64) -> Vec<(String, Vec<(f64, f64)>)> {
    let bands = || chart.bands.iter().filter(|band| band.of == line.name);
    let points = |value: fn(&(f64, f64, f64)) -> f64| {
        let all = bands().flat_map(|band| &band.points);
        let measured = all.filter(|point| point.0 <= longest);
        measured.map(|point| (point.0, value(point))).collect()
    };
    match bands().next() {
        None => Vec::new(),
        Some(_) => vec![
            ("  forecast, least".to_owned(), points(|point| point.1)),
            ("  forecast, most".to_owned(), points(|point| point.2)),
        ],
    }
}

fn block(value: f64, most: f64) -> char {
    if value <= 0.0 {
        return ' ';
    }
    let step = (value / most.max(1e-9) * BLOCKS.len() as f64).ceil() as usize;
    let index = step.clamp(1, BLOCKS.len()) - 1;
    BLOCKS.get(index).copied().unwrap_or(' ')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::over_time::{TimeBand, TimeUnit};

    #[test]
    fn sparklines_rise_with_their_values_and_share_a_scale() {
        let line = |name: &str, values: [f64; 4]| TimeLine {
            name: name.to_owned(),
            points: (1..=4).map(f64::from).zip(values).collect(),
        };
        let chart = TimeChart {
            title: "Users",
            spoken: "Users",
            unit: TimeUnit::Count,
            lines: vec![
                line("arrived", [2.0, 4.0, 8.0, 8.0]),
                line("in", [0.0, 1.0, 2.0, 4.0]),
            ],
            bands: Vec::new(),
        };
        let lines = sparklines(&chart, 8);
        assert_eq!(lines[0].blocks, " ▂▂▄▄███");
        assert_eq!(lines[1].blocks, "   ▁▁▂▂▄");
        assert!((lines[1].most - 4.0).abs() < 1e-9);
    }

    #[test]
    fn what_was_expected_of_a_curve_stands_under_it_on_the_same_scale() {
        let line = |name: &str, last: f64| TimeLine {
            name: name.to_owned(),
            points: vec![(1.0, 0.0), (4.0, last)],
        };
        let chart = TimeChart {
            title: "Users",
            spoken: "Users",
            unit: TimeUnit::Count,
            lines: vec![line("in", 4.0), line("arrived", 5.0)],
            bands: vec![TimeBand {
                of: "in",
                name: "in, as forecast",
                // What was expected after the end was not measured.
                points: vec![
                    (2.0, 1.0, 4.0),
                    (3.9, 2.0, 8.0),
                    (4.0, 0.0, 0.0),
                    (9.0, 3.0, 99.0),
                ],
            }],
        };
        let lines = sparklines(&chart, 4);
        let told: Vec<_> = lines.iter().map(|it| (&*it.name, &*it.blocks)).collect();
        assert_eq!(
            told,
            [
                ("in", "   ▄"),
                ("  forecast, least", " ▁▁▂"),
                ("  forecast, most", " ▄▄█"),
                ("arrived", "   ▅"),
            ]
        );
    }

    #[test]
    fn what_is_over_within_a_character_does_not_stand_until_the_end() {
        let line = TimeLine {
            name: "away".to_owned(),
            points: vec![(1.0, 9.0), (1.2, 3.0), (1.3, 0.0), (4.0, 0.0)],
        };
        let chart = TimeChart {
            title: "Users",
            spoken: "Users",
            unit: TimeUnit::Count,
            lines: vec![line],
            bands: Vec::new(),
        };
        assert_eq!(sparklines(&chart, 8)[0].blocks, " █▃     ");
    }
}
