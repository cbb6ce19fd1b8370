//! The percentile chart: one curve per class of action, latency over percentile.
//!
//! Both axes are logarithmic: the tail is what matters, and actions differ by orders of
//! magnitude.

use crate::loadtest::{ActionSummary, Latencies};
use crate::report::figures;

use super::chart::{Chart, ChartFrame, ChartSize, Curve, Mark, path, round, spread_labels};

/// Points of a curve for each tenfold rarer latency.
const POINTS_PER_DECADE: u32 = 12;

/// The chart of these actions; none without measurements.
pub(super) fn chart(actions: &[ActionSummary], size: ChartSize) -> Option<Chart> {
    let measured: Vec<&ActionSummary> = actions
        .iter()
        .filter(|action| action.latencies.count() > 0)
        .collect();
    let most = measured.iter().map(|a| a.latencies.count()).max()?;
    let decades = decades(most);
    let fastest = measured
        .iter()
        .map(|a| ms(&a.latencies, 0.0))
        .fold(f64::INFINITY, f64::min);
    let slowest = measured.iter().map(|a| a.max_ms).fold(0.0, f64::max);
    let plot = Plot {
        frame: ChartFrame::of(size),
        decades,
        low: fastest.max(0.1).log10().floor(),
        high: slowest.max(1.0).log10().ceil(),
    };
    let mut curves: Vec<Curve> = measured
        .iter()
        .enumerate()
        .map(|(style, action)| curve(action, style, &plot))
        .collect();
    spread_labels(&mut curves, &plot.frame);
    Some(Chart {
        title: "Latency by percentile",
        spoken: "Latency over percentile, one curve per action; the table above has the figures",
        x_title: "percentile",
        class: size.class,
        width: size.width,
        height: size.height,
        frame: plot.frame,
        spans: Vec::new(),
        moments: Vec::new(),
        gaps: Vec::new(),
        bands: Vec::new(),
        x_ticks: x_ticks(&plot),
        y_ticks: y_ticks(&plot),
        curves,
    })
}

struct Plot {
    frame: ChartFrame,
    /// Tenfold steps of rarity: 2 reach the 99th percentile.
    decades: f64,
    /// Powers of ten, milliseconds.
    low: f64,
    high: f64,
}

impl Plot {
    fn x(&self, rarity: f64) -> f64 {
        let ChartFrame { left, right, .. } = self.frame;
        round(left + (right - left) * (rarity / self.decades).clamp(0.0, 1.0))
    }

    fn y(&self, ms: f64) -> f64 {
        let share = (ms.max(0.001).log10() - self.low) / (self.high - self.low).max(1.0);
        let ChartFrame { top, bottom, .. } = self.frame;
        round(bottom - (bottom - top) * share.clamp(0.0, 1.0))
    }
}

/// How far the axis goes: to what the most frequent action can tell, whole decades.
fn decades(count: u64) -> f64 {
    f64::from(count.max(10).ilog10()).clamp(2.0, 5.0)
}

fn curve(action: &ActionSummary, style: usize, plot: &Plot) -> Curve {
    let latencies = &action.latencies;
    // Beyond one in all there is nothing more to know: the curve ends at its maximum.
    #[expect(clippy::cast_precision_loss, reason = "a position in a picture")]
    let rarest = (latencies.count() as f64).log10().min(plot.decades);
    let step = 1.0 / f64::from(POINTS_PER_DECADE);
    let mut rarities = Vec::new();
    let mut rarity = 0.0;
    while rarity < rarest {
        rarities.push(rarity);
        rarity += step;
    }
    let mut points: Vec<(f64, f64)> = rarities
        .into_iter()
        .map(|rarity| {
            let latency = ms(latencies, 1.0 - 10_f64.powf(-rarity));
            (plot.x(rarity), plot.y(latency))
        })
        .collect();
    let (end_x, end_y) = (plot.x(rarest), plot.y(action.max_ms));
    points.push((end_x, end_y));
    Curve {
        name: action.action.as_str().to_owned(),
        style,
        path: path(points),
        end_x,
        end_y,
        label_y: end_y,
        title: format!(
            "{}: median {}, p95 {}, p99 {}, slowest {}",
            action.action,
            figures::millis(action.p50_ms),
            figures::millis(action.p95_ms),
            figures::millis(action.p99_ms),
            figures::millis(action.max_ms)
        ),
    }
}

