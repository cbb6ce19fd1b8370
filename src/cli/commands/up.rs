//! `loadrig up`: bring an environment to its YAML.

use serde_json::json;

use crate::cli::App;
use crate::cli::args::UpArgs;
use crate::cli::failure::{Failure, Outcome};
use crate::cli::place::Place;
use crate::cli::stop;
use crate::diagnose::ExitCode;
use crate::ops::Adapters as _;
use crate::ops::local_files;
use crate::ops::preflight::ACCEPT_ALL;
use crate::ops::run_dir::RunDir;
use crate::ops::saved_plan::SavedPlanFile;
use crate::ops::up::{UpOptions, UpReport, open, up};

/// Brings an environment to its YAML.
pub(crate) fn run(app: &App, args: &UpArgs) -> Outcome {
    let spec = app.load(&args.env)?;
    let name = spec.name.clone();
    let saved_plan = match &args.plan {
        Some(file) => Some(SavedPlanFile::read(file, &name)?),
        None => None,
    };
    if !args.resources_only {
        local_files::check_at(&app.library, &args.env, &spec)?;
    }
    let run = RunDir::create(&name, "up")?;
    let (events, _recorder) = app.events(Some(&run))?;
    let stop = stop::listen(&events)?;
    let place = Place::find(&app.global, spec.cloud, &spec.region)?;
    let mut accept_unchecked = args.accept_unchecked.clone();
    if place.is_on_this_machine() {
        // The local cloud has no quotas, and nobody pays for what it creates.
        accept_unchecked.push(ACCEPT_ALL.to_owned());
    }
    let options = UpOptions {
        host_timeout: Some(args.host_timeout),
        resources_only: args.resources_only,
        agent_program: args.agent.program.clone(),
        saved_plan,
        max_cost: args.max_cost,
        skip_preflight: args.skip_preflight,
        accept_unchecked,
        lock: args.lock.options(&place),
    };
    let questions = app.questions();
    let session = App::session(&events, &stop, &questions);
    let report = App::run(&place, async {
        let rig = open(spec, &options, &place).await?;
        app.printer
            .insist(&format!("acting on {}", rig.describe_caller()));
        Ok::<_, Failure>(up(&rig, &run, &options, &session).await?)
    })?;
    show(app, &name, args.resources_only, &report);
    Ok(if report.is_ok() {
        ExitCode::Done
    } else {
        ExitCode::Failed
    })
}

fn show(app: &App, name: &str, resources_only: bool, report: &UpReport) {
    let url = report.url.as_deref().unwrap_or("an unknown address");
    if app.printer.is_json() {
        app.printer.json(&json!({
            "environment": name, "changed": report.changed, "checks": report.checks, "url": url,
        }));
        return;
    }
    if !report.is_ok() {
        let failed = report.checks.iter().filter(|check| !check.pass);
        for check in failed {
            app.printer
                .hint(&format!("{}: {}", check.name, check.remedy));
        }
        app.printer.error(&format!(
            "`{name}` is set up, and is not what was planned: see the checks that failed; its address is {url}"
        ));
        return;
    }
    if !report.changed {
        app.printer
            .data(&format!("nothing to do: `{name}` is as planned"));
    }
    app.printer.data(&if resources_only {
        format!(
            "the resources of `{name}` are as planned; `loadrig up {name}` sets its hosts up, `loadrig down {name}` removes it"
        )
    } else {
        format!(
            "`{name}` is up at {url}; `loadrig credentials {name}` says as whom to log in, `loadrig test {name} smoke` drives load through it, `loadrig down {name}` removes it"
        )
    });
}
