//! What was done when: events gathered into walks over the graph, each with its steps,
//! their waits, and the critical path.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::events::{Event, EventKind, GraphStep};

use super::critical::critical_path;
use super::spans::{CriticalStep, StepEnd, StepSpan, WaitSpan};

/// One walk over a graph: all that happened from its announcement to the next one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Walk {
    /// `up`, `down` …
    pub operation: String,
    /// First event.
    pub started: Timestamp,
    /// Last event.
    pub finished: Timestamp,
    /// Phases, in order.
    pub phases: Vec<PhaseSpan>,
    /// Steps, by when they started.
    pub steps: Vec<StepSpan>,
    /// Steps that were not started.
    pub skipped: Vec<SkippedStep>,
    /// The chain of steps that decided how long it took, first to last.
    pub critical_path: Vec<CriticalStep>,
}

impl Walk {
    /// How long it took.
    #[must_use]
    ///
    /// A scenario that was run on the rig afterwards does not count.
    pub fn duration(&self) -> SignedDuration {
        let last = self
            .steps
            .iter()
            .filter(|step| !step.step.starts_with("scenario/"))
            .map(|step| step.finished)
            .max();
        last.unwrap_or(self.finished).duration_since(self.started)
    }

    /// Is the step on the critical path?
    #[must_use]
    pub fn is_critical(&self, step: &str) -> bool {
        self.critical_path.iter().any(|link| link.step == step)
    }
}

/// A phase of the run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhaseSpan {
    /// Its name.
    pub phase: String,
    /// When it began.
    pub started: Timestamp,
    /// End.
    pub finished: Timestamp,
}

/// A step that was not started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SkippedStep {
    /// Its name.
    pub step: String,
    /// Why.
    pub reason: String,
}

/// The walks of a recording, in order. A recording without a graph gives none.
#[must_use]
pub fn walks(events: &[Event]) -> Vec<Walk> {
    let mut walks = Vec::new();
    let mut operation = String::new();
    // Phases open before the graph is announced, since planning is part of them.
    let mut phases: BTreeMap<String, Timestamp> = BTreeMap::new();
    let mut current: Option<Gathering> = None;
    for event in events {
        match &event.kind {
            EventKind::RunStarted { operation: o, .. } => operation.clone_from(o),
            EventKind::PhaseStarted { phase } => {
                phases.insert(phase.clone(), event.at);
            }
            EventKind::Graph { steps } => {
                walks.extend(current.take().map(Gathering::finish));
                let deletes = phases.contains_key("down");
                let operation = if deletes { "down" } else { operation.as_str() };
                current = Some(Gathering::new(operation, event.at, steps));
            }
            _ => {}
        }
        if let Some(gathering) = &mut current {
            gathering.event(event, &phases);
        }
        if let EventKind::PhaseFinished { phase } = &event.kind {
            phases.remove(phase);
        }
    }
    walks.extend(current.map(Gathering::finish));
    walks
}

/// A walk while its events come in.
struct Gathering {
    walk: Walk,
    after: BTreeMap<String, Vec<String>>,
    open: BTreeMap<String, StepSpan>,
}

impl Gathering {
    fn new(operation: &str, at: Timestamp, steps: &[GraphStep]) -> Self {
        let after = steps
            .iter()
            .map(|step| (step.step.clone(), step.after.clone()))
            .collect();
        Self {
            walk: Walk {
                operation: operation.to_owned(),
                started: at,
                finished: at,
                phases: Vec::new(),
                steps: Vec::new(),
                skipped: Vec::new(),
                critical_path: Vec::new(),
            },
            after,
            open: BTreeMap::new(),
        }
    }

