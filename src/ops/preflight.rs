//! What is checked before anything changes: cost, quotas, offers, permissions.

use std::collections::BTreeMap;

use crate::blueprint::Address;
use crate::plan::{Action, Cost, Plan};
use crate::preflight::{
    Finding, FindingVerdict, Scope, Wants, ZoneNeeds, choose_zones, demands, evaluate_names,
    evaluate_offers, evaluate_permissions, evaluate_quotas, evaluate_restores, evaluate_seed,
    needed, new_names, restores, wants,
};
use crate::spec::{CloudTarget, Spec};

use super::rig::{Rig, RigState};
use crate::ops::error::PreflightError;

/// Accepts every check that could not be made.
pub const ACCEPT_ALL: &str = "all";

/// Chooses the zones of subnets that do not exist, and has them created there.
///
/// It is part of [`preflight`]; this is for a run without one.
pub async fn settle_zones(rig: &Rig, reading: &RigState) {
    let needs = ZoneNeeds::of(&reading.blueprint, &reading.inventory);
    if needs.is_settled() {
        return;
    }
    let wants = wants_of(rig, reading);
    let offers = rig.cloud.offers(&wants).await;
    let (zones, _) = choose_zones(&needs, &wants, &offers);
    rig.cloud.use_zones(zones);
}

fn wants_of(rig: &Rig, reading: &RigState) -> Wants {
    let mut wants = wants(&reading.blueprint, &reading.plan);
    if rig.spec.cloud == CloudTarget::Local {
        // The local cloud runs a database of any class and lists none.
        wants.databases.clear();
    }
    wants
}

/// Checks quotas, offers and permissions, side by side, and chooses the zones of new subnets. Asks
/// nothing when there is nothing to do.
pub async fn preflight(rig: &Rig, reading: &RigState) -> Vec<Finding> {
    let RigState {
        blueprint, plan, ..
    } = reading;
    if plan.is_empty() {
        return Vec::new();
    }
    let (demands, unreadable) = match demands(blueprint, plan) {
        Ok(demands) => (demands, None),
        Err(error) => (
            BTreeMap::new(),
            Some(Finding::unknown("quotas", error.to_string())),
        ),
    };
    let wants = wants_of(rig, reading);
    let zone = reading.inventory.get(&Address::zone());
    let scope = Scope::of(&rig.spec, &rig.account.id, &rig.account.region)
        .with_zone(zone.map(|zone| zone.id.as_str()));
    let needed = needed(plan, &scope);
    let quotas: Vec<_> = demands.keys().copied().collect();
    let restores = restores(blueprint, plan);
    let account = &rig.account;
    let names = new_names(plan, &rig.spec.name, &account.id, &account.region);
    let (facts, offers, allowed, restorable, taken) = futures::join!(
        Box::pin(rig.cloud.quota_facts(&quotas)),
        Box::pin(rig.cloud.offers(&wants)),
        Box::pin(rig.cloud.allowed(&needed)),
        Box::pin(rig.cloud.restorable(&restores)),
        Box::pin(rig.cloud.taken_names(&rig.spec.name, &names)),
    );
    let mut findings = evaluate_quotas(&demands, &facts, &rig.account.region);
    findings.extend(unreadable);
    let needs = ZoneNeeds::of(blueprint, &reading.inventory);
    let (zones, of_zones) = choose_zones(&needs, &wants, &offers);
    findings.extend(of_zones);
    findings.extend(evaluate_offers(&wants, &offers, &zones));
    rig.cloud.use_zones(zones);
    findings.extend(evaluate_restores(&restorable));
    findings.extend(evaluate_names(&taken));
    findings.extend(evaluate_seed(&rig.spec, &rig.account.region));
    findings.extend(evaluate_permissions(&needed, &allowed, rig.spec.argument()));
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
        .filter(|one| one.verdict == FindingVerdict::Refuse)
        .cloned()
        .collect();
    if refused.is_empty() {
        return Ok(());
    }
    Err(PreflightError::Refused { refused })
}

/// What was not checked and is not accepted as such: `accepted` names checks, or says `all`.
#[must_use]
pub fn unaccepted<'a>(findings: &'a [Finding], accepted: &[String]) -> Vec<&'a Finding> {
    let is_accepted = |check: &str| accepted.iter().any(|one| one == ACCEPT_ALL || one == check);
    findings
        .iter()
        .filter(|one| one.verdict == FindingVerdict::Unknown && !is_accepted(&one.check))
        .collect()
}

/// Accepted checks that the preflight does not have: misspelt, it seems.
#[must_use]
pub fn unknown_checks<'a>(findings: &[Finding], accepted: &'a [String]) -> Vec<&'a str> {
    let is_known = |name: &str| name == ACCEPT_ALL || findings.iter().any(|one| one.check == name);
    let names = accepted.iter().map(String::as_str);
    names.filter(|name| !is_known(name)).collect()
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

/// Refuses what costs more by the hour than was allowed, and what cannot be compared with that
/// because a price is not known. The local cloud costs nothing.
///
/// # Errors
/// When it does.
pub fn check_cost_limit(
    spec: &Spec,
    cost: &Cost,
    limit: Option<f64>,
) -> Result<(), PreflightError> {
    let environment = spec.argument().to_owned();
    match limit {
        Some(limit) if cost.per_hour > limit && spec.cloud == CloudTarget::Aws => {
            Err(PreflightError::TooExpensive {
                environment,
                cost: cost.per_hour,
                unpriced: cost.unpriced.clone(),
                limit,
            })
        }
        Some(_) if !cost.unpriced.is_empty() && spec.cloud == CloudTarget::Aws => {
            Err(PreflightError::CostUnknown {
                environment,
                region: spec.region.clone(),
                unpriced: cost.unpriced.clone(),
            })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks_that_could_not_be_made_are_accepted_by_name() {
        let findings = [
            Finding::unknown("permissions", "denied"),
            Finding::unknown("quota: VPCs", "no answer"),
            Finding::new("quota: addresses", FindingVerdict::Pass, "5 of 20"),
        ];
        let left = |accepted: &[&str]| {
            let accepted: Vec<String> = accepted.iter().map(|&one| one.to_owned()).collect();
            let left = unaccepted(&findings, &accepted);
            left.iter().map(|one| one.check.clone()).collect::<Vec<_>>()
        };
        assert_eq!(left(&[]), ["permissions", "quota: VPCs"]);
        let misspelt = ["permission", "quota: addresses", "all"].map(str::to_owned);
        assert_eq!(unknown_checks(&findings, &misspelt), ["permission"]);
        assert_eq!(left(&["permissions"]), ["quota: VPCs"]);
        assert_eq!(left(&["quota"]), ["permissions", "quota: VPCs"]);
        assert!(left(&[ACCEPT_ALL]).is_empty());
    }
}
