//! A plan as people read it.

use crate::blueprint::{Address, ValueForm};
use crate::diagnose::fold;
use crate::ops::host_changes::{HostChange, HostComparison};
use crate::ops::plan::{HostWork, PlanReview};
use crate::plan::{
    Action, Change, ChangeGroup, Cost, Difference, Plan, RolloutOrder, RunningCost, at_least,
    change_groups, expected, ranges,
};
use crate::preflight::{Finding, FindingVerdict};
use crate::spec::{LoginGate, ProxyTls, Spec};

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
    text.push_str(&spare_app_node(&review.spec));
    text.push_str(&login_gate(&review.spec));
    text.push_str(&certificate(&review.spec));
    text.push_str(&money(&review.cost, review.now.as_ref(), None, false));
    text
}

/// How much there is to do, which hosts, and how long it takes.
#[must_use]
pub(super) fn sum(review: &PlanReview) -> String {
    let plan = &review.plan;
    let hosts = hosts(review);
    if plan.is_empty() {
        return match review.hosts_differ() {
            true => format!("{} resources are as planned{hosts}\n", plan.changes.len()),
            false => format!(
                "nothing to do: {} resources are as planned{hosts}\n",
                plan.changes.len()
            ),
        };
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

/// What people rely on, and why it is so: nothing of rigs.
#[must_use]
pub(super) fn spare_app_node(spec: &Spec) -> String {
    let Some(text) = spec.spare_app_node() else {
        return String::new();
    };
    let text = format!("application nodes: {text}");
    let words: Vec<String> = text.split(' ').map(str::to_owned).collect();
    wrapped(&words, "", "")
}

/// How the certificate of the proxies comes about, where that opens a port.
#[must_use]
pub(super) fn certificate(spec: &Spec) -> String {
    let Some(text) = spec.tls.as_ref().and_then(ProxyTls::issuing) else {
        return String::new();
    };
    let text = format!("certificate: {text}");
    let words: Vec<String> = text.split(' ').map(str::to_owned).collect();
    wrapped(&words, "", "")
}

/// How many logins the proxies let through, and why.
#[must_use]
pub(super) fn login_gate(spec: &Spec) -> String {
    let text = format!("login gate: {}", LoginGate::of(spec));
    let words: Vec<String> = text.split(' ').map(str::to_owned).collect();
    wrapped(&words, "", "")
}

fn hosts(review: &PlanReview) -> String {
    let work = review.host_work();
    let mut text = String::new();
    let rollout = RolloutOrder::of(&review.blueprint, &review.plan);
    for (what, verb) in [
        (HostWork::Bootstrap, "to bootstrap"),
        (HostWork::Check, "to check"),
    ] {
        let those = work.iter().filter(|(_, work)| *work == what);
        let names: Vec<String> = those.map(|(host, _)| host.to_string()).collect();
        if !names.is_empty() {
            text.push_str(&format!(
                "\n{} {verb}: {}",
                format::count(names.len(), "host"),
                ranges(&names).join(", ")
            ));
        }
    }
    text.push_str(&rolled(&rollout));
    text.push_str(&match &review.host_changes {
        Some(changes) => compared(changes),
        None if work.iter().any(|(_, work)| *work == HostWork::Check) => format!(
            "\nhosts are not compared with the YAML: `loadrig plan {} --hosts` does, over SSH",
            review.spec.argument()
        ),
        None => String::new(),
    });
    text
}

/// What changes on hosts that exist; hosts that are alike share a line.
fn compared(changes: &[HostChange]) -> String {
    let mut lines: Vec<(String, Vec<String>)> = Vec::new();
    for HostChange { host, comparison } in changes {
        let what = match comparison {
            HostComparison::Same => continue,
            HostComparison::Differs { work, .. } => format!("differs, `up` would: {work}"),
            HostComparison::Not { why } => format!("not compared: {why}"),
        };
        match lines.iter_mut().find(|(known, _)| *known == what) {
            Some((_, hosts)) => hosts.push(host.to_string()),
            None => lines.push((what, vec![host.to_string()])),
        }
    }
    let line = |(what, hosts): &(String, Vec<String>)| {
        format!("\n{INDENT}{}: {what}", ranges(hosts).join(", "))
    };
    match (changes.is_empty(), lines.is_empty()) {
        (true, _) => String::new(),
        (false, true) => "\nhosts that exist are as the YAML says".to_owned(),
        (false, false) => lines.iter().map(line).collect(),
    }
}

/// How application nodes change that users may be served by.
fn rolled(order: &RolloutOrder) -> String {
    if let Some(only) = order.only_node() {
        return format!("\n{only} is the only application node: nobody is served while it changes");
    }
    let names: Vec<String> = order.nodes().map(|host| host.to_string()).collect();
    if names.is_empty() {
        return String::new();
    }
    let what = match order.replaced.len() {
        0 => "application nodes that differ change one by one".to_owned(),
        count => format!(
            "application nodes that differ change one by one, {count} with {} instance",
            if count == 1 { "its" } else { "their" }
        ),
    };
    format!("\n{what}: {}", ranges(&names).join(", "))
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
    for (one, others) in folded(findings) {
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
            if let Some(others) = others {
                text.push_str(&format!("      {others}\n"));
            }
            for remedy in &one.remedies {
                text.push_str(&format!("      {remedy}\n"));
            }
        }
    }
    text
}

/// Findings, those that could not be checked for the same reason once, with the names of the others.
fn folded(findings: &[Finding]) -> Vec<(&Finding, Option<String>)> {
    let is_unknown = |one: &&Finding| one.verdict == FindingVerdict::Unknown;
    let text = |one: &Finding| format!("{}\n{}", one.detail, one.remedies.join("\n"));
    let unknown = findings.iter().filter(is_unknown);
    let same = fold(unknown.map(|one| (one.check.clone(), text(one))));
    let shown = findings.iter().filter_map(|one| {
        if !is_unknown(&one) {
            return Some((one, None));
        }
        let first = same
            .iter()
            .find(|same| same.first() == one.check && same.text == text(one))?;
        Some((one, first.others()))
    });
    shown.collect()
}

/// What it costs, against what runs now and for a run of so many hours.
#[must_use]
pub(super) fn money(
    cost: &Cost,
    now: Option<&RunningCost>,
    hours: Option<f64>,
    lines: bool,
) -> String {
    let mut text = String::new();
    if lines {
        text.push_str(&format!("{}\n", bill(cost)));
    }
    text.push_str(&sums(cost));
    if let Some(now) = now {
        text.push_str(&format!("; what runs now costs {} per hour", now.text()));
        match cost_change(cost, now) {
            None => {}
            // Less than a cent is how the sums were rounded.
            Some(change) if change.abs() < 0.005 => text.push_str(", so nothing changes"),
            Some(change) => {
                let sign = if change < 0.0 { "-$" } else { "+$" };
                text.push_str(&format!(", a change of {sign}{:.2}", change.abs()));
            }
        }
    }
    if let Some(hours) = hours {
        let bound = at_least(&cost.unpriced);
        let run = cost.of_run(hours);
        text.push_str(&format!("; a run of {hours:.1} h costs {bound}${run:.2}"));
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

/// By how much the cost changes; nothing where something on either side has no price.
#[must_use]
pub(super) fn cost_change(cost: &Cost, now: &RunningCost) -> Option<f64> {
    let known = cost.unpriced.is_empty() && now.unpriced.is_empty();
    known.then_some(cost.per_hour - now.per_hour)
}

/// The sums, and whose prices of which days they are.
#[must_use]
pub(super) fn sums(cost: &Cost) -> String {
    if cost.sources.is_empty() {
        return "costs what is not known".to_owned();
    }
    let bound = at_least(&cost.unpriced);
    format!(
        "costs {bound}${:.2} per hour, {bound}${:.0} per month (on-demand list prices of {}, {})",
        cost.per_hour,
        cost.per_month,
        cost.region,
        cost.days()
    )
}

/// Every line of an estimate, and where its prices are from.
#[must_use]
pub(super) fn bill(cost: &Cost) -> String {
    let mut table = table();
    table.set_header(["what", "count", "$/hour each", "$/hour", "prices of"]);
    let no_price = || "no price".to_owned();
    for line in &cost.lines {
        let source = line.source.as_ref().and_then(|id| cost.sources.get(id));
        table.add_row([
            line.what.clone(),
            line.count.to_string(),
            line.unit_per_hour
                .map_or_else(no_price, |unit| format!("{unit:.4}")),
            line.per_hour
                .map_or_else(String::new, |sum| format!("{sum:.3}")),
            source.map_or_else(String::new, |source| source.published.clone()),
        ]);
    }
    table.to_string()
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
    let name = head(mark, &group.name(), &format!("{}{id}", change.reason));
    if change.action == Action::Create {
        return created(&name, change);
    }
    let mut text = format!("{name}\n");
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

/// A change's name and reason, which stands below the name where one line has no room for both.
fn head(mark: &str, name: &str, reason: &str) -> String {
    let line = format!("  {mark} {name:NAMES$} {reason}");
    let line = line.trim_end();
    if line.chars().count() <= WIDTH {
        return line.to_owned();
    }
    let words: Vec<String> = reason.split(' ').map(str::to_owned).collect();
    let below = wrapped(&words, INDENT, "");
    format!("  {mark} {name}\n{}", below.trim_end())
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
    if !name.contains('\n') && beside.chars().count() <= WIDTH {
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
    fn a_reason_that_is_too_long_stands_below_the_name() {
        let gone: Vec<String> = (1..=12).map(|n| format!("i-0a1b2c3d4e5f6071{n}")).collect();
        let reason = format!("{} is gone", gone.join(", "));
        let text = head("+", "targets", &reason);
        assert!(
            text.lines().all(|line| line.chars().count() <= WIDTH),
            "{text}"
        );
        assert!(text.starts_with("  + targets\n      i-0a"), "{text}");
        assert!(text.ends_with("is gone"), "{text}");
        assert_eq!(head("~", "vpc", ""), "  ~ vpc");
    }

    #[test]
    fn what_is_denied_many_times_is_said_once() {
        let denied = |check: &str| {
            let why =
                format!("{check}: AccessDenied: User: arn:aws:iam::1:user/me is not authorized");
            Finding::unknown(check, why)
        };
        let text = findings(
            &[denied("quota: a"), denied("quota: b"), denied("quota: c")],
            true,
        );
        assert_eq!(text.matches("AccessDenied").count(), 1, "{text}");
        assert!(
            text.contains("the same for 2 more: quota: b, quota: c"),
            "{text}"
        );
        assert!(text.contains("3 could not be checked"), "{text}");
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
