//! The table of permissions against the calls that are made: those in the source, and those
//! that really reach the API, judged by the policy that `loadrig iam-policy` prints.

mod asks;

use std::collections::{BTreeMap, BTreeSet};

use loadrig::aws::{Aws, Connection};
use loadrig::blueprint::{Address, Desired, Kind, blueprint};
use loadrig::engine::{Cloud as _, Inventory, Observed, Request, SecretInputs};
use loadrig::ops::iam_policy::canary_policy;
use loadrig::preflight::{Scope, account_grants, documents, statements};
use loadrig::spec::{Library, Role, Spec};
use serde_json::Value;

use crate::common::recorder::CallRecorder;
use crate::common::{Moto, loadrig, text};
use asks::{ACCOUNT, Ask, CallLedger, REGION};

const PUBLIC_KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHUSNw2vJ1ZBVL1hGVmTXWWm2KCEFMwvV3b9nYZp0Vb1 test";

/// A small size with one of everything that the emulator can remove again.
fn spec() -> Spec {
    let mut spec = Library::new(None)
        .architecture("1k")
        .expect("the size")
        .example();
    spec.name = "perf".to_owned();
    spec.database.readers = 1;
    spec.search.nodes = spec.search.nodes.max(1);
    for role in [Role::Metrics, Role::Agent] {
        spec.nodes.remove(&role);
    }
    spec
}

/// A policy as IAM reads it.
struct Policy {
    statements: Vec<Value>,
}

impl Policy {
    fn of(kinds: &BTreeSet<Kind>, scope: &Scope) -> Self {
        Self::from(&documents(&statements(kinds, scope)))
    }

    fn from(documents: &[Value]) -> Self {
        let statements = documents
            .iter()
            .flat_map(|one| one["Statement"].as_array().cloned().unwrap_or_default())
            .collect();
        Self { statements }
    }

    fn allows(&self, ask: &Ask) -> bool {
        self.statements.iter().any(|statement| {
            texts(&statement["Action"]).contains(&ask.action.as_str())
                && texts(&statement["Resource"])
                    .iter()
                    .any(|pattern| matches(pattern, &ask.resource))
                && conditions_hold(&statement["Condition"], ask)
        })
    }
}

fn texts(value: &Value) -> Vec<&str> {
    let list = value.as_array().map(Vec::as_slice).unwrap_or_default();
    list.iter().filter_map(Value::as_str).collect()
}

fn conditions_hold(condition: &Value, ask: &Ask) -> bool {
    condition
        .as_object()
        .into_iter()
        .flatten()
        .all(|(operator, wanted)| {
            // What is not there passes where every value has to fit.
            let without = match operator.as_str() {
                "StringEquals" | "StringLike" | "ForAnyValue:StringLike" => false,
                "ForAllValues:StringEquals" | "ForAllValues:StringLike" => true,
                other => panic!("unknown operator {other}"),
            };
            wanted
                .as_object()
                .into_iter()
                .flatten()
                .all(|(key, values)| {
                    ask.context.get(key).map_or(without, |value| {
                        let one = |text: &str| match operator.ends_with("StringLike") {
                            true => texts(values).iter().any(|pattern| matches(pattern, text)),
                            false => texts(values).contains(&text),
                        };
                        // Several values of a key are told one after the other.
                        value.split(' ').all(one)
                    })
                })
        })
}

/// IAM's `*` stands for any run of characters.
fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else {
        return false;
    };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else {
        return rest.is_empty();
    };
    for part in middle {
        let Some(at) = rest.find(part) else {
            return false;
        };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

fn request<'a>(
    spec: &'a Spec,
    (address, desired): (&'a Address, &'a Desired),
    inventory: &'a Inventory,
    tags: &'a BTreeMap<String, String>,
) -> Request<'a> {
    Request {
        environment: &spec.name,
        address,
        desired,
        inventory,
        tags,
        predecessors: &[],
        secrets: SecretInputs {
            user_data: Some("#cloud-config\n".to_owned().into()),
            password: Some("correct-horse-battery".to_owned().into()),
            public_key: Some(PUBLIC_KEY.to_owned()),
            seed: Some("c2VlZA==".to_owned().into()),
        },
    }
}

