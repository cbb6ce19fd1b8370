//! A plan as people read it.

use crate::blueprint::{Address, ValueForm};
use crate::ops::plan::{HostWork, PlanReview};
use crate::plan::{
    Action, Change, ChangeGroup, Cost, Difference, Plan, change_groups, expected, ranges,
};
use crate::preflight::{Finding, FindingVerdict};
use crate::spec::Spec;

use super::format::{self, WIDTH, wrapped};
use super::printer::table;

/// How much of a plan is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Detail {
    /// Changes that read alike are one line.
    Grouped,
    /// Each resource has its line.
    Full,
}

/// The changes, and what differs below; `place` says against what the plan was made.
#[must_use]
pub(super) fn changes(spec: &Spec, plan: &Plan, place: &str, detail: Detail) -> String {
    let mut text = format!(
        "environment `{}` ({} for {} users) in {}, {place}\n",
        spec.name, spec.architecture, spec.concurrent_users, spec.region
    );
    for group in change_groups(plan) {
        match detail {
            Detail::Grouped => text.push_str(&block(&group)),
            Detail::Full => {
                for change in group.changes {
                    let changes = vec![change];
                    text.push_str(&block(&ChangeGroup { changes }));
                }
            }
        }
    }
    text
}

/// What somebody who is asked decides on: the changes, their number and time, and the cost.
#[must_use]
pub(super) fn review(review: &PlanReview) -> String {
    let mut text = changes(&review.spec, &review.plan, &review.place, Detail::Grouped);
    text.push_str(&sum(review));
    text.push_str(&money(&review.cost, review.now_per_hour, None, false));
    text
}

/// How much there is to do, which hosts, and how long it takes.
#[must_use]
pub(super) fn sum(review: &PlanReview) -> String {
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
    let path: Vec<String> = path.iter().map(Address::to_string).collect();
    format!(
        "{} to create, {} to update, {} to replace, {} to delete, {} unchanged{hosts}\n\
         on AWS this takes about {minutes} min; critical path:\n{}",
        plan.count(Action::Create),
        plan.count(Action::Update),
        plan.count(Action::Replace),
        plan.count(Action::Delete),
        plan.count(Action::Keep),
        wrapped(&path, INDENT, " →"),
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
                ranges(&names).join(", ")
            ));
        }
    }
    text
}

