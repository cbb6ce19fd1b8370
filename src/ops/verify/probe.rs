//! What hosts are asked over SSH.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::join_all;
use tokio::time::Instant;

use crate::blueprint::{Address, DatabaseRole, Group};
use crate::events::Events;
use crate::hosts::{HostError, SshSession};
use crate::plan::Inventory;
use crate::spec::{HostName, LoginGate, Role, Spec};

use crate::ops::rig::HostAccess;

use super::certificate;
use super::check::RigCheck;

/// How long a host may take to answer.
pub(super) const ANSWER: Duration = Duration::from_secs(20);

/// What curl prints of an answer.
const HTTP: &str = "HTTP %{http_code} after %{time_total} s";

/// How long a port that should be closed is tried, seconds. Within one network an open port
/// answers in milliseconds; what is dropped never does, so this is what the check costs.
const CLOSED_PORT_SECONDS: &str = "0.5";

/// Compares what loadrig wrote with its checksums on the host (`templates/runner.sh`). A service is
/// asked for its state besides; what it forwards to and how it limits requests is in files.
const FILES: &str = "sudo -n sh -c 'cd / && cat /var/lib/loadrig/*.sums | sha256sum --quiet -c' 2>/dev/null \
    | sed -n 's|^\\(.*\\): FAILED.*|/\\1|p' | { changed=$(paste -sd' ' -); \
    files=$(sudo -n sh -c 'cat /var/lib/loadrig/*.sums' 2>/dev/null | wc -l); \
    if [ -n \"$changed\" ]; then echo \"changed on the host: $changed\" >&2; false; \
    elif [ \"$files\" -gt 0 ]; then echo \"$files files\"; \
    else echo 'the checksums of what loadrig wrote cannot be read' >&2; false; fi; }";

/// Counts the server's connections to the cache's port.
const CACHE: &str = "open=$(ss -Htn state established '( dport = :6379 )' | wc -l); \
    if [ \"$open\" -gt 0 ]; then echo \"$open connections\"; \
    else echo 'the server has no connection to port 6379' >&2; false; fi";

/// What precedes the detail of a check that passed, and that somebody should look at.
const WARNING: &str = "warning: ";

/// Characters of an answer that are shown.
const SHOWN: usize = 160;

/// A command on a host that succeeds when all is well; its last line is the detail, or after `warning: `
/// what somebody should look at.
pub(super) struct Probe {
    name: String,
    command: String,
    remedy: String,
    /// What helps when the host does not answer SSH at all.
    unreachable: String,
}

/// What a host says of its main service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostState {
    /// The service and its state, such as `nginx active`.
    Answered(String),
    /// The host could not be asked, and why.
    Unreachable(String),
}

impl HostState {
    /// In a few words.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            HostState::Answered(text) | HostState::Unreachable(text) => text,
        }
    }
}

