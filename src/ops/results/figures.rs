//! The figures of a result that are compared and followed over time.

use loadrig_stats::{Better, MeasureScale};
use serde::Serialize;

use crate::loadtest::{ScenarioResult, UserAction};

/// What a figure is measured in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FigureUnit {
    /// Milliseconds.
    Milliseconds,
    /// Percent.
    Percent,
}

/// A kind of figure.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct FigureKind {
    pub(super) name: String,
    pub(super) unit: FigureUnit,
    pub(super) better: Better,
    pub(super) scale: MeasureScale,
    /// It counts towards the overall latency.
    pub(super) overall: bool,
    action: Option<UserAction>,
    of: FigureSource,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FigureSource {
    P50,
    P95,
    P99,
    Errors,
    LostDeliveries,
}

/// Every kind of figure, in the order in which they are shown.
pub(super) fn kinds() -> Vec<FigureKind> {
    let mut kinds = Vec::new();
    for action in UserAction::ALL {
        // The 99th percentile is too noisy to be averaged with the others.
        for (of, label, overall) in [
            (FigureSource::P50, "p50", true),
            (FigureSource::P95, "p95", true),
            (FigureSource::P99, "p99", false),
        ] {
            kinds.push(FigureKind {
                name: format!("{action} {label}"),
                unit: FigureUnit::Milliseconds,
                better: Better::Lower,
                scale: MeasureScale::Ratio,
                overall,
                action: Some(action),
                of,
            });
        }
    }
    for (of, name) in [
        (FigureSource::Errors, "failed requests"),
        (FigureSource::LostDeliveries, "lost deliveries"),
    ] {
        kinds.push(FigureKind {
            name: name.to_owned(),
            unit: FigureUnit::Percent,
            better: Better::Lower,
            scale: MeasureScale::Difference,
            overall: false,
            action: None,
            of,
        });
    }
    kinds
}

impl FigureKind {
    /// The figure of a result; none where nothing of the kind was measured.
    pub(super) fn of(&self, result: &ScenarioResult) -> Option<f64> {
        let summary = |action| result.actions.iter().find(|one| one.action == action);
        if self.of == FigureSource::Errors {
            return (result.requests > 0).then(|| result.error_rate_percent());
        }
        if self.of == FigureSource::LostDeliveries {
            let deliveries = summary(UserAction::Deliver)?;
            return (deliveries.requests > 0)
                .then(|| 100.0 * deliveries.errors as f64 / deliveries.requests as f64);
        }
        let summary = summary(self.action?).filter(|one| one.latencies.count() > 0)?;
        match self.of {
            FigureSource::P50 => Some(summary.p50_ms),
            FigureSource::P95 => Some(summary.p95_ms),
            FigureSource::P99 => Some(summary.p99_ms),
            FigureSource::Errors | FigureSource::LostDeliveries => None,
        }
    }
}

/// What the overall latency of several results is the mean of.
pub(super) struct OverallFigures<'a> {
    /// Those that every result has: a mean of other figures says nothing of how fast the server is.
    counted: Vec<&'a FigureKind>,
    /// Names of those that only some of them have.
    pub(super) left_out: Vec<String>,
}

impl<'a> OverallFigures<'a> {
    /// Those of these results.
    pub(super) fn of(kinds: &'a [FigureKind], results: &[&ScenarioResult]) -> Self {
        let mut figures = Self {
            counted: Vec::new(),
            left_out: Vec::new(),
        };
        for kind in kinds.iter().filter(|kind| kind.overall) {
            let values = results.iter().filter_map(|result| kind.of(result));
            let (all, positive) = values.fold((0, 0), |(all, positive), value| {
                (all + 1, positive + usize::from(value > 0.0))
            });
            match (all, positive) {
                (_, positive) if positive == results.len() => figures.counted.push(kind),
                (0, _) => {}
                _ => figures.left_out.push(kind.name.clone()),
            }
        }
        figures
    }

    /// Their geometric mean, milliseconds; none where there are none.
    pub(super) fn mean(&self, result: &ScenarioResult) -> Option<f64> {
        let logs: Vec<f64> = self
            .counted
            .iter()
            .filter_map(|kind| kind.of(result))
            .map(f64::ln)
            .collect();
        (!logs.is_empty()).then(|| (logs.iter().sum::<f64>() / logs.len() as f64).exp())
    }
}
