//! OpenSearch Service: domains within a VPC.
//!
//! Codes: the errors of each action in the Amazon OpenSearch Service API Reference. States:
//! `Processing`, `Created` and `Deleted` of `DomainStatus`. Some refusals pass by themselves: a name
//! is remembered after its domain is gone, and the next change is refused for a while after
//! `Processing` is false (terraform-provider-aws, `domainErrorRetryable`; its issue 38136).

use std::collections::{BTreeMap, BTreeSet};

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::call::Call;
use crate::clock::Delay;
use crate::errors::{AwsError, Reply};
use crate::refusals::opensearch::{CHANGE_IN_PROGRESS, WITHOUT_ROLE};

use super::account::{AccountResource, AwsAccount, TagMap, unknown};
use super::ec2::NewInterfaces;
use super::form::only;
use super::rare::RareEvent;
use super::schedule::ScheduledEvent;

/// Owner of the role through which domains reach into a VPC.
const SERVICE: &str = "opensearchservice.amazonaws.com";

/// All domains, by name.
#[derive(Debug, Clone, Default, Hash)]
pub(super) struct OpenSearch {
    domains: BTreeMap<String, DomainRecord>,
    /// Names of domains that are gone and not forgotten.
    remembered: BTreeSet<String>,
    /// Instance types that the region does not offer for every role.
    limited_types: BTreeMap<String, Vec<&'static str>>,
}

/// What nodes of a domain may be.
const ROLES: &[&str] = &["data", "master"];

#[derive(Debug, Clone, Hash)]
struct DomainRecord {
    /// Tells it from an earlier one of its name.
    serial: String,
    state: DomainState,
    /// Whether the next change is refused although nothing is shown of the last one.
    settling: bool,
    /// The last change and what became of it.
    change: ChangeRecord,
    version: String,
    cluster: Value,
    volumes: Value,
    network: Value,
    policy: String,
    tags: TagMap,
}

/// A change of a domain's configuration.
#[derive(Debug, Clone, Hash)]
struct ChangeRecord {
    id: String,
    status: &'static str,
    message: Option<String>,
}

#[derive(Debug, Clone, Copy, Hash, PartialEq, Eq)]
enum DomainState {
    Creating,
    Active,
    Changing,
    Deleting,
}

/// Answers a call.
pub(super) fn answer(account: &mut AwsAccount, call: &Call) -> Result<Reply, AwsError> {
    let segments = call.segments();
    let answer = match (&call.method, segments.get(1..).unwrap_or_default()) {
        (&Method::POST, ["opensearch", "domain"]) => create(account, &call.json())?,
        (&Method::GET, ["opensearch", "domain", name]) => {
            let domain = account.opensearch.domain(name)?;
            json!({ "DomainStatus": status(account, name, domain) })
        }
        (&Method::DELETE, ["opensearch", "domain", name]) => delete(account, name)?,
        (&Method::POST, ["opensearch", "domain", name, "config"]) => {
            change(account, name, &call.json())?
        }
        (&Method::POST, ["opensearch", "domain-info"]) => describe(account, &call.json()),
        (&Method::GET, ["domain"]) => {
            let names = account.opensearch.domains.keys();
            let names = names.map(|name| json!({ "DomainName": name, "EngineType": "OpenSearch" }));
            json!({ "DomainNames": names.collect::<Vec<_>>() })
        }
        (&Method::GET, ["opensearch", "instanceTypeLimits", _, kind]) => limits(account, kind)?,
        (&Method::GET, ["tags" | "tags-get", ..]) => list_tags(account, call)?,
        (&Method::POST, ["tags"]) => add_tags(account, &call.json())?,
        _ => return Err(unknown(call)),
    };
    Ok(Reply::done(call, answer.to_string()))
}

/// Lets an event of OpenSearch happen.
pub(super) fn happen(account: &mut AwsAccount, event: &ScheduledEvent) {
    match event {
        ScheduledEvent::DomainReady(serial) => {
            if let Some((_, domain)) = account.opensearch.by_serial(serial)
                && domain.state != DomainState::Deleting
            {
                domain.state = DomainState::Active;
                domain.settling = true;
                domain.change.status = "Completed";
                account.after(
                    Delay::SearchSettling,
                    ScheduledEvent::DomainSettled(serial.clone()),
                );
            }
        }
        ScheduledEvent::DomainSettled(serial) => {
            if let Some((_, domain)) = account.opensearch.by_serial(serial) {
                domain.settling = false;
            }
        }
        ScheduledEvent::DomainEnded(serial) => {
            let Some((name, _)) = account.opensearch.by_serial(serial) else {
                return;
            };
            let name = name.clone();
            account.opensearch.domains.remove(&name);
            account.opensearch.remembered.insert(name.clone());
            account.after(Delay::SearchSettling, ScheduledEvent::DomainNameFree(name));
        }
        ScheduledEvent::DomainNameFree(name) => {
            account.opensearch.remembered.remove(name);
        }
        _ => {}
    }
}

