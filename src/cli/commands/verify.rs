//! `loadrig verify`: is the rig what the plan says, and does it work.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::join_all;
use serde::Serialize;
use serde_json::json;
use tokio::time::Instant;

use crate::blueprint::{Group, Kind};
use crate::cli::App;
use crate::cli::args::EnvArgs;
use crate::cli::failure::{Failure, Outcome};
use crate::cli::place::Place;
use crate::cli::printer::table;
use crate::diagnose::ExitCode;
use crate::engine::Cloud as _;
use crate::events::{EventKind, Events};
use crate::ops::rig::{Connected, Rig, entrance, private_address};
use crate::spec::{HostName, Role};

/// How long a host may take to answer a check.
const ANSWER: Duration = Duration::from_secs(20);

/// How long the load balancer may take to find nodes healthy.
const HEALTHY: Duration = Duration::from_secs(90);
/// The pause between two looks at them.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// What curl prints of an answer.
const HTTP: &str = "HTTP %{http_code} after %{time_total} s";

/// One check.
#[derive(Clone, Debug, Serialize)]
pub struct Check {
    /// What was checked.
    pub name: String,
    /// Did it hold.
    pub pass: bool,
    /// What was seen.
    pub detail: String,
    /// What to do when it does not hold.
    pub remedy: String,
}

/// Checks an environment.
pub fn run(app: &App, args: &EnvArgs) -> Outcome {
    let spec = app.library.load(&args.env)?;
    let place = Place::find(&app.global, spec.cloud, &spec.region)?;
    crate::cli::block_on(async {
        let rig = Rig::open(spec, &place, &app.global).await?;
        let checks = verify(&rig, &Events::default()).await?;
        if app.printer.is_json() {
            app.printer
                .json(&json!({ "environment": rig.spec.name, "checks": checks }));
        } else {
            let mut table = table();
            table.set_header(["check", "result", "seen"]);
            for check in &checks {
                let result = if check.pass { "pass" } else { "FAIL" };
                table.add_row([check.name.as_str(), result, &check.detail]);
            }
            app.printer.data(&table.to_string());
            for check in checks.iter().filter(|check| !check.pass) {
                app.printer
                    .hint(&format!("{}: {}", check.name, check.remedy));
            }
        }
        Ok::<_, Failure>(if all_pass(&checks) {
            ExitCode::Done
        } else {
            ExitCode::Failed
        })
    })?
}

/// Whether every check holds.
#[must_use]
pub fn all_pass(checks: &[Check]) -> bool {
    checks.iter().all(|check| check.pass)
}

/// Runs every check: the plan first, then each host, side by side.
pub async fn verify(rig: &Rig, events: &Events) -> Result<Vec<Check>, Failure> {
    events.emit(EventKind::PhaseStarted {
        phase: "verify".to_owned(),
    });
    let name = &rig.spec.name;
    let (_, plan) = rig.plan().await?;
    let differing: Vec<&str> = plan.work().map(|c| c.address.as_str()).collect();
    let mut checks = vec![Check {
        name: "resources are as planned".to_owned(),
        pass: plan.is_empty(),
        detail: if differing.is_empty() {
            format!("{} resources", plan.changes.len())
        } else {
            format!("differ: {}", differing.join(", "))
        },
        remedy: format!("`loadrig plan {name}` tells how; `loadrig up {name}` mends it"),
    }];
    if rig.spec.load_balancer.alb().is_some() {
        checks.push(behind_balancer(rig, events).await);
    }
    let connected = rig.connect().await?;
    let tasks = rig
        .spec
        .hosts()
        .into_iter()
        .flat_map(|host| {
            probes(rig, &connected, host)
                .into_iter()
                .map(move |p| (host, p))
        })
        .map(|(host, probe)| run_probe(&connected, host, probe));
    checks.extend(join_all(tasks).await);
    for check in &checks {
        events.emit(EventKind::Check {
            name: check.name.clone(),
            pass: check.pass,
            detail: check.detail.clone(),
        });
    }
    events.emit(EventKind::PhaseFinished {
        phase: "verify".to_owned(),
    });
    Ok(checks)
}

/// Whether the load balancer finds every application node healthy. It looks every ten
/// seconds and wants to see two good answers, so nodes that just started are given time.
async fn behind_balancer(rig: &Rig, events: &Events) -> Check {
    let name = &rig.spec.name;
    let deadline = Instant::now() + HEALTHY;
    let all = rig.spec.count(Role::App);
    let wanted = format!("{all}/{all}");
    let (pass, detail) = loop {
        let seen = match rig.cloud.list(name, Kind::Targets).await {
            Ok(found) => {
                let healthy = found.first().and_then(|targets| targets.get("healthy"));
                healthy.unwrap_or("0/0").to_owned()
            }
            Err(error) => break (false, error.to_string()),
        };
        let detail = format!("{seen} nodes are healthy");
        if seen == wanted || Instant::now() >= deadline {
            break (seen == wanted, detail);
        }
        events.waiting("verify/load-balancer", detail);
        tokio::time::sleep(LOOK_AGAIN).await;
    };
    Check {
        name: "load balancer: finds every application node healthy".to_owned(),
        pass,
        detail,
        remedy: format!(
            "`loadrig ssh {name} app-1 -- curl -i localhost:8065/api/v4/system/ping` tells what a node answers"
        ),
    }
}

