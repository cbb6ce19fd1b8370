//! `loadrig registry`: the bucket that holds the locks of an account and region.

use serde_json::json;

use crate::cli::App;
use crate::cli::args::RegistryCommand;
use crate::cli::failure::{Failure, Outcome};
use crate::cli::place::Place;
use crate::diagnose::ExitCode;
use crate::ops::registry::{self, RegistryReport};
use crate::spec::CloudTarget;

/// Shows or removes it.
pub(crate) fn run(app: &App, command: RegistryCommand) -> Outcome {
    app.event_log()?;
    let place = Place::find(&app.global, CloudTarget::Aws, "us-east-1")?;
    let with_hint = |failure: Failure| app.with_local_hint(failure, "registry");
    match command {
        RegistryCommand::Show => {
            let report = App::run_reader(&place, registry::show(&place)).map_err(with_hint)?;
            show(app, &report);
        }
        RegistryCommand::Remove => {
            let questions = app.questions();
            let removal =
                App::run(&place, registry::remove(&place, &questions)).map_err(with_hint)?;
            app.printer.data(&match removal.existed {
                true => format!("`{}` is deleted", removal.bucket),
                false => format!("nothing to do: `{}` does not exist", removal.bucket),
            });
        }
    }
    Ok(ExitCode::Done)
}

fn show(app: &App, report: &RegistryReport) {
    let bucket = &report.bucket;
    if app.printer.is_json() {
        let locks: Vec<_> = report
            .leases
            .iter()
            .map(|found| json!({ "lease": found.lease, "live": found.live }))
            .collect();
        app.printer
            .json(&json!({ "bucket": bucket, "exists": report.exists, "locks": locks }));
        return;
    }
    if !report.exists {
        app.printer.data(&format!(
            "`{bucket}` does not exist: the first `up` creates it"
        ));
        return;
    }
    app.printer.data(&format!("bucket `{bucket}`"));
    if report.leases.is_empty() {
        app.printer.data("no locks");
    }
    for found in &report.leases {
        let name = &found.lease.environment;
        app.printer.data(&match found.live {
            true => format!("`{name}` is locked by {}", found.text),
            false => format!(
                "`{name}` was locked by {}; that lease has expired",
                found.text
            ),
        });
    }
}
