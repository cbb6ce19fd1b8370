//! `loadrig plan`: what `up` would do.

use serde_json::{Value, json};

use crate::blueprint::{Blueprint, blueprint};
use crate::cli::App;
use crate::cli::args::PlanArgs;
use crate::cli::failure::{Failure, Outcome};
use crate::cli::place::Place;
use crate::cli::plan_text;
use crate::diagnose::ExitCode;
use crate::engine::{Account, Snapshot};
use crate::ops::preflight::{self as gate, findings_text, heed_cost};
use crate::ops::rig::Rig;
use crate::ops::run_dir::write;
use crate::plan::{Action, Plan, cost, expected, plan, running_cost};
use crate::preflight::Finding;
use crate::report::plan_diagram;
use crate::spec::Spec;

/// A plan with what was found out beside it.
struct Planned {
    spec: Spec,
    blueprint: Blueprint,
    plan: Plan,
    /// Who acted; without it the plan was made against nothing.
    account: Option<Account>,
    /// Against what it was made.
    place: String,
    /// What runs now costs by the hour.
    now: Option<f64>,
    findings: Vec<Finding>,
}

/// Prints the plan; changes nothing.
pub fn run(app: &App, args: &PlanArgs) -> Outcome {
    let (spec, is_size) = wanted_spec(app, &args.env)?;
    if let Some(file) = &args.out {
        gate::keep_others(file)?;
    }
    let planned = if is_size || args.offline {
        if args.out.is_some() {
            return Err(Failure::new(
                "a plan made against nothing cannot be carried out, so it is not saved",
                "leave `--offline` out, and name an environment",
            )
            .with_code(ExitCode::Usage));
        }
        offline(spec)
    } else {
        let place = Place::find(&app.global, spec.cloud, &spec.region)?;
        crate::cli::block_on(online(app, args, spec, &place))??
    };
    if let Some(file) = &args.diagram {
        let svg = plan_diagram(&planned.spec, &planned.blueprint, &planned.plan);
        write(file, &svg)?;
        app.printer.say(&format!("wrote {}", file.display()));
    }
    print(app, args, &planned);
    heed_cost(&planned.spec, &cost(&planned.spec), args.max_cost)?;
    gate::refuse(&planned.findings)?;
    if planned.plan.count(Action::Refuse) > 0 {
        return Ok(ExitCode::Failed);
    }
    Ok(if args.detailed_exitcode && !planned.plan.is_empty() {
        ExitCode::Changes
    } else {
        ExitCode::Done
    })
}

fn offline(spec: Spec) -> Planned {
    let blueprint = blueprint(&spec, &spec.access.operators);
    let plan = plan(&blueprint, &Snapshot::default());
    Planned {
        spec,
        blueprint,
        plan,
        account: None,
        place: "compared with nothing".to_owned(),
        now: None,
        findings: Vec::new(),
    }
}

async fn online(app: &App, args: &PlanArgs, spec: Spec, place: &Place) -> Result<Planned, Failure> {
    let rig = Rig::open(spec, place, &app.global).await?;
    let (blueprint, plan, snapshot) = rig.plan_and_snapshot().await?;
    let findings = if args.skip_preflight {
        Vec::new()
    } else {
        gate::preflight(&rig, &blueprint, &plan).await
    };
    if let Some(file) = &args.out {
        gate::save(&rig, &plan, file)?;
        app.printer.say(&format!(
            "wrote {0}; `loadrig up {1} --plan {0}` carries it out",
            file.display(),
            rig.spec.name
        ));
    }
    Ok(Planned {
        place: Rig::acting(&rig.cloud, &rig.account),
        now: Some(running_cost(&snapshot)),
        spec: rig.spec.clone(),
        account: Some(rig.account.clone()),
        blueprint,
        plan,
        findings,
    })
}

/// The environment of a name or file, or a size as an environment of defaults; and whether
/// it was a size.
pub fn wanted_spec(app: &App, name: &str) -> Result<(Spec, bool), Failure> {
    let name_of_size = name.to_owned();
    let is_size = app.library.resolve(name).is_none()
        && !app.library.environment_names().contains(&name_of_size)
        && app.library.architecture_names().contains(&name_of_size);
    let spec = if is_size {
        app.library.architecture(name)?.example()
    } else {
        app.library.load(name)?
    };
    Ok((spec, is_size))
}

fn print(app: &App, args: &PlanArgs, planned: &Planned) {
    let cost = cost(&planned.spec);
    let hours = args.hours.or_else(|| {
        let life = planned.spec.time_to_live?;
        Some(life.as_secs_f64() / 3600.0)
    });
    if app.printer.is_json() {
        let mut priced = json!(cost);
        priced["now_per_hour"] = json!(planned.now);
        priced["change_per_hour"] = json!(planned.now.map(|now| cost.per_hour - now));
        priced["run"] = hours.map_or(
            Value::Null,
            |hours| json!({ "hours": hours, "usd": cost.of_run(hours) }),
        );
        let (time, path) = expected(&planned.blueprint, &planned.plan);
        let hosts: Vec<Value> = plan_text::host_work(&planned.blueprint, &planned.plan)
            .into_iter()
            .map(|(host, action)| json!({ "host": host, "action": action }))
            .collect();
        app.printer.json(&json!({
            "environment": planned.spec.name, "account": planned.account,
            "region": planned.spec.region, "changes": planned.plan.changes, "hosts": hosts,
            "cost": priced, "preflight": planned.findings,
            "expected_seconds": time.as_secs(), "critical_path": path,
        }));
        return;
    }
    let mut text = plan_text::changes(&planned.spec, &planned.plan, &planned.place);
    text.push_str(&plan_text::sum(&planned.blueprint, &planned.plan));
    text.push_str(&plan_text::money(&cost, planned.now, hours, args.cost));
    if !planned.findings.is_empty() {
        text.push_str(&findings_text(&planned.findings, true));
    }
    app.printer.data(&text);
}
