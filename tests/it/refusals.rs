//! The table of what AWS refuses, held to what others know: every error that the published model
//! of a service names for an operation that is called has a row, every known refusal means what
//! the table takes it for, and no row is there that neither holds.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use loadrig::aws::{Refusal, class_by, refusals};
use loadrig::blueprint::Kind;
use loadrig::blueprint::kinds::GrantUse;
use loadrig::diagnose::Diagnose as _;
use loadrig::engine::{CloudError, FailureClass, is_credential_code};
use serde_json::Value;
use strict_cloud::{KnownRefusal, Meaning, known_refusals};

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

/// An error that a model names for an operation that is called.
struct Modelled {
    service: &'static str,
    operation: String,
    code: String,
}

impl Modelled {
    /// Whether a row says what the code means, whatever the message.
    fn is_classed(&self, rows: &[(&str, &Refusal)]) -> bool {
        rows.iter().any(|(of, row)| {
            (*of == self.service || *of == "*")
                && row.message.is_empty()
                && row.codes.contains(&self.code.as_str())
                && (row.operations.is_empty() || row.operations.contains(&self.operation.as_str()))
        })
    }
}

fn modelled() -> Vec<Modelled> {
    let mut all = Vec::new();
    for (name, model, service, least) in SERVICES {
        let called = called(name);
        let text = fs::read_to_string(file(&["strict-cloud", "models", &format!("{model}.json")]));
        let model: Value = serde_json::from_str(&text.unwrap()).unwrap();
        let before = all.len();
        for (operation, about) in model["operations"].as_object().unwrap() {
            if !called.contains(&operation.to_lowercase()) {
                continue;
            }
            let errors = about["errors"].as_object().into_iter().flatten();
            all.extend(errors.map(|(code, _)| Modelled {
                service,
                operation: operation.clone(),
                code: code.clone(),
            }));
        }
        let seen = all.len() - before;
        assert!(seen >= *least, "{service}: only {seen} errors were read");
    }
    all
}

/// Whether these rows take a refusal for what it is known to mean.
///
/// What is not there yet is told apart from what is gone by the call that asks, and what is
/// taken is adopted by it: `crash::refused` has the runs.
fn is_understood(refusal: &KnownRefusal, rows: &[(&'static str, &'static Refusal)]) -> bool {
    let service = if refusal.service == "*" {
        "sts"
    } else {
        refusal.service
    };
    let operations = if refusal.operations.is_empty() {
        &["Any"]
    } else {
        refusal.operations
    };
    operations.iter().all(|operation| {
        let called = format!("{service}:{operation}");
        let rows = rows.iter().copied();
        let Some(class) = class_by(rows, &called, refusal.code, refusal.message) else {
            return false;
        };
        match refusal.meaning {
            Meaning::Later | Meaning::InProgress => class.is_passing(),
            Meaning::NotYet | Meaning::Gone => class == FailureClass::NotFound,
            Meaning::Taken => class == FailureClass::Terminal || class.is_passing(),
            Meaning::Denied => class == FailureClass::Denied,
            Meaning::Quota => class == FailureClass::Quota,
            Meaning::Capacity => class == FailureClass::Capacity,
            Meaning::Invalid => {
                matches!(class, FailureClass::Terminal | FailureClass::Blocked)
            }
        }
    })
}

fn table() -> Vec<(&'static str, &'static Refusal)> {
    refusals().collect()
}

#[test]
fn every_modelled_error_has_a_class() {
    let rows = table();
    let missing: Vec<String> = modelled()
        .iter()
        .filter(|error| !error.is_classed(&rows))
        .map(|error| format!("{}:{}: {}", error.service, error.operation, error.code))
        .collect();
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[test]
fn every_known_refusal_is_understood() {
    let rows = table();
    let wrong: Vec<String> = known_refusals()
        .filter(|refusal| !is_understood(refusal, &rows))
        .map(|refusal| format!("{refusal:?}"))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Each code of each row is there since somebody met it: without it, an error of a model would
/// have no class, or a known refusal another one.
#[test]
fn no_row_can_be_removed() {
    let rows = table();
    let (modelled, known): (Vec<_>, Vec<_>) = (modelled(), known_refusals().collect());
    let mut idle = Vec::new();
    for (at, (service, row)) in rows.iter().enumerate() {
        for code in row.codes {
            let codes: Vec<&'static str> = row
                .codes
                .iter()
                .copied()
                .filter(|other| other != code)
                .collect();
            // Rows are static; those made here live as long as the test does.
            let without: &'static Refusal = Box::leak(Box::new(Refusal {
                codes: codes.leak(),
                ..**row
            }));
            let mut rows = rows.clone();
            rows[at].1 = without;
            let is_held = modelled.iter().any(|error| !error.is_classed(&rows))
                || known.iter().any(|refusal| !is_understood(refusal, &rows));
            if !is_held {
                idle.push(format!(
                    "{service} {:?} {code} {:?}",
                    row.operations, row.message
                ));
            }
        }
    }
    assert!(idle.is_empty(), "nothing holds these:\n{}", idle.join("\n"));
}