/// A command on a host that succeeds when all is well; its last line is the detail.
struct Probe {
    name: String,
    command: String,
    remedy: String,
}

fn probes(rig: &Rig, connected: &Connected, host: HostName) -> Vec<Probe> {
    let env = &rig.spec.name;
    let logs = |unit: &str| {
        format!(
            "`loadrig ssh {env} {host} -- sudo journalctl -u {unit}`; `loadrig up {env}` repairs what it can"
        )
    };
    let unit = unit(host.role);
    let mut probes = Vec::new();
    let answers = match host.role {
        Role::App => Some((
            "answers, with database and file store",
            format!(
                "curl -fsS -m 10 -o /dev/null -w '{HTTP}' 'http://localhost:8065/api/v4/system/ping?get_server_status=true'"
            ),
        )),
        Role::Proxy => Some((
            "leads to the application nodes",
            format!("curl -fsS -m 10 -o /dev/null -w '{HTTP}' http://localhost/api/v4/system/ping"),
        )),
        Role::SearchProxy => private_address(host, &connected.world).map(|address| {
            (
                "leads to the search domain",
                format!("curl -fsS -m 10 -o /dev/null -w '{HTTP}' http://{address}:9200/"),
            )
        }),
        Role::Metrics => Some((
            "Prometheus is ready",
            "curl -fsS -m 10 http://localhost:9090/-/ready".to_owned(),
        )),
        Role::Bastion => None,
        Role::Agent => Some((
            "has the load program",
            "/opt/loadrig/bin/loadrig --version".to_owned(),
        )),
    };
    if let Some(unit) = unit {
        probes.push(Probe {
            name: format!("{host}: service {unit} runs"),
            command: format!("systemctl is-active {unit}"),
            remedy: logs(unit),
        });
    }
    if let Some((what, command)) = answers {
        probes.push(Probe {
            name: format!("{host}: {what}"),
            command,
            remedy: logs(unit.unwrap_or("ssh")),
        });
    }
    if host.role == Role::Agent
        && let Some(url) = entrance(&rig.spec, &connected.world)
    {
        probes.push(Probe {
            name: format!("{host}: reaches the application nodes through the load balancer"),
            command: format!("curl -fsS -m 10 -o /dev/null -w '{HTTP}' {url}/api/v4/system/ping"),
            remedy: format!("`loadrig plan {env}` shows a listener or rules that were changed"),
        });
    }
    if host.role == Role::Agent && rig.spec.database.readers > 0 {
        // What the security groups promise: an agent has no business with the database.
        let writer = crate::blueprint::Address::database(crate::blueprint::DatabaseRole::Writer);
        if let Some(endpoint) = connected.world.get(&writer).and_then(|w| w.get("endpoint")) {
            probes.push(Probe {
                name: format!("{host}: security group `{}` keeps it out", Group::Database.as_str()),
                command: format!(
                    "if timeout 3 bash -c '</dev/tcp/{endpoint}/5432' 2>/dev/null; then echo 'port 5432 is open'; false; else echo 'port 5432 is closed'; fi"
                ),
                remedy: format!("`loadrig plan {env}` shows rules that were changed by hand"),
            });
        }
    }
    probes
}

/// The service that a role is for.
fn unit(role: Role) -> Option<&'static str> {
    match role {
        Role::App => Some("mattermost"),
        Role::Proxy | Role::SearchProxy => Some("nginx"),
        Role::Metrics => Some("prometheus"),
        Role::Bastion => Some("ssh"),
        Role::Agent => None,
    }
}

async fn run_probe(connected: &Connected, host: HostName, probe: Probe) -> Check {
    let (pass, detail) = match ask(connected, host, &probe.command).await {
        Ok((true, text)) => (true, text),
        Ok((false, text)) => (false, text),
        Err(text) => (false, text),
    };
    Check {
        name: probe.name,
        pass,
        detail,
        remedy: probe.remedy,
    }
}

/// Runs a command; the last line of what it said.
async fn ask(
    connected: &Connected,
    host: HostName,
    command: &str,
) -> Result<(bool, String), String> {
    let deadline = Instant::now() + ANSWER;
    let work = async {
        let session = connected
            .keyring
            .connect(
                host,
                &format!("verify/{host}"),
                &Events::default(),
                deadline,
            )
            .await?;
        session.run(command).await
    };
    let output = tokio::time::timeout_at(deadline, work)
        .await
        .map_err(|_| format!("no answer within {} s", ANSWER.as_secs()))?
        .map_err(|error| error.to_string())?;
    let text = if output.success() {
        output.text()
    } else {
        output.complaint()
    };
    let last = text.lines().last().unwrap_or_default().trim();
    let short: String = last.chars().take(160).collect();
    Ok((output.success(), short))
}

/// What each host says of its main service, in a word.
pub async fn host_states(rig: &Rig, connected: &Connected) -> BTreeMap<HostName, String> {
    let asked = rig.spec.hosts().into_iter().map(|host| async move {
        let command = match unit(host.role) {
            Some(unit) => format!("systemctl is-active {unit}"),
            None => "systemctl is-system-running".to_owned(),
        };
        let state = match ask(connected, host, &command).await {
            Ok((_, state)) => match unit(host.role) {
                Some(unit) => format!("{unit} {state}"),
                None => state,
            },
            Err(why) => why,
        };
        (host, state)
    });
    join_all(asked).await.into_iter().collect()
}
