//! Walks a graph of tasks: each starts when all that it waits for are done.
//!
//! A failure stops what depends on it and nothing else: what is independent still comes about,
//! so that one full zone does not cost the hour that a database took, and the next run starts
//! from there. What nobody can fix by repeating it, a denied permission for example, also stops what
//! would be billed by the hour from being started: it could not be used. The first interrupt stops
//! starting, since a call that is in flight can create something even when nobody waits for its
//! answer; the second stops waiting, and the report then names what may exist.
//!
//! Every task that is ready starts at once; there is no limit on how many run. What limits is
//! the rate at which AWS takes calls, and the adapter queues for that, first come, first served.
//! Therefore the order of starting matters: the task with the longest way behind it goes first,
//! so that the queue delays the critical path least.
//!
//! The walk knows nothing of clouds and hosts. A panic in a task is reported as its failure, because
//! resources that were created beside it must still be named to the user.

use std::collections::BTreeMap;

use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::diagnose::{Diagnose, ExitCode};
use crate::events::{EventKind, Events, GraphStep, Outcome};

use super::task::{Finished, Task, TaskError};
use super::task_graph::TaskGraph;

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
    /// Tasks that succeeded.
    pub finished: Vec<(String, Finished)>,
    /// Tasks that failed.
    pub failed: Vec<(String, TaskError)>,
    /// Tasks that were not started, or not waited for.
    pub skipped: Vec<(String, String)>,
    /// Whether the user interrupted it.
    pub interrupted: bool,
    /// What users are no longer served by, because it did not reach its end.
    pub left_out: Vec<String>,
}

impl WalkReport {
    /// Whether everything was done.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.failed.is_empty() && self.skipped.is_empty() && !self.interrupted
    }

    /// A failed task that no repetition fixes.
    fn final_failure(&self) -> Option<String> {
        let mut failed = self.failed.iter();
        let (step, _) = failed.find(|(_, error)| error.is_final())?;
        Some(step.clone())
    }

    /// Whether any task changed something.
    #[must_use]
    pub fn changed(&self) -> bool {
        self.finished
            .iter()
            .any(|(_, finished)| finished.outcome != Outcome::Unchanged)
    }
}

