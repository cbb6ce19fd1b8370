//! The engine's hosts: bundles over SSH, or none where only resources are touched.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OnceCell, watch};
use tokio::time::Instant;

use crate::blueprint::Stage;
use crate::diagnose::Diagnose;
use crate::engine::{HostCondition, HostRequest, Hosts, NodePeers, TaskError, Urgency};
use crate::events::{Events, Outcome};
use crate::hosts::{Bundle, HostError, Keyring, Payload, render};
use crate::loadtest::{JoinPeer, JoinPlan, NodeJoin, check_joined, known_addresses};
use crate::plan::Inventory;
use crate::spec::{HostName, ProxyTls, Release, Role, Spec};

use super::license::planned;
use super::payload::facts;
use super::verify::{Ways, administrator, open_ways};

/// Brings a rig's hosts to their bundles.
pub(super) struct RigHosts {
    /// What the rig should be.
    pub spec: Spec,
    /// The files that go to hosts.
    pub payload: Arc<Payload>,
    /// SSH, once the secrets are known.
    pub keyring: OnceCell<Keyring>,
    /// How long a host may take to answer and to apply a stage of its bundle.
    pub timeout: Duration,
    /// Warnings that were shown: a fleet gives the same one many times, and each host gives it
    /// once per stage.
    pub shown: Mutex<BTreeSet<String>>,
}

impl Hosts for RigHosts {
    async fn apply(&self, request: HostRequest) -> Result<Outcome, TaskError> {
        let (keyring, bundle) = self.bundle(&request).await?;
        let HostRequest {
            host,
            stage,
            step,
            events,
            stop,
            ..
        } = request;
        let deadline = Instant::now() + self.timeout;
        let applied = keyring
            .apply(&bundle, &step, &events, deadline, interrupted(stop))
            .await
            .map_err(boxed)?;
        for (step, warning) in &applied.warnings {
            self.note_once(&events, host, &format!("{step}: {warning}"));
        }
        if stage == Stage::Prepare {
            for note in bundle.notes() {
                events.note(format!("{host}: {note}"));
            }
        }
        Ok(applied.outcome())
    }

    async fn compare(&self, request: HostRequest) -> Result<HostCondition, TaskError> {
        let (keyring, bundle) = self.bundle(&request).await?;
        let deadline = Instant::now() + self.timeout;
        let quit = interrupted(request.stop);
        let compared = keyring.compare(&bundle, &request.step, &request.events, deadline, quit);
        let compared = compared.await.map_err(boxed)?;
        Ok(match compared {
            compared if compared.is_applied => HostCondition::AsPlanned,
            compared if compared.serves_meanwhile => HostCondition::ServingMeanwhile,
            compared if compared.is_serving => HostCondition::Serving,
            _ => HostCondition::Idle,
        })
    }

    async fn drained(&self, request: HostRequest, node: HostName) -> Result<(), TaskError> {
        let (keyring, _) = self.bundle(&request).await?;
        let address = request.inventory.private_address(node);
        let address = address.ok_or_else(|| boxed(HostError::NoAddress { host: node }))?;
        let deadline = Instant::now() + self.timeout;
        let left = keyring.drained(
            request.host,
            address,
            &request.step,
            &request.events,
            deadline,
        );
        let left = left.await.map_err(boxed)?;
        if left > 0 {
            request.events.note(format!(
                "{node}: {left} requests through {} have taken a minute and are cut off",
                request.host
            ));
        }
        Ok(())
    }

    async fn known(&self, request: HostRequest) -> Result<BTreeSet<HostName>, TaskError> {
        let ways = self.ways(&request, [request.host]).await?;
        let admin = administrator(&request.secrets);
        let unreached = |why| boxed(NodeNotAsked::new(request.host, why));
        let node = ways.nodes.first();
        let node = node.ok_or_else(|| unreached("no way leads to it".to_owned()))?;
        let known = known_addresses(node, &admin).await.map_err(unreached)?;
        let nodes = self.spec.hosts_of(Role::App);
        let is_known = |host: &HostName| {
            let address = request.inventory.private_address(*host);
            address.is_some_and(|address| known.contains(&address.to_string()))
        };
        Ok(nodes.filter(is_known).collect())
    }

    async fn joined(&self, request: HostRequest, peers: NodePeers) -> Result<(), TaskError> {
        let host = request.host;
        let asked = std::iter::once(host).chain(peers.all.first().copied());
        let ways = self.ways(&request, asked).await?;
        let mut nodes = ways.nodes.iter().cloned();
        let node = nodes
            .next()
            .ok_or_else(|| boxed(NodeNotAsked::new(host, "no way leads to it".to_owned())))?;
        let named = |peer: &HostName| {
            let address = request.inventory.private_address(*peer)?;
            Some(JoinPeer {
                name: peer.to_string(),
                address: address.to_string(),
                is_as_planned: peers.planned.contains(peer),
            })
        };
        let version = match &self.spec.mattermost.release {
            Release::Version(version) => Some(version.clone()),
            Release::Standin | Release::Url(_) | Release::File(_) => None,
        };
        let plan = JoinPlan {
            environment: self.spec.name.clone(),
            node,
            admin: administrator(&request.secrets),
            license: planned(self.payload.license.as_ref()),
            version,
            search: self.spec.search.nodes > 0,
            metrics: self.spec.count(Role::Metrics) > 0,
            peers: peers.all.iter().filter_map(named).collect(),
            peer: nodes.next(),
        };
        let waits = |fault: &str| {
            request
                .events
                .waiting(&request.step, format!("{host}: {fault}"));
        };
        match check_joined(&plan, waits).await.map_err(boxed)? {
            NodeJoin::Joined => {}
            NodeJoin::NotAsked(why) => request.events.note(format!(
                "{host} was not asked for version, license, cluster, search and metrics: {why}"
            )),
        }
        Ok(())
    }

