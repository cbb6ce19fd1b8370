//! What a canary came to, as text: what was proved, what is not allowed, what differs, what stays unknown.

use crate::diagnose::fold;
use crate::ops::doctor::{CanaryArea, CanaryCheck, CanaryReport, CanaryVerdict};

use super::format::{duration, wrapped};

/// The sections, in the order in which people need them.
const SECTIONS: [(CanaryVerdict, &str); 5] = [
    (CanaryVerdict::Proved, "proved"),
    (CanaryVerdict::Denied, "not allowed"),
    (CanaryVerdict::Differs, "other than loadrig expects"),
    (CanaryVerdict::Failed, "failed"),
    (CanaryVerdict::Unknown, "not known"),
];

/// What a canary came to, as it is shown.
#[must_use]
pub fn canary_text(report: &CanaryReport) -> String {
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
        for (title, mut names) in groups(&checks) {
            // Steps are done side by side: the order in which they end says nothing.
            names.sort_unstable();
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

/// What mends it, a line each.
#[must_use]
pub fn canary_remedies(report: &CanaryReport) -> Vec<String> {
    let remedies = report.checks.iter().flat_map(|check| {
        let remedies = check.remedies.iter();
        remedies.map(|remedy| (check.check.clone(), remedy.clone()))
    });
    let folded = fold(remedies).into_iter().map(|one| {
        let others = one.others();
        let others = others.map_or_else(String::new, |text| format!(" ({text})"));
        format!("{}: {}{others}", one.first(), one.text)
    });
    folded.collect()
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
