//! `loadrig down`: remove everything, then prove that nothing is left.

use serde_json::json;
use tokio::sync::watch;

use crate::aws::Registry;
use crate::cli::App;
use crate::cli::args::{DownArgs, LockArgs};
use crate::cli::failure::{Failure, Outcome};
use crate::cli::place::Place;
use crate::cli::stop;
use crate::diagnose::ExitCode;
use crate::engine::{Cloud as _, LeftoverCheck, Urgency};
use crate::events::{EventKind, Events};
use crate::ops::lock::{Lock, Purpose};
use crate::ops::rig::{Rig, Target};
use crate::plan::{Action, Change, Removal, plan_down_as};

/// Takes an environment down.
pub fn run(app: &App, args: &DownArgs) -> Outcome {
    // The YAML may be gone or broken: its name is enough to remove what bears it.
    let target = Target::find(app, &args.env)?;
    let place = match Place::find(&app.global, target.cloud, &target.region) {
        Ok(place) => place,
        Err(failure) => return without_place(app, &target, failure),
    };
    let (events, _recorder) = app.events(None)?;
    crate::cli::block_on(async {
        let cloud = Rig::cloud(&place, &app.global).await?;
        let stop = stop::listen(&events);
        let how = Removal {
            lift_protection: args.lift_protection,
            discard_data: args.discard_data,
        };
        let lock = &args.lock;
        let removed = down(app, &cloud, &target.name, how, &events, stop, lock).await?;
        let looked = prove(&cloud, &target.name, &events).await?;
        let left: usize = looked.iter().map(|look| look.left.len()).sum();
        events.emit(EventKind::RunFinished { ok: left == 0 });
        if app.printer.is_json() {
            app.printer.json(
                &json!({ "environment": target.name, "removed": removed, "checked": looked }),
            );
        } else {
            if left > 0 {
                app.printer.data(&format!("resources removed: {removed}"));
            } else if removed == 0 {
                let account = cloud.account().await?;
                app.printer.data(&format!(
                    "nothing to do: there is no `{}` in account {}, region {}",
                    target.name, account.id, account.region
                ));
            } else {
                app.printer.data(&format!(
                    "`{}` is down, resources removed: {removed}",
                    target.name
                ));
            }
            app.printer.data(&proof_text(&looked));
            let registry = Registry::of(&cloud).await?;
            if registry.exists().await? {
                app.printer.data(&format!(
                    "the registry `{}` stays on purpose: it holds the locks of this account and \
                     region; `loadrig registry remove` removes it after the last environment",
                    registry.bucket()
                ));
            }
        }
        if left > 0 {
            let name = &target.name;
            return Err(Failure::new(
                format!("{left} things that bear the tag or a name of `{name}` are still there"),
                format!(
                    "run `loadrig down {name}` again: what AWS was slow to remove is gone then; what \
                     stays has the tag or the name alone, so loadrig did not make it and does not \
                     touch it: look at it by hand",
                ),
            ));
        }
        Ok(ExitCode::Done)
    })?
}

/// A local cloud that does not run holds nothing.
fn without_place(app: &App, target: &Target, failure: Failure) -> Outcome {
    // Only this one reason means that there is nothing; any other is passed on.
    #[cfg(target_os = "linux")]
    if (target.cloud == crate::spec::CloudTarget::Local
        || app.global.endpoint_url.as_deref() == Some("local"))
        && crate::localcloud::status().is_none()
    {
        app.printer.data(&format!(
            "nothing to do: the local cloud does not run, so there is no `{}`",
            target.name
        ));
        return Ok(ExitCode::Done);
    }
    Err(failure)
}

/// Removes everything of an environment that is not kept; answers how many resources that
/// were.
pub async fn down(
    app: &App,
    cloud: &std::sync::Arc<crate::aws::Aws>,
    environment: &str,
    how: Removal,
    events: &Events,
    stop: watch::Receiver<Urgency>,
    lock: &LockArgs,
) -> Result<usize, Failure> {
    // Nothing is made only to take down what does not exist.
    let registry = Registry::of(cloud).await?;
    if !registry.exists().await?
        && plan_down_as(&cloud.snapshot(environment).await?, how).is_empty()
    {
        return Ok(0);
    }
    let purpose = Purpose {
        environment,
        operation: "down",
        run: "down",
    };
    let lock = Lock::take(app, cloud, purpose, lock, events, &stop).await?;
    let done = locked(
        app,
        cloud,
        environment,
        how,
        events,
        lock.stop(&stop),
        &lock,
    )
    .await;
    lock.finish(done).await
}

