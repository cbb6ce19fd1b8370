//! Plans that can be trusted: quotas, offers and permissions before a change, saved plans that
//! are refused when anything moved, credentials that renew themselves, and few calls. The
//! emulator knows neither quotas nor policies, so a recorder before it answers those calls in
//! the services' own form.

use std::path::Path;
use std::process::Command;

use loadrig::aws::{Aws, Connection};
use loadrig::blueprint::blueprint;
use loadrig::blueprint::kinds::Quota;
use loadrig::engine::{Cloud as _, Snapshot};
use loadrig::plan::plan;
use loadrig::preflight::{
    Allowed, FindingVerdict, Scope, Zones, demands, evaluate_offers, evaluate_quotas, needed, wants,
};
use loadrig::spec::{Library, Spec};

use crate::common::recorder::{CallRecorder, Instead, RecordedCall};
use crate::common::{Moto, loadrig, text};

fn spec() -> Spec {
    Library::new(None)
        .architecture("1k")
        .expect("the size")
        .example()
}

async fn cloud(endpoint: &str) -> Aws {
    Aws::connect(Connection {
        region: "us-east-1".to_owned(),
        profile: None,
        endpoint_url: Some(endpoint.to_owned()),
        credentials: Some(("AKIDTEST".to_owned(), "secret".to_owned().into())),
        paced: false,
    })
    .await
    .expect("a connection")
}

fn action(call: &RecordedCall) -> &str {
    &call.action
}

/// Service Quotas, AWS JSON 1.1: one quota applied, one at its default, the rest denied.
fn quotas(call: &RecordedCall) -> Option<(u16, String)> {
    let code = call.parameters.get("QuotaCode").map_or("", String::as_str);
    let quota = |value: f64| {
        let body = serde_json::json!({ "Quota": { "QuotaCode": code, "Value": value } });
        Some((200, body.to_string()))
    };
    let error = |kind: &str| {
        let body = serde_json::json!({ "__type": kind, "message": "no" });
        Some((400, body.to_string()))
    };
    match (action(call), code) {
        ("GetServiceQuota", "L-1216C47A") => quota(8.0),
        ("GetServiceQuota", "L-F678F1CE") => error("NoSuchResourceException"),
        ("GetAWSDefaultServiceQuota", "L-F678F1CE") => quota(5.0),
        ("GetServiceQuota", _) => error("AccessDeniedException"),
        _ => None,
    }
}

#[tokio::test]
async fn quotas_are_read_and_checked() {
    let moto = Moto::start();
    let recorder = CallRecorder::with(moto.endpoint(), quotas).await;
    let cloud = cloud(&recorder.endpoint).await;
    let spec = spec();
    let blueprint = blueprint(&spec, &[]);
    let plan = plan(&blueprint, &Snapshot::default());
    let demands = demands(&blueprint, &plan).expect("sizes are numbers");
    let asked: Vec<Quota> = demands.keys().copied().collect();
    let facts = cloud.quota_facts(&asked).await;
    let findings = evaluate_quotas(&demands, &facts, "us-east-1");
    let of = |word: &str| {
        let found = findings.iter().find(|one| one.check.contains(word));
        found.unwrap_or_else(|| panic!("{word}: {findings:?}"))
    };
    let vcpus = of("vCPUs");
    assert_eq!(vcpus.verdict, FindingVerdict::Refuse);
    assert!(vcpus.detail.starts_with("0 of 8 used"), "{vcpus:?}");
    assert!(vcpus.remedies[0].contains("L-1216C47A"), "{vcpus:?}");
    // The emulator has one default VPC.
    let vpcs = of("VPCs");
    assert_eq!(
        (vpcs.verdict, vpcs.detail.as_str()),
        (FindingVerdict::Pass, "1 of 5 used, 1 more")
    );
    let gateways = of("internet gateways");
    assert_eq!(gateways.verdict, FindingVerdict::Unknown);
    assert!(
        gateways.detail.contains("GetServiceQuota is not allowed"),
        "{gateways:?}"
    );
}

