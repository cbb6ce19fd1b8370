//! Runs load on a rig, comes back to it, steers and ends it: whichever engine drives it.
//!
//! A run that ends with the command holds the environment's lock as long. One that goes on by itself
//! is left the lock, until whoever reads its result returns it, or its latest end.

use std::time::Duration;

use tokio::sync::watch;

use crate::engine::Urgency;
use crate::events::{EventKind, Recorder};
use crate::loadtest::{LoadRun, Scenario, ScenarioResult, StormOverrides};
use crate::ops::error::{OpsError, TestError};
use crate::ops::lock::{self, Lock, LockOptions, LockPurpose};
use crate::ops::report::{ReportInput, compose, store};
use crate::ops::rig::Rig;
use crate::ops::run_dir::RunDir;
use crate::ops::session::Session;
use crate::plan::Inventory;
use crate::spec::Spec;

use super::engine::{
    LoadEngine, RigChanges, RunControl, RunLifetime, RunWatch, StartFailure, TestSite,
    until_stopped,
};
use super::engines::{engine_of, find_run};
use super::outcome::TestReport;

/// From the latest end of a run until its lock ends by itself: its hosts write their results.
const LOCK_GRACE: Duration = Duration::from_mins(2);

/// A scenario that can be run on an environment, with its engine.
pub struct PlannedTest {
    engine: Box<dyn LoadEngine>,
    watch: RunWatch,
}

/// What became of a run.
#[derive(Debug)]
pub enum TestEnd {
    /// It was followed to its end.
    Report(Box<TestReport>),
    /// It goes on.
    Detached(Box<LoadRun>),
}

impl PlannedTest {
    /// A scenario for an environment, some of which is changed.
    ///
    /// # Errors
    /// When it cannot be changed or left to itself as asked, or what it does to hosts cannot take
    /// place on the environment.
    pub fn new(
        spec: &Spec,
        scenario: Scenario,
        changes: &StormOverrides,
        watch: RunWatch,
    ) -> Result<Self, OpsError> {
        let engine = engine_of(scenario, changes)?;
        engine.check(spec, watch)?;
        Ok(Self { engine, watch })
    }

    /// Runs it within this command on a rig whose lock the caller holds. None: interrupted.
    ///
    /// # Errors
    /// When the rig cannot be prepared, or no agent comes to a result.
    pub(in crate::ops) async fn run_here(
        &self,
        site: TestSite<'_>,
        run: &str,
        stop: watch::Receiver<Urgency>,
    ) -> Result<Option<ScenarioResult>, OpsError> {
        let engine = &*self.engine;
        let starting = async {
            engine.prepare(site).await?;
            let started = engine.start(site, run).await;
            started.map_err(|failure| failure.error)
        };
        let Some(started) = until_stopped(starting, stop.clone()).await else {
            return Ok(None);
        };
        engine
            .follow(site, &started?, RigChanges::Begin, stop)
            .await
    }
}

/// Runs a scenario, and follows it to its end unless it is to be left to itself.
///
/// # Errors
/// When the rig does not exist or is locked, the run cannot be started, or no agent comes to a
/// result.
pub async fn run_test(
    rig: &Rig,
    test: &PlannedTest,
    run: &RunDir,
    lock: &LockOptions,
    session: &Session<'_>,
    recorder: &Recorder,
) -> Result<TestEnd, OpsError> {
    let engine = &*test.engine;
    run_started(
        rig,
        &run.name,
        session,
        &format!("scenario {}", engine.scenario()),
    );
    let inventory = rig.read().await?.inventory;
    let connected = rig.connect(&inventory).await?;
    let site = TestSite {
        rig,
        inventory: &inventory,
        connected: &connected,
        events: session.events,
    };
    let purpose = LockPurpose {
        environment: &rig.spec.name,
        operation: engine.scenario(),
        run: &run.name,
    };
    let lock = Lock::take(&rig.cloud, purpose, lock, session).await?;
    let stop = lock.stop(&session.stop);
    match engine.lifetime(&rig.spec) {
        RunLifetime::WithCommand => {
            let result = test.run_here(site, &run.name, stop).await;
            let result = result.and_then(|result| result.ok_or_else(|| interrupted(rig)));
            let result = lock.finish(result).await;
            session.events.emit(EventKind::RunFinished {
                ok: result.as_ref().is_ok_and(|result| result.passed),
            });
            let report = report(rig, &inventory, run, recorder, result?)?;
            Ok(TestEnd::Report(Box::new(report)))
        }
        RunLifetime::Detached { at_most } => {
            let prepared = until_stopped(engine.prepare(site), stop).await;
            if let Err(error) = prepared.unwrap_or_else(|| Err(interrupted(rig))) {
                return lock.finish(Err(error)).await;
            }
            // Before the start: whatever becomes of this process, nobody changes the rig under the
            // load.
            lock.leave(at_most + LOCK_GRACE).await?;
            let started = match engine.start(site, &run.name).await {
                Ok(started) => started,
                Err(StartFailure { error, is_running }) => {
                    if !is_running {
                        lock::take_back(&rig.cloud, &rig.spec.name, &run.name).await?;
                    }
                    return Err(error);
                }
            };
            match test.watch {
                RunWatch::Detach => {
                    session.events.emit(EventKind::RunFinished { ok: true });
                    Ok(TestEnd::Detached(Box::new(started)))
                }
                RunWatch::Follow => {
                    let changes = RigChanges::Begin;
                    let report =
                        follow_detached(engine, site, &started, changes, session, recorder).await?;
                    Ok(TestEnd::Report(Box::new(report)))
                }
            }
        }
    }
}

