//! `loadrig doctor --live`: try the account before the first environment.

use crate::cli::App;
use crate::cli::args::DoctorArgs;
use crate::cli::failure::{Failure, Outcome};
use crate::cli::format::{duration, wrapped};
use crate::cli::place::Place;
use crate::cli::stop;
use crate::diagnose::{ExitCode, fold};
use crate::engine::Cloud as _;
use crate::ops::doctor::{
    CanaryArea, CanaryCheck, CanaryReport, CanaryVerdict, DoctorOptions, live,
};
use crate::ops::lock::LockOptions;
use crate::ops::plan::spec_or_size;
use crate::ops::run_dir::RunDir;
use crate::ops::{Adapters as _, describe_caller};

/// Tries the account.
pub(crate) fn run(app: &App, args: &DoctorArgs) -> Outcome {
    if !args.live {
        return Err(Failure::new(
            "`doctor` creates resources in the account, and removes them: confirm that with `--live`",
            format!(
                "`loadrig plan {}` checks permissions, quotas and offers without creating anything",
                args.env
            ),
        )
        .with_code(ExitCode::Usage));
    }
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
            .insist(&format!("acting on {}", describe_caller(&cloud, &account)));
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
    let remedies = report.checks.iter().flat_map(|check| {
        let remedies = check.remedies.iter();
        remedies.map(|remedy| (check.check.clone(), remedy.clone()))
    });
    for one in fold(remedies) {
        let others = one.others();
        let others = others.map_or_else(String::new, |text| format!(" ({text})"));
        app.printer
            .hint(&format!("{}: {}{others}", one.first(), one.text));
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
    text.push_str(&format!("\n{}\n", conclusion(report)));
    text
}

/// What the checks come to, in one line.
fn conclusion(report: &CanaryReport) -> String {
    let count = |verdict| report.with_verdict(verdict).count();
    let unexpected = count(CanaryVerdict::Differs) + count(CanaryVerdict::Failed);
    let denied = count(CanaryVerdict::Denied);
    let what = match (report.interrupted, unexpected, denied) {
        (true, _, _) => "interrupted before every check was made".to_owned(),
        (_, 0, 0) => format!(
            "nothing that was checked stands against `up` of `{}`",
            report.environment
        ),
        (_, 0, denied) => format!("`up` would fail: {}", of_checks(denied, "not allowed")),
        (_, unexpected, 0) => of_checks(unexpected, "failed or came out otherwise than expected"),
        (_, unexpected, denied) => format!(
            "{}, {denied} not allowed",
            of_checks(unexpected, "failed or came out otherwise than expected")
        ),
    };
    format!(
        "verdict: {what}; {} proved, {} not known",
        count(CanaryVerdict::Proved),
        count(CanaryVerdict::Unknown)
    )
}

fn of_checks(count: usize, what: &str) -> String {
    let checks = if count == 1 { "check" } else { "checks" };
    format!("{count} {checks} {what}")
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
