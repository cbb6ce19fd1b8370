//! Runs a scenario, judges it, stores its report.

mod storm;

use std::path::PathBuf;

use crate::engine::Urgency;
use crate::events::{EventKind, Recorder};
use crate::loadtest::SmokeScenario;
use crate::report::Report;

use super::lock::{Lock, LockOptions, LockPurpose};
use super::report::{ReportInput, compose, store};
use super::rig::Rig;
use super::run_dir::RunDir;
use super::scenario::run_scenario;
use super::session::Session;
use crate::ops::error::{OpsError, TestError};

pub use storm::{StormEnd, StormWatch, attach_storm, pace_storm, run_storm, stop_storm};

/// What a scenario came to.
#[derive(Debug)]
pub struct TestReport {
    /// What `report.json` and the page are written from.
    pub report: Report,
    /// Whether the thresholds were met.
    pub passed: bool,
    /// The stored page, or why it could not be stored: the result counts all the same.
    pub stored: Result<PathBuf, OpsError>,
}

/// Runs a smoke scenario on a rig that is up, under its lock.
///
/// # Errors
/// When the rig does not exist, is locked, or no agent came to a result.
pub async fn test(
    rig: &Rig,
    scenario: &SmokeScenario,
    run: &RunDir,
    lock: &LockOptions,
    session: &Session<'_>,
    recorder: &Recorder,
) -> Result<TestReport, OpsError> {
    let events = session.events;
    events.emit(EventKind::RunStarted {
        environment: rig.spec.name.clone(),
        operation: format!("scenario {}", scenario.name),
        run: run.name.clone(),
    });
    let inventory = rig.read().await?.inventory;
    let connected = rig.connect(&inventory).await?;
    let purpose = LockPurpose {
        environment: &rig.spec.name,
        operation: "test",
        run: &run.name,
    };
    let lock = Lock::take(&rig.cloud, purpose, lock, session).await?;
    let mut stop = lock.stop(&session.stop);
    let result = tokio::select! {
        result = run_scenario(rig, &inventory, &connected, scenario, &run.name, events) => result,
        _ = stop.wait_for(|urgency| *urgency > Urgency::None) => Err(TestError::Interrupted {
            environment: rig.spec.name.clone(),
        }
        .into()),
    };
    let result = lock.finish(result).await;
    events.emit(EventKind::RunFinished {
        ok: result.as_ref().is_ok_and(|result| result.passed),
    });
    let result = result?;
    let passed = result.passed;
    let report = compose(
        rig,
        ReportInput {
            run,
            events: recorder.events(),
            inventory: &inventory,
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
