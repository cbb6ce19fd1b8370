//! `loadrig doctor --live`: try the account before the first environment.

use crate::cli::App;
use crate::cli::args::DoctorArgs;
use crate::cli::failure::{Failure, Outcome};
use crate::cli::format::{duration, wrapped};
use crate::cli::place::Place;
use crate::cli::stop;
use crate::engine::Cloud as _;
use crate::ops::doctor::{
    CanaryArea, CanaryCheck, CanaryReport, CanaryVerdict, DoctorOptions, live,
};
use crate::ops::lock::LockOptions;
use crate::ops::plan::spec_or_size;
use crate::ops::run_dir::RunDir;
use crate::ops::{Adapters as _, acting};

/// Tries the account.
pub(crate) fn run(app: &App, args: &DoctorArgs) -> Outcome {
    let (spec, _is_size) = spec_or_size(&app.library, &args.env)?;
    let run = RunDir::create(&spec.name, "doctor")?;
    let (events, _recorder) = app.events(Some(&run))?;
    let stop = stop::listen(&events)?;
    let place = Place::find(&app.global, spec.cloud, &spec.region)?;
    let options = DoctorOptions {
        spend: args.spend,
        lock: LockOptions {
            calls_end_with_process: place.is_on_this_machine(),
            ..LockOptions::default()
        },
    };
    let questions = app.questions();
    let session = App::session(&events, &stop, &questions);
    let report = App::run(&place, async {
        let cloud = place.cloud().await?;
        let account = cloud.account().await?;
        app.printer
            .insist(&format!("acting on {}", acting(&cloud, &account)));
        Ok::<_, Failure>(live(&spec, &place, &run, &options, &session).await?)
    })?;
    show(app, &report, &run);
    Ok(report.exit_code())
}

fn show(app: &App, report: &CanaryReport, run: &RunDir) {
    if app.printer.is_json() {
        app.printer.json(report);
        return;
    }
    app.printer.data(text(report).trim_end());
    if !report.records.is_empty() {
        app.printer.data(&format!(
            "what differed is recorded in {}",
            run.path.display()
        ));
    }
    for check in &report.checks {
        for remedy in &check.remedies {
            app.printer.hint(&format!("{}: {remedy}", check.check));
        }
    }
}

/// The sections, in the order in which people need them.
const SECTIONS: [(CanaryVerdict, &str); 5] = [
    (CanaryVerdict::Proved, "proved"),
    (CanaryVerdict::Denied, "not allowed"),
    (CanaryVerdict::Differs, "other than loadrig expects"),
    (CanaryVerdict::Failed, "failed"),
    (CanaryVerdict::Unknown, "not known"),
];

fn text(report: &CanaryReport) -> String {
    let account = &report.account;
    let mut text = format!(
        "canary `{}` for `{}` in account {}, region {}\n",
        report.canary, report.environment, account.id, account.region
    );
    for (verdict, title) in SECTIONS {
        let checks: Vec<&CanaryCheck> = report.with_verdict(verdict).collect();
        if checks.is_empty() {
            continue;
        }
        text.push_str(&format!("\n{title}:\n"));
        for (title, names) in groups(&checks) {
            text.push_str(&format!("  {title}\n"));
            text.push_str(&wrapped(&names, "      ", ","));
        }
    }
    text.push_str(&format!(
        "\ntook {}; created {}, removed {}\n",
        duration(report.took),
        report.created,
        report.removed
    ));
    if !report.service_roles.is_empty() {
        let roles = report.service_roles.join(", ");
        text.push_str(&format!(
            "the roles of {roles} stay: they belong to the account\n"
        ));
    }
    text.push_str(&format!(
        "the registry `{}` stays on purpose: it holds the locks of this account and region\n",
        report.registry
    ));
    text
}

/// Checks of one area that came to the same, as one line and their names.
fn groups(checks: &[&CanaryCheck]) -> Vec<(String, Vec<String>)> {
    let mut groups: Vec<(String, Vec<String>)> = Vec::new();
    for check in checks {
        let is_step = check.area == CanaryArea::Resources && check.verdict == CanaryVerdict::Proved;
        let detail = match check.detail.as_str() {
            // Each has an id of its own, which JSON and the events have.
            _ if is_step && check.check != "found again" => "created",
            detail => detail,
        };
        let title = format!("{}: {detail}", area(check.area));
        match groups.iter_mut().find(|(known, _)| *known == title) {
            Some((_, names)) => names.push(check.check.clone()),
            None => groups.push((title, vec![check.check.clone()])),
        }
    }
    groups
}

fn area(area: CanaryArea) -> &'static str {
    match area {
        CanaryArea::Account => "account",
        CanaryArea::Earlier => "an earlier canary",
        CanaryArea::Permissions => "permissions, simulated",
        CanaryArea::ServiceRoles => "roles of AWS's services",
        CanaryArea::Resources => "resources",
        CanaryArea::ConditionalWrites => "conditional writes",
        CanaryArea::DryRuns => "dry runs",
        CanaryArea::Removal => "removal",
        CanaryArea::NotTried => "not tried",
    }
}
