//! Draws charts over time: curves, and bands where they were expected.

use crate::report::over_time::{TimeChart, TimeUnit};

use super::chart::{
    Chart, ChartBand, ChartFrame, ChartSize, ChartSpan, Curve, Mark, path, round, spread_labels,
};

/// Distances of ticks on the axis of time, seconds.
const TIME_STEPS: [f64; 14] = [
    1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0,
];
/// Ticks of the axis of values, about.
const VALUE_TICKS: f64 = 5.0;
/// Room that a tick on the axis of time needs.
const TICK_WIDTH: f64 = 62.0;

/// A named stretch of time, seconds from the start.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct TimeSpan {
    pub(super) name: String,
    pub(super) from: f64,
    pub(super) to: f64,
}

/// What stands behind the curves of all charts of a storm.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct TimeBackground {
    /// Its phases.
    pub(super) spans: Vec<TimeSpan>,
    /// When something was done to the rig: seconds from the start, and what.
    pub(super) moments: Vec<(f64, String)>,
    /// When an agent did not work: what the curves show then is not the server's.
    pub(super) gaps: Vec<TimeSpan>,
}

/// A gap is seen, however short it is.
const LEAST_WIDTH: f64 = 3.0;

/// Draws a chart.
pub(super) fn chart(chart: &TimeChart, background: &TimeBackground, size: ChartSize) -> Chart {
    let spans = &background.spans;
    let plot = TimePlot::of(chart, spans, size);
    let mut curves: Vec<Curve> = chart
        .lines
        .iter()
        .enumerate()
        .filter_map(|(style, line)| {
            let (last_at, last) = *line.points.last()?;
            let most = line
                .points
                .iter()
                .map(|(_, value)| *value)
                .fold(0.0, f64::max);
            Some(Curve {
                name: line.name.clone(),
                style: style % 10,
                path: path(
                    line.points
                        .iter()
                        .map(|(at, value)| (plot.x(*at), plot.y(*value))),
                ),
                end_x: plot.x(last_at),
                end_y: plot.y(last),
                label_y: plot.y(last),
                title: format!(
                    "{}: at most {}, at the end {}",
                    line.name,
                    chart.unit.label(most),
                    chart.unit.label(last)
                ),
            })
        })
        .collect();
    spread_labels(&mut curves, &plot.frame);
    let bands = chart.bands.iter().map(|band| {
        let upper = band
            .points
            .iter()
            .map(|(at, _, most)| (plot.x(*at), plot.y(*most)));
        let lower = band.points.iter().rev();
        let lower = lower.map(|(at, least, _)| (plot.x(*at), plot.y(*least)));
        ChartBand {
            path: format!("{}Z", path(upper.chain(lower))),
            title: band.name.to_owned(),
        }
    });
    Chart {
        title: chart.title,
        spoken: chart.spoken,
        x_title: "from the start",
        class: size.class,
        width: size.width,
        height: size.height,
        frame: plot.frame,
        x_ticks: plot.x_ticks(),
        y_ticks: plot.y_ticks(),
        spans: spans.iter().map(|span| plot.span(span, 0.0)).collect(),
        gaps: background
            .gaps
            .iter()
            .map(|gap| plot.span(gap, LEAST_WIDTH))
            .collect(),
        moments: background
            .moments
            .iter()
            .map(|(at, what)| Mark {
                at: plot.x(*at),
                label: what.clone(),
            })
            .collect(),
        bands: bands.collect(),
        curves,
    }
}

struct TimePlot {
    frame: ChartFrame,
    unit: TimeUnit,
    /// Seconds.
    longest: f64,
    /// Of the axis of values; powers of ten where it is logarithmic.
    low: f64,
    high: f64,
}

