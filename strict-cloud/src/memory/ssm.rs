//! SSM Parameter Store.
//!
//! Codes: the errors of each action in the AWS Systems Manager API Reference.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::call::Call;
use crate::clock::Delay;
use crate::errors::{AwsError, Reply};

use super::account::{AccountResource, AwsAccount, CreationTime, TagMap, unknown};
use super::form::only;

/// What encrypts a SecureString that names no key (PutParameter, `KeyId`).
const DEFAULT_KEY: &str = "alias/aws/ssm";

/// All parameters, by name.
#[derive(Debug, Clone, Default, Hash)]
pub(super) struct Ssm {
    parameters: BTreeMap<String, ParameterRecord>,
}

#[derive(Debug, Clone, Hash)]
struct ParameterRecord {
    value: String,
    kind: String,
    /// As it was named: DescribeParameters repeats that.
    key: String,
    version: u32,
    modified: CreationTime,
    tags: TagMap,
}

/// Answers a call.
pub(super) fn answer(account: &mut AwsAccount, call: &Call) -> Result<Reply, AwsError> {
    let asked = call.json();
    only(&asked, known(&call.action))?;
    let answer = match call.action.as_str() {
        "PutParameter" => put(account, &asked)?,
        "GetParameter" => {
            let name = text(&asked, "Name");
            let found = account.ssm.parameter(name)?;
            json!({ "Parameter": told(account, name, found, asked["WithDecryption"] == true) })
        }
        "GetParametersByPath" => by_path(account, &asked),
        "DescribeParameters" => describe(&account.ssm, &asked)?,
        "ListTagsForResource" => {
            let tags = &account.ssm.tagged(&asked)?.tags;
            let tags = tags
                .iter()
                .map(|(key, value)| json!({ "Key": key, "Value": value }));
            json!({ "TagList": tags.collect::<Vec<_>>() })
        }
        "AddTagsToResource" => {
            let added = tags_in(&asked["Tags"]);
            account.ssm.tagged(&asked)?;
            if let Some(found) = account.ssm.parameters.get_mut(text(&asked, "ResourceId")) {
                found.tags.extend(added);
            }
            json!({})
        }
        "DeleteParameter" => {
            let name = text(&asked, "Name");
            account.ssm.parameter(name)?;
            account.ssm.parameters.remove(name);
            account.lag(Delay::ParameterName, format!("parameter-name/{name}"));
            json!({})
        }
        _ => return Err(unknown(call)),
    };
    Ok(Reply::done(call, answer.to_string()))
}

/// The fields that an action takes here.
fn known(action: &str) -> &'static [&'static str] {
    match action {
        "PutParameter" => &[
            "Name",
            "Description",
            "Value",
            "Type",
            "KeyId",
            "Tier",
            "Overwrite",
            "Tags",
        ],
        "GetParameter" => &["Name", "WithDecryption"],
        "GetParametersByPath" => &["Path", "Recursive", "WithDecryption", "MaxResults"],
        "DescribeParameters" => &["ParameterFilters", "MaxResults"],
        "ListTagsForResource" => &["ResourceType", "ResourceId"],
        "AddTagsToResource" => &["ResourceType", "ResourceId", "Tags"],
        _ => &["Name"],
    }
}

fn text<'a>(asked: &'a Value, name: &str) -> &'a str {
    asked[name].as_str().unwrap_or_default()
}

fn tags_in(value: &Value) -> TagMap {
    let items = value.as_array().into_iter().flatten();
    let pairs = items.map(|item| (text(item, "Key").to_owned(), text(item, "Value").to_owned()));
    pairs.collect()
}

impl Ssm {
    pub(super) fn resources(&self) -> Vec<AccountResource> {
        let parameters = self.parameters.iter().map(|(name, one)| AccountResource {
            kind: "parameter",
            id: name.clone(),
            tags: one.tags.clone(),
            leaving: false,
        });
        parameters.collect()
    }

    fn parameter(&self, name: &str) -> Result<&ParameterRecord, AwsError> {
        self.parameters.get(name).ok_or_else(|| {
            AwsError::new("ParameterNotFound", format!("Parameter {name} not found."))
        })
    }

    /// What a call about tags names.
    fn tagged(&self, asked: &Value) -> Result<&ParameterRecord, AwsError> {
        let found = self.parameters.get(text(asked, "ResourceId"));
        let found = found.filter(|_| asked["ResourceType"] == "Parameter");
        found.ok_or_else(|| AwsError::new("InvalidResourceId", "The resource ID is not valid."))
    }
}

