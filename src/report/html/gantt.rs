//! The timeline's rows: what started when, what it waited for, what decided the total.
//!
//! Positions are percent of the walk's length, so the chart is as wide as the page.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::report::figures;
use crate::report::spans::{StepEnd, StepSpan, WaitSpan};
use crate::report::timeline::Walk;

/// Above so many rows, hosts of a role share one.
const ROWS: usize = 34;
/// Bars shorter than this, in percent, would not be seen.
const THINNEST: f64 = 0.35;

/// A walk as a chart.
#[derive(Debug, Serialize)]
pub(super) struct Gantt {
    title: String,
    total: String,
    ticks: Vec<Tick>,
    phases: Vec<Bar>,
    rows: Vec<StepRow>,
    /// The critical path in words.
    critical: Vec<PathLink>,
    skipped: Vec<String>,
    /// Steps that found everything as planned.
    unchanged: usize,
}

#[derive(Debug, Serialize)]
struct Tick {
    left: f64,
    label: String,
}

#[derive(Debug, Serialize)]
struct StepRow {
    label: String,
    /// Number of steps, when there are several.
    count: usize,
    kind: &'static str,
    critical: bool,
    took: String,
    bars: Vec<Bar>,
}

#[derive(Debug, Serialize)]
struct Bar {
    left: f64,
    width: f64,
    title: String,
    label: String,
    failed: bool,
    waits: Vec<Wait>,
}

/// A wait within a bar, in percent of the bar.
#[derive(Debug, Serialize)]
struct Wait {
    left: f64,
    width: f64,
    title: String,
}

#[derive(Debug, Serialize)]
struct PathLink {
    step: String,
    took: String,
    /// Time that it stood ready, when it is worth telling.
    stood: String,
    share: String,
}

/// The chart of a walk.
pub(super) fn gantt(walk: &Walk) -> Gantt {
    let scale = Scale::new(walk);
    let (unchanged, shown): (Vec<&StepSpan>, Vec<&StepSpan>) = walk
        .steps
        .iter()
        .partition(|step| matches!(step.end, StepEnd::Done(crate::events::Outcome::Unchanged)));
    Gantt {
        title: match walk.operation.as_str() {
            "down" => "Teardown".into(),
            _ if unchanged.is_empty() => "From nothing to a working rig".into(),
            _ => "What was done when".into(),
        },
        total: format!(
            "{} to the end of its last step",
            figures::duration(walk.duration())
        ),
        ticks: scale.ticks(),
        phases: walk
            .phases
            .iter()
            .map(|phase| {
                let took = phase.finished.duration_since(phase.started);
                Bar {
                    left: scale.left(phase.started),
                    width: scale.width(took),
                    title: format!("{}: {}", phase.phase, figures::duration(took)),
                    label: phase.phase.clone(),
                    failed: false,
                    waits: Vec::new(),
                }
            })
            .collect(),
        rows: rows(walk, &shown, &scale),
        critical: links(walk),
        skipped: walk
            .skipped
            .iter()
            .map(|skipped| format!("{}: {}", skipped.step, skipped.reason))
            .collect(),
        unchanged: unchanged.len(),
    }
}

/// Time to percent.
struct Scale {
    started: Timestamp,
    seconds: f64,
}

impl Scale {
    fn new(walk: &Walk) -> Self {
        Self {
            started: walk.started,
            seconds: walk
                .finished
                .duration_since(walk.started)
                .as_secs_f64()
                .max(0.001),
        }
    }

    fn left(&self, at: Timestamp) -> f64 {
        self.percent(at.duration_since(self.started))
    }

    fn width(&self, took: SignedDuration) -> f64 {
        self.percent(took).max(THINNEST)
    }

    fn percent(&self, duration: SignedDuration) -> f64 {
        round(100.0 * duration.as_secs_f64() / self.seconds).clamp(0.0, 100.0)
    }

    /// Four to eight round times.
    fn ticks(&self) -> Vec<Tick> {
        let step = [
            0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0,
            1800.0, 3600.0, 7200.0,
        ]
        .into_iter()
        .find(|step| self.seconds / step <= 7.0)
        .unwrap_or(14_400.0);
        let mut ticks = Vec::new();
        let mut at = 0.0;
        while at <= self.seconds {
            ticks.push(Tick {
                left: round(100.0 * at / self.seconds),
                label: if step < 1.0 {
                    format!("{at:.1} s")
                } else if step < 60.0 {
                    format!("{at:.0} s")
                } else {
                    format!("{:.0} m", at / 60.0)
                },
            });
            at += step;
        }
        ticks
    }
}

fn rows(walk: &Walk, steps: &[&StepSpan], scale: &Scale) -> Vec<StepRow> {
    // Steps of the critical path have rows of their own whatever happens.
    let rows_of = |family: fn(&str) -> String| {
        let mut rows: Vec<(String, Vec<&StepSpan>)> = Vec::new();
        let mut index: BTreeMap<String, usize> = BTreeMap::new();
        for step in steps {
            let critical = walk.is_critical(&step.step);
            let key = if critical || step.end.is_failure() {
                step.step.clone()
            } else {
                family(&step.step)
            };
            match index.get(&key).and_then(|at| rows.get_mut(*at)) {
                Some((_, members)) => members.push(step),
                None => {
                    index.insert(key.clone(), rows.len());
                    rows.push((key, vec![step]));
                }
            }
        }
        rows
    };
    let mut grouped = rows_of(small_family);
    if grouped.len() > ROWS {
        grouped = rows_of(family);
    }
    grouped
        .into_iter()
        .map(|(label, members)| row(walk, &label, &members, scale))
        .collect()
}

