//! What charts of all kinds are made of: a frame with ticks, curves with their names, bands behind
//! them. In units of the SVG's own view box.

use serde::Serialize;

/// Names of curves keep this far apart.
pub(super) const LABEL_GAP: f64 = 15.0;

/// A chart.
#[derive(Debug, Serialize)]
pub(super) struct Chart {
    pub(super) title: &'static str,
    /// What it shows, for those who cannot see it.
    pub(super) spoken: &'static str,
    pub(super) x_title: &'static str,
    /// For which screens it is.
    pub(super) class: &'static str,
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) frame: ChartFrame,
    pub(super) x_ticks: Vec<Mark>,
    pub(super) y_ticks: Vec<Mark>,
    pub(super) spans: Vec<ChartSpan>,
    pub(super) moments: Vec<Mark>,
    /// Stretches in which an agent did not work.
    pub(super) gaps: Vec<ChartSpan>,
    pub(super) bands: Vec<ChartBand>,
    pub(super) curves: Vec<Curve>,
}

/// Where the curves are.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct ChartFrame {
    pub(super) left: f64,
    pub(super) right: f64,
    pub(super) top: f64,
    pub(super) bottom: f64,
}

impl ChartFrame {
    /// The frame in a chart of this size, with room for ticks and for names of curves.
    pub(super) fn of(size: ChartSize) -> Self {
        Self {
            left: 62.0,
            right: size.width - size.names,
            top: 14.0,
            bottom: size.height - 44.0,
        }
    }
}

/// A tick of an axis.
#[derive(Debug, Serialize)]
pub(super) struct Mark {
    pub(super) at: f64,
    pub(super) label: String,
}

/// A stretch of the x axis with a name.
#[derive(Debug, Serialize)]
pub(super) struct ChartSpan {
    pub(super) from: f64,
    pub(super) width: f64,
    pub(super) label: String,
}

/// An area behind the curves.
#[derive(Debug, Serialize)]
pub(super) struct ChartBand {
    pub(super) path: String,
    pub(super) title: String,
}

/// A curve.
#[derive(Debug, Serialize)]
pub(super) struct Curve {
    pub(super) name: String,
    /// From 0; picks colour and dashes.
    pub(super) style: usize,
    pub(super) path: String,
    pub(super) end_x: f64,
    pub(super) end_y: f64,
    pub(super) label_y: f64,
    pub(super) title: String,
}

/// Size of a chart, in units of its SVG.
#[derive(Clone, Copy)]
pub(super) struct ChartSize {
    /// For which screens: a class of the style sheet.
    pub(super) class: &'static str,
    pub(super) width: f64,
    pub(super) height: f64,
    /// Room for the curves' names.
    pub(super) names: f64,
}

/// Names stand as high as their curves end, pushed apart where those meet.
pub(super) fn spread_labels(curves: &mut [Curve], frame: &ChartFrame) {
    let mut order: Vec<usize> = (0..curves.len()).collect();
    order.sort_by(|a, b| {
        let y = |index: &usize| curves.get(*index).map_or(0.0, |curve| curve.end_y);
        y(a).total_cmp(&y(b))
    });
    let mut lowest = frame.top - LABEL_GAP;
    for index in &order {
        if let Some(curve) = curves.get_mut(*index) {
            curve.label_y = curve.end_y.max(lowest + LABEL_GAP);
            lowest = curve.label_y;
        }
    }
    // Those pushed below the plot move the others up again.
    let mut highest = frame.bottom + LABEL_GAP;
    for index in order.iter().rev() {
        if let Some(curve) = curves.get_mut(*index) {
            curve.label_y = round(curve.label_y.min(highest - LABEL_GAP));
            highest = curve.label_y;
        }
    }
}

/// A path through points, as SVG has it.
pub(super) fn path(points: impl IntoIterator<Item = (f64, f64)>) -> String {
    let mut path = String::new();
    for (x, y) in points {
        let command = if path.is_empty() { 'M' } else { 'L' };
        path.push_str(&format!("{command}{x} {y}"));
    }
    path
}

/// A tenth of a unit is finer than any screen.
pub(super) fn round(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}