/// The findings of the preflight: what refuses or warns in full, the rest as numbers unless
/// `whole`.
#[must_use]
pub(super) fn findings(findings: &[Finding], whole: bool) -> String {
    let count = |verdict| findings.iter().filter(|one| one.verdict == verdict).count();
    let mut text = format!(
        "preflight: {} passed, {} refused, {}, {} could not be checked\n",
        count(FindingVerdict::Pass),
        count(FindingVerdict::Refuse),
        format::count(count(FindingVerdict::Warn), "warning"),
        count(FindingVerdict::Unknown),
    );
    for one in findings {
        let mark = match one.verdict {
            FindingVerdict::Refuse => "refused:",
            FindingVerdict::Warn => "warning:",
            FindingVerdict::Unknown => "not checked:",
            FindingVerdict::Pass => "passed:",
        };
        let shown = match one.verdict {
            FindingVerdict::Refuse | FindingVerdict::Warn => true,
            FindingVerdict::Unknown | FindingVerdict::Pass => whole,
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
pub(super) fn money(cost: &Cost, now: Option<f64>, hours: Option<f64>, lines: bool) -> String {
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
        text.push_str("; `--cost` itemizes");
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

/// Where names end and reasons or attributes begin.
const NAMES: usize = 32;
/// What belongs to a change stands below it.
const INDENT: &str = "      ";

/// One line for a group, and what it comes to below.
fn block(group: &ChangeGroup<'_>) -> String {
    let Some(change) = group.first() else {
        return String::new();
    };
    let mark = match change.action {
        Action::Create => "+",
        Action::Update => "~",
        Action::Replace => "±",
        Action::Delete => "-",
        Action::Refuse => "!",
        Action::Keep => " ",
    };
    let id = match (group.changes.len(), &change.existing) {
        (1, Some(existing)) => format!(" ({})", existing.id),
        _ => String::new(),
    };
    let name = format!("  {mark} {:NAMES$} {}{id}", group.name(), change.reason);
    if change.action == Action::Create {
        return created(name.trim_end(), change);
    }
    let mut text = format!("{}\n", name.trim_end());
    for difference in &change.differences {
        if difference.old.contains('\n') || difference.new.contains('\n') {
            let old: Vec<&str> = difference.old.lines().collect();
            let new: Vec<&str> = difference.new.lines().collect();
            for gone in old.iter().filter(|line| !new.contains(line)) {
                text.push_str(&format!("{INDENT}- {gone}\n"));
            }
            for added in new.iter().filter(|line| !old.contains(line)) {
                text.push_str(&format!("{INDENT}+ {added}\n"));
            }
        } else {
            let shown = |value: &str| match value {
                "" => "(none)".to_owned(),
                value => value.to_owned(),
            };
            text.push_str(&format!(
                "{INDENT}{}: {} → {}\n",
                difference.attribute,
                shown(&difference.old),
                shown(&difference.new)
            ));
        }
    }
    text
}

/// A creation: its attributes beside its name where they fit, else below.
fn created(name: &str, change: &Change) -> String {
    let mut items = Vec::new();
    for difference in change.differences.iter().filter(|d| !d.new.is_empty()) {
        if is_list(change, difference) {
            items.extend(merged(&difference.new));
        } else {
            items.push(format!("{} {}", difference.attribute, difference.new));
        }
    }
    let beside = format!("{name:0$} ", NAMES + 4) + &items.join(", ");
    if beside.chars().count() <= WIDTH {
        return format!("{}\n", beside.trim_end());
    }
    format!("{name}\n{}", wrapped(&items, INDENT, ","))
}

/// Whether a value is a list of its own: rules, parameters, records.
fn is_list(change: &Change, difference: &Difference) -> bool {
    let info = change.kind.info().attribute(&difference.attribute);
    info.is_some_and(|known| known.form == ValueForm::Lines)
}

/// Lines of a list; rules that admit the same source are one item.
fn merged(lines: &str) -> Vec<String> {
    let mut items: Vec<(String, Option<&str>)> = Vec::new();
    for line in lines.lines() {
        let (what, from) = match line.split_once(" from ") {
            Some((what, from)) => (what, Some(from)),
            None => (line, None),
        };
        match items
            .iter_mut()
            .find(|(_, source)| from.is_some() && *source == from)
        {
            Some((ports, _)) => ports.push_str(&format!(" and {what}")),
            None => items.push((what.to_owned(), from)),
        }
    }
    let text = |(what, from): (String, Option<&str>)| match from {
        Some(from) => format!("{what} from {from}"),
        None => what,
    };
    items.into_iter().map(text).collect()
}

#[cfg(test)]
mod tests {
    use crate::blueprint::blueprint_offline;
    use crate::plan::{Snapshot, plan};
    use crate::spec::Library;

    use super::*;

    fn offline(size: &str, detail: Detail) -> String {
        let library = Library::new(Some("no-such-directory".into()));
        let spec = library.architecture(size).unwrap().example();
        let plan = plan(&blueprint_offline(&spec), &Snapshot::default());
        changes(&spec, &plan, "not compared with an account", detail)
    }

    #[test]
    fn the_largest_plans_fit_two_screens() {
        for size in ["50k", "200k"] {
            let text = offline(size, Detail::Grouped);
            assert!(
                text.lines().count() <= 90,
                "{size}: {}",
                text.lines().count()
            );
            for line in text.lines() {
                assert!(line.chars().count() <= 100, "{size}: {line}");
            }
        }
    }

    #[test]
    fn the_whole_plan_names_every_resource() {
        let library = Library::new(Some("no-such-directory".into()));
        let spec = library.architecture("50k").unwrap().example();
        let text = offline("50k", Detail::Full);
        for (address, _) in blueprint_offline(&spec).resources() {
            let name = format!("+ {address}");
            let named =
                |line: &str| line.trim_start() == name || line.contains(&format!("{name} "));
            assert!(text.lines().any(named), "{address}");
        }
    }

    #[test]
    fn an_offline_plan_shows_what_is_open_to_the_operator() {
        let text = offline("1k", Detail::Grouped);
        assert!(
            text.contains("tcp/22 and tcp/80 from your address (auto)"),
            "{text}"
        );
    }
}