fn row(walk: &Walk, label: &str, members: &[&StepSpan], scale: &Scale) -> StepRow {
    let started = members.iter().map(|s| s.started).min();
    let finished = members.iter().map(|s| s.finished).max();
    let took = match (started, finished) {
        (Some(started), Some(finished)) => finished.duration_since(started),
        _ => SignedDuration::ZERO,
    };
    let single = match members {
        [only] => Some(*only),
        _ => None,
    };
    StepRow {
        label: single.map_or_else(|| label.to_owned(), |only| only.step.clone()),
        count: members.len(),
        kind: kind(label),
        critical: single.is_some_and(|only| walk.is_critical(&only.step)),
        took: figures::duration(took),
        bars: members.iter().map(|step| bar(step, scale)).collect(),
    }
}

fn bar(step: &StepSpan, scale: &Scale) -> Bar {
    let took = step.finished.duration_since(step.started);
    let mut title = format!(
        "{} {} in {}",
        step.step,
        step.end.as_str(),
        figures::duration(took)
    );
    if !step.detail.is_empty() {
        title.push_str(&format!(" ({})", step.detail));
    }
    Bar {
        left: scale.left(step.started),
        width: scale.width(took),
        title,
        label: String::new(),
        failed: step.end.is_failure() || step.end == StepEnd::Unfinished,
        waits: step.waits.iter().filter_map(|w| wait(step, w)).collect(),
    }
}

fn wait(step: &StepSpan, wait: &WaitSpan) -> Option<Wait> {
    let whole = step.finished.duration_since(step.started).as_secs_f64();
    let took = wait.finished.duration_since(wait.started);
    // Progress of a scenario comes as waits of no length.
    (whole > 0.0 && took.as_secs_f64() / whole > 0.01).then(|| {
        let before = wait.started.duration_since(step.started).as_secs_f64();
        Wait {
            left: round(100.0 * before / whole),
            width: round(100.0 * took.as_secs_f64() / whole),
            title: format!(
                "{} waits {}: {}",
                step.step,
                figures::duration(took),
                wait.on
            ),
        }
    })
}

fn links(walk: &Walk) -> Vec<PathLink> {
    let total = walk.duration().as_secs_f64().max(0.001);
    walk.critical_path
        .iter()
        .map(|link| {
            let told = link.stood >= SignedDuration::from_millis(500);
            PathLink {
                step: link.step.clone(),
                took: figures::duration(link.took),
                stood: match told {
                    true => figures::duration(link.stood),
                    false => String::new(),
                },
                share: format!("{:.0} %", 100.0 * link.took.as_secs_f64() / total),
            }
        })
        .collect()
}

/// What a step is, for its colour.
fn kind(step: &str) -> &'static str {
    match step.split('/').next().unwrap_or_default() {
        "host" => "host",
        "scenario" => "scenario",
        "instance" => "instance",
        "database" | "search" | "cache" => "service",
        _ => "network",
    }
}

/// Small network steps of one sort share a row always.
fn small_family(step: &str) -> String {
    match step.split_once('/') {
        Some((
            kind @ ("subnet" | "security-group" | "security-rules" | "database-parameters"),
            _,
        )) => format!("{kind}/*"),
        _ => step.to_owned(),
    }
}

/// Hosts of one role share a row: `instance/app-*`, `host/app-*/prepare`.
fn family(step: &str) -> String {
    let step = small_family(step);
    step.split('/')
        .map(|part| match part.rsplit_once('-') {
            Some((role, number)) if number.parse::<u32>().is_ok() => format!("{role}-*"),
            _ => part.to_owned(),
        })
        .collect::<Vec<_>>()
        .join("/")
}

fn round(percent: f64) -> f64 {
    (percent * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::Outcome;

    fn walk(steps: &[(&str, i64, i64)]) -> Walk {
        let at = |second| Timestamp::from_second(second).unwrap();
        Walk {
            operation: "up".into(),
            started: at(0),
            finished: at(100),
            phases: Vec::new(),
            steps: steps
                .iter()
                .map(|(step, started, finished)| StepSpan {
                    step: (*step).into(),
                    started: at(*started),
                    finished: at(*finished),
                    end: StepEnd::Done(Outcome::Created),
                    detail: String::new(),
                    waits: Vec::new(),
                })
                .collect(),
            skipped: Vec::new(),
            critical_path: Vec::new(),
        }
    }

    #[test]
    fn bars_stand_at_their_share_of_the_time() {
        let chart = gantt(&walk(&[("database/writer", 25, 75)]));
        let bar = &chart.rows[0].bars[0];
        assert!((bar.left - 25.0).abs() < 0.01 && (bar.width - 50.0).abs() < 0.01);
        assert!(chart.ticks.len() > 3 && chart.ticks.len() < 9);
    }

    #[test]
    fn a_large_rig_groups_its_hosts_by_role() {
        let names: Vec<String> = (1..=60).map(|i| format!("instance/agent-{i}")).collect();
        let steps: Vec<(&str, i64, i64)> = names.iter().map(|n| (n.as_str(), 0, 9)).collect();
        let chart = gantt(&walk(&steps));
        assert_eq!(chart.rows.len(), 1);
        assert_eq!(chart.rows[0].label, "instance/agent-*");
        assert_eq!(chart.rows[0].bars.len(), 60);
    }

    #[test]
    fn a_step_that_took_no_time_can_still_be_seen() {
        let chart = gantt(&walk(&[("vpc", 10, 10)]));
        assert!(chart.rows[0].bars[0].width > 0.0);
    }
}
