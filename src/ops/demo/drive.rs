//! The demo on Linux, where the local cloud runs.

use tokio::sync::watch;

use crate::engine::Urgency;
use crate::events::{EventKind, Recorder};
use crate::loadtest::{Scenario, ScenarioResult, SmokeScenario, StormOverrides};
use crate::localcloud::{self, MachineCheck, Running, StartOptions};
use crate::ops::adapters::Adapters;
use crate::ops::confirm::Question;
use crate::ops::down::{leftovers, prove, remove_locked};
use crate::ops::lock::{Lock, LockOptions, LockPurpose};
use crate::ops::preflight::ACCEPT_ALL;
use crate::ops::report::{ReportInput, compose, proof_items, store};
use crate::ops::rig::Rig;
use crate::ops::run_dir::RunDir;
use crate::ops::session::Session;
use crate::ops::standin::check_program;
use crate::ops::test::{PlannedTest, RunWatch, TestSite};
use crate::ops::up::{UpOptions, UpReport, finish, provision};
use crate::ops::verify::RigCheck;
use crate::plan::{Inventory, Removal};
use crate::report::{ProofItem, Report};
use crate::spec::{CloudTarget, Spec};

use super::failure::failure_of;
use super::result::{DemoOptions, DemoReport};
use crate::ops::error::{DemoError, OpsError};

/// What the part inside the local cloud brings out.
struct Driven {
    report: Report,
    failure: Option<DemoError>,
}

/// Runs the demo. Must be called before any runtime is started: it enters the local cloud's
/// network, and then starts one there. `wire` makes adapters for the local cloud.
///
/// # Errors
/// When the local cloud cannot be started or stopped, or the rig cannot be removed. All other
/// failures are in the report, after the rig was removed.
pub fn demo<A: Adapters>(
    spec: Spec,
    options: &DemoOptions,
    run: &RunDir,
    session: &Session<'_>,
    recorder: &Recorder,
    wire: impl FnOnce(&Running) -> A,
) -> Result<DemoReport, OpsError> {
    let events = session.events;
    // The demo never leaves this machine, whatever a file of that name says.
    if spec.cloud != CloudTarget::Local {
        return Err(DemoError::NotLocal.into());
    }
    check_program(&spec)?;
    let scenario = Scenario::Smoke(Box::new(SmokeScenario::built_in()?));
    let test = PlannedTest::new(
        &spec,
        scenario,
        &StormOverrides::default(),
        RunWatch::Follow,
    )?;
    events.emit(EventKind::RunStarted {
        environment: spec.name.clone(),
        operation: "demo".to_owned(),
        run: run.name.clone(),
    });
    let say = |line: &str| events.note(line);
    let running = localcloud::start(
        &StartOptions {
            region: spec.region.clone(),
            ..StartOptions::default()
        },
        &say,
    )?;
    // Whoever started the local cloud beforehand may have more in it.
    let ours = !running.already;
    // Whatever fails inside, the cloud that was started here is stopped below.
    let adapters = wire(&running);
    let outcome = enter(&running, || {
        drive(spec, options, run, session, recorder, &test, &adapters)
    });
    let kept = options.keep
        && outcome
            .as_ref()
            .is_ok_and(|driven| driven.failure.is_none());
    let mut machine = Vec::new();
    if ours && !kept {
        machine = localcloud::stop(&say)?.checked;
    }
    let Driven {
        mut report,
        failure,
    } = outcome?;
    report.proof.extend(machine.iter().map(item));
    let left = report.proof.iter().filter(|item| !item.empty).count();
    events.emit(EventKind::RunFinished {
        ok: failure.is_none() && left == 0,
    });
    Ok(DemoReport {
        stored: store(&report, run),
        report,
        failure,
        left,
        kept,
    })
}

/// Runs something inside the local cloud's network, on a runtime that is started there: every
/// thread of it is in that network.
fn enter<F, T>(running: &Running, work: impl FnOnce() -> F) -> Result<T, OpsError>
where
    F: Future<Output = Result<T, OpsError>>,
{
    let _entered = localcloud::enter(running)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(DemoError::Runtime)?;
    runtime.block_on(work())
}

fn item(checked: &MachineCheck) -> ProofItem {
    ProofItem {
        what: format!("this machine: {}", checked.kind),
        empty: checked.found == 0,
        detail: match checked.found {
            0 => format!("none ({})", checked.place),
            found => format!("{found} ({})", checked.place),
        },
    }
}