/// The permission that an operation needs, where it has another name.
fn action_of(service: &str, operation: &str) -> String {
    let action = match operation {
        "PutBucketLifecycleConfiguration" => "PutLifecycleConfiguration",
        "PutPublicAccessBlock" => "PutBucketPublicAccessBlock",
        other => other,
    };
    format!("{service}:{action}")
}

/// How long kinds of resources repeat an operation at most while its failure is one that passes.
fn patiences(action: &str) -> Vec<(Kind, Duration)> {
    let mut found = Vec::new();
    for kind in Kind::ALL {
        let info = kind.info();
        let granted = |access| {
            let mut grants = info.grants.iter().filter(|grant| grant.is_for(access));
            grants.any(|grant| grant.actions().any(|one| one == action))
        };
        for (access, patience) in [
            (GrantUse::Create, info.patience.create),
            (GrantUse::Update, info.patience.update),
            (GrantUse::Delete, info.patience.delete),
        ] {
            if granted(access) {
                found.push((kind, patience));
            }
        }
    }
    found
}

/// Others found out on AWS how long it takes: who gives up earlier fails where they do not.
#[test]
fn what_passes_is_repeated_for_as_long_as_others_repeat_it() {
    let (mut checked, mut wrong) = (0, Vec::new());
    for known in known_refusals() {
        let Some(seconds) = known.waits else { continue };
        let others = Duration::from_secs(seconds.into());
        assert!(known.meaning.passes(), "nobody waits for this: {known:?}");
        for operation in known.operations {
            let action = action_of(known.service, operation);
            let patiences = patiences(&action);
            if patiences.is_empty() {
                wrong.push(format!("no kind has `{action}`"));
            }
            let called = format!("{}:{operation}", known.service);
            let class = class_by(refusals(), &called, known.code, known.message);
            let limit = class.and_then(FailureClass::repeated_for);
            for (kind, patience) in patiences {
                checked += 1;
                let ours = limit.map_or(patience, |limit| patience.min(limit));
                if ours < others {
                    wrong.push(format!(
                        "{kind:?}: {called} {} is repeated for {ours:?}, by others for {others:?}",
                        known.code
                    ));
                }
            }
        }
    }
    assert!(checked > 30, "only {checked} were checked");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// How many refusals are known of each service: where the model of a service, or another text,
/// has the same code, nothing else notices that one is gone.
#[test]
fn no_known_refusal_can_be_removed() {
    let mut known: BTreeMap<&str, usize> = BTreeMap::new();
    for refusal in known_refusals() {
        *known.entry(refusal.service).or_default() += 1;
    }
    let expected = [
        ("*", 49),
        ("ec2", 70),
        ("elasticache", 15),
        ("elasticloadbalancing", 19),
        ("es", 13),
        ("iam", 11),
        ("rds", 44),
        ("route53", 13),
        ("s3", 28),
        ("ssm", 6),
    ];
    assert_eq!(known, BTreeMap::from(expected));
}

/// A text that AWS never answered with.
const UNSEEN: &str = "Come back once the moon is full.";

/// A code under which AWS is known to say "later" in some text may say so in another one, too:
/// only a text that is known makes it final.
#[test]
fn a_code_that_can_mean_later_is_final_only_by_its_text() {
    let rows = table();
    let passing = rows
        .iter()
        .filter(|(_, row)| !row.message.is_empty() && row.class.is_passing());
    let (mut codes, mut wrong) = (0, Vec::new());
    for (service, row) in passing {
        let operations = if row.operations.is_empty() {
            &["Any"]
        } else {
            row.operations
        };
        for operation in operations {
            let called = format!("{service}:{operation}");
            for code in row.codes {
                codes += 1;
                let class = class_by(rows.iter().copied(), &called, code, UNSEEN);
                if class != Some(FailureClass::Unknown) {
                    wrong.push(format!("{called}: {code}: {class:?}"));
                }
            }
        }
    }
    assert!(codes > 10, "only {codes} codes were read");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_aws_backup_holds_is_told_with_how_to_release_it() {
    let refusal = known_refusals().find(|one| one.message.contains("AwsBackupRecoveryPointArn"));
    let KnownRefusal { code, message, .. } = refusal.expect("it is known");
    for operation in ["rds:DeleteDBInstance", "rds:DeleteDBCluster"] {
        let error = CloudError {
            class: class_by(refusals(), operation, code, message).expect("the code has a row"),
            ..CloudError::without_answer(operation, "lr-demo-db", code, message)
        };
        assert_eq!(error.class, FailureClass::Blocked, "{operation}");
        let hints = error.hints().join("\n");
        assert!(
            hints.contains("aws backup disassociate-recovery-point"),
            "{hints}"
        );
    }
}

#[test]
fn an_unseen_text_of_a_generic_code_asks_for_a_report() {
    for (operation, code) in [
        ("ec2:RunInstances", "InvalidParameterValue"),
        ("rds:CreateDBInstance", "InvalidParameterCombination"),
        (
            "elasticache:CreateReplicationGroup",
            "InvalidParameterValue",
        ),
        ("es:CreateDomain", "ValidationException"),
        ("ssm:PutParameter", "ValidationException"),
    ] {
        let error = |message: &str| CloudError {
            class: class_by(refusals(), operation, code, message).expect("the code has a row"),
            ..CloudError::without_answer(operation, "target", code, message)
        };
        let unseen = error(UNSEEN);
        assert_eq!(unseen.class, FailureClass::Unknown, "{operation}");
        let asks = |error: &CloudError| {
            let hints = error.hints();
            hints.iter().any(|hint| hint.contains("report this line"))
        };
        assert!(asks(&unseen), "{operation}: {:?}", unseen.hints());
        assert!(unseen.to_string().contains(UNSEEN), "{unseen}");
        // What is known to be wrong needs no report.
        let known = known_refusals().find(|known| {
            known.meaning == Meaning::Invalid
                && known.code == code
                && operation.ends_with(&format!(":{}", known.operations.first().unwrap_or(&"")))
        });
        if let Some(known) = known {
            let known = error(known.message);
            assert!(!asks(&known), "{known}");
        }
    }
}

/// Answers a dry run that would have worked.
const SUCCESS: &str = "DryRunOperation";

/// The IAM prefix of the service that a file of the strict cloud plays; none for files about all.
fn played_by(path: &Path) -> Option<&'static str> {
    const NAMES: &[(&str, &str)] = &[
        ("ec2", "ec2"),
        ("elasticache", "elasticache"),
        ("elb", "elasticloadbalancing"),
        ("iam", "iam"),
        ("opensearch", "es"),
        ("rds", "rds"),
        ("route53", "route53"),
        ("s3", "s3"),
        ("ssm", "ssm"),
    ];
    let parts = path.iter().filter_map(|part| part.to_str());
    let mut parts = parts.skip_while(|part| *part != "src");
    parts.find_map(|part| {
        let name = part.trim_end_matches(".rs");
        let named = |(prefix, _): &&(&str, &str)| name.split('_').next() == Some(prefix);
        NAMES.iter().find(named).map(|(_, service)| *service)
    })
}

/// Every code that a rule of the strict cloud refuses with, with the service it plays.
fn strict_codes() -> BTreeSet<(Option<&'static str>, String)> {
    let mut codes = BTreeSet::new();
    let mut folders = vec![file(&["strict-cloud", "src"])];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            let rules = text.split("#[cfg(test)]").next().unwrap_or_default();
            for call in ["AwsError::new(", "AwsError::with("] {
                for rest in rules.split(call).skip(1) {
                    let rest = rest.trim_start();
                    let status = rest.strip_prefix("StatusCode::");
                    let rest = status
                        .and_then(|rest| rest.split_once(','))
                        .map_or(rest, |two| two.1);
                    let Some(rest) = rest.trim_start().strip_prefix('"') else {
                        continue;
                    };
                    let code = rest.split('"').next().unwrap_or_default();
                    codes.insert((played_by(&path), code.to_owned()));
                }
            }
        }
    }
    codes
}

#[test]
fn what_the_strict_cloud_refuses_has_a_class() {
    let codes = strict_codes();
    assert!(codes.len() > 100, "only {} codes were read", codes.len());
    let has_row = |service: Option<&str>, code: &str| {
        refusals().any(|(of, row)| {
            (of == "*" || service.is_none_or(|service| service == of))
                && row.codes.iter().any(|known| match known.strip_prefix('.') {
                    Some(_) => code.ends_with(known),
                    None => code == *known,
                })
        })
    };
    let unknown: Vec<_> = codes
        .iter()
        .filter(|(service, code)| {
            code != SUCCESS && !is_credential_code(code) && !has_row(*service, code)
        })
        .collect();
    assert!(unknown.is_empty(), "{unknown:#?}");
}
