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

use crate::common::recorder::{CallRecorder, RecordedCall};
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

/// IAM's `*` stands for any run of characters, `?` for one.
fn matches(pattern: &str, text: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    // At which places of the text the pattern so far may end.
    let mut ends = vec![false; text.len() + 1];
    ends[0] = true;
    for sign in pattern.chars() {
        let mut next = vec![false; text.len() + 1];
        for place in 0..=text.len() {
            next[place] = match sign {
                '*' => ends[place] || (place > 0 && next[place - 1]),
                '?' => place > 0 && ends[place - 1],
                _ => place > 0 && ends[place - 1] && text[place - 1] == sign,
            };
        }
        ends = next;
    }
    ends[text.len()]
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
    let spec = spec();
    whole_life(&through(&recorder).await, &spec).await;

    let kinds: BTreeSet<Kind> = blueprint(&spec, &[])
        .resources()
        .map(|(_, desired)| desired.kind())
        .collect();
    let changes = judge(&recorder.take(), &spec, &kinds);
    assert!(changes > 50, "{changes} calls are few for a whole life");
}

/// With the kinds that the emulator cannot remove again: an account in memory lives with them.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_policy_of_every_kind_allows_every_call_and_reaches_no_namesake() {
    use strict_cloud::{AccountProfile, AwsAccount, SharedAccount, StrictCloud, StrictOptions};

    let account = SharedAccount::new(AwsAccount::of_profile(AccountProfile::Used, REGION, 0.0));
    let strict = StrictCloud::new(StrictOptions::models(account));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
    let listener = listener.expect("loopback");
    let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(strict.clone().serve(listener));
    let recorder = CallRecorder::start(&endpoint).await;
    let yaml = "architecture: 10k\ncloud: aws\nregion: us-east-1\n\
                access: { operators: [198.51.100.7/32] }\n\
                database: { engine: aurora-postgresql }\nload_balancer: alb\n\
                network: { layout: private, private_dns: true, s3_endpoint: true }\n\
                sizes: { nodes: { proxy: { count: 0 }, agent: { count: 5 } }, \
                cache: { nodes: 2, instance_type: cache.m7g.large } }\n";
    let spec = Library::new(Some("no-such-directory".into())).load_text("perf", yaml);
    let spec = spec.expect("an environment");
    let cloud = through(&recorder).await;
    // As `up` does before anything else.
    for service in [
        "rds",
        "elasticache",
        "elasticloadbalancing",
        "opensearchservice",
    ] {
        let service = format!("{service}.amazonaws.com");
        cloud.create_service_role(&service).await.expect("a role");
    }
    whole_life(&cloud, &spec).await;

    let kinds: BTreeSet<Kind> = blueprint(&spec, &[])
        .resources()
        .map(|(_, desired)| desired.kind())
        .collect();
    for kind in [
        Kind::Zone,
        Kind::LoadBalancer,
        Kind::Cache,
        Kind::DatabaseCluster,
    ] {
        assert!(kinds.contains(&kind), "{kind:?}");
    }
    let changes = judge(&recorder.take(), &spec, &kinds);
    assert!(changes > 100, "{changes} calls are few for a whole life");
    assert_eq!(strict.take_violations(), Vec::<String>::new());
}

/// Fails where the policy of an environment does not allow a call of its life, or would allow that of
/// another environment, also of one that is called nearly so. How many questions were about changes.
fn judge(calls: &[RecordedCall], spec: &Spec, kinds: &BTreeSet<Kind>) -> usize {
    let scope = |name: &str| Scope::new(ACCOUNT, REGION, name);
    let zone = calls.iter().find_map(|call| {
        let id = call.path.split("/hostedzone/").nth(1)?.split('/').next()?;
        (!id.is_empty()).then(|| id.to_owned())
    });
    let before = Policy::of(kinds, &scope(&spec.name));
    let policy = Policy::of(kinds, &scope(&spec.name).with_zone(zone.as_deref()));
    let elsewhere = Policy::of(kinds, &scope("other").with_zone(Some("ZOTHER")));
    let mut ledger = CallLedger::default();
    let mut refused = BTreeSet::new();
    let mut changes = 0;
    for call in calls {
        for ask in ledger.asks(call) {
            if !policy.allows(&ask) || !before.allows(&ask) {
                refused.insert(format!("{ask:?}"));
            }
            if is_anybodys(&ask) {
                continue;
            }
            changes += 1;
            assert!(!elsewhere.allows(&ask), "`other` is allowed {ask:?}");
            for name in ["x-perf", "perf-db", "perf-db-reader-1", "perf-final-x"] {
                let theirs = namesakes(&ask, name);
                assert!(!policy.allows(&theirs), "`perf` is allowed {theirs:?}");
            }
        }
    }
    assert!(refused.is_empty(), "{refused:#?}");
    changes
}

