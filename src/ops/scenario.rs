//! Runs a scenario on a rig: its agents by SSH, its metrics host by SSH.

use std::time::Duration;

use futures::future::BoxFuture;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::events::{EventKind, Events};
use crate::hosts::Keyring;
use crate::loadtest::{
    Admin, AgentHost, ExpectedTarget, HostError, LoadTest, MetricsHost, Password, Scenario,
    ScenarioResult,
};
use crate::spec::{HostName, Role};

use super::rig::{Connected, Rig, inner_url, private_address};
use crate::cli::failure::Failure;

/// How long a host may take to answer SSH: it has answered before.
const ANSWER: Duration = Duration::from_secs(60);

struct Agent<'a> {
    host: HostName,
    keyring: &'a Keyring,
    events: &'a Events,
}

impl AgentHost for Agent<'_> {
    fn name(&self) -> String {
        self.host.to_string()
    }

    fn run_agent(
        &self,
        plan: SecretString,
        lines: mpsc::Sender<String>,
    ) -> BoxFuture<'_, Result<(), HostError>> {
        Box::pin(async move {
            let deadline = Instant::now() + ANSWER;
            let step = format!("scenario/{}", self.host);
            let session = self
                .keyring
                .connect(self.host, &step, self.events, deadline)
                .await?;
            let mut output = session
                .lines(
                    "/opt/loadrig/bin/loadrig agent",
                    plan.expose_secret().as_bytes(),
                )
                .await?;
            while let Some(line) = output.next().await? {
                if lines.send(line).await.is_err() {
                    break;
                }
            }
            let end = output.finish().await?;
            if end.success() {
                Ok(())
            } else {
                Err(format!(
                    "the load program ended with status {}: {}",
                    end.status,
                    end.complaint()
                )
                .into())
            }
        })
    }
}

struct Metrics<'a> {
    host: HostName,
    keyring: &'a Keyring,
    events: &'a Events,
}

impl MetricsHost for Metrics<'_> {
    fn targets(&self) -> BoxFuture<'_, Result<String, HostError>> {
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
///
/// # Errors
/// When no agent came to a result.
pub async fn run(
    rig: &Rig,
    connected: &Connected,
    scenario: &Scenario,
    run: &str,
    events: &Events,
) -> Result<ScenarioResult, Failure> {
    events.emit(EventKind::PhaseStarted {
        phase: format!("scenario {}", scenario.name),
    });
    let of_role = |role: Role| rig.spec.hosts().into_iter().filter(move |h| h.role == role);
    let address = |host: HostName| private_address(host, &connected.world);
    let agents: Vec<Agent<'_>> = of_role(Role::Agent)
        .map(|host| Agent {
            host,
            keyring: &connected.keyring,
            events,
        })
        .collect();
    let agents: Vec<&dyn AgentHost> = agents.iter().map(|agent| agent as &dyn AgentHost).collect();
    let metrics = of_role(Role::Metrics).next().map(|host| Metrics {
        host,
        keyring: &connected.keyring,
        events,
    });
    let url = inner_url(&rig.spec, &connected.world).ok_or_else(|| {
        Failure::new(
            "neither a proxy nor a load balancer has an address",
            format!("`loadrig up {}` makes it", rig.spec.name),
        )
    })?;
    let mut targets = Vec::new();
    for host in rig.spec.hosts() {
        let Some(ip) = address(host) else { continue };
        let mut expect = |port: u16| {
            targets.push(ExpectedTarget {
                host: host.to_string(),
                address: format!("{ip}:{port}"),
            });
        };
        expect(9100);
        if host.role == Role::App {
            expect(8067);
        }
    }
    let test = LoadTest {
        scenario,
        environment: &rig.spec.name,
        run,
        url: &url,
        app_nodes: of_role(Role::App)
            .filter_map(address)
            .map(|ip| ip.to_string())
            .collect(),
        admin: Admin {
            username: "sysadmin".to_owned(),
            email: "sysadmin@example.com".to_owned(),
            password: Password::new(connected.secrets.admin_password()),
        },
        targets,
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