    fn event(&mut self, event: &Event, phases: &BTreeMap<String, Timestamp>) {
        let at = event.at;
        self.walk.finished = self.walk.finished.max(at);
        match &event.kind {
            EventKind::PhaseFinished { phase } => {
                if let Some(started) = phases.get(phase) {
                    self.walk.phases.push(PhaseSpan {
                        phase: phase.clone(),
                        started: (*started).max(self.walk.started),
                        finished: at,
                    });
                }
            }
            EventKind::StepStarted { step } => {
                let span = StepSpan {
                    step: step.clone(),
                    started: at,
                    finished: at,
                    end: StepEnd::Unfinished,
                    detail: String::new(),
                    waits: Vec::new(),
                };
                self.open.insert(step.clone(), span);
            }
            EventKind::StepWorking { step, .. } => {
                if let Some(span) = self.open.get_mut(step) {
                    wait(span, at, None);
                }
            }
            EventKind::StepWaiting { step, on } => {
                if let Some(span) = self.open.get_mut(step) {
                    wait(span, at, Some(on));
                }
            }
            EventKind::StepFinished {
                step,
                outcome,
                detail,
            } => self.close(
                step,
                at,
                StepEnd::Done(*outcome),
                detail.as_deref().unwrap_or_default(),
            ),
            EventKind::StepFailed { step, error } => {
                self.close(step, at, StepEnd::Failed, error);
            }
            EventKind::StepSkipped { step, reason } => self.walk.skipped.push(SkippedStep {
                step: step.clone(),
                reason: reason.clone(),
            }),
            EventKind::RunStarted { .. }
            | EventKind::PhaseStarted { .. }
            | EventKind::Graph { .. }
            | EventKind::Check { .. }
            | EventKind::StormSample(_)
            | EventKind::Note { .. }
            | EventKind::RunFinished { .. } => {}
        }
    }

    fn close(&mut self, step: &str, at: Timestamp, end: StepEnd, detail: &str) {
        // A step may fail before it was started, when its inputs cannot be resolved.
        let mut span = self.open.remove(step).unwrap_or_else(|| StepSpan {
            step: step.to_owned(),
            started: at,
            finished: at,
            end,
            detail: String::new(),
            waits: Vec::new(),
        });
        wait(&mut span, at, None);
        span.finished = at;
        span.end = end;
        detail.clone_into(&mut span.detail);
        self.walk.steps.push(span);
    }

    fn finish(mut self) -> Walk {
        let end = self.walk.finished;
        for (_, mut span) in std::mem::take(&mut self.open) {
            wait(&mut span, end, None);
            span.finished = end;
            self.walk.steps.push(span);
        }
        self.walk
            .steps
            .sort_by(|a, b| (a.started, &a.step).cmp(&(b.started, &b.step)));
        self.walk.critical_path = critical_path(&self.walk.steps, &self.after);
        self.walk
    }
}