fn ms(latencies: &Latencies, quantile: f64) -> f64 {
    latencies.quantile(quantile).as_secs_f64() * 1000.0
}

fn x_ticks(plot: &Plot) -> Vec<Mark> {
    [
        (0.0, "0"),
        (0.301, "50"),
        (1.0, "90"),
        (1.301, "95"),
        (2.0, "99"),
        (3.0, "99.9"),
        (4.0, "99.99"),
        (5.0, "99.999"),
    ]
    .into_iter()
    .filter(|(rarity, _)| *rarity <= plot.decades)
    .map(|(rarity, label)| Mark {
        at: plot.x(rarity),
        label: label.to_owned(),
    })
    .collect()
}

fn y_ticks(plot: &Plot) -> Vec<Mark> {
    let mut ticks = Vec::new();
    let mut power = plot.low;
    while power <= plot.high {
        let value = 10_f64.powf(power);
        ticks.push(Mark {
            at: plot.y(value),
            label: if value < 1.0 {
                format!("{value:.1} ms")
            } else if value < 1000.0 {
                format!("{value:.0} ms")
            } else {
                format!("{:.0} s", value / 1000.0)
            },
        });
        power += 1.0;
    }
    ticks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loadtest::UserAction;
    use crate::report::html::chart::LABEL_GAP;
    use std::time::Duration;

    const SIZE: ChartSize = ChartSize {
        class: "for-wide",
        width: 800.0,
        height: 400.0,
        names: 110.0,
    };

    fn summary(action: UserAction, all_ms: &[u64]) -> ActionSummary {
        let mut latencies = Latencies::new().unwrap();
        for ms in all_ms {
            latencies.record(Duration::from_millis(*ms));
        }
        ActionSummary {
            action,
            requests: all_ms.len() as u64,
            errors: 0,
            error_samples: Vec::new(),
            p50_ms: ms(&latencies, 0.5),
            p90_ms: ms(&latencies, 0.9),
            p95_ms: ms(&latencies, 0.95),
            p99_ms: ms(&latencies, 0.99),
            max_ms: ms(&latencies, 1.0),
            latencies,
        }
    }

    #[test]
    fn slower_curves_end_higher_up() {
        let actions = [
            summary(UserAction::Post, &[10; 200]),
            summary(UserAction::LogIn, &[900; 200]),
        ];
        let chart = chart(&actions, SIZE).unwrap();
        assert!(chart.curves[1].end_y < chart.curves[0].end_y);
    }

    #[test]
    fn names_of_curves_that_meet_do_not_cover_each_other() {
        let actions = [UserAction::Post, UserAction::Deliver, UserAction::Search]
            .map(|a| summary(a, &[10; 20]));
        let chart = chart(&actions, SIZE).unwrap();
        let mut labels: Vec<f64> = chart.curves.iter().map(|c| c.label_y).collect();
        labels.sort_by(f64::total_cmp);
        assert!(
            labels
                .windows(2)
                .all(|pair| pair[1] - pair[0] >= LABEL_GAP - 0.2)
        );
        assert!(labels.iter().all(|y| *y <= SIZE.height - 40.0));
    }

    #[test]
    fn a_single_sample_is_drawn() {
        let chart = chart(&[summary(UserAction::Search, &[7])], SIZE).unwrap();
        assert!(chart.curves[0].path.starts_with('M'));
    }

    #[test]
    fn no_samples_make_no_chart() {
        assert!(chart(&[], SIZE).is_none());
        assert!(chart(&[summary(UserAction::Post, &[])], SIZE).is_none());
    }
}
