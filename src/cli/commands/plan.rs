//! `loadrig plan`: what `up` would do.

use serde_json::{Value, json};

use crate::cli::App;
use crate::cli::args::PlanArgs;
use crate::cli::failure::Outcome;
use crate::cli::format::quoted;
use crate::cli::place::Place;
use crate::cli::plan_text::{self, Detail};
use crate::diagnose::ExitCode;
use crate::ops::local_files;
use crate::ops::plan::{PlanOptions, PlanReview, plan_offline, plan_online, spec_or_size};
use crate::plan::{Action, RolloutOrder, expected};
use crate::spec::LoginGate;

/// Prints the plan; changes nothing.
pub(crate) fn run(app: &App, args: &PlanArgs) -> Outcome {
    app.event_log()?;
    let (mut spec, is_size) = spec_or_size(&app.library, &args.env)?;
    if !is_size {
        local_files::check_at(&app.library, &args.env, &spec)?;
        spec = app.with_own_hash_time(spec)?;
    }
    let options = PlanOptions {
        out: args.out.clone(),
        diagram: args.diagram.clone(),
        skip_preflight: args.skip_preflight,
        compare_hosts: args.hosts,
    };
    let review = if is_size || args.offline {
        if let Some(region) = &app.global.region {
            spec.region.clone_from(region);
        }
        plan_offline(spec, &options)?
    } else {
        let place = Place::find(&app.global, spec.cloud, &spec.region)?;
        App::run_reader(&place, plan_online(spec, &options, &place))?
    };
    if let Some(file) = &args.out {
        app.printer.say(&format!(
            "wrote {}; `loadrig up {} --plan {}` carries it out",
            file.display(),
            review.spec.name,
            quoted(file)
        ));
    }
    if let Some(file) = &args.diagram {
        app.printer.say(&format!("wrote {}", file.display()));
    }
    print(app, args, &review);
    review.check(args.max_cost)?;
    if review.plan.count(Action::Refuse) > 0 {
        return Ok(ExitCode::Failed);
    }
    let has_changes = !review.plan.is_empty() || review.hosts_differ();
    Ok(if args.detailed_exitcode && has_changes {
        ExitCode::Changes
    } else {
        ExitCode::Done
    })
}

fn print(app: &App, args: &PlanArgs, review: &PlanReview) {
    let hours = args.hours.or_else(|| {
        let life = review.spec.time_to_live?;
        Some(life.as_secs_f64() / 3600.0)
    });
    if app.printer.is_json() {
        app.printer.json(&document(review, hours));
        return;
    }
    let detail = if args.full {
        Detail::Full
    } else {
        Detail::Grouped
    };
    let mut text = plan_text::changes(&review.spec, &review.plan, &review.place, detail);
    text.push_str(&plan_text::sum(review));
    text.push_str(&plan_text::spare_app_node(&review.spec));
    text.push_str(&plan_text::login_gate(&review.spec));
    text.push_str(&plan_text::certificate(&review.spec));
    text.push_str(&plan_text::money(
        &review.cost,
        review.now.as_ref(),
        hours,
        args.cost,
    ));
    if !review.findings.is_empty() {
        text.push_str(&plan_text::findings(&review.findings, true));
    }
    app.printer.data(&text);
}

fn document(review: &PlanReview, hours: Option<f64>) -> Value {
    let cost = &review.cost;
    let now = review.now.as_ref();
    let mut priced = json!(cost);
    priced["now_per_hour"] = json!(now.map(|now| now.per_hour));
    priced["change_per_hour"] = json!(now.and_then(|now| plan_text::cost_change(cost, now)));
    priced["run"] = hours.map_or(
        Value::Null,
        |hours| json!({ "hours": hours, "usd": cost.of_run(hours) }),
    );
    let (time, path) = expected(&review.blueprint, &review.plan);
    let hosts: Vec<Value> = review
        .host_work()
        .into_iter()
        .map(|(host, work)| json!({ "host": host, "action": work.as_str() }))
        .collect();
    let host_changes = &review.host_changes;
    let rolled = RolloutOrder::of(&review.blueprint, &review.plan);
    let rolled: Vec<String> = rolled.nodes().map(|host| host.to_string()).collect();
    json!({
        "environment": review.spec.name, "account": review.account, "one_by_one": rolled,
        "region": review.spec.region, "changes": review.plan.changes, "hosts": hosts,
        "host_changes": host_changes, "cost": priced, "application_nodes": review.spec.spare_app_node(), "login_gate": LoginGate::of(&review.spec), "preflight": review.findings,
        "expected_seconds": time.as_secs(), "critical_path": path,
    })
}
