//! What is checked before anything changes: cost, quotas, offers, permissions.

use crate::blueprint::Blueprint;
use crate::diagnose::{Diagnose, ExitCode};
use crate::plan::{Action, Cost, Plan};
use crate::preflight::{
    Finding, Scope, Verdict, demands, judge_offers, judge_permissions, judge_quotas,
    judge_restores, needed, restores, wants,
};
use crate::spec::{CloudTarget, Spec};

use super::rig::Rig;

/// Why a plan is not carried out.
#[derive(Clone, Debug, thiserror::Error)]
pub enum PreflightError {
    /// It costs more than was allowed.
    #[error("`{environment}` costs ${cost:.2} per hour, more than the ${limit:.2} of `--max-cost`")]
    TooExpensive {
        /// The environment.
        environment: String,
        /// What it costs, US dollars per hour.
        cost: f64,
        /// What it may cost.
        limit: f64,
    },
    /// Findings refuse it.
    #[error("preflight refuses the plan{}", list(refused))]
    Refused {
        /// Those findings.
        refused: Vec<Finding>,
    },
    /// A change cannot be carried out.
    #[error("the plan cannot be carried out{}", .0.iter().map(|line| format!("\n  {line}")).collect::<String>())]
    Impossible(Vec<String>),
}

fn list(findings: &[Finding]) -> String {
    findings
        .iter()
        .map(|one| format!("\n  {}: {}", one.check, one.detail))
        .collect()
}

impl Diagnose for PreflightError {
    fn hints(&self) -> Vec<String> {
        match self {
            PreflightError::TooExpensive { environment, .. } => vec![format!(
                "nothing was changed; `loadrig plan {environment} --cost` shows the cost of each part"
            )],
            PreflightError::Refused { refused } => {
                let mut hints: Vec<String> = refused
                    .iter()
                    .flat_map(|one| one.remedies.clone())
                    .collect();
                hints.push(
                    "nothing was changed; `--skip-preflight` continues in spite of these"
                        .to_owned(),
                );
                hints
            }
            PreflightError::Impossible(_) => {
                vec!["nothing was changed; each line says what prevents it".to_owned()]
            }
        }
    }

    fn exit_code(&self) -> ExitCode {
        match self {
            PreflightError::Impossible(_) => ExitCode::Failed,
            _ => ExitCode::Preflight,
        }
    }
}

/// Checks quotas, offers and permissions, side by side. Asks nothing when there is nothing to
/// do.
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

/// Refuses when a finding does.
///
/// # Errors
/// With all findings that refuse.
pub fn check_findings(findings: &[Finding]) -> Result<(), PreflightError> {
    let refused: Vec<Finding> = findings
        .iter()
        .filter(|one| one.verdict == Verdict::Refuse)
        .cloned()
        .collect();
    if refused.is_empty() {
        return Ok(());
    }
    Err(PreflightError::Refused { refused })
}

/// Refuses a plan with changes that cannot be carried out.
///
/// # Errors
/// With the reason of each.
pub fn check_plan(plan: &Plan) -> Result<(), PreflightError> {
    let reasons: Vec<String> = plan
        .work()
        .filter(|change| change.action == Action::Refuse)
        .map(|change| format!("{}: {}", change.address, change.reason))
        .collect();
    if reasons.is_empty() {
        return Ok(());
    }
    Err(PreflightError::Impossible(reasons))
}

/// Refuses what costs more by the hour than was allowed. The local cloud costs nothing.
///
/// # Errors
/// When it does.
pub fn check_cost_limit(
    spec: &Spec,
    cost: &Cost,
    limit: Option<f64>,
) -> Result<(), PreflightError> {
    match limit {
        Some(limit) if cost.per_hour > limit && spec.cloud == CloudTarget::Aws => {
            Err(PreflightError::TooExpensive {
                environment: spec.name.clone(),
                cost: cost.per_hour,
                limit,
            })
        }
        _ => Ok(()),
    }
}