impl OpenSearch {
    pub(super) fn resources(&self) -> Vec<AccountResource> {
        let domains = self.domains.iter().map(|(name, one)| AccountResource {
            kind: "search domain",
            id: name.clone(),
            tags: one.tags.clone(),
            leaving: one.state == DomainState::Deleting,
        });
        domains.collect()
    }

    fn by_serial(&mut self, serial: &str) -> Option<(&String, &mut DomainRecord)> {
        let mut all = self.domains.iter_mut();
        all.find(|(_, one)| one.serial == serial)
    }

    fn domain(&self, name: &str) -> Result<&DomainRecord, AwsError> {
        self.domains.get(name).ok_or_else(|| no_domain(name))
    }

    /// What nodes of a type may be in this region.
    fn roles_of(&self, kind: &str) -> &[&'static str] {
        match self.limited_types.get(kind) {
            Some(roles) => roles,
            None if is_search_type(kind) => ROLES,
            None => &[],
        }
    }

    /// Whether the region offers the types of a cluster for what they are to be.
    fn check_types(&self, cluster: &Value) -> Result<(), AwsError> {
        for (member, role) in [("InstanceType", "data"), ("DedicatedMasterType", "master")] {
            if let Some(kind) = cluster[member].as_str()
                && !self.roles_of(kind).contains(&role)
            {
                return Err(no_type(kind));
            }
        }
        Ok(())
    }
}

