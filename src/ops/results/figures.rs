//! The figures of a result that are compared and followed over time.

use loadrig_stats::{Better, MeasureScale};
use serde::Serialize;

use crate::loadtest::storm::{EventRecovery, StormFigures};
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
    /// Until users of a storm were in, at a percentile.
    StormLogin(u8),
    /// Until the last user of a storm was in.
    LastIn,
    /// Share of a storm's users who got in.
    UsersIn,
    /// From an event until 99 % of those who lost a websocket were connected again.
    Connected,
    /// The same until they had caught up.
    CaughtUp,
    /// From an event until calls failed no more than usual.
    ErrorsOver,
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
    for (of, name, overall) in [
        (FigureSource::StormLogin(50), "login p50", true),
        (FigureSource::StormLogin(95), "login p95", true),
        (FigureSource::StormLogin(99), "login p99", false),
        (FigureSource::LastIn, "last user in", false),
        (FigureSource::Connected, "99 % connected after event", false),
        (FigureSource::CaughtUp, "99 % caught up after event", false),
        (FigureSource::ErrorsOver, "errors over after event", false),
    ] {
        kinds.push(FigureKind {
            name: name.to_owned(),
            unit: FigureUnit::Milliseconds,
            better: Better::Lower,
            scale: MeasureScale::Ratio,
            overall,
            action: None,
            of,
        });
    }
    kinds.push(FigureKind {
        name: "users in".to_owned(),
        unit: FigureUnit::Percent,
        better: Better::Higher,
        scale: MeasureScale::Difference,
        overall: false,
        action: None,
        of: FigureSource::UsersIn,
    });
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
        if let Some(figure) = self.of_storm(result) {
            return figure;
        }
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
            _ => None,
        }
    }

    /// The figure of a storm, for the kinds that storms have: none where the figures are not the
    /// server's.
    fn of_storm(&self, result: &ScenarioResult) -> Option<Option<f64>> {
        let figures = result.storm.as_ref();
        let figures = figures.filter(|figures| figures.invalid.is_none());
        let storm = figures.map(|figures| &figures.storm);
        Some(match self.of {
            FigureSource::StormLogin(percentile) => storm
                .map(|storm| &storm.timings.login)
                .filter(|login| login.count() > 0)
                .map(|login| login.quantile(f64::from(percentile) / 100.0))
                .map(|time| time.as_secs_f64() * 1000.0),
            FigureSource::LastIn => storm
                .and_then(|storm| storm.last.logged_in_ms)
                .map(|ms| ms as f64),
            FigureSource::Connected => {
                slowest(figures.map(|it| &**it), |seen| seen.connected.p99_ms)
            }
            FigureSource::CaughtUp => {
                slowest(figures.map(|it| &**it), |seen| seen.caught_up.p99_ms)
            }
            FigureSource::ErrorsOver => slowest(figures.map(|it| &**it), |seen| seen.errors_ms),
            FigureSource::UsersIn => storm
                .map(|storm| storm.users)
                .filter(|users| users.offered > 0)
                .map(|users| 100.0 * users.logged_in as f64 / users.offered as f64),
            // Errors of a storm in which the agents were too slow say nothing of the server.
            FigureSource::Errors if figures.is_none() && result.storm.is_some() => None,
            _ => return None,
        })
    }
}

/// The longest time to recover over all events of a storm; none where an event has none.
fn slowest(
    figures: Option<&StormFigures>,
    time: impl Fn(&EventRecovery) -> Option<u64>,
) -> Option<f64> {
    let events = &figures?.events;
    let times: Option<Vec<u64>> = events
        .iter()
        .map(|event| event.recovery.as_ref().and_then(&time))
        .collect();
    Some(times?.into_iter().max()? as f64)
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
