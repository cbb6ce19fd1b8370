//! What is tried beside the creation of the canary itself.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::json;

use crate::aws::{Aws, Registry};
use crate::blueprint::kinds::{GrantCondition, GrantUse};
use crate::blueprint::{Address, Blueprint, Kind};
use crate::engine::{Account, CloudError, Condition, LeaseStore as _};
use crate::plan::Inventory;
use crate::preflight::{
    DryRun, DryRunOutcome, Scope, dry_run_wants, evaluate_permissions, statements,
};

use crate::spec::Spec;

use super::record::{RecordedError, Records};
use super::result::{CanaryArea, CanaryCheck, CanaryVerdict};

/// The kinds of an environment.
pub(super) fn kinds(blueprint: &Blueprint) -> BTreeSet<Kind> {
    blueprint.resources().map(|(_, one)| one.kind()).collect()
}

/// Every permission of the environment's policy, simulated.
pub(super) async fn permissions(
    cloud: &Aws,
    account: &Account,
    spec: &Spec,
    blueprint: &Blueprint,
) -> Vec<CanaryCheck> {
    let scope = Scope::of(spec, &account.id, &account.region);
    let needed = statements(&kinds(blueprint), &scope);
    let allowed = cloud.allowed(&needed).await;
    evaluate_permissions(&needed, &allowed, spec.argument())
        .into_iter()
        .map(|finding| CanaryCheck::found(CanaryArea::Permissions, finding))
        .collect()
}

/// The roles with which AWS's services act in the account: created where they are missing. Answers
/// with those that were, too.
pub(super) async fn service_roles(
    cloud: &Aws,
    blueprint: &Blueprint,
    records: &mut Records,
) -> (Vec<CanaryCheck>, Vec<String>) {
    let services: BTreeSet<&str> = kinds(blueprint)
        .into_iter()
        .flat_map(|kind| kind.info().grants)
        .filter(|grant| grant.is_for(GrantUse::Create))
        .filter_map(|grant| match grant.condition {
            GrantCondition::ServiceRole(service) => Some(service),
            _ => None,
        })
        .collect();
    let area = CanaryArea::ServiceRoles;
    let (mut checks, mut created) = (Vec::new(), Vec::new());
    for service in services {
        checks.push(match cloud.create_service_role(service).await {
            Ok(true) => {
                created.push(service.to_owned());
                let detail = "was missing and is created; it belongs to the account and stays";
                CanaryCheck::proved(area, service, detail)
            }
            Ok(false) => CanaryCheck::proved(area, service, "exists"),
            Err(error) => failed(area, service, &error, records),
        });
    }
    (checks, created)
}

/// A failed call as a check, recorded where it is no matter of permission.
pub(super) fn failed(
    area: CanaryArea,
    check: &str,
    error: &CloudError,
    records: &mut Records,
) -> CanaryCheck {
    let check = CanaryCheck::failed(area, check, error);
    if check.verdict == CanaryVerdict::Differs {
        records.failed(error);
    }
    check
}

/// Whether S3 keeps to the conditions that locks rest on.
pub(super) async fn conditional_writes(
    cloud: &Arc<Aws>,
    inventory: &Inventory,
    records: &mut Records,
) -> Vec<CanaryCheck> {
    let area = CanaryArea::ConditionalWrites;
    let Some(bucket) = inventory.get(&Address::bucket()) else {
        return vec![CanaryCheck::unknown(
            area,
            "bucket",
            "there is none to write to",
        )];
    };
    match write_under_conditions(cloud, &bucket.id).await {
        Ok(answers) => answers
            .into_iter()
            .map(|answer| {
                let check = answer.check;
                if answer.holds {
                    return CanaryCheck::proved(area, check, "holds");
                }
                let response = json!({ "as expected": false });
                records.found(answer.operation, check, response, answer.status);
                let detail = "S3 did not keep to the condition: locks would not hold";
                CanaryCheck::new(area, check, CanaryVerdict::Differs, detail)
            })
            .collect(),
        Err(error) => vec![failed(area, "bucket", &error, records)],
    }
}

/// What S3 answered to a call with a condition.
struct ConditionAnswer {
    check: &'static str,
    operation: &'static str,
    holds: bool,
    status: Option<u16>,
}

