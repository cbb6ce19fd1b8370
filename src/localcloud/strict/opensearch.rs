//! The rules of OpenSearch Service: a domain's name is used once, it takes its time, and
//! one change at a time is made.
//!
//! Codes: errors of CreateDomain, UpdateDomainConfig and DeleteDomain in the Amazon
//! OpenSearch Service API Reference. States: `Processing`, `Created` and `Deleted` of
//! DomainStatus.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::call::Call;
use super::clock::Takes;
use super::ec2::{Owned, key};
use super::errors::{Refusal, Reply};
use super::ledger::Phase;
use super::{Inner, Step};

const KIND: &str = "domain";

pub(super) async fn before(front: &Inner, call: &Call) -> Result<Step, Refusal> {
    match call.action.as_str() {
        "CreateDomain" => {
            let body = call.json();
            let name = body["DomainName"].as_str().unwrap_or_default();
            if describe(front, call, name).await?.is_some() {
                return Err(Refusal::with(
                    StatusCode::CONFLICT,
                    "ResourceAlreadyExistsException",
                    format!("Domain already exists: {name}"),
                ));
            }
            Ok(Step::Pass)
        }
        "UpdateDomainConfig" => {
            let phase = phase(front, call, &name_of(call));
            if phase == Phase::Ready {
                return Ok(Step::Pass);
            }
            Err(Refusal::new(
                "ValidationException",
                "A change/update is in progress. Please wait for it to complete before requesting another change.",
            ))
        }
        "DeleteDomain" => delete(front, call).await,
        _ => Ok(Step::Pass),
    }
}

/// The domain's name in the path.
fn name_of(call: &Call) -> String {
    call.segments()
        .get(3)
        .map(|name| (*name).to_owned())
        .unwrap_or_default()
}

fn phase(front: &Inner, call: &Call, name: &str) -> Phase {
    front
        .ledger()
        .phase(&key(call, KIND, name), front.clock.now())
}

async fn describe(front: &Inner, call: &Call, name: &str) -> Result<Option<Value>, Refusal> {
    let path = format!("/2021-01-01/opensearch/domain/{name}");
    let answer = front.upstream.get(call, "es", &path).await?;
    if !answer.is_success() {
        return Ok(None);
    }
    Ok(serde_json::from_slice(&answer.body).ok())
}

async fn delete(front: &Inner, call: &Call) -> Result<Step, Refusal> {
    let name = name_of(call);
    let owner = key(call, KIND, &name);
    let Some(mut domain) = describe(front, call, &name).await? else {
        return Ok(Step::Pass);
    };
    let gone = front.clock.after(Takes::SearchEnd);
    let leave = gone + front.clock.lasts(Takes::Interfaces);
    let now = front.clock.now();
    front.ledger().interfaces_leave(&owner, leave);
    if front.clock.is_instant() {
        front.ledger().forget(&owner);
        return Ok(Step::Pass);
    }
    front.ledger().going(&owner, now, gone, Some(call.clone()));
    correct(front, call, &mut domain);
    Ok(Step::Answer(Reply::done(call, domain.to_string())))
}

pub(super) async fn after(front: &Inner, call: &Call, reply: &mut Reply) -> Result<(), Refusal> {
    if !reply.is_success() {
        return Ok(());
    }
    let clock = &front.clock;
    match call.action.as_str() {
        "CreateDomain" => {
            let body = call.json();
            let name = body["DomainName"].as_str().unwrap_or_default();
            let owner = key(call, KIND, name);
            front
                .ledger()
                .made(&owner, clock.now(), clock.after(Takes::SearchStart));
            Owned {
                owner: &owner,
                subnets: &strings(&body["VPCOptions"]["SubnetIds"]),
                groups: &strings(&body["VPCOptions"]["SecurityGroupIds"]),
                description: &format!("ES {name}"),
                requester: "amazon-elasticsearch",
                public: false,
            }
            .appear(front, call)
            .await;
        }
        "UpdateDomainConfig" => {
            let body = call.json();
            // A policy alone is there in seconds; a change of machines copies them all.
            let until = if body.get("ClusterConfig").is_some() || body.get("EBSOptions").is_some() {
                clock.after(Takes::SearchChange)
            } else {
                clock.after(Takes::InstanceStart)
            };
            let owner = key(call, KIND, &name_of(call));
            let mut ledger = front.ledger();
            ledger.changing(&owner, clock.now(), until);
            let groups = strings(&body["VPCOptions"]["SecurityGroupIds"]);
            if !groups.is_empty() {
                ledger.regroup(&owner, &groups);
            }
        }
        _ => {}
    }
    if clock.is_instant() {
        return Ok(());
    }
    if let Ok(mut answer) = serde_json::from_slice::<Value>(&reply.body) {
        correct(front, call, &mut answer);
        reply.set_text(answer.to_string());
    }
    Ok(())
}

fn strings(value: &Value) -> Vec<String> {
    let items = value.as_array().into_iter().flatten();
    items
        .filter_map(|item| item.as_str().map(str::to_owned))
        .collect()
}

/// Corrects the state of every domain that an answer tells of.
fn correct(front: &Inner, call: &Call, answer: &mut Value) {
    match answer {
        Value::Array(items) => items.iter_mut().for_each(|item| correct(front, call, item)),
        Value::Object(fields) => {
            let name = fields
                .get("DomainName")
                .and_then(Value::as_str)
                .map(str::to_owned);
            if let Some(name) = name
                && fields.contains_key("Processing")
            {
                let phase = phase(front, call, &name);
                if matches!(phase, Phase::Starting) {
                    fields.remove("Endpoint");
                    fields.remove("Endpoints");
                }
                if !matches!(phase, Phase::Ready) {
                    fields.insert("Processing".into(), json!(true));
                }
                if matches!(phase, Phase::Going) {
                    fields.insert("Deleted".into(), json!(true));
                }
            }
            for value in fields.values_mut() {
                correct(front, call, value);
            }
        }
        _ => {}
    }
}