/// What one host is asked.
pub(super) fn probes(spec: &Spec, inventory: &Inventory, host: HostName) -> Vec<Probe> {
    let env = &spec.name;
    let logs = |unit: &str| {
        format!(
            "`loadrig ssh {env} {host} -- sudo journalctl -u {unit}` shows its log; `loadrig up {env}` repairs what it can"
        )
    };
    let probe = |name: String, command: String, remedy: String| Probe {
        name,
        command,
        remedy,
        unreachable: format!(
            "the host does not answer SSH: check its state with `loadrig status {env}`, and that \
             `access.operators` has your address; `loadrig up {env}` repairs what it can"
        ),
    };
    let unit = unit(host.role);
    let mut probes = vec![probe(
        format!("{host}: files are as loadrig wrote them"),
        FILES.to_owned(),
        format!("`loadrig up {env}` restores them and restarts what reads them"),
    )];
    if let Some(unit) = unit {
        probes.push(probe(
            format!("{host}: service {unit} runs"),
            format!("systemctl is-active {unit}"),
            logs(unit),
        ));
    }
    if let Some((what, command)) = service_probe(inventory, host) {
        let command = match (&spec.tls, host.role) {
            (Some(tls), Role::Proxy) => certificate::answers(tls),
            _ => command,
        };
        probes.push(probe(
            format!("{host}: {what}"),
            command,
            logs(unit.unwrap_or("ssh")),
        ));
    }
    if let (Some(tls), Role::Proxy) = (&spec.tls, host.role) {
        probes.push(probe(
            format!("{host}: its certificate lasts"),
            certificate::lasts(tls),
            certificate::renewal(tls, env, host, &inventory.proxy_addresses(spec)),
        ));
    }
    if host.role == LoginGate::place(spec) {
        probes.push(probe(
            format!("{host}: the login gate is as planned"),
            gate_command(&LoginGate::of(spec)),
            format!(
                "`loadrig up {env}` configures it; `loadrig plan {env}` shows its rate and why"
            ),
        ));
    }
    if host.role == Role::App && spec.cache.nodes > 0 {
        probes.push(probe(
            format!("{host}: uses the cache"),
            CACHE.to_owned(),
            format!(
                "`loadrig ssh {env} {host} -- sudo journalctl -u mattermost` shows whether the server reaches it"
            ),
        ));
    }
    if host.role == Role::Agent
        && let Some(url) = inventory.entrance(spec)
    {
        probes.push(probe(
            format!("{host}: reaches the application nodes through the load balancer"),
            format!("curl -fsS -m 10 -o /dev/null -w '{HTTP}' {url}/api/v4/system/ping"),
            format!("`loadrig plan {env}` shows a listener or rules that were changed"),
        ));
    }
    if host.role == Role::Agent
        && spec.database.readers > 0
        && let Some(endpoint) = inventory.endpoint(&Address::database(DatabaseRole::Writer))
    {
        // What the security groups promise: an agent has no business with the database.
        probes.push(probe(
            format!("{host}: security group `{}` keeps it out", Group::Database.as_str()),
            format!(
                "if timeout {CLOSED_PORT_SECONDS} bash -c '</dev/tcp/{endpoint}/5432' 2>/dev/null; then echo 'port 5432 is open'; false; else echo 'port 5432 is closed'; fi"
            ),
            format!("`loadrig plan {env}` shows rules that were changed manually"),
        ));
    }
    probes
}

/// Compares what the running nginx says of its login gate with the plan: a configuration that nginx
/// did not load is not answered from.
fn gate_command(gate: &LoginGate) -> String {
    let url = "http://127.0.0.1:8099/login-gate";
    match gate.limits() {
        Some(limits) => {
            let planned = limits.as_configured();
            format!(
                "seen=$(curl -fsS -m 10 {url}) && if [ \"$seen\" = '{planned}' ]; then echo \"$seen\"; \
                 else echo \"nginx has '$seen', planned is '{planned}'\" >&2; false; fi"
            )
        }
        None => format!(
            "if seen=$(curl -fsS -m 10 {url} 2>/dev/null); then echo \"nginx has '$seen', planned is none\" >&2; \
             false; else echo 'none, as planned'; fi"
        ),
    }
}