/// Runs the tasks. Of those that are ready, the one with the longest way to the end behind
/// it starts first: where calls queue up for a rate limit, the critical path goes ahead.
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
    let mut graph = TaskGraph::new(tasks);
    let mut running: JoinSet<(usize, Result<Finished, TaskError>)> = JoinSet::new();
    let mut in_flight: BTreeMap<tokio::task::Id, usize> = BTreeMap::new();
    let mut report = WalkReport::default();
    loop {
        let urgency = *stop.borrow_and_update();
        if urgency >= Urgency::Drain && !report.interrupted {
            report.interrupted = true;
            let names: Vec<&str> = in_flight.values().map(|at| graph.name(*at)).collect();
            if !names.is_empty() {
                events.note(format!("finishing {}", names.join(", ")));
            }
        }
        if urgency == Urgency::Now {
            running.abort_all();
            for at in in_flight.into_values() {
                let reason = graph.cut_off(at).to_owned();
                skip(&mut report, events, graph.name(at).to_owned(), reason);
            }
            break;
        }
        if urgency == Urgency::None {
            if let Some(cause) = report.final_failure() {
                for (lost, cause) in graph.cut_bills(cause) {
                    skip(&mut report, events, lost, cause);
                }
            }
            while let Some((at, work)) = graph.next() {
                events.emit(EventKind::StepStarted {
                    step: graph.name(at).to_owned(),
                });
                let handle = running.spawn(async move { (at, work.await) });
                in_flight.insert(handle.id(), at);
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
        let (at, result) = match joined {
            Ok((id, outcome)) => {
                in_flight.remove(&id);
                outcome
            }
            Err(error) => {
                let Some(at) = in_flight.remove(&error.id()) else {
                    continue;
                };
                (at, Err(Box::new(TaskPanic(error.to_string())) as TaskError))
            }
        };
        settle(&mut graph, &mut report, events, at, result);
    }
    for name in graph.left() {
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
struct TaskPanic(String);

impl Diagnose for TaskPanic {}

fn settle(
    graph: &mut TaskGraph,
    report: &mut WalkReport,
    events: &Events,
    at: usize,
    result: Result<Finished, TaskError>,
) {
    let step = graph.name(at).to_owned();
    match result {
        Ok(finished) => {
            graph.done(at);
            events.emit(EventKind::StepFinished {
                step: step.clone(),
                outcome: finished.outcome,
                detail: finished.detail.clone(),
            });
            report.finished.push((step, finished));
        }
        // It had not begun, and now will not. It may hear of the interrupt before the walk does.
        Err(error) if error.exit_code() == ExitCode::Interrupted => {
            report.interrupted = true;
            for (lost, _) in graph.cut(at) {
                skip(report, events, lost, "interrupted".to_owned());
            }
            skip(report, events, step, "interrupted".to_owned());
        }
        Err(error) => {
            events.emit(EventKind::StepFailed {
                step: step.clone(),
                error: error.to_string(),
            });
            // Everything that waits for it, directly or not, will not happen.
            for (lost, cause) in graph.cut(at) {
                skip(report, events, lost, format!("`{cause}` failed"));
            }
            report.failed.push((step, error));
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
    use crate::engine::task::{TaskWork, boxed};

    fn done() -> Result<Finished, TaskError> {
        Ok(Finished {
            outcome: Outcome::Created,
            detail: None,
        })
    }

    fn run(tasks: Vec<Task>) -> WalkReport {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        let (_keep, stop) = watch::channel(Urgency::None);
        runtime.block_on(walk(tasks, &Events::default(), stop))
    }

    #[test]
    fn a_failure_stops_its_dependents_only() {
        let task = |name: &str, after: &[&str], ok: bool| Task {
            name: name.into(),
            after: after.iter().map(|a| (*a).to_owned()).collect(),
            seconds: 1,
            bills: false,
            cut_off: "it may exist",
            work: Box::pin(async move {
                if ok {
                    done()
                } else {
                    Err(Box::new(TaskPanic("no".into())) as TaskError)
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

    /// A failure that no repetition fixes.
    #[derive(Debug, thiserror::Error)]
    #[error("denied")]
    struct Denied;

    impl Diagnose for Denied {
        fn is_final(&self) -> bool {
            true
        }
    }

    #[test]
    fn nothing_that_bills_is_started_after_a_final_failure() {
        for (is_final, expected) in [(true, &["d"][..]), (false, &["b", "c", "d"])] {
            let task = |name: &str, after: &[&str], bills: bool| Task {
                name: name.into(),
                after: after.iter().map(|a| (*a).to_owned()).collect(),
                seconds: 1,
                bills,
                cut_off: "it may exist",
                work: match name {
                    "a" if is_final => Box::pin(async { Err(boxed(Denied)) }),
                    "a" => Box::pin(async { Err(boxed(TaskPanic("no".into()))) }),
                    // It ends after `a`, and what waits for it is ready only then.
                    "d" => Box::pin(async {
                        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                        done()
                    }),
                    _ => Box::pin(async { done() }),
                },
            };
            let report = run(vec![
                task("a", &[], false),
                task("b", &["d"], true),
                task("c", &["b"], false),
                task("d", &[], false),
            ]);
            let mut finished: Vec<&str> = report.finished.iter().map(|(n, _)| n.as_str()).collect();
            finished.sort_unstable();
            assert_eq!(finished, expected);
            let billed = report.skipped.iter().find(|(name, _)| name == "b");
            let reason = billed.map(|(_, reason)| reason.as_str());
            let wanted = "it is billed by the hour, and `a` cannot succeed";
            assert_eq!(reason, is_final.then_some(wanted));
        }
    }

    #[test]
    fn a_panic_is_a_failure_not_a_crash() {
        let report = run(vec![Task {
            name: "a".into(),
            after: vec![],
            seconds: 1,
            bills: false,
            cut_off: "it may exist",
            work: Box::pin(async { panic!("boom") }),
        }]);
        assert_eq!(report.failed.len(), 1);
    }

    #[test]
    fn the_longest_path_starts_first() {
        let log: Arc<Mutex<Vec<String>>> = Arc::default();
        let task = |name: &str, after: &[&str], seconds: u64| {
            let (log, label) = (Arc::clone(&log), name.to_owned());
            Task {
                name: name.into(),
                after: after.iter().map(|a| (*a).to_owned()).collect(),
                seconds,
                bills: false,
                cut_off: "it may exist",
                work: Box::pin(async move {
                    log.lock().unwrap().push(label);
                    done()
                }),
            }
        };
        let report = run(vec![
            task("short", &[], 5),
            task("subnet", &[], 1),
            task("search", &["subnet"], 1000),
            task("middle", &[], 20),
        ]);
        assert!(report.is_complete());
        assert_eq!(
            *log.lock().unwrap(),
            ["subnet", "middle", "short", "search"]
        );
    }

    #[test]
    fn the_first_interrupt_starts_nothing_new() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        let (tell, stop) = watch::channel(Urgency::None);
        let tasks = vec![
            Task {
                name: "a".into(),
                after: vec![],
                seconds: 1,
                bills: false,
                cut_off: "it may exist",
                work: Box::pin(async move {
                    tell.send(Urgency::Drain).unwrap();
                    tokio::task::yield_now().await;
                    done()
                }),
            },
            Task {
                name: "b".into(),
                after: vec!["a".into()],
                seconds: 1,
                bills: false,
                cut_off: "it may exist",
                work: Box::pin(async { done() }),
            },
        ];
        let report = runtime.block_on(walk(tasks, &Events::default(), stop));
        assert!(report.interrupted);
        assert_eq!(report.finished.len(), 1);
        assert_eq!(report.skipped.len(), 1);
    }

    #[test]
    fn what_is_cut_off_says_what_that_means() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        let (tell, stop) = watch::channel(Urgency::None);
        let task = |name: &str, cut_off, work: TaskWork| Task {
            name: name.into(),
            after: vec![],
            seconds: 1,
            bills: false,
            cut_off,
            work,
        };
        let tasks = vec![
            task(
                "host/app-1/configure",
                "the host goes on",
                Box::pin(std::future::pending()),
            ),
            task("vpc", "it may exist", Box::pin(std::future::pending())),
            task(
                "user",
                "nothing",
                Box::pin(async move {
                    tell.send(Urgency::Now).unwrap();
                    std::future::pending().await
                }),
            ),
        ];
        let report = runtime.block_on(walk(tasks, &Events::default(), stop));
        let skipped = report.skipped.iter();
        let said: Vec<(&str, &str)> = skipped
            .map(|(name, why)| (name.as_str(), why.as_str()))
            .collect();
        assert!(
            said.contains(&("host/app-1/configure", "the host goes on")),
            "{said:?}"
        );
        assert!(said.contains(&("vpc", "it may exist")), "{said:?}");
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
                    seconds: 1,
                    bills: false,
            cut_off: "it may exist",
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