async fn drive(
    spec: Spec,
    options: &DemoOptions,
    run: &RunDir,
    session: &Session<'_>,
    recorder: &Recorder,
    test: &PlannedTest,
    adapters: &dyn Adapters,
) -> Result<Driven, OpsError> {
    if *session.stop.borrow() > Urgency::None {
        return Err(DemoError::Interrupted.into());
    }
    let rig = Rig::open(spec, adapters).await?;
    let purpose = LockPurpose {
        environment: &rig.spec.name,
        operation: "demo",
        run: &run.name,
    };
    let lock_options = LockOptions {
        calls_end_with_process: adapters.is_on_this_machine(),
        ..LockOptions::default()
    };
    // One lock for the whole demo: between its parts nobody else is let in, and nothing has to
    // be waited for.
    let lock = Lock::take(&rig.cloud, purpose, &lock_options, session).await?;
    let done = drive_locked(&rig, options, run, session, test, &lock).await;
    let DemoOutcome {
        mut checks,
        scenarios,
        inventory,
        proof,
        failure,
    } = lock.finish(done).await?;
    if let Some(failure) = &failure {
        // A report of a run that was cut short must not read as a success.
        let first_line = failure.to_string();
        checks.push(RigCheck {
            name: "the run reached its end".to_owned(),
            pass: false,
            warning: false,
            detail: first_line.lines().next().unwrap_or_default().to_owned(),
            remedy: "run the demo again".to_owned(),
        });
    }
    let report = compose(
        &rig,
        ReportInput {
            run,
            events: recorder.events(),
            inventory: &inventory,
            scenarios,
            checks,
            proof,
        },
    )?;
    Ok(Driven { report, failure })
}

/// What was done under the lock.
struct DemoOutcome {
    checks: Vec<RigCheck>,
    scenarios: Vec<ScenarioResult>,
    inventory: Inventory,
    proof: Vec<ProofItem>,
    failure: Option<DemoError>,
}

async fn drive_locked(
    rig: &Rig,
    options: &DemoOptions,
    run: &RunDir,
    session: &Session<'_>,
    test: &PlannedTest,
    lock: &Lock,
) -> Result<DemoOutcome, OpsError> {
    let mut done = DemoOutcome {
        checks: Vec::new(),
        scenarios: Vec::new(),
        inventory: Inventory::default(),
        proof: Vec::new(),
        failure: None,
    };
    ask_about_earlier(rig, options, session).await?;
    match bring_up(rig, run, session, lock).await {
        Ok(up) => {
            done.inventory = up.inventory;
            done.checks = up.checks;
            match drive_scenario(rig, &done.inventory, run, session, test).await {
                Ok(result) => done.scenarios.push(result),
                Err(error) => done.failure = Some(failure_of(error)),
            }
        }
        // Nothing was made, and there is nothing to report.
        Err(error @ OpsError::Declined(_)) => return Err(error),
        Err(error) => {
            done.failure = Some(failure_of(error));
            // For the report: what there was when it failed.
            done.inventory = rig
                .read()
                .await
                .map(|found| found.inventory)
                .unwrap_or_default();
        }
    }
    if options.keep && done.failure.is_none() {
        return Ok(done);
    }
    // Interrupts are for the waits of `up`; what was created must go all the same.
    let (_never, calm) = watch::channel(Urgency::None);
    let calm = Session {
        stop: calm,
        ..session.clone()
    };
    let name = &rig.spec.name;
    remove_locked(&rig.cloud, name, Removal::default(), &calm, lock).await?;
    let mut looked = prove(&rig.cloud, name, session.events).await?;
    if leftovers(&looked) > 0 {
        // A call that an interrupt cut off may take effect after the first look.
        remove_locked(&rig.cloud, name, Removal::default(), &calm, lock).await?;
        looked = prove(&rig.cloud, name, session.events).await?;
    }
    done.proof.extend(proof_items(&looked));
    Ok(done)
}

/// Whoever left a rig up may want to keep it: the demo removes it only when that is agreed to.
async fn ask_about_earlier(
    rig: &Rig,
    options: &DemoOptions,
    session: &Session<'_>,
) -> Result<(), OpsError> {
    let resources = rig.read().await?.inventory.len();
    if resources > 0 && !options.keep {
        session.confirm.confirm(&Question::RemoveEarlier {
            environment: &rig.spec.name,
            resources,
        })?;
    }
    Ok(())
}

async fn bring_up(
    rig: &Rig,
    run: &RunDir,
    session: &Session<'_>,
    lock: &Lock,
) -> Result<UpReport, OpsError> {
    let options = UpOptions {
        // The local cloud has no quotas, and nobody pays for what it creates.
        accept_unchecked: vec![ACCEPT_ALL.to_owned()],
        ..UpOptions::default()
    };
    let provisioned = provision(rig, run, &options, session, lock).await?;
    unless_interrupted(session, finish(rig, session, provisioned)).await
}

async fn drive_scenario(
    rig: &Rig,
    inventory: &Inventory,
    run: &RunDir,
    session: &Session<'_>,
    test: &PlannedTest,
) -> Result<ScenarioResult, OpsError> {
    let connected = unless_interrupted(session, rig.connect(inventory)).await?;
    let site = TestSite {
        rig,
        inventory,
        connected: &connected,
        events: session.events,
    };
    let result = test.run_here(site, &run.name, session.stop.clone()).await?;
    result.ok_or_else(|| DemoError::Interrupted.into())
}

async fn unless_interrupted<T>(
    session: &Session<'_>,
    work: impl Future<Output = Result<T, OpsError>>,
) -> Result<T, OpsError> {
    let mut stop = session.stop.clone();
    tokio::select! {
        result = work => result,
        _ = stop.wait_for(|urgency| *urgency > Urgency::None) => {
            Err(DemoError::Interrupted.into())
        }
    }
}
