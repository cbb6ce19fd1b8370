//! `loadrig demo`: the whole job on this machine.

#[cfg(not(target_os = "linux"))]
/// Says that it cannot run here.
pub fn run(_app: &crate::cli::App, _args: &crate::cli::DemoArgs) -> crate::cli::failure::Outcome {
    Err(crate::cli::failure::Failure::new(
        "the demo needs Linux: it makes its hosts from namespaces",
        "use a Debian 12 virtual machine, or an environment with `cloud: aws`",
    ))
}

#[cfg(target_os = "linux")]
pub use linux::run;

#[cfg(target_os = "linux")]
mod linux {
    use crate::cli::args::{Global, LockArgs};
    use crate::cli::commands::{down, up, verify};
    use crate::cli::failure::{Failure, Outcome};
    use crate::cli::place::Place;
    use crate::cli::{App, DemoArgs, stop};
    use crate::diagnose::ExitCode;
    use crate::engine::Urgency;
    use crate::events::{EventKind, Events, Recorder};
    use crate::loadtest::Scenario;
    use crate::localcloud::{self, Checked, Options};
    use crate::ops::preflight::Gate;
    use crate::ops::report::{Material, compose, print, proof_items, store};
    use crate::ops::rig::Rig;
    use crate::ops::run_dir::RunDir;
    use crate::ops::scenario;
    use crate::report::{ProofItem, Report};
    use crate::spec::CloudTarget;

    /// What the part inside the local cloud brings out.
    struct Driven {
        report: Report,
        /// The first thing that went wrong, after which the rig was taken down all the same.
        failure: Option<Failure>,
    }

    /// Runs the demo.
    pub fn run(app: &App, args: &DemoArgs) -> Outcome {
        let started = std::time::Instant::now();
        let spec = app.library.load("demo")?;
        // The demo never leaves this machine, whatever a file of that name says.
        if spec.cloud != CloudTarget::Local {
            return Err(Failure::new(
                "the environment `demo` does not say `cloud: local`",
                "the demo runs on this machine alone; give that environment another name",
            )
            .with_code(ExitCode::Usage));
        }
        let app = &App {
            global: Global {
                endpoint_url: Some("local".to_owned()),
                region: None,
                profile: None,
                ..app.global.clone()
            },
            printer: app.printer,
            library: app.library.clone(),
        };
        let scenario = Scenario::find("smoke")?;
        let run = RunDir::create(&spec.name, "demo")?;
        let (events, recorder) = app.events(Some(&run))?;
        events.emit(EventKind::RunStarted {
            environment: spec.name.clone(),
            operation: "demo".to_owned(),
            run: run.name.clone(),
        });
        let say = |line: &str| events.note(line);
        let running = localcloud::start(
            &Options {
                region: spec.region.clone(),
                ..Options::default()
            },
            &say,
        )?;
        // Someone who started the local cloud beforehand may have more in it.
        let ours = !running.already;
        // Whatever fails inside, the cloud that was started here is stopped below.
        let outcome = Place::find(&app.global, spec.cloud, &spec.region).and_then(|place| {
            crate::cli::block_on(drive(
                app, args, spec, &place, &scenario, &run, &events, &recorder,
            ))?
        });
        let keep = args.keep
            && outcome
                .as_ref()
                .is_ok_and(|driven| driven.failure.is_none());
        let mut machine = Vec::new();
        if ours && !keep {
            machine = localcloud::stop(&say)?.checked;
        }
        let mut driven = outcome?;
        driven.report.proof.extend(machine.iter().map(item));
        let file = store(&driven.report, &run)?;
        let left = driven
            .report
            .proof
            .iter()
            .filter(|item| !item.empty)
            .count();
        let ok = driven.failure.is_none() && left == 0;
        events.emit(EventKind::RunFinished { ok });
        print(app, &driven.report, args.html.as_deref())?;
        app.printer.say(&format!(
            "report (kept on purpose): {}\ntook {:.0} s",
            file.display(),
            started.elapsed().as_secs_f64()
        ));
        if let Some(failure) = driven.failure {
            return Err(failure);
        }
        if keep {
            app.printer.say(
                "the rig stays up: `loadrig status demo`, `loadrig ssh demo app-1`, \
                 `loadrig tunnel demo mattermost`, `loadrig test demo smoke`; \
                 `loadrig down demo` removes it and `loadrig local stop` ends the local cloud",
            );
        }
        if left > 0 {
            return Err(Failure::new(
                format!("{left} kinds of things are left behind"),
                "`loadrig down demo`, then `loadrig local stop`",
            ));
        }
        Ok(if driven.report.scenarios.iter().all(|s| s.passed) {
            ExitCode::Done
        } else {
            ExitCode::ThresholdsMissed
        })
    }

    fn item(checked: &Checked) -> ProofItem {
        ProofItem {
            what: format!("this machine: {}", checked.kind),
            empty: checked.found == 0,
            detail: match checked.found {
                0 => format!("none ({})", checked.place),
                found => format!("{found} ({})", checked.place),
            },
        }
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "one caller, each with its own lifetime"
    )]
    async fn drive(
        app: &App,
        args: &DemoArgs,
        spec: crate::spec::Spec,
        place: &Place,
        scenario: &Scenario,
        run: &RunDir,
        events: &Events,
        recorder: &Recorder,
    ) -> Result<Driven, Failure> {
        let rig = Rig::open(spec, place, &app.global).await?;
        let mut stop = stop::listen(events);
        let mut checks = Vec::new();
        let mut scenarios = Vec::new();
        let failure = match up::up(app, &rig, run, events, &Gate::default(), stop.clone()).await {
            Ok(_) => {
                let work = async {
                    checks = verify::verify(&rig, events).await?;
                    let connected = rig.connect().await?;
                    let name = &run.name;
                    scenarios.push(scenario::run(&rig, &connected, scenario, name, events).await?);
                    Ok::<_, Failure>(())
                };
                let interrupted = stop.wait_for(|urgency| *urgency > Urgency::None);
                tokio::select! {
                    result = work => result.err(),
                    _ = interrupted => Some(
                        Failure::new("interrupted", "nothing is left of the rig")
                            .with_code(ExitCode::Interrupted),
                    ),
                }
            }
            Err(error) => Some(error),
        };
        if let Some(failure) = &failure {
            // A report of a run that was cut short must not read as a success.
            checks.push(verify::Check {
                name: "the run came to its end".to_owned(),
                pass: false,
                detail: failure
                    .message
                    .lines()
                    .next()
                    .unwrap_or_default()
                    .to_owned(),
                remedy: "run the demo again".to_owned(),
            });
        }
        let world = rig.world().await.unwrap_or_default();
        let mut proof = Vec::new();
        if !(args.keep && failure.is_none()) {
            // A second interrupt is for the waits of `up`; what was made must go all the same.
            let (_never, calm) = tokio::sync::watch::channel(Urgency::None);
            let how = crate::plan::Removal::default();
            let lock = LockArgs::default();
            let name = &rig.spec.name;
            down::down(app, &rig.cloud, name, how, events, calm, &lock).await?;
            let looked = down::prove(&rig.cloud, &rig.spec.name, events).await?;
            proof.extend(proof_items(&looked));
        }
        let report = compose(
            &rig,
            Material {
                run,
                events: recorder.events(),
                world: &world,
                scenarios,
                checks,
                proof,
            },
        );
        Ok(Driven { report, failure })
    }
}
