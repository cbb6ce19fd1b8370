//! `loadrig test`: run a scenario, judge it, store its result.

use crate::cli::App;
use crate::cli::args::TestArgs;
use crate::cli::failure::{Failure, Outcome};
use crate::cli::place::Place;
use crate::cli::stop;
use crate::diagnose::ExitCode;
use crate::engine::Urgency;
use crate::events::EventKind;
use crate::loadtest::Scenario;
use crate::ops::lock::{Lock, Purpose};
use crate::ops::report::{Material, compose, print, store};
use crate::ops::rig::Rig;
use crate::ops::run_dir::RunDir;
use crate::ops::scenario;

/// Runs a scenario on an environment.
pub fn run(app: &App, args: &TestArgs) -> Outcome {
    let scenario = Scenario::find(&args.scenario)?;
    let spec = app.library.load(&args.env)?;
    let place = Place::find(&app.global, spec.cloud, &spec.region)?;
    crate::cli::block_on(async {
        let rig = Rig::open(spec, &place, &app.global).await?;
        let connected = rig.connect().await?;
        let run = RunDir::create(&rig.spec.name, "test")?;
        let (events, recorder) = app.events(Some(&run))?;
        events.emit(EventKind::RunStarted {
            environment: rig.spec.name.clone(),
            operation: format!("scenario {}", scenario.name),
            run: run.name.clone(),
        });
        let stop = stop::listen(&events);
        let purpose = Purpose {
            environment: &rig.spec.name,
            operation: "test",
            run: &run.name,
        };
        let lock = Lock::take(app, &rig.cloud, purpose, &args.lock, &events, &stop).await?;
        let mut stop = lock.stop(&stop);
        let result = tokio::select! {
            result = scenario::run(&rig, &connected, &scenario, &run.name, &events) => result,
            _ = stop.wait_for(|urgency| *urgency > Urgency::None) => Err(Failure::new(
                "interrupted: the scenario was stopped",
                format!("the rig stays up; `loadrig down {}` removes it", rig.spec.name),
            )
            .with_code(ExitCode::Interrupted)),
        };
        let result = lock.finish(result).await?;
        let passed = result.passed;
        events.emit(EventKind::RunFinished { ok: passed });
        let report = compose(
            &rig,
            Material {
                run: &run,
                events: recorder.events(),
                world: &connected.world,
                scenarios: vec![result],
                checks: Vec::new(),
                proof: Vec::new(),
            },
        );
        let file = store(&report, &run)?;
        print(app, &report, None)?;
        app.printer.say(&format!("report: {}", file.display()));
        Ok(if passed {
            ExitCode::Done
        } else {
            ExitCode::ThresholdsMissed
        })
    })?
}