/// Creates, changes and removes a whole environment, one resource after the other.
async fn whole_life(cloud: &Aws, spec: &Spec) {
    let blueprint = blueprint(spec, &["198.51.100.7/32".parse().expect("a range")]);
    let mut inventory = Inventory::new();
    let tags = BTreeMap::new();
    for (address, desired) in blueprint.resources() {
        let made = cloud
            .create(request(spec, (address, desired), &inventory, &tags))
            .await;
        let made = made.unwrap_or_else(|error| panic!("{address}: {error}"));
        inventory.insert(made.clone());
        if !matches!(desired, Desired::Instance { .. }) {
            match cloud
                .update(request(spec, (address, desired), &inventory, &tags), &made)
                .await
            {
                Ok(_) => {}
                Err(error) => assert_eq!(error.code, "NotUpdatable", "{address}: {error}"),
            }
        }
    }
    cloud.seed(&spec.name).await.expect("a seed");
    let snapshot = cloud.snapshot(&spec.name).await.expect("a snapshot");
    let order: Vec<&Address> = blueprint.resources().map(|(address, _)| address).collect();
    let mut found: Vec<&Observed> = snapshot
        .resources
        .iter()
        .filter(|one| !one.state.is_leaving())
        .collect();
    assert_eq!(found.len(), order.len());
    found.sort_by_key(|one| order.iter().position(|address| **address == one.address));
    for one in found.into_iter().rev() {
        let gone = cloud.delete(&spec.name, one).await;
        gone.unwrap_or_else(|error| panic!("{}: {error}", one.address));
    }
    let looked = cloud.find_leftovers(&spec.name).await.expect("a proof");
    assert!(
        looked.iter().all(|place| place.left.is_empty()),
        "{looked:?}"
    );
    cloud.environments().await.expect("a list");
}