/// What no name, tag or id can keep to one environment (docs/permissions.md, "What stays wide").
fn is_anybodys(ask: &Ask) -> bool {
    let verb = ask.action.split(':').nth(1).unwrap_or_default();
    let looks = [
        "Describe",
        "List",
        "GetCallerIdentity",
        "GetRole",
        "GetChange",
    ];
    let shared = [":image/", ":og:default", ":parametergroup:default"];
    looks.iter().any(|word| verb.starts_with(word))
        || shared.iter().any(|part| ask.resource.contains(part))
        || ["iam:CreateServiceLinkedRole", "route53:CreateHostedZone"]
            .contains(&ask.action.as_str())
}

/// What an environment of another name would ask in this one's place.
fn namesakes(ask: &Ask, name: &str) -> Ask {
    let renamed = |text: &str| text.replace("perf", name);
    let resource = match ask.resource.contains(":hostedzone/") {
        true => "arn:aws:route53:::hostedzone/ZTHEIRS".to_owned(),
        false => renamed(&ask.resource),
    };
    let context = ask.context.iter();
    Ask {
        action: ask.action.clone(),
        resource,
        context: context
            .map(|(key, value)| (key.clone(), renamed(value)))
            .collect(),
    }
}

async fn through(recorder: &CallRecorder) -> Aws {
    Aws::connect(Connection {
        region: REGION.to_owned(),
        profile: None,
        endpoint_url: Some(recorder.endpoint.clone()),
        credentials: Some(("AKIDTEST".to_owned(), "secret".to_owned().into())),
        paced: false,
    })
    .await
    .expect("a connection")
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
    let instance = "arn:aws:ec2:us-east-1:123456789012:instance/i-1";
    let tag = "aws:ResourceTag/loadrig:environment";
    let terminate = |context: &[(&str, &str)]| asked("ec2:TerminateInstances", instance, context);
    assert!(policy.allows(&terminate(&[(tag, "perf")])));
    assert!(!policy.allows(&terminate(&[(tag, "perf-2")])));
    assert!(!policy.allows(&terminate(&[])));
    let role = "arn:aws:iam::123456789012:role/loadrig/lr-perf-host-us-east-1";
    let pass = |service| asked("iam:PassRole", role, &[("iam:PassedToService", service)]);
    assert!(policy.allows(&pass("ec2.amazonaws.com")));
    assert!(!policy.allows(&pass("lambda.amazonaws.com")));
    assert!(!policy.allows(&asked(
        "iam:DeleteRole",
        "arn:aws:iam::123456789012:role/admin",
        &[]
    )));
    assert!(matches("arn:*:db:lr-*-x", "arn:aws:db:lr-a-b-x"));
    assert!(!matches("arn:*:db:lr-*-x", "arn:aws:db:lr-a-b-y"));
    assert!(matches("lr-?-x*", "lr-a-x") && !matches("lr-?-x", "lr-ab-x"));
}

fn asked(action: &str, resource: &str, context: &[(&str, &str)]) -> Ask {
    let context = context.iter();
    Ask {
        action: action.to_owned(),
        resource: resource.to_owned(),
        context: context
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect(),
    }
}