#[tokio::test]
async fn types_that_no_zone_offers_are_found() {
    let moto = Moto::start();
    let cloud = cloud(moto.endpoint()).await;
    let mut spec = spec();
    let blueprint_of = |spec: &Spec| blueprint(spec, &[]);
    let checked = async |spec: &Spec| {
        let blueprint = blueprint_of(spec);
        let wants = wants(&blueprint, &plan(&blueprint, &Snapshot::default()));
        evaluate_offers(&wants, &cloud.offers(&wants).await, &Zones::new())
    };
    let findings = checked(&spec).await;
    assert!(
        findings
            .iter()
            .all(|one| one.verdict != FindingVerdict::Refuse),
        "{findings:?}"
    );
    assert!(
        findings
            .iter()
            .any(|one| one.check.starts_with("image") && one.verdict == FindingVerdict::Pass),
        "{findings:?}"
    );
    for group in spec.nodes.values_mut() {
        group.instance_type = "c99.large".to_owned();
    }
    let findings = checked(&spec).await;
    let host = findings
        .iter()
        .find(|one| one.check == "offer: c99.large")
        .expect("a finding");
    assert_eq!(host.verdict, FindingVerdict::Refuse);
}

/// IAM's query protocol: everything is allowed but making databases.
fn simulation(call: &RecordedCall) -> Option<(u16, String)> {
    if action(call) != "SimulatePrincipalPolicy" {
        return identity(call);
    }
    let actions = call
        .parameters
        .iter()
        .filter(|(key, _)| key.starts_with("ActionNames.member"));
    let results: String = actions
        .map(|(_, action)| {
            let decision = match action.as_str() {
                "rds:CreateDBInstance" => "implicitDeny",
                _ => "allowed",
            };
            format!(
                "<member><EvalActionName>{action}</EvalActionName>\
                 <EvalResourceName>*</EvalResourceName>\
                 <EvalDecision>{decision}</EvalDecision></member>"
            )
        })
        .collect();
    Some((
        200,
        format!(
            "<SimulatePrincipalPolicyResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\">\
             <SimulatePrincipalPolicyResult><IsTruncated>false</IsTruncated>\
             <EvaluationResults>{results}</EvaluationResults>\
             </SimulatePrincipalPolicyResult></SimulatePrincipalPolicyResponse>"
        ),
    ))
}

/// STS: a user.
fn identity(call: &RecordedCall) -> Option<(u16, String)> {
    (action(call) == "GetCallerIdentity").then(|| {
        let body = "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
             <GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/ci</Arn>\
             <UserId>AIDA</UserId><Account>123456789012</Account>\
             </GetCallerIdentityResult></GetCallerIdentityResponse>";
        (200, body.to_owned())
    })
}

/// Simulation is denied, and one of the dry runs is.
fn no_simulation(call: &RecordedCall) -> Option<(u16, String)> {
    match action(call) {
        "SimulatePrincipalPolicy" => Some((
            403,
            "<ErrorResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><Error>\
             <Type>Sender</Type><Code>AccessDenied</Code><Message>no</Message></Error>\
             <RequestId>1</RequestId></ErrorResponse>"
                .to_owned(),
        )),
        "CreateInternetGateway" => Some((
            403,
            "<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>no</Message>\
             </Error></Errors><RequestID>1</RequestID></Response>"
                .to_owned(),
        )),
        _ => identity(call),
    }
}

async fn allowed(moto: &Moto, instead: Instead) -> (Allowed, Vec<RecordedCall>) {
    let recorder = CallRecorder::with(moto.endpoint(), instead).await;
    let cloud = cloud(&recorder.endpoint).await;
    let mut spec = spec();
    spec.network.layout = loadrig::spec::Layout::Private;
    let plan = plan(&blueprint(&spec, &[]), &Snapshot::default());
    let needed = needed(&plan, &Scope::new("123456789012", "us-east-1", &spec.name));
    let allowed = cloud.allowed(&needed).await.expect("an answer");
    (allowed, recorder.take())
}

#[tokio::test]
async fn missing_permissions_are_found_by_simulation() {
    let moto = Moto::start();
    let (allowed, calls) = allowed(&moto, simulation).await;
    let Allowed::Simulated { refused } = allowed else {
        panic!("{allowed:?}");
    };
    assert_eq!(refused.keys().collect::<Vec<_>>(), ["rds:CreateDBInstance"]);
    let asked = calls
        .iter()
        .filter(|call| action(call) == "SimulatePrincipalPolicy");
    for call in asked.clone() {
        let principal = call.parameters.get("PolicySourceArn").map(String::as_str);
        assert_eq!(principal, Some("arn:aws:iam::123456789012:user/ci"));
    }
    // The context that conditions need is in the question.
    let context = |key: &str, value: &str| {
        asked.clone().any(|call| {
            call.parameters.values().any(|text| text == key)
                && call.parameters.values().any(|text| text == value)
        })
    };
    assert!(context("aws:RequestTag/loadrig:environment", &spec().name));
    assert!(context("iam:PassedToService", "ec2.amazonaws.com"));
}

