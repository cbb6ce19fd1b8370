//! What stands between a plan and its execution: the cost limit, the preflight, and the saved
//! plan that nothing may differ from.

use std::path::{Path, PathBuf};

use crate::blueprint::Blueprint;
use crate::diagnose::ExitCode;
use crate::plan::{Bound, Cost, Difference, NOTHING, Plan, SavedPlan};
use crate::preflight::{
    Finding, Scope, Verdict, demands, judge_offers, judge_permissions, judge_quotas,
    judge_restores, needed, restores, wants,
};
use crate::spec::{CloudTarget, Spec};

use super::rig::Rig;
use super::run_dir::write;
use crate::cli::args::LockArgs;
use crate::cli::failure::Failure;

/// Of what moved since a plan was saved, so many lines are shown.
const MOVED_SHOWN: usize = 40;

/// What `up` was asked to heed.
#[derive(Clone, Debug, Default)]
pub struct Gate {
    /// The most that the environment may cost, US dollars per hour.
    pub max_cost: Option<f64>,
    /// Whether quotas, offers and permissions are not looked at.
    pub skip_preflight: bool,
    /// A plan that was saved; nothing else may be carried out.
    pub saved: Option<PathBuf>,
    /// How to get at the environment's lock.
    pub lock: LockArgs,
}

/// Looks at quotas, offers and permissions, side by side. Asks nothing when there is nothing
/// to do.
pub async fn preflight(rig: &Rig, blueprint: &Blueprint, plan: &Plan) -> Vec<Finding> {
    if plan.is_empty() {
        return Vec::new();
    }
    let demands = demands(blueprint, plan);
    let wants = wants(blueprint, plan);
    let scope = Scope::new(&rig.account.id, &rig.account.region, &rig.spec.name);
    let needed = needed(plan, &scope);
    let quotas: Vec<_> = demands.keys().copied().collect();
    let restores = restores(blueprint, plan);
    let (facts, offers, allowed, restorable) = futures::join!(
        Box::pin(rig.cloud.quota_facts(&quotas)),
        Box::pin(rig.cloud.offers(&wants)),
        Box::pin(rig.cloud.allowed(&needed)),
        Box::pin(rig.cloud.restorable(&restores)),
    );
    let mut findings = judge_quotas(&demands, &facts, &rig.account.region);
    findings.extend(judge_offers(&wants, &offers));
    findings.extend(judge_restores(&restorable));
    findings.extend(judge_permissions(&needed, &allowed, &rig.spec.name));
    findings.sort_by_key(|finding| finding.verdict);
    findings
}

