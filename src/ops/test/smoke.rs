//! Runs a smoke scenario, judges it, stores its report.

use crate::engine::Urgency;
use crate::events::{EventKind, Recorder};
use crate::loadtest::SmokeScenario;

use crate::ops::error::{OpsError, TestError};
use crate::ops::lock::{Lock, LockOptions, LockPurpose};
use crate::ops::report::{ReportInput, compose, store};
use crate::ops::rig::Rig;
use crate::ops::run_dir::RunDir;
use crate::ops::scenario::run_scenario;
use crate::ops::session::Session;

use super::outcome::TestReport;

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
