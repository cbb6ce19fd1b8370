//! The table of what AWS refuses: every error that the published model of a service names for an
//! operation that is called has a row, so that none is judged by its HTTP status alone.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// The services: the SDK's crate, the model, the IAM prefix, and how many errors its operations
/// have at least. EC2 models no errors, and the one operation of STS that is called has none.
const SERVICES: &[(&str, &str, &str, usize)] = &[
    ("elasticache", "elasticache", "elasticache", 60),
    (
        "elasticloadbalancingv2",
        "elbv2",
        "elasticloadbalancing",
        60,
    ),
    ("iam", "iam", "iam", 40),
    ("opensearch", "opensearch", "es", 20),
    ("rds", "rds", "rds", 150),
    ("route53", "route53", "route53", 20),
    ("s3", "s3", "s3", 4),
    ("servicequotas", "service-quotas", "servicequotas", 8),
    ("ssm", "ssm", "ssm", 20),
];

/// It is in ElastiCache's slice since a method of another client has its name.
const NOT_CALLED: &str = "createuser";

fn file(parts: &[&str]) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    parts
        .iter()
        .fold(root.to_owned(), |path, part| path.join(part))
}

/// The operations that a crate was cut down to, in lower case and without separators.
fn called(name: &str) -> BTreeSet<String> {
    let folder = file(&["sdk", &format!("aws-sdk-{name}"), "src", "operation"]);
    let names = fs::read_dir(folder).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names
        .filter_map(|name| Some(name.strip_suffix(".rs")?.replace('_', "")))
        .filter(|name| name != NOT_CALLED)
        .collect()
}

fn has_row(service: &str, operation: &str, code: &str) -> bool {
    loadrig::aws::refusals().any(|(of, row)| {
        (of == service || of == "*")
            && row.message.is_empty()
            && row.codes.contains(&code)
            && (row.operations.is_empty() || row.operations.contains(&operation))
    })
}

#[test]
fn every_modelled_error_has_a_class() {
    let mut missing = Vec::new();
    for (name, model, service, least) in SERVICES {
        let called = called(name);
        let text = fs::read_to_string(file(&["strict-cloud", "models", &format!("{model}.json")]));
        let model: Value = serde_json::from_str(&text.unwrap()).unwrap();
        let mut seen = 0;
        for (operation, about) in model["operations"].as_object().unwrap() {
            if !called.contains(&operation.to_lowercase()) {
                continue;
            }
            for code in about["errors"]
                .as_object()
                .into_iter()
                .flatten()
                .map(|(code, _)| code)
            {
                seen += 1;
                if !has_row(service, operation, code) {
                    missing.push(format!("{service}:{operation}: {code}"));
                }
            }
        }
        assert!(seen >= *least, "{service}: only {seen} errors were read");
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}