#[tokio::test]
async fn without_simulation_permissions_are_checked_by_dry_run() {
    let moto = Moto::start();
    let (allowed, _calls) = allowed(&moto, no_simulation).await;
    let Allowed::DryRun { why, tried } = allowed else {
        panic!("{allowed:?}");
    };
    assert_eq!(why, "iam:SimulatePrincipalPolicy is not allowed");
    let tried: Vec<_> = tried.into_iter().collect();
    assert_eq!(
        tried,
        [
            ("ec2:AllocateAddress".to_owned(), true),
            ("ec2:CreateInternetGateway".to_owned(), false)
        ]
    );
    // Nothing was made.
    let snapshot = cloud(moto.endpoint()).await.snapshot(&spec().name).await;
    assert_eq!(snapshot.expect("a snapshot"), Snapshot::default());
}

fn environment(home: &Path, more: &str) {
    std::fs::create_dir_all(home.join("environments")).expect("a directory");
    let yaml = format!(
        "architecture: 1k\naccess:\n  operators: [198.51.100.7/32]\nmattermost:\n  release: standin\n{more}"
    );
    std::fs::write(home.join("environments/perf.yaml"), yaml).expect("a file");
}

/// Blocking programs beside a recorder need a runtime that goes on meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_saved_plan_is_applied_or_refused_and_an_empty_plan_needs_few_calls() {
    let moto = Moto::start();
    let recorder = CallRecorder::start(moto.endpoint()).await;
    let home = tempfile::tempdir().expect("a directory");
    let run = |arguments: &[&str]| {
        tokio::task::block_in_place(|| loadrig(home.path(), &recorder.endpoint, arguments))
    };
    environment(home.path(), "");

    let saved = run(&["plan", "perf", "--out", "first.plan"]);
    assert!(saved.status.success(), "{}", text(&saved.stderr));

    // The YAML moves.
    environment(home.path(), "sizes:\n  nodes:\n    app: { count: 3 }\n");
    let up = [
        "up",
        "perf",
        "--plan",
        "first.plan",
        "--resources-only",
        "--accept-unchecked",
        "all",
        "--yes",
    ];
    let refused = run(&up);
    assert_eq!(refused.status.code(), Some(1));
    let error = text(&refused.stderr);
    assert!(error.contains("YAML: nodes.app.count: 2 → 3"), "{error}");
    environment(home.path(), "");

    let done = run(&up);
    assert!(done.status.success(), "{}", text(&done.stderr));
    let shown = text(&done.stderr);
    assert!(shown.contains("acting on account 123456789012"), "{shown}");
    assert!(shown.contains("the environment's keys"), "{shown}");

    // The same plan again: the world is not what it was.
    let again = run(&up);
    assert_eq!(again.status.code(), Some(1));
    assert!(
        text(&again.stderr).contains("vpc: nothing → vpc-"),
        "{}",
        text(&again.stderr)
    );

    recorder.take();
    let nothing = run(&["plan", "perf", "--detailed-exitcode"]);
    assert_eq!(nothing.status.code(), Some(0), "{}", text(&nothing.stdout));
    assert!(
        text(&nothing.stdout).contains("nothing to do"),
        "{}",
        text(&nothing.stdout)
    );
    let calls = recorder.take();
    assert!(calls.len() <= 29, "{}: {:#?}", calls.len(), names(&calls));

    // More than allowed.
    let dear = run(&["up", "perf", "--max-cost", "0.01", "--yes"]);
    assert_eq!(dear.status.code(), Some(6), "{}", text(&dear.stderr));
    assert!(
        text(&dear.stderr).contains("--max-cost"),
        "{}",
        text(&dear.stderr)
    );
    let changed = recorder.take();
    assert!(
        changed
            .iter()
            .all(|call| !call.action.starts_with("Create"))
    );

    let down = run(&["down", "perf", "--yes"]);
    assert!(down.status.success(), "{}", text(&down.stderr));
}