/// Each condition with whether S3 kept to it, by the very calls that a lock is made of.
async fn write_under_conditions(
    cloud: &Arc<Aws>,
    bucket: &str,
) -> Result<Vec<ConditionAnswer>, CloudError> {
    const KEY: &str = "canary.json";
    const PUT: &str = "s3:PutObject";
    const DELETE: &str = "s3:DeleteObject";
    let store = Registry::on_trial(cloud, bucket).await?;
    let put = |content: &str, condition| store.put(KEY, content.to_owned(), condition);
    let answer = |check, operation, holds| ConditionAnswer {
        check,
        operation,
        holds,
        status: store.last_status(),
    };
    let first = put("1", Condition::Absent).await?.value;
    let taken = "a first write with If-None-Match is taken";
    let mut answers = vec![answer(taken, PUT, first.is_some())];
    let second = put("2", Condition::Absent).await?.value;
    answers.push(answer("a second one is refused", PUT, second.is_none()));
    let Some(first) = first else {
        return Ok(answers);
    };
    let changed = put("3", Condition::Is(first.clone())).await?.value;
    let taken = "a write over the version that is there is taken";
    answers.push(answer(taken, PUT, changed.is_some()));
    let stale = put("4", Condition::Is(first.clone())).await?.value;
    let refused = "a write over an older version is refused";
    answers.push(answer(refused, PUT, stale.is_none()));
    store.delete(KEY, &first).await?;
    let deletion = store.last_status();
    let there = store.get(KEY).await?.value;
    let stays = there.as_ref().is_some_and(|(content, _)| content == "3");
    answers.push(ConditionAnswer {
        status: deletion,
        ..answer("a deletion of an older version is refused", DELETE, stays)
    });
    if let Some((_, version)) = there {
        store.delete(KEY, &version).await?;
        let deletion = store.last_status();
        let gone = store.get(KEY).await?.value.is_none();
        let taken = "a deletion of the version that is there is taken";
        answers.push(ConditionAnswer {
            status: deletion,
            ..answer(taken, DELETE, gone)
        });
    }
    Ok(answers)
}

/// Every call of EC2 that the environment's plan makes, as a dry run on what the canary has.
pub(super) async fn dry_runs(
    cloud: &Aws,
    canary: &str,
    inventory: &Inventory,
    blueprint: &Blueprint,
    tags: BTreeMap<String, String>,
    records: &mut Records,
) -> Vec<CanaryCheck> {
    let wants = dry_run_wants(blueprint, tags);
    let done = Box::pin(cloud.dry_runs(canary, inventory, &wants)).await;
    let checks = done.iter().map(|one| dry_run(one, records));
    checks.collect()
}

fn dry_run(one: &DryRun, records: &mut Records) -> CanaryCheck {
    let area = CanaryArea::DryRuns;
    let check = match one.of.as_str() {
        "" => one.action.to_owned(),
        of => format!("{} {of}", one.action),
    };
    match &one.outcome {
        DryRunOutcome::Permitted => CanaryCheck::proved(area, check, "allowed"),
        DryRunOutcome::Denied(message) => {
            CanaryCheck::new(area, check, CanaryVerdict::Denied, message)
        }
        DryRunOutcome::Refused {
            code,
            message,
            status,
        } => {
            let error = RecordedError {
                code: code.clone(),
                message: message.clone(),
                status: *status,
            };
            records.error(one.action, dry_request(one), error);
            let detail = format!("{message} ({code})");
            CanaryCheck::new(area, check, CanaryVerdict::Differs, detail)
        }
        DryRunOutcome::CarriedOut { status } => {
            let response = json!({ "carried out": true });
            records.answer(one.action, dry_request(one), response, *status);
            let detail = "the dry run was carried out: no more of them were made";
            CanaryCheck::new(area, check, CanaryVerdict::Differs, detail)
        }
        DryRunOutcome::Unanswered(why) => CanaryCheck::new(area, check, CanaryVerdict::Failed, why),
        DryRunOutcome::NotMade(why) => CanaryCheck::unknown(area, check, *why),
    }
}

/// What tells a dry run from others, by the names of EC2's parameters.
fn dry_request(one: &DryRun) -> serde_json::Value {
    match one.of.as_str() {
        "" => json!({ "DryRun": true }),
        kind => json!({ "DryRun": true, "InstanceType": kind }),
    }
}

/// What the environment has and a canary does not create.
pub(super) fn not_tried(blueprint: &Blueprint, canary: &Blueprint) -> Vec<CanaryCheck> {
    let tried = kinds(canary);
    let mut checks: Vec<CanaryCheck> = kinds(blueprint)
        .difference(&tried)
        .map(|kind| {
            let name = serde_json::to_value(kind).unwrap_or_default();
            let name = name.as_str().unwrap_or_default().replace('-', " ");
            CanaryCheck::unknown(
                CanaryArea::NotTried,
                name,
                "not created: it is billed, or needs what is",
            )
        })
        .collect();
    checks.push(CanaryCheck::unknown(
        CanaryArea::NotTried,
        "capacity",
        "whether AWS has it shows at the launch; `plan` checks quotas and offers",
    ));
    checks
}