    /// A challenge of the ACME server that comes to a proxy may be meant for another.
    fn peers(&self, host: HostName) -> Vec<HostName> {
        let acme = self.spec.tls.as_ref().and_then(ProxyTls::acme);
        let proxies = self.spec.hosts_of(Role::Proxy);
        let others = proxies.filter(|other| *other != host);
        match acme.is_some() && host.role == Role::Proxy {
            true => others.collect(),
            false => Vec::new(),
        }
    }
}

impl RigHosts {
    /// The bundle that a request is about, and the way to its host.
    async fn bundle(&self, request: &HostRequest) -> Result<(&Keyring, Bundle), TaskError> {
        let HostRequest {
            host,
            stage,
            inventory,
            secrets,
            ..
        } = request;
        let keyring = self.keyring(request, [*host]).await?;
        let mut facts = facts(&self.spec, *host, inventory, secrets, &self.payload);
        facts.away.clone_from(&request.away);
        let bundle = render(&self.spec, *host, *stage, &facts).map_err(boxed)?;
        Ok((keyring, bundle))
    }

    /// SSH, and where these hosts are.
    async fn keyring(
        &self,
        request: &HostRequest,
        hosts: impl IntoIterator<Item = HostName>,
    ) -> Result<&Keyring, TaskError> {
        let HostRequest {
            inventory, secrets, ..
        } = request;
        let keyring = self
            .keyring
            .get_or_try_init(|| Keyring::open(&self.spec.name, &self.spec.access, secrets, &[]))
            .await
            .map_err(boxed)?;
        for host in hosts {
            register(keyring, &self.spec, host, inventory).map_err(boxed)?;
        }
        Ok(keyring)
    }

    /// Ways to the servers of application nodes.
    async fn ways(
        &self,
        request: &HostRequest,
        nodes: impl IntoIterator<Item = HostName> + Clone,
    ) -> Result<Ways, TaskError> {
        let keyring = self.keyring(request, nodes.clone()).await?;
        let ways = open_ways(&request.inventory, keyring, nodes).await;
        ways.map_err(|why| boxed(NodeNotAsked::new(request.host, why)))
    }

    /// Restarts the server of an application node, and waits until it answers.
    ///
    /// # Errors
    /// When the host cannot be told, or the server does not answer by the deadline.
    pub(super) async fn restart_server(
        &self,
        request: HostRequest,
        deadline: Instant,
    ) -> Result<(), TaskError> {
        let (keyring, _) = self.bundle(&request).await?;
        let HostRequest {
            host, step, events, ..
        } = request;
        let restarted = keyring.restart_server(host, &step, &events, deadline);
        restarted.await.map_err(boxed)
    }

    /// Shows a warning with the first host that gives it.
    fn note_once(&self, events: &Events, host: HostName, text: &str) {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        if shown.insert(text.to_owned()) {
            events.note(format!("{host}: {text} (shown once for all hosts)"));
        }
    }
}

/// Over once the user wants to stop.
async fn interrupted(mut stop: watch::Receiver<Urgency>) {
    let asked = stop.wait_for(|urgency| *urgency >= Urgency::Drain);
    if asked.await.is_err() {
        // Nobody is left who could interrupt.
        std::future::pending::<()>().await;
    }
}

/// Tells a keyring where a host is, and which bastion it is behind. A host that does not exist
/// yet is left out.
pub(super) fn register(
    keyring: &Keyring,
    spec: &Spec,
    host: HostName,
    inventory: &Inventory,
) -> Result<(), HostError> {
    let Some(address) = inventory.operator_address(spec, host) else {
        return Ok(());
    };
    if !spec.network.is_behind_bastion(host.role) {
        return keyring.add(host, address);
    }
    let bastion = HostName {
        role: Role::Bastion,
        index: 1,
    };
    let Some(at) = inventory.operator_address(spec, bastion) else {
        return Ok(());
    };
    keyring.add(bastion, at)?;
    keyring.add_behind(host, address, bastion)
}

fn boxed<E: Diagnose + Send + Sync + 'static>(error: E) -> TaskError {
    Box::new(error)
}

/// An application node whose server could not be asked.
#[derive(Debug, thiserror::Error)]
#[error("the server of `{host}` cannot be asked: {why}")]
struct NodeNotAsked {
    host: HostName,
    why: String,
}

impl NodeNotAsked {
    fn new(host: HostName, why: String) -> Self {
        Self { host, why }
    }
}

impl Diagnose for NodeNotAsked {}

/// Stands in where no host is touched.
pub(super) struct NoHosts;

impl Hosts for NoHosts {
    async fn apply(&self, _request: HostRequest) -> Result<Outcome, TaskError> {
        Ok(Outcome::Unchanged)
    }
}
