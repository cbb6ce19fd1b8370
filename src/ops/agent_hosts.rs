//! The agent hosts of a rig, over SSH, and how they find the server.

use std::time::Duration;

use futures::future::BoxFuture;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::events::Events;
use crate::hosts::Keyring;
use crate::loadtest::{AgentHost, AgentHostError, AgentTask, RigEntrance};
use crate::plan::Inventory;
use crate::spec::{HostName, Role};

use super::payload::entrance_route;
use super::rig::{HostAccess, Rig};
use crate::ops::error::{OpsError, RigError};

/// How long a host may take to answer SSH: it has answered before.
const ANSWER: Duration = Duration::from_mins(1);

/// The program on agent hosts.
const PROGRAM: &str = "/opt/loadrig/bin/loadrig";

/// An agent host.
pub(super) struct SshAgentHost<'a> {
    host: HostName,
    keyring: &'a Keyring,
    events: &'a Events,
}

/// The agent hosts of a rig.
pub(super) fn agent_hosts<'a>(
    rig: &Rig,
    connected: &'a HostAccess,
    events: &'a Events,
) -> Vec<SshAgentHost<'a>> {
    let hosts = rig.spec.hosts().into_iter();
    hosts
        .filter(|host| host.role == Role::Agent)
        .map(|host| SshAgentHost {
            host,
            keyring: &connected.keyring,
            events,
        })
        .collect()
}

/// The same, as scenarios take them.
pub(super) fn as_agents<'a>(hosts: &'a [SshAgentHost<'a>]) -> Vec<&'a dyn AgentHost> {
    hosts.iter().map(|host| host as &dyn AgentHost).collect()
}

impl AgentHost for SshAgentHost<'_> {
    fn name(&self) -> String {
        self.host.to_string()
    }

    fn run_agent(
        &self,
        task: &AgentTask,
        input: SecretString,
        lines: mpsc::Sender<String>,
    ) -> BoxFuture<'_, Result<(), AgentHostError>> {
        let sudo = if task.needs_root() { "sudo -n " } else { "" };
        let command = format!("{sudo}{PROGRAM} {}", task.arguments().join(" "));
        Box::pin(async move {
            let deadline = Instant::now() + ANSWER;
            let step = format!("scenario/{}", self.host);
            let session = self
                .keyring
                .connect(self.host, &step, self.events, deadline)
                .await?;
            let mut output = session
                .lines(&command, input.expose_secret().as_bytes())
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
                    "the agent exited with status {}: {}",
                    end.status,
                    end.complaint()
                )
                .into())
            }
        })
    }
}

/// How agents find the server: its proxies, or its load balancer.
pub(super) fn entrances(
    rig: &Rig,
    inventory: &Inventory,
    connected: &HostAccess,
) -> Result<Vec<RigEntrance>, OpsError> {
    let found = inventory
        .inner_entrances(&rig.spec)
        .ok_or_else(|| RigError::NoUrl(rig.spec.name.clone()))?;
    let mut entrances = Vec::new();
    for place in found {
        let route = entrance_route(&rig.spec, &place, &connected.secrets)?;
        let url = place.url;
        entrances.push(RigEntrance { url, route });
    }
    Ok(entrances)
}