/// Whether a host does what its role is for.
fn service_probe(inventory: &Inventory, host: HostName) -> Option<(&'static str, String)> {
    let get = |url: &str| format!("curl -fsS -m 10 -o /dev/null -w '{HTTP}' '{url}'");
    match host.role {
        Role::App => Some((
            "answers, with database and file store",
            get("http://localhost:8065/api/v4/system/ping?get_server_status=true"),
        )),
        Role::Proxy => Some((
            "forwards to the application nodes",
            get("http://localhost/api/v4/system/ping"),
        )),
        Role::SearchProxy => inventory.private_address(host).map(|address| {
            (
                "signs and forwards requests to the search domain",
                get(&format!("http://{address}:9200/")),
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
    }
}

/// The service that a role is for.
fn unit(role: Role) -> Option<&'static str> {
    match role {
        Role::App => Some("mattermost"),
        Role::Proxy => Some("nginx"),
        Role::SearchProxy => Some("loadrig-search-proxy"),
        Role::Metrics => Some("prometheus"),
        Role::Bastion => Some("ssh"),
        Role::Agent => None,
    }
}

/// Asks one host all of its questions at the same time, over one connection.
pub(super) async fn run_probes(
    connected: &HostAccess,
    host: HostName,
    probes: Vec<Probe>,
) -> Vec<RigCheck> {
    let deadline = Instant::now() + ANSWER;
    let session = match open(connected, host, deadline).await {
        Ok(session) => session,
        // Told once: what else is asked of it has no answer for the same reason.
        Err(detail) => {
            let probe = probes.into_iter().next();
            return Vec::from_iter(probe.map(|probe| RigCheck {
                name: format!("{host}: answers SSH"),
                pass: false,
                warning: false,
                detail,
                remedy: probe.unreachable,
            }));
        }
    };
    let session = &session;
    let asked = probes.into_iter().map(|probe| async move {
        let answer = ask(session, &probe.command, deadline).await;
        let (pass, text, remedy) = match answer {
            Ok((pass, text)) => (pass, text, probe.remedy),
            Err(text) => (false, text, probe.unreachable),
        };
        let warned = text.strip_prefix(WARNING).map(str::to_owned);
        RigCheck {
            name: probe.name,
            pass,
            warning: warned.is_some(),
            detail: warned.unwrap_or(text),
            remedy,
        }
    });
    join_all(asked).await
}

async fn open(
    connected: &HostAccess,
    host: HostName,
    deadline: Instant,
) -> Result<SshSession, String> {
    let events = Events::default();
    let step = format!("verify/{host}");
    let session = connected.keyring.connect(host, &step, &events, deadline);
    in_time(deadline, session).await
}

/// The outcome of work with a host, or that it took too long.
async fn in_time<T>(
    deadline: Instant,
    work: impl Future<Output = Result<T, HostError>>,
) -> Result<T, String> {
    tokio::time::timeout_at(deadline, work)
        .await
        .map_err(|_| format!("no answer within {} s", ANSWER.as_secs()))?
        .map_err(|error| error.to_string())
}

/// Runs a command: whether it succeeded, and the line of what it said that matters: the last, or
/// curl's reason, which advice may follow.
async fn ask(
    session: &SshSession,
    command: &str,
    deadline: Instant,
) -> Result<(bool, String), String> {
    let output = in_time(deadline, session.run(command)).await?;
    let text = if output.success() {
        output.text()
    } else {
        output.complaint()
    };
    let reason = text.lines().find(|line| line.starts_with("curl: ("));
    let line = reason.or_else(|| text.lines().last()).unwrap_or_default();
    Ok((output.success(), line.trim().chars().take(SHOWN).collect()))
}

/// What each host says of its main service.
pub(in crate::ops) async fn host_states(
    spec: &Spec,
    connected: &HostAccess,
) -> BTreeMap<HostName, HostState> {
    let asked = spec.hosts().into_iter().map(|host| async move {
        let command = match unit(host.role) {
            Some(unit) => format!("systemctl is-active {unit}"),
            None => "systemctl is-system-running".to_owned(),
        };
        let deadline = Instant::now() + ANSWER;
        let answer = match open(connected, host, deadline).await {
            Ok(session) => ask(&session, &command, deadline).await,
            Err(text) => Err(text),
        };
        let state = match answer {
            Ok((_, state)) => HostState::Answered(match unit(host.role) {
                Some(unit) => format!("{unit} {state}"),
                None => format!("system {state}"),
            }),
            Err(why) => HostState::Unreachable(why),
        };
        (host, state)
    });
    join_all(asked).await.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_without_ssh_is_not_asked_for_its_log() {
        let library = crate::spec::Library::new(Some("no-such-directory".into()));
        let spec = library.architecture("1k").unwrap().example();
        let mut asked = 0;
        for host in spec.hosts() {
            for probe in probes(&spec, &Inventory::default(), host) {
                assert!(!probe.unreachable.contains("journalctl"), "{}", probe.name);
                assert!(!probe.unreachable.contains("loadrig ssh"), "{}", probe.name);
                assert!(
                    probe.unreachable.contains("loadrig status"),
                    "{}",
                    probe.name
                );
                asked += 1;
            }
        }
        assert!(asked >= spec.hosts().len());
    }

    #[test]
    fn a_closed_port_costs_less_than_a_second() {
        let library = crate::spec::Library::new(Some("no-such-directory".into()));
        let spec = library.architecture("1k").unwrap().example();
        let seconds: f64 = CLOSED_PORT_SECONDS.parse().unwrap();
        assert!(seconds < 1.0, "`verify` waits for it");
        assert!(spec.database.readers > 0, "the probe has something to try");
    }
}
