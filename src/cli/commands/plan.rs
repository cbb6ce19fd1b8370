//! `loadrig plan`: what `up` would do.

use serde_json::json;

use crate::blueprint::{Blueprint, blueprint};
use crate::cli::App;
use crate::cli::args::PlanArgs;
use crate::cli::failure::{Failure, Outcome};
use crate::cli::place::Place;
use crate::cli::rig::Rig;
use crate::diagnose::ExitCode;
use crate::engine::{Account, Snapshot};
use crate::plan::{Action, Change, Plan, cost, expected, plan};
use crate::spec::Spec;

/// Prints the plan; changes nothing.
pub fn run(app: &App, args: &PlanArgs) -> Outcome {
    let is_size = app.library.resolve(&args.env).is_none()
        && !app.library.environment_names().contains(&args.env)
        && app.library.architecture_names().contains(&args.env);
    let (spec, blueprint, plan, account) = if is_size || args.offline {
        let spec = if is_size {
            app.library.architecture(&args.env)?.example()
        } else {
            app.library.load(&args.env)?
        };
        let blueprint = blueprint(&spec, &spec.access.operators);
        let plan = plan(&blueprint, &Snapshot::default());
        (spec, blueprint, plan, None)
    } else {
        let spec = app.library.load(&args.env)?;
        let place = Place::find(&app.global, spec.cloud, &spec.region)?;
        let global = &app.global;
        crate::cli::block_on(async {
            let rig = Rig::open(spec, &place, global).await?;
            let (blueprint, plan) = rig.plan().await?;
            Ok::<_, Failure>((rig.spec.clone(), blueprint, plan, Some(rig.account.clone())))
        })??
    };
    print(app, &spec, &blueprint, &plan, account.as_ref());
    if plan.count(Action::Refuse) > 0 {
        return Ok(ExitCode::Failed);
    }
    Ok(if args.detailed_exitcode && !plan.is_empty() {
        ExitCode::Changes
    } else {
        ExitCode::Done
    })
}

/// Prints a plan as data.
pub fn print(
    app: &App,
    spec: &Spec,
    blueprint: &Blueprint,
    plan: &Plan,
    account: Option<&Account>,
) {
    let cost = cost(spec);
    let (time, path) = expected(blueprint, plan);
    if app.printer.is_json() {
        app.printer.json(&json!({
            "environment": spec.name, "account": account, "region": spec.region,
            "changes": plan.changes, "cost": cost,
            "expected_seconds": time.as_secs(), "critical_path": path,
        }));
        return;
    }
    app.printer.data(&text(spec, plan, account));
    if plan.is_empty() {
        app.printer.data(&format!(
            "nothing to do: {} resources are as planned",
            plan.changes.len()
        ));
    } else {
        let minutes = time.as_secs().div_ceil(60);
        let path: Vec<&str> = path.iter().map(crate::blueprint::Address::as_str).collect();
        app.printer.data(&format!(
            "{} to create, {} to update, {} to replace, {} to delete, {} unchanged\n\
             on AWS this takes about {minutes} min; the longest way is {}",
            plan.count(Action::Create),
            plan.count(Action::Update),
            plan.count(Action::Replace),
            plan.count(Action::Delete),
            plan.count(Action::Keep),
            path.join(" → "),
        ));
    }
    app.printer.data(&format!(
        "costs ${:.2} per hour, ${:.0} per month (on-demand list prices of {}); `loadrig architectures {}` has the lines",
        cost.per_hour, cost.per_month, cost.priced_on, spec.architecture
    ));
    if let Some(note) = &cost.region_note {
        app.printer.data(note);
    }
}

/// The changes, one line each, and what differs below.
pub fn text(spec: &Spec, plan: &Plan, account: Option<&Account>) -> String {
    let place = account.map_or("compared with nothing".to_owned(), |account| {
        format!("account {} as {}", account.id, account.arn)
    });
    let mut text = format!(
        "environment `{}` ({} for {} users) in {}, {place}\n",
        spec.name, spec.architecture, spec.concurrent_users, spec.region
    );
    for change in plan.work() {
        text.push_str(&line(change));
    }
    text
}

fn line(change: &Change) -> String {
    let mark = match change.action {
        Action::Create => "+",
        Action::Update => "~",
        Action::Replace => "±",
        Action::Delete => "-",
        Action::Refuse => "!",
        Action::Keep => " ",
    };
    let id = change
        .existing
        .as_ref()
        .map_or(String::new(), |existing| format!(" ({})", existing.id));
    let mut text = format!("  {mark} {:32} {}{id}\n", change.address, change.reason);
    for difference in &change.differences {
        if difference.old.contains('\n') || difference.new.contains('\n') {
            let old: Vec<&str> = difference.old.lines().collect();
            let new: Vec<&str> = difference.new.lines().collect();
            for gone in old.iter().filter(|line| !new.contains(line)) {
                text.push_str(&format!("      - {gone}\n"));
            }
            for added in new.iter().filter(|line| !old.contains(line)) {
                text.push_str(&format!("      + {added}\n"));
            }
        } else {
            text.push_str(&format!(
                "      {}: {} → {}\n",
                difference.attribute, difference.old, difference.new
            ));
        }
    }
    text
}