#[tokio::test]
async fn the_printed_policy_allows_every_call_that_is_made() {
    let moto = Moto::start();
    let recorder = CallRecorder::start(moto.endpoint()).await;
    let cloud = Aws::connect(Connection {
        region: REGION.to_owned(),
        profile: None,
        endpoint_url: Some(recorder.endpoint.clone()),
        credentials: Some(("AKIDTEST".to_owned(), "secret".to_owned().into())),
        paced: false,
    })
    .await
    .expect("a connection");
    let spec = spec();
    whole_life(&cloud, &spec).await;

    let kinds: BTreeSet<Kind> = blueprint(&spec, &[])
        .resources()
        .map(|(_, desired)| desired.kind())
        .collect();
    let policy = Policy::of(&kinds, &Scope::new(ACCOUNT, REGION, &spec.name));
    let elsewhere = Policy::of(&kinds, &Scope::new(ACCOUNT, REGION, "other"));
    let mut ledger = CallLedger::default();
    let mut refused = BTreeSet::new();
    let mut changes = 0;
    for call in recorder.take() {
        for ask in ledger.asks(&call) {
            if !policy.allows(&ask) {
                refused.insert(format!("{ask:?}"));
            }
            // What is not scoped by name or tag is looking, images, and AWS's own roles.
            if elsewhere.allows(&ask) {
                let verb = ask.action.split(':').nth(1).unwrap_or_default();
                let harmless = ["Describe", "List", "GetCallerIdentity", "GetRole"]
                    .iter()
                    .any(|word| verb.starts_with(word))
                    || ask.resource.contains(":image/")
                    || ask.action == "iam:CreateServiceLinkedRole";
                assert!(harmless, "the policy of another environment allows {ask:?}");
            } else {
                changes += 1;
            }
        }
    }
    assert!(refused.is_empty(), "{refused:#?}");
    assert!(changes > 50, "{changes} calls are few for a whole life");
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_policy_of_canaries_allows_every_call_of_a_canary() {
    use strict_cloud::{Emulator, StrictCloud, StrictOptions};

    let moto = Moto::start();
    // The emulator carries dry runs out.
    let emulator = Emulator::new(moto.endpoint()).expect("a client");
    let strict = StrictCloud::new(StrictOptions::instant(emulator));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
    let listener = listener.expect("loopback");
    let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(strict.serve(listener));
    let recorder = CallRecorder::start(&endpoint).await;
    let home = tempfile::tempdir().expect("a directory");
    let (folder, at) = (home.path().to_owned(), recorder.endpoint.clone());
    let doctor = ["--yes", "--api-rate", "unlimited", "doctor", "1k", "--live"];
    let ran = tokio::task::spawn_blocking(move || loadrig(&folder, &at, &doctor));
    let ran = ran.await.expect("it runs");
    assert!(ran.status.success(), "{}", text(&ran.stderr));

    let spec = Library::new(None)
        .architecture("1k")
        .expect("the size")
        .example();
    let report = canary_policy(&spec, ACCOUNT, REGION);
    let policy = Policy::from(&report.documents);
    // What IAM does not simulate is tried as a dry run, in the environment's name.
    let kinds = blueprint(&spec, &[])
        .resources()
        .map(|(_, one)| one.kind())
        .collect();
    let of_environment = Policy::of(&kinds, &Scope::new(ACCOUNT, REGION, &spec.name));
    let mut ledger = CallLedger::default();
    let (mut refused, mut asked) = (BTreeSet::new(), 0);
    for call in recorder.take() {
        let is_dry = call.parameters.contains_key("DryRun");
        for ask in ledger.asks(&call) {
            asked += 1;
            let allowed = policy.allows(&ask) || (is_dry && of_environment.allows(&ask));
            if !allowed {
                refused.insert(format!("{ask:?}"));
            }
        }
    }
    assert!(refused.is_empty(), "{refused:#?}");
    assert!(asked > 150, "{asked} questions are few for a canary");
}

#[test]
fn the_evaluator_refuses_what_the_policy_does_not_grant() {
    let scope = Scope::new(ACCOUNT, REGION, "perf");
    let policy = Policy::of(&Kind::ALL.into_iter().collect(), &scope);
    let ask = |action: &str, resource: &str, context: &[(&str, &str)]| Ask {
        action: action.to_owned(),
        resource: resource.to_owned(),
        context: context
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect(),
    };
    let instance = "arn:aws:ec2:us-east-1:123456789012:instance/i-1";
    let tag = "aws:ResourceTag/loadrig:environment";
    let terminate = |context: &[(&str, &str)]| ask("ec2:TerminateInstances", instance, context);
    assert!(policy.allows(&terminate(&[(tag, "perf")])));
    assert!(!policy.allows(&terminate(&[(tag, "perf-2")])));
    assert!(!policy.allows(&terminate(&[])));
    let role = "arn:aws:iam::123456789012:role/loadrig/lr-perf-host-us-east-1";
    let pass = |service| ask("iam:PassRole", role, &[("iam:PassedToService", service)]);
    assert!(policy.allows(&pass("ec2.amazonaws.com")));
    assert!(!policy.allows(&pass("lambda.amazonaws.com")));
    assert!(!policy.allows(&ask(
        "iam:DeleteRole",
        "arn:aws:iam::123456789012:role/admin",
        &[]
    )));
    assert!(matches("arn:*:db:lr-*-x", "arn:aws:db:lr-a-b-x"));
    assert!(!matches("arn:*:db:lr-*-x", "arn:aws:db:lr-a-b-y"));
}

/// Backups have names that AWS draws, so every environment's are reached: by their deletion alone.
#[test]
fn automated_backups_are_reached_by_their_deletion_alone() {
    let kinds = BTreeSet::from([Kind::Database, Kind::DatabaseCluster]);
    let policy = Policy::of(&kinds, &Scope::new(ACCOUNT, REGION, "perf"));
    let reach: BTreeSet<&str> = policy
        .statements
        .iter()
        .filter(|statement| {
            let mut on = texts(&statement["Resource"]).into_iter();
            on.any(|resource| resource.contains("auto-backup"))
        })
        .flat_map(|statement| texts(&statement["Action"]))
        .collect();
    let expected = [
        "rds:DeleteDBClusterAutomatedBackup",
        "rds:DeleteDBInstanceAutomatedBackup",
    ];
    assert_eq!(reach, BTreeSet::from(expected));
}

#[test]
fn the_table_names_every_call_of_the_source() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let known: BTreeSet<&str> = Kind::ALL
        .into_iter()
        .flat_map(|kind| kind.info().grants)
        .chain(account_grants())
        .flat_map(|grant| grant.actions())
        .collect();
    // What the hosts' own role allows is not loadrig's to do.
    let hosts = ["s3:GetObject", "s3:PutObject", "sts:AssumeRole"];
    let mut sources = Vec::new();
    rust_files(&root.join("src/aws"), &mut sources);
    for path in sources {
        // Only the local cloud looks through this one, and not at AWS.
        if path.ends_with("local_cloud.rs") {
            continue;
        }
        let code = std::fs::read_to_string(&path).expect("text");
        for text in code.split('"').filter(|text| is_action(text)) {
            assert!(
                known.contains(text) || hosts.contains(&text),
                "{}: `{text}` is in no grant of src/blueprint/kinds or src/preflight/grants.rs",
                path.display()
            );
        }
    }
}

fn rust_files(folder: &std::path::Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            rust_files(&path, found);
        } else {
            found.push(path);
        }
    }
}

/// `ec2:RunInstances`, but not `loadrig:environment` or `tag:…`.
fn is_action(text: &str) -> bool {
    let services = [
        "ec2",
        "elasticache",
        "elasticloadbalancing",
        "es",
        "iam",
        "rds",
        "route53",
        "s3",
        "servicequotas",
        "ssm",
        "sts",
    ];
    text.split_once(':').is_some_and(|(service, action)| {
        services.contains(&service)
            && action.starts_with(|c: char| c.is_ascii_uppercase())
            && action.chars().all(|c| c.is_ascii_alphanumeric())
    })
}