/// Ends the wait that the step is in, and begins the next one unless it is the same.
fn wait(span: &mut StepSpan, at: Timestamp, on: Option<&String>) {
    // A closed wait ends where it was closed; the open one still ends where it began.
    if let Some(last) = span.waits.last_mut().filter(|w| w.finished == w.started) {
        if on == Some(&last.on) {
            return;
        }
        last.finished = at;
    }
    if let Some(on) = on {
        span.waits.push(WaitSpan {
            started: at,
            finished: at,
            on: on.clone(),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::Outcome;

    fn at(second: i64, kind: EventKind) -> Event {
        Event {
            at: Timestamp::from_second(second).unwrap(),
            kind,
        }
    }

    fn started(second: i64, step: &str) -> Event {
        at(second, EventKind::StepStarted { step: step.into() })
    }

    fn finished(second: i64, step: &str) -> Event {
        let kind = EventKind::StepFinished {
            step: step.into(),
            outcome: Outcome::Created,
            detail: None,
        };
        at(second, kind)
    }

    fn waiting(second: i64, step: &str, on: &str) -> Event {
        let kind = EventKind::StepWaiting {
            step: step.into(),
            on: on.into(),
        };
        at(second, kind)
    }

    fn graph(second: i64, edges: &[(&str, &[&str])]) -> Event {
        let steps = edges
            .iter()
            .map(|(step, after)| GraphStep {
                step: (*step).into(),
                after: after.iter().map(|name| (*name).into()).collect(),
            })
            .collect();
        at(second, EventKind::Graph { steps })
    }

    fn names(walk: &Walk) -> Vec<&str> {
        walk.critical_path.iter().map(|c| c.step.as_str()).collect()
    }

    #[test]
    fn the_critical_path_follows_whatever_ended_last() {
        let events = [
            graph(
                0,
                &[
                    ("vpc", &[]),
                    ("db", &["vpc"]),
                    ("host", &["vpc"]),
                    ("app", &["db", "host"]),
                ],
            ),
            started(0, "vpc"),
            finished(2, "vpc"),
            started(2, "db"),
            started(2, "host"),
            finished(5, "host"),
            finished(30, "db"),
            started(31, "app"),
            finished(35, "app"),
        ];
        let walks = walks(&events);
        assert_eq!(names(&walks[0]), ["vpc", "db", "app"]);
        assert_eq!(
            walks[0].critical_path[2].stood,
            SignedDuration::from_secs(1)
        );
        assert_eq!(walks[0].duration(), SignedDuration::from_secs(35));
        assert!(!walks[0].is_critical("host"));
    }

    #[test]
    fn steps_outside_the_graph_are_shown_but_never_critical() {
        let events = [
            graph(0, &[("vpc", &[])]),
            started(0, "vpc"),
            finished(1, "vpc"),
            started(2, "scenario/smoke/agent-1"),
            finished(60, "scenario/smoke/agent-1"),
        ];
        let walk = &walks(&events)[0];
        assert_eq!(names(walk), ["vpc"]);
        assert_eq!(walk.steps.len(), 2);
    }

    #[test]
    fn waits_end_where_the_next_thing_begins_and_repeats_are_one_wait() {
        let events = [
            graph(0, &[("db", &[])]),
            started(0, "db"),
            waiting(1, "db", "status creating"),
            waiting(4, "db", "status creating"),
            waiting(7, "db", "status backing-up"),
            finished(9, "db"),
        ];
        let waits = &walks(&events)[0].steps[0].waits;
        let seen: Vec<(i64, i64, &str)> = waits
            .iter()
            .map(|w| (w.started.as_second(), w.finished.as_second(), w.on.as_str()))
            .collect();
        assert_eq!(
            seen,
            [(1, 7, "status creating"), (7, 9, "status backing-up")]
        );
    }

    #[test]
    fn each_graph_begins_a_walk_of_its_own() {
        let run = EventKind::RunStarted {
            environment: "demo".into(),
            operation: "demo".into(),
            run: "r1".into(),
        };
        let down = EventKind::PhaseStarted {
            phase: "down".into(),
        };
        let events = [
            at(0, run),
            graph(0, &[("vpc", &[])]),
            started(0, "vpc"),
            finished(1, "vpc"),
            at(2, down),
            graph(2, &[("vpc", &[])]),
            started(2, "vpc"),
            finished(3, "vpc"),
        ];
        let walks = walks(&events);
        let operations: Vec<&str> = walks.iter().map(|w| w.operation.as_str()).collect();
        assert_eq!(operations, ["demo", "down"]);
    }

    #[test]
    fn an_interrupted_step_lasts_until_the_end_and_says_so() {
        let events = [
            graph(0, &[("db", &[])]),
            started(0, "db"),
            waiting(1, "db", "status creating"),
            at(9, EventKind::RunFinished { ok: false }),
        ];
        let step = &walks(&events)[0].steps[0];
        assert_eq!(step.end, StepEnd::Unfinished);
        assert_eq!(step.finished.as_second(), 9);
        assert_eq!(step.waits[0].finished.as_second(), 9);
    }

    #[test]
    fn events_without_a_graph_make_no_walk() {
        assert!(walks(&[started(0, "vpc")]).is_empty());
    }
}
