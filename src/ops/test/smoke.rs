//! The engine of smoke tests: its agents over SSH, for as long as the command runs.

use std::time::Duration;

use futures::future::BoxFuture;
use jiff::Timestamp;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::engine::Urgency;
use crate::events::{EventKind, Events};
use crate::hosts::Keyring;
use crate::loadtest::{
    AgentHost as _, AgentHostError, ExpectedTarget, LoadRun, LoadTest, LoadTestError, MetricsHost,
    ScenarioResult, SmokeScenario,
};
use crate::ops::agent_hosts::{agent_hosts, as_agents, entrances};
use crate::ops::error::{OpsError, TestError};
use crate::ops::rig::Rig;
use crate::ops::verify::administrator;
use crate::plan::Inventory;
use crate::spec::{HostName, Role, Spec};

use super::engine::{
    LoadEngine, RigChanges, RunLifetime, RunWatch, StartFailure, TestSite, until_stopped,
};

/// How long a host may take to answer SSH: it has answered before.
const ANSWER: Duration = Duration::from_mins(1);

/// Where the exporters of hosts and application nodes listen.
const NODE_EXPORTER: u16 = 9100;
const APP_METRICS: u16 = 8067;

/// Runs a smoke scenario from every agent host.
pub(super) struct SmokeEngine(pub(super) SmokeScenario);

impl LoadEngine for SmokeEngine {
    fn scenario(&self) -> &str {
        &self.0.name
    }

    fn check(&self, _spec: &Spec, watch: RunWatch) -> Result<(), OpsError> {
        match watch {
            RunWatch::Follow => Ok(()),
            RunWatch::Detach => Err(TestError::NoStorm(self.0.name.clone()).into()),
        }
    }

    fn lifetime(&self, _spec: &Spec) -> RunLifetime {
        RunLifetime::WithCommand
    }

    /// `up` has brought the program to the agents, and their plan comes with the run itself.
    fn prepare<'a>(&'a self, _site: TestSite<'a>) -> BoxFuture<'a, Result<(), OpsError>> {
        Box::pin(async { Ok(()) })
    }

    /// The agents begin with the connection that follows them.
    fn start<'a>(
        &'a self,
        site: TestSite<'a>,
        run: &'a str,
    ) -> BoxFuture<'a, Result<LoadRun, StartFailure>> {
        Box::pin(async move {
            let hosts = agent_hosts(site.rig, site.connected, site.events);
            let scenario = serde_json::to_value(&self.0)
                .map_err(|error| OpsError::from(LoadTestError::Plan(error)))?;
            Ok(LoadRun {
                run: run.to_owned(),
                environment: site.rig.spec.name.clone(),
                agents: hosts.iter().map(|host| host.name()).collect(),
                start_ms: u64::try_from(Timestamp::now().as_millisecond()).unwrap_or(0),
                deadline_ms: u64::try_from(self.0.deadline.as_millis()).unwrap_or(u64::MAX),
                scenario,
            })
        })
    }

    fn follow<'a>(
        &'a self,
        site: TestSite<'a>,
        run: &'a LoadRun,
        _changes: RigChanges,
        stop: watch::Receiver<Urgency>,
    ) -> BoxFuture<'a, Result<Option<ScenarioResult>, OpsError>> {
        Box::pin(async move {
            let measured = self.measure(site, &run.run);
            until_stopped(measured, stop).await.transpose()
        })
    }
}

impl SmokeEngine {
    async fn measure(&self, site: TestSite<'_>, run: &str) -> Result<ScenarioResult, OpsError> {
        let TestSite {
            rig,
            inventory,
            connected,
            events,
        } = site;
        let phase = format!("scenario {}", self.0.name);
        events.emit(EventKind::PhaseStarted {
            phase: phase.clone(),
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
            scenario: &self.0,
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
        let metrics = metrics.as_ref().map(|host| host as &dyn MetricsHost);
        let result = test.run(&agents, metrics, events).await?;
        events.emit(EventKind::PhaseFinished { phase });
        Ok(result)
    }
}

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
