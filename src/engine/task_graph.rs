//! The tasks of a walk by what they wait for: which may start, and what a failure takes with it.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashMap};

use super::task::{Task, TaskWork};

/// The tasks that have not started, by what they wait for.
pub(super) struct TaskGraph {
    names: Vec<String>,
    works: Vec<Option<TaskWork>>,
    bills: Vec<bool>,
    cut_offs: Vec<&'static str>,
    /// How many unfinished tasks each waits for.
    pending: Vec<usize>,
    dependants: Vec<Vec<usize>>,
    /// Seconds from a task's start to the end of the longest way behind it.
    remaining: Vec<u64>,
    /// Waiting for nothing: the longest way first, then in the order of the list.
    ready: BinaryHeap<(u64, Reverse<usize>)>,
}

impl TaskGraph {
    pub(super) fn new(tasks: Vec<Task>) -> Self {
        let index: HashMap<String, usize> = tasks
            .iter()
            .enumerate()
            .map(|(at, task)| (task.name.clone(), at))
            .collect();
        let count = tasks.len();
        let mut graph = Self {
            names: Vec::with_capacity(count),
            works: Vec::with_capacity(count),
            bills: Vec::with_capacity(count),
            cut_offs: Vec::with_capacity(count),
            pending: vec![0; count],
            dependants: vec![Vec::new(); count],
            remaining: Vec::with_capacity(count),
            ready: BinaryHeap::new(),
        };
        for (at, task) in tasks.into_iter().enumerate() {
            let after: BTreeSet<usize> = task
                .after
                .iter()
                .filter_map(|name| index.get(name).copied())
                .collect();
            graph.pending[at] = after.len();
            for before in after {
                graph.dependants[before].push(at);
            }
            graph.names.push(task.name);
            graph.works.push(Some(task.work));
            graph.bills.push(task.bills);
            graph.cut_offs.push(task.cut_off);
            graph.remaining.push(task.seconds);
        }
        graph.weigh();
        for at in 0..count {
            if graph.pending[at] == 0 {
                graph.ready.push((graph.remaining[at], Reverse(at)));
            }
        }
        graph
    }

    /// Adds to each task's own time the longest way behind it, from the ends backward.
    fn weigh(&mut self) {
        let mut order = Vec::with_capacity(self.names.len());
        let mut pending = self.pending.clone();
        let mut free: Vec<usize> = (0..pending.len()).filter(|at| pending[*at] == 0).collect();
        while let Some(at) = free.pop() {
            order.push(at);
            for next in &self.dependants[at] {
                pending[*next] -= 1;
                if pending[*next] == 0 {
                    free.push(*next);
                }
            }
        }
        for at in order.into_iter().rev() {
            let behind = self.dependants[at].iter().map(|next| self.remaining[*next]);
            self.remaining[at] += behind.max().unwrap_or(0);
        }
    }

    /// What it means when nobody waits for the end of a task any more.
    pub(super) fn cut_off(&self, at: usize) -> &'static str {
        self.cut_offs[at]
    }

    pub(super) fn name(&self, at: usize) -> &str {
        &self.names[at]
    }

    /// The next task that can start.
    pub(super) fn next(&mut self) -> Option<(usize, TaskWork)> {
        while let Some((_, Reverse(at))) = self.ready.pop() {
            if let Some(work) = self.works[at].take() {
                return Some((at, work));
            }
        }
        None
    }

    /// A task is done: what waited for it alone becomes ready.
    pub(super) fn done(&mut self, at: usize) {
        for next in std::mem::take(&mut self.dependants[at]) {
            self.pending[next] -= 1;
            if self.pending[next] == 0 {
                self.ready.push((self.remaining[next], Reverse(next)));
            }
        }
    }

    /// Removes what waits for a task, directly or not; each with the name of the task that it
    /// waited for.
    pub(super) fn cut(&mut self, at: usize) -> Vec<(String, String)> {
        let mut lost = Vec::new();
        let mut causes = vec![at];
        while let Some(cause) = causes.pop() {
            for next in std::mem::take(&mut self.dependants[cause]) {
                if self.works[next].take().is_some() {
                    lost.push((self.names[next].clone(), self.names[cause].clone()));
                    causes.push(next);
                }
            }
        }
        lost
    }

    /// Removes what would be billed by the hour, and what waits for it, because `cause` failed; each
    /// with the reason.
    pub(super) fn cut_bills(&mut self, cause: String) -> Vec<(String, String)> {
        let mut lost = Vec::new();
        for at in 0..self.names.len() {
            if !self.bills[at] || self.works[at].take().is_none() {
                continue;
            }
            let reason = format!("it is billed by the hour, and `{cause}` cannot succeed");
            lost.push((self.names[at].clone(), reason));
            let behind = self.cut(at).into_iter();
            lost.extend(behind.map(|(name, cause)| (name, format!("`{cause}` was not started"))));
        }
        lost
    }

    /// The names of what never started.
    pub(super) fn left(self) -> Vec<String> {
        self.names
            .into_iter()
            .zip(self.works)
            .filter_map(|(name, work)| work.map(|_| name))
            .collect()
    }
}
