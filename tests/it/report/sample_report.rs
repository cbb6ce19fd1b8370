//! Reports as runs on the local cloud and on AWS leave them, with made-up but steady figures.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use loadrig::blueprint::blueprint;
use loadrig::events::{Event, EventKind, GraphStep, Outcome};
use loadrig::loadtest::{
    ActionSummary, Check, ErrorSample, Latencies, RESULT_FORMAT, ScenarioResult, ServerInfo,
    SmokeScenario, UserAction,
};
use loadrig::plan::cost;
use loadrig::report::{
    CacheLine, DatabaseLine, HostLine, ProofItem, REPORT_FORMAT, Report, ReportedEnvironment,
    SearchLine, SoftwareVersion, Topology, walks,
};
use loadrig::spec::{Library, Release, Spec};

/// The demo as it went well on the local cloud.
pub fn demo() -> Report {
    let spec = Library::new(None).load("demo").unwrap();
    let mut report = report(&spec, 0.02);
    report.scenarios.push(scenario(true));
    report.checks = verification();
    report.proof = proof(true);
    report
}

/// A large rig on AWS where something went wrong.
pub fn large_failed() -> Report {
    let mut spec = Library::new(None).architecture("50k").unwrap().example();
    spec.name = "big".into();
    spec.mattermost.release = Release::Version("11.7.9".into());
    let mut report = report(&spec, 1.0);
    let mut scenario = scenario(false);
    scenario.users = 50;
    report.scenarios.push(scenario);
    report.checks = verification();
    report.proof = proof(false);
    report
}

/// A report whose every text tries to be markup.
pub fn hostile() -> Report {
    let nasty = || "<script>alert('x')</script>\"&".to_owned();
    let mut report = demo();
    report.run = nasty();
    report.account = nasty();
    report.environment.source_note = nasty();
    report.checks.push(Check::fail(nasty(), nasty()));
    report.versions.push(SoftwareVersion {
        what: nasty(),
        version: nasty(),
    });
    report.topology.hosts[0].address = nasty();
    report.proof.push(ProofItem {
        what: nasty(),
        empty: false,
        detail: nasty(),
    });
    for walk in &mut report.walks {
        for step in &mut walk.steps {
            step.detail = nasty();
        }
    }
    report.scenarios[0].server.version = nasty();
    report
}

fn report(spec: &Spec, pace: f64) -> Report {
    Report {
        format: REPORT_FORMAT,
        generated: at(900.0),
        loadrig: "0.1.0".into(),
        run: "20261123t050000z-demo".into(),
        environment: ReportedEnvironment {
            license: "Enterprise for 2,000 users until 2027-06-30".into(),
            ..ReportedEnvironment::from(spec)
        },
        account: "123456789012".into(),
        topology: topology(spec),
        versions: [
            ("Server", "standin-0.1.0"),
            ("Operating system", "Debian 12 (bookworm)"),
            ("nginx", "1.22.1"),
            ("PostgreSQL", "15.14"),
            ("Search", "osmem 0.4"),
            ("Prometheus", "2.42.0"),
        ]
        .map(|(what, version)| SoftwareVersion {
            what: what.into(),
            version: version.into(),
        })
        .to_vec(),
        walks: walks(&events(spec, pace)),
        scenarios: Vec::new(),
        checks: Vec::new(),
        cost: Some(cost(spec).expect("prices").into()),
        proof: Vec::new(),
    }
}

fn at(second: f64) -> Timestamp {
    let start: Timestamp = "2026-11-23T05:00:00Z".parse().unwrap();
    start + SignedDuration::from_secs_f64(second)
}

fn topology(spec: &Spec) -> Topology {
    let hosts = spec
        .hosts()
        .into_iter()
        .enumerate()
        .map(|(number, host)| HostLine {
            name: host.to_string(),
            role: host.role,
            instance_type: spec.nodes[&host.role].instance_type.clone(),
            address: format!("10.42.{}.{}", number / 200, 10 + number % 200),
        });
    Topology {
        hosts: hosts.collect(),
        database: Some(DatabaseLine {
            engine: format!("PostgreSQL {}", spec.database.version),
            instance_type: spec.database.instance_type.clone(),
            writer: "demo-writer.c1.us-east-1.rds.amazonaws.com".into(),
            readers: (1..=spec.database.readers)
                .map(|n| format!("demo-reader-{n}.c1.us-east-1.rds.amazonaws.com"))
                .collect(),
        }),
        search: (spec.search.nodes > 0).then(|| SearchLine {
            version: spec.search.version.clone(),
            instance_type: spec.search.instance_type.clone(),
            nodes: spec.search.nodes,
            endpoint: "vpc-demo-search.us-east-1.es.amazonaws.com".into(),
        }),
        cache: (spec.cache.nodes > 0).then(|| CacheLine {
            instance_type: spec.cache.instance_type.clone(),
            nodes: spec.cache.nodes,
        }),
        bucket: Some("loadrig-demo-files".into()),
    }
}