async fn locked(
    app: &App,
    cloud: &std::sync::Arc<crate::aws::Aws>,
    environment: &str,
    how: Removal,
    events: &Events,
    stop: watch::Receiver<Urgency>,
    lock: &Lock,
) -> Result<usize, Failure> {
    let account = cloud.account().await?;
    app.printer
        .insist(&format!("acting on {}", Rig::acting(cloud, &account)));
    let plan = plan_down_as(&cloud.snapshot(environment).await?, how);
    if plan.is_empty() {
        return Ok(0);
    }
    if plan.count(Action::Refuse) > 0 {
        return Err(protected(environment, plan.work()));
    }
    let mut text = format!(
        "{} resources of `{environment}` in account {} will be removed:\n",
        plan.count(Action::Delete),
        account.id
    );
    for change in &plan.changes {
        text.push_str(&line(change));
    }
    app.confirm(&text, question(&plan.changes))?;
    events.emit(EventKind::PhaseStarted {
        phase: "down".to_owned(),
    });
    let engine = Rig::remover(cloud, environment, events.clone(), lock.permit());
    let report = engine.down(&plan, stop).await;
    events.emit(EventKind::PhaseFinished {
        phase: "down".to_owned(),
    });
    events.note(super::up::calls_text(cloud));
    if !report.is_complete() {
        return Err(Failure::of_walk(&report, environment, "down"));
    }
    Ok(report.finished.len())
}

/// One resource: what happens to it, and what to know about it beyond that it goes.
fn line(change: &Change) -> String {
    let id = change.existing.as_ref().map_or("", |e| e.id.as_str());
    let (mark, note) = match (change.action, change.reason.split_once("; ")) {
        (Action::Keep, _) => (" ", change.reason.as_str()),
        (_, Some((_, note))) => ("-", note),
        (_, None) => ("-", ""),
    };
    let text = format!("  {mark} {:32} {id}  {note}", change.address);
    format!("{}\n", text.trim_end())
}

/// What is agreed to has to be said.
fn question(changes: &[Change]) -> &'static str {
    let keeps = changes.iter().any(|change| {
        let existing = change.existing.as_ref();
        change.action == Action::Keep
            || existing.is_some_and(|e| e.get("final_snapshot") == Some("true"))
    });
    if keeps {
        "Remove them? Final snapshots and files stay, all other data goes."
    } else {
        "Remove them, with all their data?"
    }
}

fn protected<'a>(environment: &str, work: impl Iterator<Item = &'a Change>) -> Failure {
    let names: Vec<&str> = work
        .filter(|change| change.action == Action::Refuse)
        .map(|change| change.address.as_str())
        .collect();
    Failure::new(
        format!(
            "`{environment}` is protected from deletion, nothing was removed: {}",
            names.join(", ")
        ),
        format!(
            "`loadrig down {environment} --lift-protection` lifts the protection and removes it; \
             final snapshots and files stay, unless `--discard-data` is given too"
        ),
    )
}

/// Looks everywhere for what bears the environment's tag or name.
pub async fn prove(
    cloud: &std::sync::Arc<crate::aws::Aws>,
    environment: &str,
    events: &Events,
) -> Result<Vec<LeftoverCheck>, Failure> {
    events.emit(EventKind::PhaseStarted {
        phase: "proof".to_owned(),
    });
    let looked = cloud.find_leftovers(environment).await?;
    for look in looked.iter().filter(|look| !look.left.is_empty()) {
        events.emit(EventKind::Check {
            name: look.at.clone(),
            pass: false,
            detail: format!("still there: {}", look.left.join(", ")),
        });
    }
    events.emit(EventKind::PhaseFinished {
        phase: "proof".to_owned(),
    });
    Ok(looked)
}

/// What was looked at, and what is left.
pub fn proof_text(looked: &[LeftoverCheck]) -> String {
    let mut text = String::from("looked for what bears its tag or its names:\n");
    for look in looked {
        if look.left.is_empty() {
            text.push_str(&format!("  {:36} none\n", look.at));
        } else {
            text.push_str(&format!("  {:36} {}\n", look.at, look.left.join(", ")));
        }
    }
    let kept: Vec<_> = looked
        .iter()
        .flat_map(|look| look.kept.iter().map(move |kept| (&look.at, kept)))
        .collect();
    if !kept.is_empty() {
        text.push_str("kept on purpose:\n");
    }
    for (at, kept) in kept {
        text.push_str(&format!("  {at:36} {} ({})\n", kept.id, kept.cost));
    }
    text
}

/// What was looked at on this machine; answers how much is left.
#[cfg(target_os = "linux")]
pub fn print_machine(app: &App, checked: &[crate::localcloud::Checked]) -> usize {
    if app.printer.is_json() {
        let all: Vec<_> = checked
            .iter()
            .map(|c| json!({ "kind": c.kind, "place": c.place, "found": c.found }))
            .collect();
        app.printer.json(&all);
    } else {
        app.printer.data(&machine_text(checked));
    }
    checked.iter().map(|c| c.found).sum()
}

/// What was looked at on this machine, as text.
#[cfg(target_os = "linux")]
pub fn machine_text(checked: &[crate::localcloud::Checked]) -> String {
    let mut text = String::from("looked for what the local cloud left on this machine:\n");
    for check in checked {
        let found = if check.found == 0 {
            "none".to_owned()
        } else {
            check.found.to_string()
        };
        text.push_str(&format!("  {:24} {found:6} {}\n", check.kind, check.place));
    }
    text
}
