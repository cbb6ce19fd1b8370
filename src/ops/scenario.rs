//! Runs a scenario on a rig: its agents over SSH, its metrics host over SSH.

use std::time::Duration;

use futures::future::BoxFuture;
use tokio::time::Instant;

use crate::events::{EventKind, Events};
use crate::hosts::Keyring;
use crate::loadtest::{
    AgentHostError, ExpectedTarget, LoadTest, MetricsHost, ScenarioResult, SmokeScenario,
};
use crate::plan::Inventory;
use crate::spec::{HostName, Role};

use super::agent_hosts::{agent_hosts, as_agents, entrances};
use super::rig::{HostAccess, Rig};
use super::verify::administrator;
use crate::ops::error::OpsError;

/// How long a host may take to answer SSH: it has answered before.
const ANSWER: Duration = Duration::from_mins(1);

/// Where the exporters of hosts and application nodes listen.
const NODE_EXPORTER: u16 = 9100;
const APP_METRICS: u16 = 8067;

struct SshMetricsHost<'a> {
    host: HostName,
    keyring: &'a Keyring,
    events: &'a Events,
}

impl MetricsHost for SshMetricsHost<'_> {
    fn targets(&self) -> BoxFuture<'_, Result<String, AgentHostError>> {
        Box::pin(async move {
            let deadline = Instant::now() + ANSWER;
            let session = self
                .keyring
                .connect(self.host, "scenario/metrics", self.events, deadline)
                .await?;
            let output = session
                .run("curl -fsS -m 10 http://localhost:9090/api/v1/targets?state=active")
                .await?;
            if output.success() {
                Ok(output.text())
            } else {
                Err(output.complaint().into())
            }
        })
    }
}

/// Runs a scenario from every agent host.
pub(super) async fn run_scenario(
    rig: &Rig,
    inventory: &Inventory,
    connected: &HostAccess,
    scenario: &SmokeScenario,
    run: &str,
    events: &Events,
) -> Result<ScenarioResult, OpsError> {
    events.emit(EventKind::PhaseStarted {
        phase: format!("scenario {}", scenario.name),
    });
    let of_role = |role: Role| rig.spec.hosts().into_iter().filter(move |h| h.role == role);
    let hosts = agent_hosts(rig, connected, events);
    let agents = as_agents(&hosts);
    let metrics = of_role(Role::Metrics).next().map(|host| SshMetricsHost {
        host,
        keyring: &connected.keyring,
        events,
    });
    let test = LoadTest {
        scenario,
        environment: &rig.spec.name,
        run,
        entrances: entrances(rig, inventory, connected)?,
        app_nodes: of_role(Role::App)
            .filter_map(|host| inventory.private_address(host))
            .map(|ip| ip.to_string())
            .collect(),
        admin: administrator(&connected.secrets),
        targets: expected_targets(rig, inventory),
    };
    let result = test
        .run(
            &agents,
            metrics.as_ref().map(|host| host as &dyn MetricsHost),
            events,
        )
        .await?;
    events.emit(EventKind::PhaseFinished {
        phase: format!("scenario {}", scenario.name),
    });
    Ok(result)
}

/// What Prometheus should scrape.
fn expected_targets(rig: &Rig, inventory: &Inventory) -> Vec<ExpectedTarget> {
    let mut targets = Vec::new();
    for host in rig.spec.hosts() {
        let Some(ip) = inventory.private_address(host) else {
            continue;
        };
        let mut expect = |port: u16| {
            targets.push(ExpectedTarget {
                host: host.to_string(),
                address: format!("{ip}:{port}"),
            });
        };
        expect(NODE_EXPORTER);
        // A server without a license has no metrics.
        let is_server = matches!(host.role, Role::App | Role::Job);
        if is_server && rig.spec.mattermost.license.is_licensed() {
            expect(APP_METRICS);
        }
    }
    targets
}
