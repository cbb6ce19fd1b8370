//! Samples the hosts of a rig during a run, over SSH.

use std::collections::BTreeMap;
use std::convert::Infallible;

use futures::future::BoxFuture;
use tokio::sync::{mpsc, watch};
use tokio::time::{Duration, Instant};

use crate::events::Events;
use crate::hosts::Keyring;
use crate::loadtest::{AgentHostError, HostSampler, HostSeries, SampledHost};
use crate::spec::{HostName, Role};

use super::payload::POSTGRES;
use super::rig::{HostAccess, Rig};

/// How long a host may take to answer SSH: it has answered before.
const ANSWER: Duration = Duration::from_secs(30);
/// Where a server listens, and where it says how it fares.
const SERVER: u16 = 8065;
const SERVER_METRICS: &str = "http://localhost:8067/metrics";

/// A host of a rig.
pub(super) struct SshSampledHost<'a> {
    host: HostName,
    /// The port that people reach it by, if any.
    serves: Option<u16>,
    /// A server without a license has no metrics.
    has_metrics: bool,
    keyring: &'a Keyring,
    events: &'a Events,
}

/// The samplers of a rig: on all that a request passes, and on those that send them. A host that
/// cannot be sampled keeps no run from going on; what is missing is said.
pub(super) struct RigSampler<'a> {
    hosts: Vec<SshSampledHost<'a>>,
    events: &'a Events,
}

impl<'a> RigSampler<'a> {
    /// Those of a rig that is connected.
    pub(super) fn of(rig: &Rig, connected: &'a HostAccess, events: &'a Events) -> Self {
        let spec = &rig.spec;
        let entrance = if spec.tls.is_some() { 443 } else { 80 };
        let hosts = spec.hosts().into_iter().filter_map(|host| {
            let serves = match host.role {
                Role::App => Some(SERVER),
                Role::Proxy => Some(entrance),
                Role::SearchProxy | Role::Agent => None,
                _ => return None,
            };
            Some(SshSampledHost {
                host,
                serves,
                has_metrics: host.role == Role::App && spec.mattermost.license.is_licensed(),
                keyring: &connected.keyring,
                events,
            })
        });
        Self {
            hosts: hosts.collect(),
            events,
        }
    }

    /// Starts them; they end by themselves.
    pub(super) async fn start(&self, longest: Duration) {
        for error in self.sampler().start(longest).await {
            self.events.note(format!("no samples of {error}"));
        }
    }

    /// Tells which share of its processors each host has in use, 0 to 1, until it is dropped.
    pub(super) async fn watch(&self, tell: &watch::Sender<BTreeMap<String, f64>>) -> Infallible {
        self.sampler().watch(tell).await
    }

    /// What they wrote, and what is missing.
    ///
    /// `started_ms` is the start of the run, milliseconds since 1970.
    pub(super) async fn collect(&self, started_ms: u64) -> (Vec<HostSeries>, Vec<String>) {
        let started_ms = i64::try_from(started_ms).unwrap_or(i64::MAX);
        let (series, errors) = self.sampler().collect(started_ms).await;
        let missing = errors.iter().map(|error| format!("No samples of {error}."));
        (series, missing.collect())
    }

    fn sampler(&self) -> HostSampler<'_> {
        let hosts = self.hosts.iter().map(|host| host as &dyn SampledHost);
        HostSampler::new(hosts.collect(), POSTGRES)
    }
}

impl SampledHost for SshSampledHost<'_> {
    fn name(&self) -> String {
        self.host.to_string()
    }

    fn serves(&self) -> Option<u16> {
        self.serves
    }

    fn metrics(&self) -> Option<String> {
        self.has_metrics.then(|| SERVER_METRICS.to_owned())
    }

    fn run(
        &self,
        command: String,
        input: &'static str,
    ) -> BoxFuture<'_, Result<String, AgentHostError>> {
        Box::pin(async move {
            let step = format!("samples/{}", self.host);
            let session = self
                .keyring
                .connect(self.host, &step, self.events, Instant::now() + ANSWER)
                .await?;
            let output = session.run_with_input(&command, input).await?;
            if output.success() {
                Ok(output.text())
            } else {
                Err(output.complaint().into())
            }
        })
    }

    fn follow(
        &self,
        command: String,
        lines: mpsc::Sender<String>,
    ) -> BoxFuture<'_, Result<(), AgentHostError>> {
        Box::pin(async move {
            let step = format!("samples/{}", self.host);
            let session = self
                .keyring
                .connect(self.host, &step, self.events, Instant::now() + ANSWER)
                .await?;
            let mut output = session.lines(&command, "").await?;
            while let Some(line) = output.next().await? {
                if lines.send(line).await.is_err() {
                    break;
                }
            }
            let end = output.finish().await?;
            match end.success() {
                true => Ok(()),
                false => Err(end.complaint().into()),
            }
        })
    }
}