/// Every step starts when what it depends on is done; `pace` 1 is AWS's.
fn events(spec: &Spec, pace: f64) -> Vec<Event> {
    let mut events = Vec::new();
    let mut say = |second: f64, kind| {
        events.push(Event {
            at: at(second),
            kind,
        });
    };
    let nodes = blueprint(spec, &[]).nodes;
    say(
        0.0,
        EventKind::RunStarted {
            environment: spec.name.clone(),
            operation: "up".into(),
            run: "r".into(),
        },
    );
    say(0.0, phase_started("provision"));
    let graph = nodes
        .iter()
        .map(|node| GraphStep {
            step: node.address.to_string(),
            after: node.after.iter().map(ToString::to_string).collect(),
        })
        .collect();
    say(0.0, EventKind::Graph { steps: graph });
    let mut done: BTreeMap<String, f64> = BTreeMap::new();
    for (number, node) in nodes.iter().enumerate() {
        let step = node.address.to_string();
        let ready = node
            .after
            .iter()
            .map(|a| done[a.as_str()])
            .fold(0.0, f64::max);
        let (seconds, wait) = typical(&step);
        let start = ready + 0.05;
        let spread = f64::from(u32::try_from(number % 7).unwrap()) * 0.04;
        let end = start + (seconds * pace).max(0.2) * (1.0 + spread);
        say(start, EventKind::StepStarted { step: step.clone() });
        if !wait.is_empty() {
            let on = wait.to_owned();
            let begun = start + (end - start) * 0.15;
            let kind = EventKind::StepWaiting {
                step: step.clone(),
                on,
            };
            say(begun, kind);
        }
        let outcome = match step.starts_with("host/") {
            true => Outcome::Applied,
            false => Outcome::Created,
        };
        let kind = EventKind::StepFinished {
            step: step.clone(),
            outcome,
            detail: Some(format!("id-{number:04}")),
        };
        say(end, kind);
        done.insert(step, end);
    }
    let up = done.values().copied().fold(0.0, f64::max);
    say(up, phase_finished("provision"));
    say(up, phase_started("verify"));
    say(up + 3.0, phase_finished("verify"));
    say(up + 3.0, phase_started("smoke"));
    let agent = "scenario/smoke/agent-1".to_owned();
    say(
        up + 3.0,
        EventKind::StepStarted {
            step: agent.clone(),
        },
    );
    let kind = EventKind::StepFinished {
        step: agent,
        outcome: Outcome::Applied,
        detail: Some("812 requests".into()),
    };
    say(up + 24.0, kind);
    say(up + 24.0, phase_finished("smoke"));
    // Stamped concurrently in a real run, hence not in order here either.
    events.sort_by_key(|event| event.at);
    events
}

fn phase_started(phase: &str) -> EventKind {
    EventKind::PhaseStarted {
        phase: phase.into(),
    }
}

fn phase_finished(phase: &str) -> EventKind {
    EventKind::PhaseFinished {
        phase: phase.into(),
    }
}

/// Seconds on AWS, and what is waited for meanwhile.
fn typical(step: &str) -> (f64, &'static str) {
    let kinds: [(&str, f64, &str); 9] = [
        ("database/reader", 420.0, "status `creating`"),
        ("database/writer", 560.0, "status `creating`"),
        ("database", 2.0, ""),
        ("search", 900.0, "domain is processing"),
        ("cache-", 1.0, ""),
        ("cache", 400.0, "status `creating`"),
        ("instance/", 25.0, "state `pending`"),
        ("host/", 70.0, "ssh: connection refused"),
        ("", 1.0, ""),
    ];
    kinds
        .iter()
        .find(|(prefix, ..)| step.starts_with(prefix))
        .map(|(_, seconds, wait)| (*seconds, *wait))
        .unwrap()
}