#[test]
fn strangers_zones_snapshots_and_backups_are_out_of_reach() {
    let scope = Scope::new(ACCOUNT, REGION, "perf").with_zone(Some("Z1"));
    let policy = Policy::of(&Kind::ALL.into_iter().collect(), &scope);
    let rds = |rest: &str| format!("arn:aws:rds:{REGION}:{ACCOUNT}:{rest}");
    let allows = |action: &str, resource: &str| policy.allows(&asked(action, resource, &[]));
    for action in ["DeleteHostedZone", "ChangeTagsForResource"] {
        let action = format!("route53:{action}");
        assert!(allows(&action, "arn:aws:route53:::hostedzone/Z1"));
        assert!(!allows(&action, "arn:aws:route53:::hostedzone/Z9"));
    }
    let key = "route53:ChangeResourceRecordSetsNormalizedRecordNames";
    let records = |zone: &str, names: &str| {
        let zone = format!("arn:aws:route53:::hostedzone/{zone}");
        let action = "route53:ChangeResourceRecordSets";
        policy.allows(&asked(action, &zone, &[(key, names)]))
    };
    assert!(records(
        "Z1",
        "perf.loadrig.internal app-1.perf.loadrig.internal"
    ));
    for (zone, names) in [
        ("Z9", "app-1.perf.loadrig.internal"),
        ("Z1", "app-1.x-perf.loadrig.internal"),
        ("Z1", "app-1.perf.loadrig.internal example.com"),
    ] {
        assert!(!records(zone, names), "{zone} {names}");
    }
    for (action, of) in [
        ("rds:CreateDBSnapshot", "snapshot"),
        ("rds:CreateDBClusterSnapshot", "cluster-snapshot"),
        ("rds:AddTagsToResource", "snapshot"),
        ("rds:AddTagsToResource", "cluster-snapshot"),
    ] {
        assert!(allows(
            action,
            &rds(&format!("{of}:lr-perf-final-0123456789"))
        ));
        for name in [
            "theirs",
            "lr-perf-final-x-final-0123456789",
            "lr-perf-by-hand",
        ] {
            assert!(
                !allows(action, &rds(&format!("{of}:{name}"))),
                "{action} {name}"
            );
        }
    }
    for action in ["Instance", "Cluster"] {
        let action = format!("rds:DeleteDB{action}AutomatedBackup");
        for backup in ["auto-backup:ab-1", "cluster-auto-backup:cab-1"] {
            assert!(!allows(&action, &rds(backup)), "{action}");
        }
    }
}

/// Each statement that changes something and names the environment neither in what it is about nor in
/// a condition is explained on the page.
#[test]
fn what_stays_wide_is_explained() {
    let page = include_str!("../../docs/permissions.md");
    let start = page.find("## What stays wide").expect("a section");
    let section = page[start + 3..].split("\n## ").next().unwrap_or_default();
    let policy = Policy::of(
        &Kind::ALL.into_iter().collect(),
        &Scope::new(ACCOUNT, REGION, "perf"),
    );
    let looks = |action: &&str| {
        let verb = action.split(':').nth(1).unwrap_or_default();
        ["Describe", "List", "Get", "Simulate"]
            .iter()
            .any(|word| verb.starts_with(word))
    };
    let mut wide = BTreeSet::new();
    for statement in &policy.statements {
        let changes = !texts(&statement["Action"]).iter().all(looks);
        let mut resources = texts(&statement["Resource"]).into_iter();
        let reaches = resources.any(|arn| !arn.contains("perf"));
        let kept = statement["Condition"].to_string().contains("perf");
        if changes && reaches && !kept {
            wide.insert(statement["Sid"].as_str().expect("an id"));
        }
    }
    for sid in &wide {
        assert!(section.contains(&format!("`{sid}`")), "{sid}: {section}");
    }
    // No more is said to be wide than is.
    let said = section.lines().filter_map(|line| line.strip_prefix("| `"));
    let said: BTreeSet<&str> = said.filter_map(|line| line.split('`').next()).collect();
    assert_eq!(said, wide);
}

/// The first load balancer of an account is created with the caller's eyes.
#[test]
fn whoever_creates_a_load_balancer_may_look_at_the_accounts_network() {
    let policy = Policy::of(
        &BTreeSet::from([Kind::LoadBalancer]),
        &Scope::new(ACCOUNT, REGION, "perf"),
    );
    for what in [
        "AccountAttributes",
        "Addresses",
        "InternetGateways",
        "SecurityGroups",
        "Subnets",
        "Vpcs",
    ] {
        let action = format!("ec2:Describe{what}");
        assert!(policy.allows(&asked(&action, "*", &[])), "{action}");
    }
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
