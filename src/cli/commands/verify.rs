//! `loadrig verify`: is the rig what the plan says, and does it work?

use serde_json::json;

use crate::cli::App;
use crate::cli::args::EnvArgs;
use crate::cli::failure::Outcome;
use crate::cli::place::Place;
use crate::cli::printer::table;
use crate::diagnose::ExitCode;
use crate::events::Events;
use crate::ops::verify::{self, RigCheck};

/// Checks an environment.
pub(crate) fn run(app: &App, args: &EnvArgs) -> Outcome {
    let spec = app.load(&args.env)?;
    let log = app.event_log()?;
    let place = Place::find(&app.global, spec.cloud, &spec.region)?;
    let events = Events::new(log);
    let report = App::run_reader(&place, verify::run(spec, &place, &events))?;
    if app.printer.is_json() {
        app.printer
            .json(&json!({ "environment": report.environment, "checks": report.checks }));
    } else {
        let mut table = table();
        table.set_header(["check", "result", "seen"]);
        for check in &report.checks {
            table.add_row([check.name.as_str(), check.result(), &check.detail]);
        }
        app.printer.data(&table.to_string());
        let wanting = |check: &&RigCheck| !check.pass || check.warning;
        for check in report.checks.iter().filter(wanting) {
            app.printer
                .hint(&format!("{}: {}", check.name, check.remedy));
        }
    }
    Ok(if report.is_ok() {
        ExitCode::Done
    } else {
        ExitCode::Failed
    })
}
