//! One task of a walk, and how it ends. Tasks know nothing of each other.

use std::future::Future;
use std::pin::Pin;

use crate::diagnose::Diagnose;
use crate::events::Outcome;

/// The result of a task that succeeded.
#[derive(Clone, Debug)]
pub struct Finished {
    /// What it changed.
    pub outcome: Outcome,
    /// For people: an id, for example.
    pub detail: Option<String>,
}

/// Why a task failed.
pub type TaskError = Box<dyn Diagnose + Send + Sync>;

/// A step's error as a task's.
pub(super) fn boxed<E: Diagnose + Send + Sync + 'static>(error: E) -> TaskError {
    Box::new(error)
}

pub(super) type TaskWork = Pin<Box<dyn Future<Output = Result<Finished, TaskError>> + Send>>;

/// One node of the walk.
pub struct Task {
    /// Its name, unique in the walk.
    pub name: String,
    /// The tasks that must have succeeded before. Names that are not in the walk count as done.
    pub after: Vec<String>,
    /// How long it usually takes, seconds: only the order among what is ready depends on it.
    pub seconds: u64,
    /// Whether it creates what is billed by the hour.
    pub bills: bool,
    /// What it means when nobody waits for its end any more, for people.
    pub cut_off: &'static str,
    /// Polled once all of `after` have succeeded.
    pub work: TaskWork,
}