/// Comes back to the run on a rig's hosts, from whatever machine, and follows it to its end. One
/// that is over gives its result at once.
///
/// # Errors
/// When there is none, or no agent comes to a result.
pub async fn attach_test(
    rig: &Rig,
    session: &Session<'_>,
    recorder: &Recorder,
) -> Result<TestReport, OpsError> {
    come_back(rig, None, session, recorder).await
}

/// Ends the run on a rig's hosts unless it is over, and reads what had come of it by then.
///
/// # Errors
/// When there is none, or no agent comes to a result.
pub async fn stop_test(
    rig: &Rig,
    session: &Session<'_>,
    recorder: &Recorder,
) -> Result<TestReport, OpsError> {
    come_back(rig, Some(RunControl::Stop), session, recorder).await
}

/// Makes the users of the run on a rig's hosts arrive so many times as fast as planned.
///
/// # Errors
/// When there is none, it is over, or its engine cannot do that.
pub async fn set_rate_factor(
    rig: &Rig,
    factor: f64,
    session: &Session<'_>,
) -> Result<LoadRun, OpsError> {
    let inventory = rig.read().await?.inventory;
    let connected = rig.connect(&inventory).await?;
    let site = TestSite {
        rig,
        inventory: &inventory,
        connected: &connected,
        events: session.events,
    };
    let (engine, found) = find_run(site).await?;
    let control = RunControl::RateFactor(factor);
    engine.control(site, &found, control).await?;
    Ok(found.run)
}

async fn come_back(
    rig: &Rig,
    control: Option<RunControl>,
    session: &Session<'_>,
    recorder: &Recorder,
) -> Result<TestReport, OpsError> {
    let inventory = rig.read().await?.inventory;
    let connected = rig.connect(&inventory).await?;
    let site = TestSite {
        rig,
        inventory: &inventory,
        connected: &connected,
        events: session.events,
    };
    let (engine, found) = find_run(site).await?;
    let name = &found.run.run;
    run_started(rig, name, session, &format!("storm {name}"));
    let mut changes = RigChanges::Begin;
    if let Some(control) = control {
        // One that is over has a result, and its lock to return.
        if !found.is_over {
            engine.control(site, &found, control).await?;
        }
        changes = RigChanges::Leave;
    }
    follow_detached(&*engine, site, &found.run, changes, session, recorder).await
}

/// Follows a run that goes on by itself until its result is read and stored, and returns the lock
/// that was left to it. An interruption ends the following alone.
async fn follow_detached(
    engine: &(impl LoadEngine + ?Sized),
    site: TestSite<'_>,
    started: &LoadRun,
    changes: RigChanges,
    session: &Session<'_>,
    recorder: &Recorder,
) -> Result<TestReport, OpsError> {
    let environment = &site.rig.spec.name;
    let followed = engine
        .follow(site, started, changes, session.stop.clone())
        .await?;
    let Some(result) = followed else {
        return Err(TestError::RunGoesOn {
            environment: environment.clone(),
        }
        .into());
    };
    lock::take_back(&site.rig.cloud, environment, &started.run).await?;
    session
        .events
        .emit(EventKind::RunFinished { ok: result.passed });
    // Whoever reads it, and however often: it is one result, of the run that was started.
    let run = RunDir::of_started(environment, &started.run)?;
    report(site.rig, site.inventory, &run, recorder, result)
}

fn run_started(rig: &Rig, run: &str, session: &Session<'_>, operation: &str) {
    session.events.emit(EventKind::RunStarted {
        environment: rig.spec.name.clone(),
        operation: operation.to_owned(),
        run: run.to_owned(),
    });
}

fn interrupted(rig: &Rig) -> OpsError {
    let environment = rig.spec.name.clone();
    TestError::Interrupted { environment }.into()
}

fn report(
    rig: &Rig,
    inventory: &Inventory,
    run: &RunDir,
    recorder: &Recorder,
    result: ScenarioResult,
) -> Result<TestReport, OpsError> {
    let passed = result.passed;
    let report = compose(
        rig,
        ReportInput {
            run,
            events: recorder.events(),
            inventory,
            scenarios: vec![result],
            checks: Vec::new(),
            proof: Vec::new(),
        },
    )?;
    Ok(TestReport {
        stored: store(&report, run),
        report,
        passed,
    })
}
