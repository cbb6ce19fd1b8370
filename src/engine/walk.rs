//! Walks a graph of tasks: each starts when all that it waits for are done.
//!
//! A failure stops what depends on it and nothing else. The first interrupt stops
//! starting; the second stops waiting.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;

use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::diagnose::Diagnose;
use crate::events::{EventKind, Events, GraphStep, Outcome};

/// What a task brings back.
#[derive(Clone, Debug)]
pub struct Finished {
    /// What it did.
    pub outcome: Outcome,
    /// Id or another detail.
    pub detail: Option<String>,
}

/// Why a task failed.
pub type TaskError = Box<dyn Diagnose + Send + Sync>;

/// The work of a task.
pub type TaskWork = Pin<Box<dyn Future<Output = Result<Finished, TaskError>> + Send>>;

/// One node of the walk.
pub struct Task {
    /// Its name, unique in the walk.
    pub name: String,
    /// The tasks that must have finished well. Names that are not in the walk count as done.
    pub after: Vec<String>,
    /// The work.
    pub work: TaskWork,
}

/// How urgently the user wants to stop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// Not at all.
    #[default]
    None,
    /// Start nothing new, finish what is in flight.
    Drain,
    /// Stop waiting.
    Now,
}

/// How a walk ended.
#[derive(Debug, Default)]
pub struct WalkReport {
    /// Tasks that finished well.
    pub finished: Vec<(String, Finished)>,
    /// Tasks that failed.
    pub failed: Vec<(String, TaskError)>,
    /// Tasks that were not started, or not waited for.
    pub skipped: Vec<(String, String)>,
    /// Whether the user interrupted it.
    pub interrupted: bool,
}

impl WalkReport {
    /// Whether everything was done.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.failed.is_empty() && self.skipped.is_empty() && !self.interrupted
    }

    /// Whether any task changed something.
    #[must_use]
    pub fn changed(&self) -> bool {
        self.finished
            .iter()
            .any(|(_, finished)| finished.outcome != Outcome::Unchanged)
    }
}

/// Runs the tasks.
pub async fn walk(
    tasks: Vec<Task>,
    events: &Events,
    mut stop: watch::Receiver<Urgency>,
) -> WalkReport {
    events.emit(EventKind::Graph {
        steps: tasks
            .iter()
            .map(|task| GraphStep {
                step: task.name.clone(),
                after: task.after.clone(),
            })
            .collect(),
    });
    let names: BTreeSet<String> = tasks.iter().map(|task| task.name.clone()).collect();
    let mut waiting: BTreeMap<String, (BTreeSet<String>, TaskWork)> = tasks
        .into_iter()
        .map(|task| {
            let after = task
                .after
                .into_iter()
                .filter(|a| names.contains(a))
                .collect();
            (task.name, (after, task.work))
        })
        .collect();
    let mut running: JoinSet<(String, Result<Finished, TaskError>)> = JoinSet::new();
    let mut in_flight: BTreeMap<tokio::task::Id, String> = BTreeMap::new();
    let mut report = WalkReport::default();
    loop {
        let urgency = *stop.borrow_and_update();
        if urgency >= Urgency::Drain {
            report.interrupted = true;
        }
        if urgency == Urgency::Now {
            running.abort_all();
            for name in in_flight.into_values() {
                let reason = "interrupted while in flight".to_owned();
                skip(&mut report, events, name, reason);
            }
            break;
        }
        if urgency == Urgency::None {
            let ready: Vec<String> = waiting
                .iter()
                .filter(|(_, (after, _))| after.is_empty())
                .map(|(name, _)| name.clone())
                .collect();
            for name in ready {
                if let Some((_, work)) = waiting.remove(&name) {
                    events.emit(EventKind::StepStarted { step: name.clone() });
                    let label = name.clone();
                    let handle = running.spawn(async move { (label, work.await) });
                    in_flight.insert(handle.id(), name);
                }
            }
        }
        if running.is_empty() {
            break;
        }
        let joined = tokio::select! {
            joined = running.join_next_with_id() => joined,
            _ = stop.changed() => continue,
        };
        let Some(joined) = joined else { break };
        let (name, result) = match joined {
            Ok((id, outcome)) => {
                in_flight.remove(&id);
                outcome
            }
            Err(error) => {
                let name = in_flight.remove(&error.id()).unwrap_or_default();
                (name, Err(Box::new(Broken(error.to_string())) as TaskError))
            }
        };
        settle(&mut waiting, &mut report, events, name, result);
    }
    for name in waiting.into_keys() {
        let reason = if report.interrupted {
            "interrupted"
        } else {
            "not reached"
        };
        skip(&mut report, events, name, reason.to_owned());
    }
    report
}

/// A task that panicked: a defect of ours, reported like any failure.
#[derive(Debug, thiserror::Error)]
#[error("internal error: {0}")]
struct Broken(String);

