//! The rules of OpenSearch Service: a domain's name is used once, it takes its time, and
//! one change at a time is made.
//!
//! Codes: errors of CreateDomain, UpdateDomainConfig and DeleteDomain in the Amazon
//! OpenSearch Service API Reference. States: `Processing`, `Created` and `Deleted` of
//! DomainStatus. A name is remembered after its domain is gone, and the next change is refused for
//! a while after `Processing` is false (terraform-provider-aws, `domainErrorRetryable`; its issue
//! 38136). What a domain tells of its changes (CreateDomain, DescribeDomain, UpdateDomainConfig and
//! DeleteDomain, `ChangeProgressDetails` and `DomainProcessingStatus`): recorded on AWS by LocalStack's
//! tests (<https://github.com/localstack/localstack>, test_opensearch.py, 2025). ListInstanceTypeDetails:
//! Amazon OpenSearch Service API Reference.

use http::StatusCode;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::call::Call;
use crate::clock::Delay;
use crate::cloud::{Core, Ruling};
use crate::ec2::{ServiceInterfaces, key};
use crate::errors::{AwsError, Reply};
use crate::ledger::Phase;
use crate::offers;
use crate::refusals::opensearch::{CHANGE_IN_PROGRESS, WITHOUT_ROLE};

const KIND: &str = "domain";
/// When a name may be used again.
const NAME: &str = "domain-name";
/// When a domain takes the next change.
const SETTLED: &str = "domain-settled";
/// The id of a domain's last change.
const CHANGE: &str = "domain-change";

pub(crate) async fn before(core: &Core, call: &Call) -> Result<Ruling, AwsError> {
    match call.action.as_str() {
        "CreateDomain" => {
            let body = call.json();
            let name = body["DomainName"].as_str().unwrap_or_default();
            if describe(core, call, name).await?.is_some() {
                return Err(AwsError::with(
                    StatusCode::CONFLICT,
                    "ResourceAlreadyExistsException",
                    format!("Domain already exists: {name}"),
                ));
            }
            if !core
                .ledger()
                .is_visible(&key(call, NAME, name), core.clock.now())
            {
                let message = format!("Domain is still being deleted: {name}");
                return Err(AwsError::new("ValidationException", message));
            }
            if body["VPCOptions"]["SubnetIds"].is_array() && !has_role(core, call).await? {
                return Err(AwsError::known(&WITHOUT_ROLE));
            }
            Ok(Ruling::Forward)
        }
        "UpdateDomainConfig" => {
            let name = name_of(call);
            let settled = core
                .ledger()
                .is_visible(&key(call, SETTLED, &name), core.clock.now());
            if settled && phase(core, call, &name) == Phase::Available {
                return Ok(Ruling::Forward);
            }
            Err(AwsError::known(&CHANGE_IN_PROGRESS))
        }
        "DeleteDomain" => delete(core, call).await,
        "ListInstanceTypeDetails" => offers::search_types(core, call).await,
        _ => Ok(Ruling::Forward),
    }
}

/// The roles, either of which lets the service into a network ("Using service-linked roles for
/// Amazon OpenSearch Service"): only the console creates them by itself.
const ROLES: &[&str] = &[
    "AWSServiceRoleForAmazonOpenSearchService",
    "AWSServiceRoleForAmazonElasticsearchService",
];