impl AwsAccount {
    /// The region offers an instance type of search nodes for these roles only, `data` or
    /// `master`, or for none: "Not all Regions support all instance types" ("Supported instance
    /// types in Amazon OpenSearch Service", Developer Guide).
    pub fn limit_search_type(&mut self, kind: &str, roles: &[&'static str]) {
        let limited = &mut self.opensearch.limited_types;
        limited.insert(kind.to_owned(), roles.to_vec());
    }
}

/// `r6g.large.search`: family, size and service.
fn is_search_type(kind: &str) -> bool {
    let parts: Vec<&str> = kind.split('.').collect();
    matches!(parts.as_slice(), [family, size, "search"] if !family.is_empty() && !size.is_empty())
}

/// terraform-provider-aws#27684.
fn no_type(kind: &str) -> AwsError {
    AwsError::with(
        StatusCode::CONFLICT,
        "InvalidTypeException",
        format!("Invalid instance type: {kind}"),
    )
}

fn no_domain(name: &str) -> AwsError {
    AwsError::with(
        StatusCode::CONFLICT,
        "ResourceNotFoundException",
        format!("Domain not found: {name}"),
    )
}

fn strings(value: &Value) -> Vec<String> {
    let items = value.as_array().into_iter().flatten();
    items
        .filter_map(|item| item.as_str().map(str::to_owned))
        .collect()
}

fn tags_in(value: &Value) -> TagMap {
    let items = value.as_array().into_iter().flatten();
    let pairs = items.filter_map(|item| {
        Some((
            item["Key"].as_str()?.to_owned(),
            item["Value"].as_str()?.to_owned(),
        ))
    });
    pairs.collect()
}

fn create(account: &mut AwsAccount, body: &Value) -> Result<Value, AwsError> {
    only(
        body,
        &[
            "DomainName",
            "EngineVersion",
            "ClusterConfig",
            "EBSOptions",
            "VPCOptions",
            "AccessPolicies",
            "TagList",
            "EncryptionAtRestOptions",
            "NodeToNodeEncryptionOptions",
            "DomainEndpointOptions",
        ],
    )?;
    let name = body["DomainName"].as_str().unwrap_or_default();
    if account.opensearch.domains.contains_key(name) {
        return Err(AwsError::with(
            StatusCode::CONFLICT,
            "ResourceAlreadyExistsException",
            format!("Domain already exists: {name}"),
        ));
    }
    account.opensearch.check_types(&body["ClusterConfig"])?;
    let refused = |message: String| Err(AwsError::new("ValidationException", message));
    if account.opensearch.remembered.contains(name) {
        return refused(format!("Domain is still being deleted: {name}"));
    }
    if !account.has_service_role(SERVICE) {
        return Err(AwsError::known(&WITHOUT_ROLE));
    }
    // terraform-provider-aws#7725.
    if !account.service_policy_is_in_effect(SERVICE) {
        return refused(
            "Unauthorized Operation: OpenSearch Service must be authorised to describeSubnets"
                .to_owned(),
        );
    }
    let subnets = strings(&body["VPCOptions"]["SubnetIds"]);
    let groups = strings(&body["VPCOptions"]["SecurityGroupIds"]);
    if let Some(id) = subnets.iter().find(|id| account.ec2.place_of(id).is_none()) {
        return refused(format!("The subnet ID '{id}' does not exist"));
    }
    if let Some(id) = groups
        .iter()
        .find(|id| account.ec2.vpc_of_group(id).is_none())
    {
        return refused(format!("The security group '{id}' does not exist"));
    }
    let nodes = body["ClusterConfig"]["InstanceCount"].as_u64().unwrap_or(1);
    if nodes < subnets.len() as u64 {
        return refused("You must choose a number of nodes that fills each zone.".to_owned());
    }
    let serial = account.new_id("domain");
    account.add_interfaces(&NewInterfaces {
        owner: &serial,
        subnets: &subnets,
        groups: &groups,
        description: &format!("ES {name}"),
        requester: "amazon-elasticsearch",
        public: false,
    });
    let domain = DomainRecord {
        serial: serial.clone(),
        state: DomainState::Creating,
        settling: false,
        change: ChangeRecord {
            id: serial.clone(),
            status: "ApplyingChanges",
            message: None,
        },
        version: body["EngineVersion"]
            .as_str()
            .unwrap_or("OpenSearch_2.19")
            .to_owned(),
        cluster: body["ClusterConfig"].clone(),
        volumes: body["EBSOptions"].clone(),
        network: body["VPCOptions"].clone(),
        policy: body["AccessPolicies"]
            .as_str()
            .unwrap_or_default()
            .to_owned(),
        tags: tags_in(&body["TagList"]),
    };
    let answer = json!({ "DomainStatus": status(account, name, &domain) });
    account.opensearch.domains.insert(name.to_owned(), domain);
    let failure = account.take_rare(|event| match event {
        RareEvent::DomainFails(why) => Some(why.clone()),
        _ => None,
    });
    match (failure, account.opensearch.domains.get_mut(name)) {
        (Some(why), Some(domain)) => {
            domain.change.status = "ValidationFailed";
            domain.change.message = Some(why);
        }
        _ => account.after(Delay::SearchStart, ScheduledEvent::DomainReady(serial)),
    }
    Ok(answer)
}

fn status(account: &AwsAccount, name: &str, domain: &DomainRecord) -> Value {
    let mut status = json!({
        "DomainId": format!("{}/{name}", super::account::NUMBER),
        "DomainName": name,
        "ARN": account.arn("es", &format!("domain/{name}")),
        "Created": true,
        "Deleted": domain.state == DomainState::Deleting,
        "Processing": domain.state != DomainState::Active,
        "UpgradeProcessing": false,
        "DomainProcessingStatus": match domain.state {
            DomainState::Creating => "Creating",
            DomainState::Active => "Active",
            DomainState::Changing => "Modifying",
            DomainState::Deleting => "Deleting",
        },
        "ChangeProgressDetails": {
            "ChangeId": domain.change.id,
            "ConfigChangeStatus": domain.change.status,
            "Message": domain.change.message,
        },
        "EngineVersion": domain.version,
        "ClusterConfig": domain.cluster,
        "EBSOptions": domain.volumes,
        "VPCOptions": domain.network,
        "AccessPolicies": domain.policy,
    });
    if domain.state != DomainState::Creating {
        let host = format!("vpc-{name}-c0ffee.{}.es.amazonaws.com", account.region);
        status["Endpoints"] = json!({ "vpc": host });
    }
    status
}

fn describe(account: &AwsAccount, body: &Value) -> Value {
    let names = strings(&body["DomainNames"]);
    let found = names.iter().filter_map(|name| {
        let domain = account.opensearch.domains.get(name)?;
        Some(status(account, name, domain))
    });
    json!({ "DomainStatusList": found.collect::<Vec<_>>() })
}

fn change(account: &mut AwsAccount, name: &str, body: &Value) -> Result<Value, AwsError> {
    let known = [
        "AccessPolicies",
        "ClusterConfig",
        "EBSOptions",
        "VPCOptions",
    ];
    only(body, &known)?;
    account.opensearch.check_types(&body["ClusterConfig"])?;
    let domain = account.opensearch.domain(name)?;
    if domain.state != DomainState::Active || domain.settling {
        return Err(AwsError::known(&CHANGE_IN_PROGRESS));
    }
    let id = account.new_id("change");
    let failure = account.take_rare(|event| match event {
        RareEvent::DomainChangeFails(why) => Some(why.clone()),
        _ => None,
    });
    let Some(domain) = account.opensearch.domains.get_mut(name) else {
        return Err(no_domain(name));
    };
    let answer = json!({ "DomainConfig": { "ChangeProgressDetails": { "ChangeId": id } } });
    domain.change = ChangeRecord {
        id,
        status: "ApplyingChanges",
        message: None,
    };
    if let Some(why) = failure {
        // It says that it is processing, and goes on so.
        domain.state = DomainState::Changing;
        domain.change.status = "ValidationFailed";
        domain.change.message = Some(why);
        return Ok(answer);
    }
    if let Some(policy) = body["AccessPolicies"].as_str() {
        policy.clone_into(&mut domain.policy);
    }
    let groups = strings(&body["VPCOptions"]["SecurityGroupIds"]);
    for (field, asked) in [
        (&mut domain.cluster, &body["ClusterConfig"]),
        (&mut domain.volumes, &body["EBSOptions"]),
        (&mut domain.network, &body["VPCOptions"]),
    ] {
        for (key, value) in asked.as_object().into_iter().flatten() {
            field[key] = value.clone();
        }
    }
    domain.state = DomainState::Changing;
    let serial = domain.serial.clone();
    if !groups.is_empty() {
        account.ec2.regroup(&serial, &groups);
    }
    // A policy alone is there in seconds; a change of machines copies them all.
    let copies = !body["ClusterConfig"].is_null() || !body["EBSOptions"].is_null();
    let delay = match copies {
        true => Delay::SearchChange,
        false => Delay::InstanceStart,
    };
    account.after(delay, ScheduledEvent::DomainReady(serial));
    Ok(answer)
}

fn delete(account: &mut AwsAccount, name: &str) -> Result<Value, AwsError> {
    let Some(domain) = account.opensearch.domains.get_mut(name) else {
        return Err(no_domain(name));
    };
    let first = domain.state != DomainState::Deleting;
    domain.state = DomainState::Deleting;
    let domain = domain.clone();
    if first {
        account.interfaces_leave(&domain.serial, Some(Delay::SearchEnd), Delay::Interfaces);
        account.after(
            Delay::SearchEnd,
            ScheduledEvent::DomainEnded(domain.serial.clone()),
        );
    }
    Ok(json!({ "DomainStatus": status(account, name, &domain) }))
}

/// The domain's name at the end of an ARN.
fn name_in(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

fn list_tags(account: &AwsAccount, call: &Call) -> Result<Value, AwsError> {
    let query = call.path.split_once('?').map_or("", |(_, query)| query);
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    let arn = pairs
        .find(|(key, _)| key == "arn")
        .map(|(_, arn)| arn.into_owned());
    let arn = arn.unwrap_or_default();
    let domain = account.opensearch.domain(name_in(&arn))?;
    let tags = domain
        .tags
        .iter()
        .map(|(key, value)| json!({ "Key": key, "Value": value }));
    Ok(json!({ "TagList": tags.collect::<Vec<_>>() }))
}

fn add_tags(account: &mut AwsAccount, body: &Value) -> Result<Value, AwsError> {
    let name = name_in(body["ARN"].as_str().unwrap_or_default());
    match account.opensearch.domains.get_mut(name) {
        None => Err(no_domain(name)),
        Some(domain) => {
            domain.tags.extend(tags_in(&body["TagList"]));
            Ok(json!({}))
        }
    }
}

/// A type can have as many nodes as a domain may have without asking for more, in each role that it
/// is offered for.
fn limits(account: &AwsAccount, kind: &str) -> Result<Value, AwsError> {
    let roles = account.opensearch.roles_of(kind);
    if roles.is_empty() {
        return Err(no_type(kind));
    }
    let limits = |role: &str| {
        let (least, most) = match role {
            "master" => (3, 5),
            _ => (1, 80),
        };
        json!({ "InstanceLimits": { "InstanceCountLimits": {
            "MinimumInstanceCount": least,
            "MaximumInstanceCount": most,
        } } })
    };
    let by_role = roles.iter().map(|role| ((*role).to_owned(), limits(role)));
    Ok(json!({ "LimitsByRole": by_role.collect::<serde_json::Map<_, _>>() }))
}