impl Diagnose for Broken {}

fn settle(
    waiting: &mut BTreeMap<String, (BTreeSet<String>, TaskWork)>,
    report: &mut WalkReport,
    events: &Events,
    name: String,
    result: Result<Finished, TaskError>,
) {
    match result {
        Ok(finished) => {
            for (after, _) in waiting.values_mut() {
                after.remove(&name);
            }
            events.emit(EventKind::StepFinished {
                step: name.clone(),
                outcome: finished.outcome,
                detail: finished.detail.clone(),
            });
            report.finished.push((name, finished));
        }
        Err(error) => {
            events.emit(EventKind::StepFailed {
                step: name.clone(),
                error: error.to_string(),
            });
            // Everything that waits for it, directly or not, will not happen.
            let mut lost = vec![name.clone()];
            while let Some(cause) = lost.pop() {
                let dependants: Vec<String> = waiting
                    .iter()
                    .filter(|(_, (after, _))| after.contains(&cause))
                    .map(|(dependant, _)| dependant.clone())
                    .collect();
                for dependant in dependants {
                    waiting.remove(&dependant);
                    skip(
                        report,
                        events,
                        dependant.clone(),
                        format!("`{cause}` failed"),
                    );
                    lost.push(dependant);
                }
            }
            report.failed.push((name, error));
        }
    }
}

fn skip(report: &mut WalkReport, events: &Events, step: String, reason: String) {
    events.emit(EventKind::StepSkipped {
        step: step.clone(),
        reason: reason.clone(),
    });
    report.skipped.push((step, reason));
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use proptest::prelude::*;

    use super::*;

    fn done() -> Result<Finished, TaskError> {
        Ok(Finished {
            outcome: Outcome::Created,
            detail: None,
        })
    }

    fn run(tasks: Vec<Task>) -> WalkReport {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let (_keep, stop) = watch::channel(Urgency::None);
        runtime.block_on(walk(tasks, &Events::default(), stop))
    }

    #[test]
    fn a_failure_stops_its_dependants_only() {
        let task = |name: &str, after: &[&str], ok: bool| Task {
            name: name.into(),
            after: after.iter().map(|a| (*a).to_owned()).collect(),
            work: Box::pin(async move {
                if ok {
                    done()
                } else {
                    Err(Box::new(Broken("no".into())) as TaskError)
                }
            }),
        };
        let report = run(vec![
            task("a", &[], false),
            task("b", &["a"], true),
            task("c", &["b"], true),
            task("d", &[], true),
        ]);
        assert_eq!(report.finished.len(), 1);
        assert_eq!(report.failed.len(), 1);
        let mut skipped: Vec<&str> = report.skipped.iter().map(|(n, _)| n.as_str()).collect();
        skipped.sort_unstable();
        assert_eq!(skipped, ["b", "c"]);
    }

    #[test]
    fn a_panic_is_a_failure_not_a_crash() {
        let report = run(vec![Task {
            name: "a".into(),
            after: vec![],
            work: Box::pin(async { panic!("boom") }),
        }]);
        assert_eq!(report.failed.len(), 1);
    }

    #[test]
    fn the_first_interrupt_starts_nothing_new() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let (tell, stop) = watch::channel(Urgency::None);
        let tasks = vec![
            Task {
                name: "a".into(),
                after: vec![],
                work: Box::pin(async move {
                    tell.send(Urgency::Drain).unwrap();
                    tokio::task::yield_now().await;
                    done()
                }),
            },
            Task {
                name: "b".into(),
                after: vec!["a".into()],
                work: Box::pin(async { done() }),
            },
        ];
        let report = runtime.block_on(walk(tasks, &Events::default(), stop));
        assert!(report.interrupted);
        assert_eq!(report.finished.len(), 1);
        assert_eq!(report.skipped.len(), 1);
    }

    proptest! {
        #[test]
        fn every_task_runs_once_after_all_it_waits_for(edges in proptest::collection::vec(proptest::collection::vec(any::<bool>(), 12), 12)) {
            let log: Arc<Mutex<Vec<usize>>> = Arc::default();
            let tasks = (0..12).map(|i| {
                let log = Arc::clone(&log);
                Task {
                    name: i.to_string(),
                    after: (0..i).filter(|j| edges[i][*j]).map(|j| j.to_string()).collect(),
                    work: Box::pin(async move { log.lock().unwrap().push(i); done() }),
                }
            }).collect();
            let report = run(tasks);
            prop_assert!(report.is_complete());
            let order = log.lock().unwrap().clone();
            prop_assert_eq!(order.len(), 12);
            for (place, i) in order.iter().enumerate() {
                for j in (0..*i).filter(|j| edges[*i][*j]) {
                    prop_assert!(order[..place].contains(&j));
                }
            }
        }
    }
}