fn put(account: &mut AwsAccount, asked: &Value) -> Result<Value, AwsError> {
    let name = text(asked, "Name").to_owned();
    let overwrite = asked["Overwrite"] == true;
    // After a deletion the name is not free for 30 s: DeleteParameter in the API Reference.
    let taken = account.lags(&format!("parameter-name/{name}"));
    let before = account.ssm.parameters.get(&name);
    if (before.is_some() || taken) && !overwrite {
        return Err(AwsError::new(
            "ParameterAlreadyExists",
            "The parameter already exists. To overwrite this value, set the overwrite option in \
             the request to true.",
        ));
    }
    let tags = tags_in(&asked["Tags"]);
    if overwrite && !tags.is_empty() {
        return Err(AwsError::new(
            "ValidationException",
            "Invalid request: tags and overwrite can't be used together.",
        ));
    }
    let version = before.map_or(0, |one| one.version) + 1;
    let parameter = ParameterRecord {
        value: text(asked, "Value").to_owned(),
        kind: asked["Type"].as_str().unwrap_or("String").to_owned(),
        key: asked["KeyId"].as_str().unwrap_or(DEFAULT_KEY).to_owned(),
        version,
        modified: CreationTime(account.now),
        tags: before.map_or(tags, |one| one.tags.clone()),
    };
    account.ssm.parameters.insert(name, parameter);
    Ok(json!({ "Version": version, "Tier": "Standard" }))
}

fn told(account: &AwsAccount, name: &str, one: &ParameterRecord, decrypted: bool) -> Value {
    let value = match one.kind == "SecureString" && !decrypted {
        true => "AQICencrypted",
        false => one.value.as_str(),
    };
    json!({
        "Name": name,
        "Type": one.kind,
        "Value": value,
        "Version": one.version,
        "LastModifiedDate": one.modified.0.as_second(),
        "ARN": account.arn("ssm", &format!("parameter/{}", name.trim_start_matches('/'))),
        "DataType": "text",
    })
}

/// Whether a parameter is below a path.
fn is_below(name: &str, path: &str) -> bool {
    let path = path.trim_end_matches('/');
    name.strip_prefix(path)
        .is_some_and(|rest| rest.starts_with('/'))
}

/// GetParametersByPath: "Retrieve information about one or more parameters under a specified level
/// in a hierarchy."
/// (<https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParametersByPath.html>).
fn by_path(account: &AwsAccount, asked: &Value) -> Value {
    let path = text(asked, "Path");
    let recursive = asked["Recursive"] == true;
    let found = account.ssm.parameters.iter().filter(|(name, _)| {
        let rest = name
            .get(path.trim_end_matches('/').len() + 1..)
            .unwrap_or_default();
        is_below(name, path) && (recursive || !rest.contains('/'))
    });
    let decrypted = asked["WithDecryption"] == true;
    let found = found.map(|(name, one)| told(account, name, one, decrypted));
    json!({ "Parameters": found.collect::<Vec<_>>() })
}

fn describe(ssm: &Ssm, asked: &Value) -> Result<Value, AwsError> {
    let filters = asked["ParameterFilters"].as_array();
    let mut found: Vec<(&String, &ParameterRecord)> = ssm.parameters.iter().collect();
    for filter in filters.into_iter().flatten() {
        let (key, option) = (text(filter, "Key"), filter["Option"].as_str());
        let values = filter["Values"].as_array().into_iter().flatten();
        let values: Vec<&str> = values.filter_map(Value::as_str).collect();
        match (key, option) {
            ("Name", None | Some("Equals")) => {
                found.retain(|(name, _)| values.contains(&name.as_str()));
            }
            ("Path", Some("Recursive")) => {
                found.retain(|(name, _)| values.iter().any(|path| is_below(name, path)));
            }
            (key, None | Some("Equals")) if key.starts_with("tag:") => {
                let key = key.trim_start_matches("tag:");
                found.retain(|(_, one)| {
                    one.tags
                        .get(key)
                        .is_some_and(|value| values.contains(&value.as_str()))
                });
            }
            _ => {
                return Err(AwsError::new(
                    "InvalidFilterKey",
                    format!("The specified key isn't valid: {key}"),
                ));
            }
        }
    }
    let found = found.into_iter().map(|(name, one)| {
        json!({
            "Name": name,
            "Type": one.kind,
            "KeyId": one.key,
            "Version": one.version,
            "LastModifiedDate": one.modified.0.as_second(),
        })
    });
    Ok(json!({ "Parameters": found.collect::<Vec<_>>() }))
}