fn scenario(good: bool) -> ScenarioResult {
    let shapes: [(UserAction, u64, u64); 10] = [
        (UserAction::CreateUser, 50, 2600),
        (UserAction::LogIn, 50, 2900),
        (UserAction::JoinTeam, 50, 24),
        (UserAction::JoinChannel, 50, 21),
        (UserAction::Connect, 50, 12),
        (UserAction::Post, 109, 31),
        (UserAction::Deliver, 2504, 35),
        (UserAction::Upload, 4, 88),
        (UserAction::Download, 4, 41),
        (UserAction::Search, 5, 17),
    ];
    let actions: Vec<ActionSummary> = shapes
        .into_iter()
        .map(|(action, count, typical_ms)| {
            let failed = match (good, action) {
                (false, UserAction::Search) => 3,
                _ => 0,
            };
            summary(action, count, typical_ms, failed)
        })
        .collect();
    let mut checks = vec![
        Check::pass("users connected", "50 of 50"),
        Check::pass(
            "posts cross application nodes",
            "2 pairs, the slowest took 48 ms",
        ),
        Check::pass("files come back byte for byte", "4 of 4, 262144 bytes each"),
        Check::pass("search finds a new post", "after 1204 ms"),
        Check::pass("metrics are scraped from every host", "9 targets are up"),
        Check::pass("errors at most 0 %", "0.00 %: 0 of 2876 requests"),
        Check::pass("log-in p95 at most 20s", "5321.7 ms"),
        Check::pass("post p95 at most 3s", "58.2 ms"),
    ];
    if !good {
        checks[5] = Check::fail("errors at most 0 %", "0.10 %: 3 of 2876 requests");
    }
    ScenarioResult {
        format: RESULT_FORMAT,
        run: "r".into(),
        environment: "demo".into(),
        scenario: "smoke".into(),
        title: "Smoke test".into(),
        definition: serde_json::to_value(SmokeScenario::built_in().unwrap()).ok(),
        users: 50,
        agents: vec!["agent-1".into()],
        started: at(60.0),
        finished: at(81.4),
        server: ServerInfo {
            version: match good {
                true => "standin-0.1.0".into(),
                false => "11.7.9.16789.abcdef.true".into(),
            },
            standin: good,
        },
        passed: good,
        requests: actions.iter().map(|a| a.requests).sum(),
        errors: actions.iter().map(|a| a.errors).sum(),
        actions,
        checks,
        notes: vec!["Closed-loop: each user waits for an answer before the next request.".into()],
        storm: None,
    }
}

fn summary(action: UserAction, count: u64, typical_ms: u64, errors: u64) -> ActionSummary {
    let mut latencies = Latencies::new().unwrap();
    // A steady sequence with a long tail, the same in every run.
    for number in 0..count {
        let spread = (number * 7919 + 13) % 100;
        let tail = if spread > 97 { 4 } else { 1 };
        let micros = typical_ms * (400 + spread * 12) * tail;
        latencies.record(Duration::from_micros(micros));
    }
    let ms = |quantile| latencies.quantile(quantile).as_secs_f64() * 1000.0;
    ActionSummary {
        action,
        requests: count + errors,
        errors,
        error_samples: (errors > 0)
            .then(|| ErrorSample {
                text: "HTTP 501 `store.sql_post.search.disabled`: Searching is disabled".into(),
                count: errors,
            })
            .into_iter()
            .collect(),
        p50_ms: ms(0.5),
        p90_ms: ms(0.9),
        p95_ms: ms(0.95),
        p99_ms: ms(0.99),
        max_ms: ms(1.0),
        latencies,
    }
}

fn verification() -> Vec<Check> {
    [
        ("ping of every application node", "2 of 2 healthy"),
        ("database writer accepts writes", "PostgreSQL 15.14"),
        ("reader replicates", "0.2 s behind"),
        ("search answers through the search proxy", "green"),
        ("files bucket is private", "public access is blocked"),
        ("websocket through the proxy", "101 in 12 ms"),
    ]
    .map(|(name, detail)| Check::pass(name, detail))
    .to_vec()
}

fn proof(clean: bool) -> Vec<ProofItem> {
    let looked_for = [
        "EC2 instances, volumes and addresses with the environment's tag",
        "VPCs, subnets, gateways, route tables, security groups",
        "RDS instances, snapshots, subnet and parameter groups",
        "OpenSearch domains",
        "S3 buckets and objects",
        "IAM roles and instance profiles",
        "SSM parameters",
        "network namespaces on this machine",
        "processes, mounts, cgroups, nftables rules, files",
    ];
    looked_for
        .into_iter()
        .enumerate()
        .map(|(number, what)| ProofItem {
            what: what.into(),
            empty: clean || number != 4,
            detail: match clean || number != 4 {
                true => "nothing".into(),
                false => "bucket `loadrig-big-files` holds 3 objects".into(),
            },
        })
        .collect()
}