/// The findings as text: what stands against the plan in full, what could not be checked in
/// short, what passed as a number.
#[must_use]
pub fn findings_text(findings: &[Finding], whole: bool) -> String {
    let count = |verdict| findings.iter().filter(|one| one.verdict == verdict).count();
    let mut text = format!(
        "preflight: {} passed, {} refused, {} warnings, {} could not be checked\n",
        count(Verdict::Pass),
        count(Verdict::Refuse),
        count(Verdict::Warn),
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

/// Refuses to write a plan over a file that is none.
///
/// # Errors
/// When the file is something else.
pub fn keep_others(file: &Path) -> Result<(), Failure> {
    let stands = match std::fs::read(file) {
        Ok(stands) => stands,
        // Whether it can be written shows when it is.
        Err(_) => return Ok(()),
    };
    if stands.is_empty() || SavedPlan::is_one(&stands) {
        return Ok(());
    }
    Err(Failure::new(
        format!("`{}` exists and is not a saved plan", file.display()),
        "give `--out` another name, or remove the file",
    )
    .with_code(ExitCode::Usage))
}

/// Refuses when a finding does.
///
/// # Errors
/// With all that stands against the plan, and what mends it.
pub fn refuse(findings: &[Finding]) -> Result<(), Failure> {
    let refused: Vec<&Finding> = findings
        .iter()
        .filter(|one| one.verdict == Verdict::Refuse)
        .collect();
    if refused.is_empty() {
        return Ok(());
    }
    let list: Vec<String> = refused
        .iter()
        .map(|one| format!("{}: {}", one.check, one.detail))
        .collect();
    let mut failure = Failure::new(
        format!("preflight refuses the plan\n  {}", list.join("\n  ")),
        "nothing was changed; `--skip-preflight` goes ahead all the same",
    )
    .with_code(ExitCode::Preflight);
    let remedies = refused.iter().flat_map(|one| one.remedies.clone());
    failure.hints.splice(0..0, remedies);
    Err(failure)
}

/// Refuses what costs more by the hour than was allowed. What runs on the local cloud costs
/// nothing.
///
/// # Errors
/// When it does.
pub fn heed_cost(spec: &Spec, cost: &Cost, most: Option<f64>) -> Result<(), Failure> {
    match most {
        Some(most) if cost.per_hour > most && spec.cloud == CloudTarget::Aws => Err(Failure::new(
            format!(
                "`{}` costs ${:.2} per hour, more than the ${most:.2} of `--max-cost`",
                spec.name, cost.per_hour
            ),
            "nothing was changed; `loadrig plan ENV --cost` shows what it is made of",
        )
        .with_code(ExitCode::Preflight)),
        _ => Ok(()),
    }
}

/// A plan with all that it depends on.
#[must_use]
pub fn bind(rig: &Rig, plan: &Plan) -> SavedPlan {
    let operators: Vec<String> = rig.operators.iter().map(ToString::to_string).collect();
    let bound = Bound {
        account: rig.account.id.clone(),
        region: rig.account.region.clone(),
        environment: rig.spec.name.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    SavedPlan::new(bound, &rig.spec, &operators, plan)
}

/// Writes a plan to a file.
///
/// # Errors
/// When it cannot be written.
pub fn save(rig: &Rig, plan: &Plan, file: &Path) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(&bind(rig, plan))
        .map_err(|error| Failure::new(format!("cannot encode the plan: {error}"), "report this"))?;
    write(file, &text)?;
    Ok(())
}

/// Refuses when the plan is not the one of the file.
///
/// # Errors
/// When the file is no plan, or YAML or world moved since: with what moved.
pub fn hold(rig: &Rig, plan: &Plan, file: &Path) -> Result<(), Failure> {
    let hint = format!(
        "nothing was changed; make it anew: `loadrig plan {} --out FILE`",
        rig.spec.name
    );
    let text = std::fs::read_to_string(file).map_err(|error| {
        Failure::new(
            format!("cannot read the plan `{}`: {error}", file.display()),
            hint.clone(),
        )
    })?;
    let saved = SavedPlan::parse(&text).map_err(|why| {
        Failure::new(
            format!("`{}` is not a plan to carry out: {why}", file.display()),
            hint.clone(),
        )
    })?;
    let moved = saved.moved(&bind(rig, plan));
    if moved.is_empty() {
        return Ok(());
    }
    // What came or went says it all; its attributes came or went with it.
    let is_whole = |one: &&Difference| {
        !one.attribute.contains(' ') && [one.old.as_str(), &one.new].contains(&NOTHING)
    };
    let whole: Vec<&str> = moved
        .iter()
        .filter(is_whole)
        .map(|one| one.attribute.as_str())
        .collect();
    let lines: Vec<String> = moved
        .iter()
        .filter(|one| {
            let of = one.attribute.split_once(' ').map(|(name, _)| name);
            of.is_none_or(|name| !whole.contains(&name))
        })
        .map(|one| {
            let flat = |text: &str| text.replace('\n', ", ");
            format!("{}: {} → {}", one.attribute, flat(&one.old), flat(&one.new))
        })
        .collect();
    let mut shown: Vec<String> = lines.iter().take(MOVED_SHOWN).cloned().collect();
    if lines.len() > MOVED_SHOWN {
        shown.push(format!("and {} more", lines.len() - MOVED_SHOWN));
    }
    Err(Failure::new(
        format!(
            "the plan `{}` does not hold any more, since it was made these moved\n  {}",
            file.display(),
            shown.join("\n  ")
        ),
        hint,
    ))
}