async fn has_role(core: &Core, call: &Call) -> Result<bool, AwsError> {
    for role in ROLES {
        let fields = [("RoleName", *role)];
        let answer = core.upstream.ask(call, "iam", "GetRole", &fields).await?;
        if answer.is_success() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The domain's name in the path.
fn name_of(call: &Call) -> String {
    call.segments()
        .get(3)
        .map(|name| (*name).to_owned())
        .unwrap_or_default()
}

fn phase(core: &Core, call: &Call, name: &str) -> Phase {
    core.ledger()
        .phase(&key(call, KIND, name), core.clock.now())
}

async fn describe(core: &Core, call: &Call, name: &str) -> Result<Option<Value>, AwsError> {
    let path = format!("/2021-01-01/opensearch/domain/{name}");
    let answer = core.upstream.get(call, "es", &path).await?;
    if !answer.is_success() {
        return Ok(None);
    }
    Ok(serde_json::from_slice(&answer.body).ok())
}

async fn delete(core: &Core, call: &Call) -> Result<Ruling, AwsError> {
    let name = name_of(call);
    let owner = key(call, KIND, &name);
    let Some(mut domain) = describe(core, call, &name).await? else {
        return Ok(Ruling::Forward);
    };
    let gone = core.clock.after(Delay::SearchEnd);
    let leave = gone + core.clock.delay(Delay::Interfaces);
    let free = gone + core.clock.delay(Delay::SearchSettling);
    core.ledger().created(&key(call, NAME, &name), free, free);
    let now = core.clock.now();
    core.ledger().release_interfaces(&owner, leave);
    if core.clock.is_instant() {
        core.ledger().forget(&owner);
        return Ok(Ruling::Forward);
    }
    core.ledger()
        .deleting(&owner, now, gone, Some(call.clone()));
    note_change(core, call, &name);
    correct(core, call, &mut domain);
    Ok(Ruling::Answer(Reply::done(call, domain.to_string())))
}

pub(crate) async fn after(core: &Core, call: &Call, reply: &mut Reply) -> Result<(), AwsError> {
    if !reply.is_success() {
        return Ok(());
    }
    let clock = &core.clock;
    match call.action.as_str() {
        "CreateDomain" => {
            let body = call.json();
            let name = body["DomainName"].as_str().unwrap_or_default();
            let owner = key(call, KIND, name);
            let ready = clock.after(Delay::SearchStart);
            core.ledger().created(&owner, clock.now(), ready);
            settle(core, call, name, ready);
            note_change(core, call, name);
            ServiceInterfaces {
                owner: &owner,
                subnets: &strings(&body["VPCOptions"]["SubnetIds"]),
                groups: &strings(&body["VPCOptions"]["SecurityGroupIds"]),
                description: &format!("ES {name}"),
                requester: "amazon-elasticsearch",
                public: false,
            }
            .create(core, call)
            .await;
        }
        "UpdateDomainConfig" => {
            let body = call.json();
            // A policy alone is there in seconds; a change of machines copies them all.
            let until = if body.get("ClusterConfig").is_some() || body.get("EBSOptions").is_some() {
                clock.after(Delay::SearchChange)
            } else {
                clock.after(Delay::InstanceStart)
            };
            let owner = key(call, KIND, &name_of(call));
            settle(core, call, &name_of(call), until);
            note_change(core, call, &name_of(call));
            let mut ledger = core.ledger();
            ledger.modifying(&owner, clock.now(), until);
            let groups = strings(&body["VPCOptions"]["SecurityGroupIds"]);
            if !groups.is_empty() {
                ledger.set_interface_groups(&owner, &groups);
            }
        }
        _ => {}
    }
    if clock.is_instant() {
        return Ok(());
    }
    if let Ok(mut answer) = serde_json::from_slice::<Value>(&reply.body) {
        correct(core, call, &mut answer);
        if call.action == "UpdateDomainConfig" {
            let name = name_of(call);
            let told = progress(core, call, &name, phase(core, call, &name));
            if let (Some(told), Some(config)) = (told, answer["DomainConfig"].as_object_mut()) {
                config.insert("ChangeProgressDetails".to_owned(), told);
            }
        }
        reply.set_text(answer.to_string());
    }
    Ok(())
}

/// Each change has an id, which is told from then on.
fn note_change(core: &Core, call: &Call, name: &str) {
    let id = format!("00000000-0000-4000-8000-{:012x}", call.number);
    core.ledger().note(&key(call, CHANGE, name), &id);
}

/// How far a domain's last change is: `Pending` where it is asked for. Who initiated a deletion is not
/// told.
fn progress(core: &Core, call: &Call, name: &str, phase: Phase) -> Option<Value> {
    let id = core.ledger().fact(&key(call, CHANGE, name))?;
    let asked = ["CreateDomain", "UpdateDomainConfig"].contains(&call.action.as_str());
    let status = match phase {
        Phase::Available => "Completed",
        Phase::Creating | Phase::Modifying if asked => "Pending",
        _ => "ApplyingChanges",
    };
    let mut told = json!({ "ChangeId": id, "ConfigChangeStatus": status });
    if !matches!(phase, Phase::Deleting | Phase::Gone) {
        told["InitiatedBy"] = json!("CUSTOMER");
    }
    Some(told)
}

/// A domain takes the next change some time after it shows that the last one is over.
fn settle(core: &Core, call: &Call, name: &str, over: Instant) {
    let settled = over + core.clock.delay(Delay::SearchSettling);
    core.ledger()
        .created(&key(call, SETTLED, name), settled, settled);
}

fn strings(value: &Value) -> Vec<String> {
    let items = value.as_array().into_iter().flatten();
    items
        .filter_map(|item| item.as_str().map(str::to_owned))
        .collect()
}

/// Corrects the state of every domain that an answer tells of.
fn correct(core: &Core, call: &Call, answer: &mut Value) {
    match answer {
        Value::Array(items) => items.iter_mut().for_each(|item| correct(core, call, item)),
        Value::Object(fields) => {
            let name = fields
                .get("DomainName")
                .and_then(Value::as_str)
                .map(str::to_owned);
            if let Some(name) = name
                && fields.contains_key("Processing")
            {
                let phase = phase(core, call, &name);
                if matches!(phase, Phase::Creating) {
                    fields.remove("Endpoint");
                    fields.remove("Endpoints");
                }
                if !matches!(phase, Phase::Available) {
                    fields.insert("Processing".into(), json!(true));
                }
                // One that has gone since the emulator answered, too.
                if matches!(phase, Phase::Deleting | Phase::Gone) {
                    fields.insert("Deleted".into(), json!(true));
                }
                let status = match phase {
                    Phase::Creating => "Creating",
                    Phase::Modifying => "Modifying",
                    Phase::Deleting | Phase::Gone => "Deleting",
                    Phase::Available => "Active",
                };
                fields.insert("DomainProcessingStatus".into(), json!(status));
                if let Some(told) = progress(core, call, &name, phase) {
                    fields.insert("ChangeProgressDetails".into(), told);
                }
                // The emulator tells of the service's software here, which is elsewhere on AWS.
                if let Some(options) = fields.get_mut("SoftwareUpdateOptions") {
                    let enabled = options["AutoSoftwareUpdateEnabled"] == true;
                    *options = json!({ "AutoSoftwareUpdateEnabled": enabled });
                }
            }
            for value in fields.values_mut() {
                correct(core, call, value);
            }
        }
        _ => {}
    }
}