impl TimePlot {
    fn of(chart: &TimeChart, spans: &[TimeSpan], size: ChartSize) -> Self {
        let points = || chart.lines.iter().flat_map(|line| &line.points);
        let band = || chart.bands.iter().flat_map(|band| &band.points);
        let ends = spans.iter().map(|span| span.to);
        let times = points().map(|point| point.0).chain(ends);
        let values = points()
            .map(|point| point.1)
            .chain(band().map(|point| point.2));
        let most = values.fold(0.0, f64::max);
        let (low, high) = match chart.unit {
            TimeUnit::Count => (0.0, nice_ceiling(most)),
            TimeUnit::Millis => {
                let least = points().map(|point| point.1).fold(f64::INFINITY, f64::min);
                (
                    least.clamp(0.1, 1e7).log10().floor(),
                    most.max(1.0).log10().ceil(),
                )
            }
        };
        Self {
            frame: ChartFrame::of(size),
            unit: chart.unit,
            longest: times.fold(1.0, f64::max),
            low,
            high: high.max(low + 1e-9),
        }
    }

    fn x(&self, seconds: f64) -> f64 {
        let ChartFrame { left, right, .. } = self.frame;
        round(left + (right - left) * (seconds / self.longest).clamp(0.0, 1.0))
    }

    fn span(&self, span: &TimeSpan, least_width: f64) -> ChartSpan {
        let (from, to) = (self.x(span.from), self.x(span.to));
        ChartSpan {
            from,
            width: round((to - from).max(least_width)),
            label: span.name.clone(),
        }
    }

    fn y(&self, value: f64) -> f64 {
        let ChartFrame { top, bottom, .. } = self.frame;
        let place = match self.unit {
            TimeUnit::Count => value,
            TimeUnit::Millis => value.max(0.001).log10(),
        };
        let share = (place - self.low) / (self.high - self.low);
        round(bottom - (bottom - top) * share.clamp(0.0, 1.0))
    }

    fn x_ticks(&self) -> Vec<Mark> {
        let room = ((self.frame.right - self.frame.left) / TICK_WIDTH).max(1.0);
        let step = TIME_STEPS
            .into_iter()
            .find(|step| self.longest / step <= room)
            .unwrap_or(self.longest);
        ticks(0.0, self.longest, step)
            .map(|at| Mark {
                at: self.x(at),
                label: time_label(at),
            })
            .collect()
    }

    fn y_ticks(&self) -> Vec<Mark> {
        let step = match self.unit {
            TimeUnit::Count => nice_step(self.high),
            TimeUnit::Millis => 1.0,
        };
        ticks(self.low, self.high, step)
            .map(|place| {
                let value = match self.unit {
                    TimeUnit::Count => place,
                    TimeUnit::Millis => 10_f64.powf(place),
                };
                Mark {
                    at: self.y(value),
                    label: self.unit.label(value),
                }
            })
            .collect()
    }
}

fn ticks(from: f64, to: f64, step: f64) -> impl Iterator<Item = f64> {
    let count = ((to - from) / step + 1e-6).floor() as u32;
    (0..=count).map(move |index| from + f64::from(index) * step)
}

/// A step of 1, 2 or 5 times a power of ten that divides a range into about five.
fn nice_step(range: f64) -> f64 {
    let rough = (range / VALUE_TICKS).max(1e-3);
    let power = 10_f64.powf(rough.log10().floor());
    let times = [1.0, 2.0, 5.0, 10.0];
    let times = times
        .into_iter()
        .find(|times| times * power >= rough * 0.999);
    times.unwrap_or(10.0) * power
}

/// The least multiple of a nice step that is not below a value.
fn nice_ceiling(value: f64) -> f64 {
    let value = value.max(1e-2);
    let step = nice_step(value);
    (value / step - 1e-6).ceil() * step
}

