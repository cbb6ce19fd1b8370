//! Corrects moto's answers: what has no host yet is `pending` or `creating`, as
//! it would be on AWS, and domains in a VPC have the endpoint that AWS gives them.
//! Works on the text, so that all else stays as moto wrote it.

use serde_json::Value;
use strict_cloud::Call;

use super::Readiness;
use crate::localcloud::{cache, database, search};

/// The corrected answer, or none if nothing is to correct.
pub(super) fn answer(
    call: &Call,
    body: &[u8],
    region: &str,
    readiness: &Readiness,
) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(body).ok()?;
    match call.service.as_str() {
        "ec2" => Some(instances(text, readiness).into_bytes()),
        "rds" => Some(databases(text, readiness).into_bytes()),
        "elasticache" => Some(caches(text, readiness).into_bytes()),
        "es" => {
            let mut answer: Value = serde_json::from_str(text).ok()?;
            domains(&mut answer, region, readiness);
            serde_json::to_vec(&answer).ok()
        }
        _ => None,
    }
}

/// Instances that run, and have no host that does, are `pending`.
fn instances(text: &str, readiness: &Readiness) -> String {
    let mut corrected = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("<instanceId>") {
        let (id, after) = after.split_once("</instanceId>").unwrap_or((after, ""));
        corrected.push_str(before);
        corrected.push_str(&format!("<instanceId>{id}</instanceId>"));
        rest = after;
        // The state belongs to this instance only if it comes before the next one.
        let own = after
            .split_once("<instanceId>")
            .map_or(after, |(own, _)| own);
        if readiness.is(id.trim()) {
            continue;
        }
        if let Some((before, state)) = own.split_once("<instanceState>")
            && let Some((state, _)) = state.split_once("</instanceState>")
            && state.contains("<name>running</name>")
        {
            corrected.push_str(before);
            corrected.push_str("<instanceState><code>0</code><name>pending</name></instanceState>");
            let consumed =
                before.len() + "<instanceState>".len() + state.len() + "</instanceState>".len();
            rest = after.get(consumed..).unwrap_or_default();
        }
    }
    corrected.push_str(rest);
    corrected
}

/// Databases that are available, and whose server is not, are `creating`.
fn databases(text: &str, readiness: &Readiness) -> String {
    creating(text, "DBInstance", "DBInstanceStatus", |block| {
        let id = between(block, "<DBInstanceIdentifier>", "</DBInstanceIdentifier>");
        readiness.is(&database::guest(id.unwrap_or_default()))
    })
}

/// Caches that are available, and whose server is not, are `creating`, with all their nodes.
fn caches(text: &str, readiness: &Readiness) -> String {
    creating(text, "ReplicationGroup", "Status", |block| {
        let id = between(block, "<ReplicationGroupId>", "</ReplicationGroupId>");
        readiness.is(&cache::guest(id.unwrap_or_default()))
    })
}

/// Elements of this name whose server is not ready are `creating` where they say `available`.
fn creating(text: &str, element: &str, status: &str, is_ready: impl Fn(&str) -> bool) -> String {
    let end = format!("</{element}>");
    let [available, creating] =
        ["available", "creating"].map(|word| format!("<{status}>{word}</{status}>"));
    text.split_inclusive(&end)
        .map(|block| {
            if !block.ends_with(&end) || is_ready(block) {
                return block.to_owned();
            }
            block.replace(&available, &creating)
        })
        .collect()
}

/// Domains have an endpoint only when they answer.
fn domains(answer: &mut Value, region: &str, readiness: &Readiness) {
    match answer {
        Value::Array(items) => items
            .iter_mut()
            .for_each(|item| domains(item, region, readiness)),
        Value::Object(fields) => {
            let name = fields
                .get("DomainName")
                .and_then(Value::as_str)
                .map(str::to_owned);
            if let Some(name) = name
                && fields.contains_key("Endpoints")
            {
                if readiness.is(&search::guest(&name)) {
                    fields.insert(
                        "Endpoints".into(),
                        serde_json::json!({ "vpc": search::endpoint(&name, region) }),
                    );
                } else {
                    fields.remove("Endpoints");
                    fields.insert("Processing".into(), Value::Bool(true));
                }
            }
            fields
                .values_mut()
                .for_each(|value| domains(value, region, readiness));
        }
        _ => {}
    }
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    Some(text.split_once(start)?.1.split_once(end)?.0.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_instance_without_its_host_is_pending() {
        let item = |id: &str, name: &str| {
            format!(
                "<item><instanceId>{id}</instanceId><x/><instanceState>\n <code>16</code>\n <name>{name}</name></instanceState></item>"
            )
        };
        let readiness = Readiness::default();
        readiness.set("i-1", true);
        let text = format!(
            "<r>{}{}{}</r>",
            item("i-1", "running"),
            item("i-2", "running"),
            item("i-3", "stopped")
        );
        let corrected = instances(&text, &readiness);
        assert!(corrected.contains(&item("i-1", "running")));
        assert!(corrected.contains("<instanceId>i-2</instanceId><x/><instanceState><code>0</code><name>pending</name></instanceState></item>"));
        assert!(corrected.ends_with(&format!("{}</r>", item("i-3", "stopped"))));
    }

    #[test]
    fn a_database_is_creating_until_its_server_runs() {
        let text = "<L><DBInstance><DBInstanceIdentifier>a</DBInstanceIdentifier><DBInstanceStatus>available</DBInstanceStatus></DBInstance></L>";
        let readiness = Readiness::default();
        assert!(databases(text, &readiness).contains("<DBInstanceStatus>creating<"));
        readiness.set("db-a", true);
        assert_eq!(databases(text, &readiness), text);
    }

    #[test]
    fn a_cache_is_creating_until_its_server_runs() {
        let group = |id: &str, status: &str| {
            format!(
                "<ReplicationGroup><ReplicationGroupId>{id}</ReplicationGroupId><Status>{status}</Status><NodeGroups><NodeGroup><Status>{status}</Status></NodeGroup></NodeGroups></ReplicationGroup>"
            )
        };
        let readiness = Readiness::default();
        readiness.set("cache-there", true);
        let both = |status| {
            format!(
                "<L>{}{}</L>",
                group("there", "available"),
                group("coming", status)
            )
        };
        assert_eq!(caches(&both("available"), &readiness), both("creating"));
        assert_eq!(caches(&both("deleting"), &readiness), both("deleting"));
    }

    #[test]
    fn a_domain_has_an_endpoint_only_when_it_answers() {
        let answer = || serde_json::json!({"DomainStatus": {"DomainName": "s", "Processing": false, "Endpoints": {"vpc": "x"}}});
        let readiness = Readiness::default();
        let mut early = answer();
        domains(&mut early, "us-east-1", &readiness);
        assert_eq!(early["DomainStatus"]["Processing"], true);
        assert!(early["DomainStatus"].get("Endpoints").is_none());
        readiness.set("os-s", true);
        let mut late = answer();
        domains(&mut late, "us-east-1", &readiness);
        let endpoint = late["DomainStatus"]["Endpoints"]["vpc"].as_str().unwrap();
        assert!(
            endpoint.starts_with("vpc-s-") && endpoint.ends_with(".us-east-1.es.amazonaws.com")
        );
    }
}
