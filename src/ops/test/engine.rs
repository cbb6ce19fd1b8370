//! What drives the load of a scenario, as `loadrig test` and the demo see it.
//!
//! Callers know this trait alone; `engines` chooses the implementation. A run lies between calls
//! as data, a [`LoadRun`], so that it can be found again from another machine, and engines keep no
//! state of their own. What differs between engines stays behind the trait: whether a run ends with
//! the command that started it (smoke) or goes on by itself (storm), whether its hosts are reached
//! as programs over SSH or by an HTTP API, whether each host works for itself or one of them
//! coordinates the others, and where its figures come from.

use std::time::Duration;

use futures::future::BoxFuture;
use tokio::sync::watch;

use crate::engine::Urgency;
use crate::events::Events;
use crate::loadtest::{LoadRun, ScenarioResult};
use crate::ops::error::OpsError;
use crate::ops::rig::{HostAccess, Rig};
use crate::plan::Inventory;
use crate::spec::Spec;

/// A rig that is connected, to run load on.
#[derive(Clone, Copy)]
pub(in crate::ops) struct TestSite<'a> {
    pub(in crate::ops) rig: &'a Rig,
    pub(in crate::ops) inventory: &'a Inventory,
    pub(in crate::ops) connected: &'a HostAccess,
    pub(in crate::ops) events: &'a Events,
}

/// Whether the command that starts a run stays until it is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunWatch {
    /// It follows the run to its end.
    Follow,
    /// It leaves the run to itself.
    Detach,
}

/// Whether what a scenario does to the rig is still begun while its run is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ops) enum RigChanges {
    /// Each at its time.
    Begin,
    /// The run was told to stop: none.
    Leave,
}

/// How long a run lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ops) enum RunLifetime {
    /// It ends with the command that started it, which holds the environment's lock.
    WithCommand,
    /// It goes on by itself; the lock is left to it.
    Detached {
        /// By then it is over, counted from before it is started.
        at_most: Duration,
    },
}

/// What a run that goes on is told.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum RunControl {
    /// Users arrive so many times as fast as planned; zero holds them.
    RateFactor(f64),
    /// It ends now.
    Stop,
}

/// A run that goes on, or whose result has not been read.
pub(super) struct FoundRun {
    pub(super) run: LoadRun,
    pub(super) is_over: bool,
}

/// Why a run was not started.
pub(in crate::ops) struct StartFailure {
    pub(in crate::ops) error: OpsError,
    /// Whether some host could not be stopped again: the rig's lock then stays with the run.
    pub(in crate::ops) is_running: bool,
}

impl From<OpsError> for StartFailure {
    fn from(error: OpsError) -> Self {
        Self {
            error,
            is_running: false,
        }
    }
}

/// Drives the load of one scenario.
///
/// The calls come in this order: [`check`](Self::check), [`prepare`](Self::prepare),
/// [`start`](Self::start), [`follow`](Self::follow). Whoever comes back to a run calls
/// [`follow`](Self::follow), or [`control`](Self::control) before it, on an engine that `engines`
/// made of the run it found.
pub(in crate::ops) trait LoadEngine: Send + Sync {
    /// Name of the scenario.
    fn scenario(&self) -> &str;

    /// Refuses, before the rig is looked at, what cannot be run on it.
    ///
    /// # Errors
    /// What cannot be done, and what can be done instead.
    fn check(&self, spec: &Spec, watch: RunWatch) -> Result<(), OpsError>;

    /// How long a run of it lives on a rig.
    fn lifetime(&self, spec: &Spec) -> RunLifetime;

    /// Gets a rig ready: what a run needs lies on its hosts afterwards. Needs the rig's lock. May be
    /// dropped, and called again.
    fn prepare<'a>(&'a self, site: TestSite<'a>) -> BoxFuture<'a, Result<(), OpsError>>;

    /// Starts a run on a rig that is prepared. A detached run goes on from here by itself.
    ///
    /// `run` is the name of the run of `loadrig` that starts it.
    fn start<'a>(
        &'a self,
        site: TestSite<'a>,
        run: &'a str,
    ) -> BoxFuture<'a, Result<LoadRun, StartFailure>>;

    /// Follows a run to its end: emits its progress, collects what its hosts measured, and holds it
    /// against the thresholds. None: the caller was interrupted before; a detached run then goes on.
    ///
    /// `changes` says whether events of the scenario are still begun.
    ///
    /// An interruption ends this call no sooner than what it has begun on the rig is ended or undone:
    /// a node that it took away is back. So callers must not drop it instead.
    fn follow<'a>(
        &'a self,
        site: TestSite<'a>,
        run: &'a LoadRun,
        changes: RigChanges,
        stop: watch::Receiver<Urgency>,
    ) -> BoxFuture<'a, Result<Option<ScenarioResult>, OpsError>>;
}

/// An engine whose runs go on by themselves, and can be found again.
pub(super) trait DetachedEngine: LoadEngine {
    /// Tells a run something.
    ///
    /// # Errors
    /// When it is over, the engine cannot do that, or a host is not told.
    fn control<'a>(
        &'a self,
        site: TestSite<'a>,
        run: &'a FoundRun,
        control: RunControl,
    ) -> BoxFuture<'a, Result<(), OpsError>>;
}

/// Carries something out unless it is interrupted before, which ends it at once. None: it was.
pub(super) async fn until_stopped<T>(
    work: impl Future<Output = T>,
    mut stop: watch::Receiver<Urgency>,
) -> Option<T> {
    tokio::select! {
        done = work => Some(done),
        _ = stop.wait_for(|urgency| *urgency > Urgency::None) => None,
    }
}
