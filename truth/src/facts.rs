//! What AWS was recorded to answer: the facts, as the oracle's files have them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

/// One exchange with AWS, or what is known of one.
#[derive(Debug)]
pub(crate) struct RecordedFact {
    /// `ls:…`, `c7n:…`, `m:…`, `q:…`, `st:…` or `canary:…`.
    pub(crate) id: String,
    /// Such as `s3:PutObject`; the service is named as in signatures.
    pub(crate) operation: String,
    /// What was answered: a response, an error or a state.
    pub(crate) record: Value,
}

impl RecordedFact {
    /// What it was recorded by.
    pub(crate) fn kind(&self) -> &str {
        self.id.split(':').next().unwrap_or_default()
    }

    pub(crate) fn service(&self) -> &str {
        self.operation.split(':').next().unwrap_or_default()
    }

    pub(crate) fn action(&self) -> &str {
        self.operation.split(':').nth(1).unwrap_or_default()
    }
}

/// A service's name in signatures, by the name that it has among the facts.
pub(crate) fn signing_name(service: &str) -> &str {
    match service {
        "opensearch" => "es",
        "elbv2" => "elasticloadbalancing",
        other => other,
    }
}

/// Reads why facts are set aside, by their ids.
pub(crate) fn read_set_aside(path: &Path) -> Result<BTreeMap<String, String>, String> {
    let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))
}

/// Reads every fact below `oracle/recorded`, by id.
pub(crate) fn read(oracle: &Path) -> Result<BTreeMap<String, RecordedFact>, String> {
    let mut facts = BTreeMap::new();
    let mut open = vec![oracle.join("recorded")];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            let entries =
                fs::read_dir(&path).map_err(|error| format!("{}: {error}", path.display()))?;
            open.extend(entries.flatten().map(|entry| entry.path()));
            continue;
        }
        let text =
            fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let file: Value =
            serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?;
        for record in file["records"].as_array().into_iter().flatten() {
            let text = |name: &str| record[name].as_str().unwrap_or_default().to_owned();
            let operation = text("operation");
            let (service, action) = operation.split_once(':').unwrap_or((&operation, ""));
            let fact = RecordedFact {
                id: text("id"),
                operation: format!("{}:{action}", signing_name(service)),
                record: record.clone(),
            };
            facts.insert(fact.id.clone(), fact);
        }
    }
    Ok(facts)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The file is held to what a canary writes by loadrig's tests (`tests/it/crash/canary.rs`).
    #[test]
    fn what_a_canary_recorded_is_a_fact() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/canary");
        let facts = read(&folder).expect("a file of facts");
        let [fact] = facts.values().collect::<Vec<_>>()[..] else {
            panic!("{facts:?}");
        };
        assert_eq!(fact.kind(), "canary");
        let called = (fact.service(), fact.action());
        assert_eq!(called, ("rds", "CreateDBSubnetGroup"));
        assert_eq!(fact.record["error"]["code"], "InvalidParameterValue");
        assert_eq!(fact.record["error"]["status"], 400);
    }
}