fn names(calls: &[RecordedCall]) -> Vec<String> {
    let line = |call: &RecordedCall| {
        format!(
            "{} {} {} {}",
            call.service, call.action, call.method, call.path
        )
    };
    calls.iter().map(line).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_insufficient_quota_stops_up_before_anything_is_created() {
    let moto = Moto::start();
    let recorder = CallRecorder::with(moto.endpoint(), quotas).await;
    let home = tempfile::tempdir().expect("a directory");
    environment(home.path(), "");
    let up = tokio::task::block_in_place(|| {
        loadrig(
            home.path(),
            &recorder.endpoint,
            &[
                "up",
                "perf",
                "--resources-only",
                "--accept-unchecked",
                "all",
                "--yes",
            ],
        )
    });
    assert_eq!(up.status.code(), Some(6), "{}", text(&up.stderr));
    let error = text(&up.stderr);
    assert!(
        error.contains("vCPUs of running On-Demand Standard instances: 0 of 8 used"),
        "{error}"
    );
    assert!(error.contains("request-service-quota-increase"), "{error}");
    assert!(recorder.take().iter().all(|call| {
        !call.action.starts_with("Create") || call.parameters.contains_key("DryRun")
    }));
}

/// A program that hands out other keys each time it is asked, which end within the minute.
fn short_lived(home: &Path) -> std::path::PathBuf {
    use std::os::unix::fs::PermissionsExt as _;

    let program = home.join("hand-out");
    let script = format!(
        "#!/bin/sh\nn=$(cat {0}/n 2>/dev/null || echo 0)\nn=$((n + 1))\necho $n > {0}/n\n\
         echo \"{{\\\"Version\\\": 1, \\\"AccessKeyId\\\": \\\"AKID$n\\\", \\\"SecretAccessKey\\\": \\\"s\\\", \
         \\\"SessionToken\\\": \\\"t\\\", \\\"Expiration\\\": \\\"$(date -u -d '+30 seconds' +%Y-%m-%dT%H:%M:%SZ)\\\"}}\"\n",
        home.display()
    );
    std::fs::write(&program, script).expect("a program");
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("a mode");
    program
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn expiring_credentials_are_renewed_during_a_run() {
    let moto = Moto::start();
    let recorder = CallRecorder::start(moto.endpoint()).await;
    let home = tempfile::tempdir().expect("a directory");
    environment(home.path(), "");
    let program = short_lived(home.path());
    std::fs::create_dir_all(home.path().join(".aws")).expect("a directory");
    let config = format!("[profile ci]\ncredential_process = {}\n", program.display());
    std::fs::write(home.path().join(".aws/config"), config).expect("a file");
    // A profile that is named beats the environment's keys.
    let arguments = [
        "--profile",
        "ci",
        "up",
        "perf",
        "--resources-only",
        "--accept-unchecked",
        "all",
        "--yes",
    ];
    let up = tokio::task::block_in_place(|| loadrig(home.path(), &recorder.endpoint, &arguments));
    assert!(up.status.success(), "{}", text(&up.stderr));
    assert!(
        text(&up.stderr).contains("profile `ci` (credential process)"),
        "{}",
        text(&up.stderr)
    );
    let mut keys: Vec<String> = recorder.take().into_iter().map(|call| call.key).collect();
    keys.sort();
    keys.dedup();
    assert!(keys.len() > 1, "{keys:?}");
    assert!(
        keys.iter()
            .all(|key| key.starts_with("AKID") && key != "AKIDTEST"),
        "{keys:?}"
    );
}

/// Profiles of roles: one that needs nothing else, one that wants a second factor.
fn role_profiles(home: &Path) {
    std::fs::create_dir_all(home.join(".aws")).expect("a directory");
    let config = "[profile base]\naws_access_key_id = AKIDBASE\naws_secret_access_key = secret\n\
         [profile ops]\nrole_arn = arn:aws:iam::123456789012:role/ops\nsource_profile = base\n\
         [profile mfa]\nrole_arn = arn:aws:iam::123456789012:role/ops\nsource_profile = base\n\
         mfa_serial = arn:aws:iam::123456789012:mfa/me\n";
    std::fs::write(home.join(".aws/config"), config).expect("a file");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_is_assumed_and_a_second_factor_is_asked_for_once() {
    let moto = Moto::start();
    let recorder = CallRecorder::start(moto.endpoint()).await;
    let home = tempfile::tempdir().expect("a directory");
    environment(home.path(), "");
    role_profiles(home.path());
    let plan = |profile: &'static str| ["--profile", profile, "plan", "perf", "--skip-preflight"];
    let role = tokio::task::block_in_place(|| {
        Command::new(env!("CARGO_BIN_EXE_loadrig"))
            .current_dir(home.path())
            .env("HOME", home.path())
            .env("AWS_ENDPOINT_URL", &recorder.endpoint)
            .args(plan("ops"))
            .output()
            .expect("the program runs")
    });
    assert!(role.status.success(), "{}", text(&role.stderr));
    assert!(
        text(&role.stdout).contains("profile `ops` (assumed role)"),
        "{}",
        text(&role.stdout)
    );
    let calls = recorder.take();
    let assumed = calls.iter().filter(|call| call.action == "AssumeRole");
    assert_eq!(assumed.count(), 1);
    assert!(
        calls
            .iter()
            .all(|call| (call.key == "AKIDBASE") == (call.action == "AssumeRole"))
    );

    // A terminal: `script` is one.
    let command = format!(
        "{} --endpoint-url {} {}",
        env!("CARGO_BIN_EXE_loadrig"),
        recorder.endpoint,
        plan("mfa").join(" ")
    );
    let shown = tokio::task::block_in_place(|| on_a_terminal(home.path(), &command, "123456\n"));
    assert!(
        shown.contains("code that arn:aws:iam::123456789012:mfa/me shows"),
        "{shown}"
    );
    assert!(shown.contains("to create"), "{shown}");
    let calls = recorder.take();
    let assumed: Vec<&RecordedCall> = calls
        .iter()
        .filter(|call| call.action == "AssumeRole")
        .collect();
    assert_eq!(assumed.len(), 1);
    let given = |key: &str| assumed[0].parameters.get(key).map(String::as_str);
    assert_eq!(given("TokenCode"), Some("123456"));
    assert_eq!(
        given("SerialNumber"),
        Some("arn:aws:iam::123456789012:mfa/me")
    );
    assert!(calls.iter().filter(|call| call.key == "AKIDBASE").count() == 1);
}

/// What a command shows on a terminal where this is typed.
fn on_a_terminal(home: &Path, command: &str, typed: &str) -> String {
    use std::io::Write as _;

    let mut child = Command::new("script")
        .args(["--quiet", "--command", command, "/dev/null"])
        .current_dir(home)
        .env("HOME", home)
        .env_remove("AWS_ACCESS_KEY_ID")
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("script runs");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(typed.as_bytes()).expect("typed");
    let output = child.wait_with_output().expect("it ends");
    drop(stdin);
    text(&output.stdout)
}

#[test]
fn missing_and_expired_credentials_get_renewal_hints() {
    let home = tempfile::tempdir().expect("a directory");
    environment(home.path(), "");
    std::fs::create_dir_all(home.path().join(".aws")).expect("a directory");
    std::fs::write(
        home.path().join(".aws/config"),
        "[profile sso]\nsso_session = corp\nsso_account_id = 123456789012\nsso_role_name = dev\n\
         [sso-session corp]\nsso_region = us-east-1\nsso_start_url = https://corp.example/start\n\
         [profile mfa]\nrole_arn = arn:aws:iam::123456789012:role/ops\nsource_profile = base\n\
         mfa_serial = arn:aws:iam::123456789012:mfa/me\n\
         [profile base]\naws_access_key_id = AKIDBASE\naws_secret_access_key = secret\n\
         [profile broken]\ncredential_process = /bin/false\n",
    )
    .expect("a file");
    for (profile, remedy) in [
        ("sso", "aws sso login --sso-session corp"),
        ("mfa", "arn:aws:iam::123456789012:mfa/me"),
        ("broken", "credential_process"),
        ("nowhere", "aws configure list-profiles"),
    ] {
        let output = loadrig(
            home.path(),
            "http://127.0.0.1:1",
            &["--profile", profile, "plan", "perf"],
        );
        assert_eq!(
            output.status.code(),
            Some(6),
            "{profile}: {}",
            text(&output.stderr)
        );
        let error = text(&output.stderr);
        assert!(error.contains(remedy), "{profile}: {error}");
    }
    let config = home.path().join(".aws/config");
    std::fs::write(&config, "[profile there]\nregion = us-east-1\n[profile\n").expect("a file");
    for arguments in [["--profile", "there", "list"].as_slice(), &["list"]] {
        let mut list = std::process::Command::new(env!("CARGO_BIN_EXE_loadrig"));
        let list = list
            .env("HOME", home.path())
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env_remove("AWS_ACCESS_KEY_ID")
            .env_remove("AWS_PROFILE")
            .args(["--endpoint-url", "http://127.0.0.1:1"])
            .args(arguments)
            .output();
        let error = text(&list.expect("the program runs").stderr);
        let place = format!("error parsing {} on line 3", config.display());
        assert!(error.contains(&place), "{error}");
        assert!(!error.contains("there is no profile"), "{error}");
    }
}
