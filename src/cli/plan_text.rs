//! A plan as people read it.

use crate::blueprint::Address;
use crate::ops::plan::{HostWork, PlanReview};
use crate::plan::{Action, Change, Cost, Plan, cost, expected};
use crate::preflight::{Finding, Verdict};
use crate::spec::Spec;

use super::format;
use super::printer::table;

/// The changes, one line each, and what differs below; `place` says against what the plan was
/// made.
#[must_use]
pub fn changes(spec: &Spec, plan: &Plan, place: &str) -> String {
    let mut text = format!(
        "environment `{}` ({} for {} users) in {}, {place}\n",
        spec.name, spec.architecture, spec.concurrent_users, spec.region
    );
    for change in plan.work() {
        text.push_str(&line(change));
    }
    text
}

/// What somebody who is asked decides on: the changes, their number and time, and the cost.
#[must_use]
pub fn review(review: &PlanReview) -> String {
    let mut text = changes(&review.spec, &review.plan, &review.place);
    text.push_str(&sum(review));
    text.push_str(&money(
        &cost(&review.spec),
        review.now_per_hour,
        None,
        false,
    ));
    text
}

/// How much there is to do, which hosts, and how long it takes.
#[must_use]
pub fn sum(review: &PlanReview) -> String {
    let plan = &review.plan;
    let hosts = hosts(review);
    if plan.is_empty() {
        return format!(
            "nothing to do: {} resources are as planned{hosts}\n",
            plan.changes.len()
        );
    }
    let (time, path) = expected(&review.blueprint, plan);
    let minutes = time.as_secs().div_ceil(60);
    let path: Vec<&str> = path.iter().map(Address::as_str).collect();
    format!(
        "{} to create, {} to update, {} to replace, {} to delete, {} unchanged{hosts}\n\
         on AWS this takes about {minutes} min; critical path: {}\n",
        plan.count(Action::Create),
        plan.count(Action::Update),
        plan.count(Action::Replace),
        plan.count(Action::Delete),
        plan.count(Action::Keep),
        path.join(" → "),
    )
}

fn hosts(review: &PlanReview) -> String {
    let work = review.host_work();
    let mut text = String::new();
    for (what, verb) in [
        (HostWork::Bootstrap, "to bootstrap"),
        (HostWork::Check, "to check"),
    ] {
        let those = work.iter().filter(|(_, work)| *work == what);
        let names: Vec<&str> = those.map(|(name, _)| name.as_str()).collect();
        if !names.is_empty() {
            text.push_str(&format!(
                "\n{} {verb}: {}",
                format::count(names.len(), "host"),
                names.join(", ")
            ));
        }
    }
    text
}

/// The findings of the preflight: what refuses or warns in full, the rest as numbers unless
/// `whole`.
#[must_use]
pub fn findings(findings: &[Finding], whole: bool) -> String {
    let count = |verdict| findings.iter().filter(|one| one.verdict == verdict).count();
    let mut text = format!(
        "preflight: {} passed, {} refused, {}, {} could not be checked\n",
        count(Verdict::Pass),
        count(Verdict::Refuse),
        format::count(count(Verdict::Warn), "warning"),
        count(Verdict::Unknown),
    );
    for one in findings {
        let mark = match one.verdict {
            Verdict::Refuse => "!",
            Verdict::Warn => "~",
            Verdict::Unknown => "?",
            Verdict::Pass => " ",
        };
        let shown = match one.verdict {
            Verdict::Refuse | Verdict::Warn => true,
            Verdict::Unknown | Verdict::Pass => whole,
        };
        if shown {
            text.push_str(&format!("  {mark} {}: {}\n", one.check, one.detail));
            for remedy in &one.remedies {
                text.push_str(&format!("      {remedy}\n"));
            }
        }
    }
    text
}

/// What it costs, against what runs now and for a run of so many hours.
#[must_use]
pub fn money(cost: &Cost, now: Option<f64>, hours: Option<f64>, lines: bool) -> String {
    let mut text = String::new();
    if lines {
        let mut table = table();
        table.set_header(["what", "count", "$/hour each", "$/hour"]);
        for line in &cost.lines {
            table.add_row([
                line.what.clone(),
                line.count.to_string(),
                format!("{:.4}", line.unit_per_hour),
                format!("{:.3}", line.per_hour),
            ]);
        }
        text.push_str(&format!("{table}\n"));
    }
    text.push_str(&format!(
        "costs ${:.2} per hour, ${:.0} per month (on-demand list prices of {})",
        cost.per_hour, cost.per_month, cost.priced_on
    ));
    if let Some(now) = now {
        let change = cost.per_hour - now;
        text.push_str(&format!("; what runs now costs ${now:.2} per hour, "));
        // Less than a cent is how the sums were rounded.
        if change.abs() < 0.005 {
            text.push_str("so nothing changes");
        } else {
            let sign = if change < 0.0 { "-$" } else { "+$" };
            text.push_str(&format!("a change of {sign}{:.2}", change.abs()));
        }
    }
    if let Some(hours) = hours {
        text.push_str(&format!(
            "; a run of {hours:.1} h costs ${:.2}",
            cost.of_run(hours)
        ));
    }
    if !lines {
        text.push_str("; `--cost` shows the lines");
    }
    text.push('\n');
    for note in cost
        .region_note
        .iter()
        .chain(cost.notes.iter().filter(|_| lines))
    {
        text.push_str(&format!("{note}\n"));
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
    if change.action == Action::Create {
        text.push_str(&anew(change));
        return text;
    }
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
            let told = |value: &str| {
                if value.is_empty() {
                    "(none)".to_owned()
                } else {
                    value.to_owned()
                }
            };
            text.push_str(&format!(
                "      {}: {} → {}\n",
                difference.attribute,
                told(&difference.old),
                told(&difference.new)
            ));
        }
    }
    text
}

/// What is made, in a line; what has lines of its own below.
fn anew(change: &Change) -> String {
    let (long, short): (Vec<_>, Vec<_>) = change
        .differences
        .iter()
        .filter(|difference| !difference.new.is_empty())
        .partition(|difference| difference.new.contains('\n'));
    let mut text = String::new();
    let short: Vec<String> = short
        .iter()
        .map(|difference| format!("{} {}", difference.attribute, difference.new))
        .collect();
    if !short.is_empty() {
        text.push_str(&format!("      {}\n", short.join(", ")));
    }
    for line in long.iter().flat_map(|difference| difference.new.lines()) {
        text.push_str(&format!("      + {line}\n"));
    }
    text
}