fn time_label(seconds: f64) -> String {
    let whole = seconds as u64;
    match whole {
        0 => "0".to_owned(),
        1..60 => format!("{whole} s"),
        60..3600 if whole.is_multiple_of(60) => format!("{} m", whole / 60),
        60..3600 => format!("{}:{:02} m", whole / 60, whole % 60),
        _ => format!("{}:{:02} h", whole / 3600, whole % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::over_time::{TimeBand, TimeLine};

    const SIZE: ChartSize = ChartSize {
        class: "for-wide",
        width: 960.0,
        height: 380.0,
        names: 136.0,
    };

    fn sample(unit: TimeUnit, points: Vec<(f64, f64)>) -> TimeChart {
        TimeChart {
            title: "Users",
            spoken: "Users over time",
            unit,
            lines: vec![TimeLine {
                name: "logged in".to_owned(),
                points,
            }],
            bands: Vec::new(),
        }
    }

    #[test]
    fn more_is_higher_and_later_is_further_right() {
        let chart = chart(
            &sample(TimeUnit::Count, vec![(1.0, 1.0), (900.0, 15_000.0)]),
            &TimeBackground::default(),
            SIZE,
        );
        assert_eq!(chart.curves[0].path, "M62.8 336L824 14");
        let labels: Vec<&str> = chart.y_ticks.iter().map(|t| t.label.as_str()).collect();
        assert_eq!(labels, ["0", "5,000", "10,000", "15,000"]);
        let labels: Vec<&str> = chart.x_ticks.iter().map(|t| t.label.as_str()).collect();
        assert_eq!(labels.first(), Some(&"0"));
        assert_eq!(labels.last(), Some(&"14 m"));
    }

    #[test]
    fn a_band_makes_room_for_itself() {
        let mut data = sample(TimeUnit::Count, vec![(1.0, 1.0), (10.0, 10.0)]);
        data.bands = vec![TimeBand {
            of: "logged in",
            name: "forecast",
            points: vec![(1.0, 0.0, 20.0), (10.0, 5.0, 40.0)],
        }];
        let chart = chart(&data, &TimeBackground::default(), SIZE);
        assert_eq!(chart.y_ticks.last().unwrap().label, "40");
        assert!(chart.bands[0].path.starts_with('M') && chart.bands[0].path.ends_with('Z'));
    }

    #[test]
    fn latencies_have_decades() {
        let data = sample(TimeUnit::Millis, vec![(1.0, 3.0), (2.0, 450.0)]);
        let chart = chart(&data, &TimeBackground::default(), SIZE);
        let labels: Vec<&str> = chart.y_ticks.iter().map(|t| t.label.as_str()).collect();
        assert_eq!(labels, ["1.00 ms", "10.0 ms", "100 ms", "1.00 s"]);
    }

    #[test]
    fn what_was_done_to_the_rig_stands_where_it_was_done() {
        let data = sample(TimeUnit::Count, vec![(1.0, 1.0), (100.0, 10.0)]);
        let background = TimeBackground {
            moments: vec![(50.0, "app-1 is killed".to_owned())],
            ..TimeBackground::default()
        };
        let chart = chart(&data, &background, SIZE);
        let middle = f64::midpoint(chart.frame.left, chart.frame.right);
        assert!((chart.moments[0].at - middle).abs() < 0.1);
        assert_eq!(chart.moments[0].label, "app-1 is killed");
    }

    #[test]
    fn a_gap_stands_where_it_was_and_is_seen_however_short() {
        let data = sample(TimeUnit::Count, vec![(1.0, 1.0), (100.0, 10.0)]);
        let gap = |from, to| TimeSpan {
            name: "agent-1 away".to_owned(),
            from,
            to,
        };
        let background = TimeBackground {
            gaps: vec![gap(25.0, 75.0), gap(80.0, 80.1)],
            ..TimeBackground::default()
        };
        let chart = chart(&data, &background, SIZE);
        let whole = chart.frame.right - chart.frame.left;
        let [long, short] = chart.gaps.as_slice() else {
            panic!("{:?}", chart.gaps);
        };
        assert!((long.from - chart.frame.left - whole / 4.0).abs() < 0.1);
        assert!((long.width - whole / 2.0).abs() < 0.2);
        assert!((short.width - LEAST_WIDTH).abs() < 0.1);
    }

    #[test]
    fn a_curve_of_nothing_but_zero_is_drawn() {
        let data = sample(TimeUnit::Count, vec![(1.0, 0.0), (2.0, 0.0)]);
        let chart = chart(&data, &TimeBackground::default(), SIZE);
        assert!(!chart.curves[0].path.contains("NaN"));
    }
}
