//! `loadrig up`: plan, ask, provision, bootstrap, verify.

use serde_json::json;
use tokio::sync::watch;

use crate::cli::App;
use crate::cli::args::UpArgs;
use crate::cli::commands::verify;
use crate::cli::failure::{Failure, Outcome};
use crate::cli::place::Place;
use crate::cli::plan_text;
use crate::cli::stop;
use crate::diagnose::ExitCode;
use crate::engine::Urgency;
use crate::events::{EventKind, Events};
use crate::ops::lock::{Lock, Purpose};
use crate::ops::preflight::{self as gate, Gate, heed_cost};
use crate::ops::rig::Rig;
use crate::ops::run_dir::RunDir;
use crate::plan::{Action, cost};

/// Brings an environment to its YAML.
pub fn run(app: &App, args: &UpArgs) -> Outcome {
    let spec = app.library.load(&args.env)?;
    let place = Place::find(&app.global, spec.cloud, &spec.region)?;
    let run = RunDir::create(&spec.name, "up")?;
    let (events, _recorder) = app.events(Some(&run))?;
    crate::cli::block_on(async {
        let mut rig = Rig::open(spec, &place, &app.global).await?;
        rig.host_timeout = args.host_timeout;
        rig.resources_only = args.resources_only;
        let stop = stop::listen(&events);
        let gate = Gate {
            max_cost: args.max_cost,
            skip_preflight: args.skip_preflight,
            saved: args.plan.clone(),
            lock: args.lock.clone(),
        };
        let changed = up(app, &rig, &run, &events, &gate, stop).await?;
        let checks = if rig.resources_only {
            vec![]
        } else {
            verify::verify(&rig, &events).await?
        };
        let ok = verify::all_pass(&checks);
        events.emit(EventKind::RunFinished { ok });
        if app.printer.is_json() {
            app.printer.json(&json!({
                "environment": rig.spec.name, "changed": changed, "checks": checks,
                "url": rig.url().await?,
            }));
        } else {
            if !changed {
                app.printer
                    .data(&format!("nothing to do: `{}` is as planned", rig.spec.name));
            }
            app.printer.data(&if rig.resources_only {
                format!(
                    "the resources of `{}` are as planned; `loadrig up {0}` sets its hosts up, `loadrig down {0}` removes it",
                    rig.spec.name
                )
            } else {
                format!(
                    "`{}` is up at {}; `loadrig test {0} smoke` drives it, `loadrig down {0}` removes it",
                    rig.spec.name,
                    rig.url().await?
                )
            });
        }
        Ok(if ok { ExitCode::Done } else { ExitCode::Failed })
    })?
}

/// Takes the lock, plans, asks and walks. The value says whether anything was changed.
pub async fn up(
    app: &App,
    rig: &Rig,
    run: &RunDir,
    events: &Events,
    gate: &Gate,
    stop: watch::Receiver<Urgency>,
) -> Result<bool, Failure> {
    events.emit(EventKind::RunStarted {
        environment: rig.spec.name.clone(),
        operation: "up".to_owned(),
        run: run.name.clone(),
    });
    app.printer.insist(&format!(
        "acting on {}",
        Rig::acting(&rig.cloud, &rig.account)
    ));
    heed_cost(&rig.spec, &cost(&rig.spec), gate.max_cost)?;
    let purpose = Purpose {
        environment: &rig.spec.name,
        operation: "up",
        run: &run.name,
    };
    let lock = Lock::take(app, &rig.cloud, purpose, &gate.lock, events, &stop).await?;
    let done = locked(app, rig, run, events, gate, lock.stop(&stop), &lock).await;
    lock.finish(done).await
}

async fn locked(
    app: &App,
    rig: &Rig,
    run: &RunDir,
    events: &Events,
    gate: &Gate,
    stop: watch::Receiver<Urgency>,
    lock: &Lock,
) -> Result<bool, Failure> {
    let (blueprint, plan) = rig.plan().await?;
    if let Some(file) = &gate.saved {
        gate::hold(rig, &plan, file)?;
    }
    run.write(
        "plan.json",
        &serde_json::to_string_pretty(&plan).unwrap_or_default(),
    )?;
    if plan.count(Action::Refuse) > 0 {
        let reasons: Vec<String> = plan
            .work()
            .filter(|change| change.action == Action::Refuse)
            .map(|change| format!("{}: {}", change.address, change.reason))
            .collect();
        return Err(Failure::new(
            format!("the plan cannot be carried out\n  {}", reasons.join("\n  ")),
            "nothing was changed; each line says what stands against it",
        ));
    }
    if !plan.is_empty() {
        if !gate.skip_preflight {
            let findings = gate::preflight(rig, &blueprint, &plan).await;
            app.printer
                .say(gate::findings_text(&findings, false).trim_end());
            gate::refuse(&findings)?;
        }
        let place = Rig::acting(&rig.cloud, &rig.account);
        let text = plan_text::changes(&rig.spec, &plan, &place);
        // The list is for deciding; who decided beforehand gets the sum.
        if app.global.yes {
            events.note(format!(
                "{} to create, {} to update, {} to replace, {} to delete",
                plan.count(Action::Create),
                plan.count(Action::Update),
                plan.count(Action::Replace),
                plan.count(Action::Delete)
            ));
        }
        app.confirm(&text, "Carry this out?")?;
    }
    events.emit(EventKind::PhaseStarted {
        phase: "provision".to_owned(),
    });
    let engine = rig.engine(events.clone(), lock.permit()).await?;
    let (report, _) = engine.up(&blueprint, &plan, stop).await;
    events.emit(EventKind::PhaseFinished {
        phase: "provision".to_owned(),
    });
    events.note(calls_text(&rig.cloud));
    if !report.is_complete() {
        events.emit(EventKind::RunFinished { ok: false });
        return Err(Failure::of_walk(&report, &rig.spec.name, "up"));
    }
    Ok(report.changed())
}

/// How many API calls were made, and which most.
pub fn calls_text(cloud: &crate::aws::Aws) -> String {
    let calls = cloud.calls();
    let mut most: Vec<(&String, &u64)> = calls.iter().collect();
    most.sort_by(|one, other| other.1.cmp(one.1).then(one.0.cmp(other.0)));
    let most: Vec<String> = most
        .iter()
        .take(3)
        .map(|(name, count)| format!("{name} {count}"))
        .collect();
    format!(
        "{} API calls so far, most of them {}",
        calls.values().sum::<u64>(),
        most.join(", ")
    )
}
