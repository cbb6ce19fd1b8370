//! The table of what AWS refuses: every error that the API's model names for an operation that is
//! called has a row.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The crates whose services are complete, with their IAM prefixes.
const SERVICES: &[(&str, &str)] = &[
    ("aws-sdk-elasticache", "elasticache"),
    ("aws-sdk-elasticloadbalancingv2", "elasticloadbalancing"),
    ("aws-sdk-opensearch", "es"),
    ("aws-sdk-rds", "rds"),
    ("aws-sdk-route53", "route53"),
];

/// They are in the crates since operations of other services have these names.
const NOT_CALLED: &[&str] = &["create_user", "create_vpc_endpoint"];

fn crate_source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("sdk")
        .join(name)
        .join("src")
}

/// The operations that the crate was cut down to.
fn operations(name: &str) -> Vec<String> {
    let entries = fs::read_dir(crate_source(name).join("operation")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names
        .filter_map(|file| Some(file.strip_suffix(".rs")?.to_owned()))
        .filter(|operation| !NOT_CALLED.contains(&operation.as_str()))
        .collect()
}

/// The codes that the crate reads in an operation's errors.
fn codes(name: &str, operation: &str) -> BTreeSet<String> {
    let file = format!("protocol_serde/shape_{operation}.rs");
    let text = fs::read_to_string(crate_source(name).join(file)).unwrap();
    let errors = text.split("match error_code {").skip(1);
    let arms = errors.flat_map(|part| {
        let arms = part.split("_ =>").next().unwrap_or_default();
        arms.lines().filter_map(|line| {
            let (code, _) = line.trim().strip_prefix('"')?.split_once("\" =>")?;
            Some(code.to_owned())
        })
    });
    arms.collect()
}

/// `CreateLoadBalancer` for `create_load_balancer`.
fn pascal(operation: &str) -> String {
    let words = operation.split('_').map(|word| {
        let (first, rest) = word.split_at(1);
        first.to_uppercase() + rest
    });
    words.collect()
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
fn every_error_that_the_api_names_has_a_class() {
    let mut missing = Vec::new();
    let mut seen = 0;
    for (name, service) in SERVICES {
        for operation in operations(name) {
            for code in codes(name, &operation) {
                seen += 1;
                if !has_row(service, &pascal(&operation), &code) {
                    missing.push(format!("{service}:{}: {code}", pascal(&operation)));
                }
            }
        }
    }
    assert!(seen > 150, "only {seen} codes are read");
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}
