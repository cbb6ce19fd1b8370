//! What happens, as data: one stream of events that progress, logs and reports listen to.
//!
//! Knows nothing of who emits or who listens.

mod moment;

use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use moment::{LiveVerdict, StormMoment, TimeLeft};

/// Something that happened.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Event {
    /// When.
    pub at: Timestamp,
    /// What.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// What a step did in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It was made.
    Created,
    /// It was changed in place.
    Updated,
    /// It was removed.
    Deleted,
    /// It already was as planned.
    Unchanged,
    /// A host step was applied.
    Applied,
}

/// What a run reports, one variant for each kind of line in `events.jsonl`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum EventKind {
    /// A command began to act on an environment.
    RunStarted {
        /// Name of the environment.
        environment: String,
        /// `up`, `down`, `test` …
        operation: String,
        /// The run's identity: its directory is named so.
        run: String,
    },
    /// A phase of the run began: `provision`, `verify`, `smoke`, `report`, `down`, `proof`.
    PhaseStarted {
        /// Its name.
        phase: String,
    },
    /// The phase ended.
    PhaseFinished {
        /// Its name.
        phase: String,
    },
    /// The graph that is about to be walked, for progress totals and critical paths.
    Graph {
        /// Every step with what it depends on.
        steps: Vec<GraphStep>,
    },
    /// A step began.
    StepStarted {
        /// `vpc`, `instance/app-1`, `host/app-1/configure` …
        step: String,
    },
    /// A step waits for something.
    StepWaiting {
        /// Name of the step, as in [`GraphStep::step`].
        step: String,
        /// What it waits for, in words.
        on: String,
    },
    /// A step, which may have waited, works on something.
    StepWorking {
        /// Name of the step, as in [`GraphStep::step`].
        step: String,
        /// What it does, in words.
        on: String,
    },
    /// A step ended well.
    StepFinished {
        /// Name of the step, as in [`GraphStep::step`].
        step: String,
        /// What was done.
        outcome: Outcome,
        /// The provider's id or another detail, when there is one.
        detail: Option<String>,
    },
    /// A step ended with an error; what depends on it is not started.
    StepFailed {
        /// Name of the step, as in [`GraphStep::step`].
        step: String,
        /// Why.
        error: String,
    },
    /// A step was not started since one that it depends on failed, or since the run was interrupted.
    StepSkipped {
        /// Name of the step, as in [`GraphStep::step`].
        step: String,
        /// Why.
        reason: String,
    },
    /// A check was made.
    Check {
        /// What was checked.
        name: String,
        /// Did it hold.
        pass: bool,
        /// What was seen.
        detail: String,
    },
    /// What all agents of a storm said of one second.
    StormSample(Box<StormMoment>),
    /// Something worth a line.
    Note {
        /// The text.
        message: String,
    },
    /// The run ended.
    RunFinished {
        /// Whether it did what was asked.
        ok: bool,
    },
}

/// A step and the steps that have to end before it starts.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct GraphStep {
    /// Its name.
    pub step: String,
    /// The steps that it waits for.
    pub after: Vec<String>,
}

/// Somebody who listens.
pub trait Listener: Send {
    /// Called for each event, in order. Must not block for long.
    fn event(&mut self, event: &Event);
}

/// The stream: cheap to clone, events reach every listener in one order.
#[derive(Clone, Default)]
pub struct Events {
    listeners: Arc<Mutex<Vec<Box<dyn Listener>>>>,
}

impl std::fmt::Debug for Events {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Events").finish_non_exhaustive()
    }
}

impl Events {
    /// A stream with these listeners.
    #[must_use]
    pub fn new(listeners: Vec<Box<dyn Listener>>) -> Self {
        Self {
            listeners: Arc::new(Mutex::new(listeners)),
        }
    }

    /// Tells every listener.
    pub fn emit(&self, kind: EventKind) {
        let event = Event {
            at: Timestamp::now(),
            kind,
        };
        // A listener that panicked must not silence the others.
        let mut listeners = match self.listeners.lock() {
            Ok(guard) => guard,
            Err(poisoned) => poisoned.into_inner(),
        };
        for listener in listeners.iter_mut() {
            listener.event(&event);
        }
    }

    /// A line worth showing.
    pub fn note(&self, message: impl Into<String>) {
        self.emit(EventKind::Note {
            message: message.into(),
        });
    }

    /// A step works.
    pub fn working(&self, step: &str, on: impl Into<String>) {
        self.emit(EventKind::StepWorking {
            step: step.to_owned(),
            on: on.into(),
        });
    }

    /// A step waits.
    pub fn waiting(&self, step: &str, on: impl Into<String>) {
        self.emit(EventKind::StepWaiting {
            step: step.to_owned(),
            on: on.into(),
        });
    }
}

/// A listener that keeps everything, for reports and tests.
#[derive(Clone, Default, Debug)]
pub struct Recorder {
    events: Arc<Mutex<Vec<Event>>>,
}

impl Recorder {
    /// What was heard so far.
    #[must_use]
    pub fn events(&self) -> Vec<Event> {
        match self.events.lock() {
            Ok(guard) => guard.clone(),
            Err(poisoned) => poisoned.into_inner().clone(),
        }
    }
}

impl Listener for Recorder {
    fn event(&mut self, event: &Event) {
        match self.events.lock() {
            Ok(mut guard) => guard.push(event.clone()),
            Err(poisoned) => poisoned.into_inner().push(event.clone()),
        }
    }
}
