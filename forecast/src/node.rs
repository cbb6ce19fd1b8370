//! One application node: its queue of passwords.

use crate::model::{Lock, Nodes};

/// A request, by the index of its client and which attempt of that client it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Attempt {
    pub(crate) client: usize,
    pub(crate) number: u32,
}

impl Attempt {
    /// The next attempt of the same client.
    pub(crate) fn next(self) -> Self {
        Self {
            number: self.number + 1,
            ..self
        }
    }
}

/// What a node works on. Whether clients are still there makes no difference to it.
///
/// All passwords cost the same and all share alike, so the first to come is the first to be done
/// with either lock. `done` counts the work that each request in the node has got since the start.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// What is in the node, with the `done` at which it is finished.
    queue: std::collections::VecDeque<(Attempt, f64)>,
    /// The sum over the queue of these.
    due: f64,
    done: f64,
    at: f64,
    lock: Lock,
    hash: f64,
}

impl Node {
    pub(crate) fn new(nodes: &Nodes) -> Self {
        Self {
            queue: std::collections::VecDeque::new(),
            due: 0.0,
            done: 0.0,
            at: 0.0,
            lock: nodes.lock,
            hash: nodes.hash,
        }
    }

    /// Seconds of work that the front of the queue gets in a second.
    fn speed(&self) -> f64 {
        match self.lock {
            Lock::OneAtATime => 1.0,
            Lock::Shared { processors } => (processors / self.queue.len().max(1) as f64).min(1.0),
        }
    }

    /// Seconds that a request which comes now waits at the least: what came before is done first.
    pub(crate) fn backlog(&self, now: f64) -> f64 {
        let done = self.done + (now - self.at) * self.speed();
        match self.lock {
            Lock::OneAtATime => self.queue.back().map_or(0.0, |(_, at)| at - done),
            Lock::Shared { processors } => {
                ((self.due - done * self.queue.len() as f64) / processors).max(0.0)
            }
        }
    }

    /// Requests that are in the node.
    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }

    fn advance(&mut self, now: f64) {
        if !self.queue.is_empty() {
            self.done += (now - self.at) * self.speed();
        }
        self.at = now;
    }

    pub(crate) fn add(&mut self, attempt: Attempt, now: f64) {
        self.advance(now);
        let before = match self.lock {
            Lock::OneAtATime => self.queue.back().map_or(self.done, |(_, at)| *at),
            Lock::Shared { .. } => self.done,
        };
        self.queue.push_back((attempt, before + self.hash));
        self.due += before + self.hash;
    }

    /// When the next password is checked, if nothing comes before.
    pub(crate) fn next(&self) -> Option<f64> {
        let (_, at) = self.queue.front()?;
        Some(self.at + (at - self.done).max(0.0) / self.speed())
    }

    /// Takes the password out that is checked now.
    pub(crate) fn finish(&mut self, now: f64) -> Option<Attempt> {
        self.advance(now);
        let (attempt, at) = self.queue.pop_front()?;
        self.due -= at;
        // What rounding left.
        self.done = self.done.max(at);
        Some(attempt)
    }
}
