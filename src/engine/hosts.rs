//! The trait through which the engine acts on hosts.

use std::collections::BTreeSet;
use std::future::Future;

use crate::blueprint::Stage;
use crate::events::{Events, Outcome};
use crate::identity::Secrets;
use crate::plan::Inventory;
use crate::spec::HostName;

use tokio::sync::watch;

use crate::engine::task::TaskError;
use crate::engine::walk::Urgency;

/// What a host step gets.
#[derive(Clone, Debug)]
pub struct HostRequest {
    /// Role and number of the host.
    pub host: HostName,
    /// `prepare` or `configure`.
    pub stage: Stage,
    /// The step that it is done for: what is reported goes there.
    pub step: String,
    /// What exists at this moment.
    pub inventory: Inventory,
    /// Application nodes that proxies send nothing to.
    pub away: BTreeSet<HostName>,
    /// The environment's secrets.
    pub secrets: Secrets,
    /// Where waits are reported.
    pub events: Events,
    /// Whether the user wants to stop: what has not begun to work on the host then gives up.
    pub stop: watch::Receiver<Urgency>,
}

/// How a host compares with a stage of its bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostCondition {
    /// It is as it should be.
    AsPlanned,
    /// It differs, and users are served by it, also while it changes.
    ServingMeanwhile,
    /// It differs, and users are served by it, but not while it changes.
    Serving,
    /// It differs, and serves nobody.
    Idle,
}

/// The application nodes that one has to know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodePeers {
    /// All of them.
    pub all: BTreeSet<HostName>,
    /// Those that are as planned: a node that is too is as they are.
    pub planned: BTreeSet<HostName>,
}

/// Something that brings hosts to their bundles.
pub trait Hosts: Send + Sync + 'static {
    /// Connects (waiting until the host answers) and applies a stage of its bundle.
    fn apply(
        &self,
        request: HostRequest,
    ) -> impl Future<Output = Result<Outcome, TaskError>> + Send;

    /// Compares a host with a stage of its bundle, and changes nothing. Hosts that nobody can be
    /// served by are idle.
    fn compare(
        &self,
        request: HostRequest,
    ) -> impl Future<Output = Result<HostCondition, TaskError>> + Send {
        let _ = request;
        async { Ok(HostCondition::Idle) }
    }

    /// Waits until a proxy has no request under way at an application node that it was told to
    /// leave out. The request is for the proxy.
    fn drained(
        &self,
        request: HostRequest,
        node: HostName,
    ) -> impl Future<Output = Result<(), TaskError>> + Send {
        let _ = (request, node);
        async { Ok(()) }
    }

    /// The application nodes that one is in a cluster with. The request is for that node.
    fn known(
        &self,
        request: HostRequest,
    ) -> impl Future<Output = Result<BTreeSet<HostName>, TaskError>> + Send {
        let _ = request;
        async { Ok(BTreeSet::new()) }
    }

    /// Waits until an application node is a part of the server: it has what is planned, knows `peers` and
    /// is known, and is as those of them that are as planned. The request is for that node.
    fn joined(
        &self,
        request: HostRequest,
        peers: NodePeers,
    ) -> impl Future<Output = Result<(), TaskError>> + Send {
        let _ = (request, peers);
        async { Ok(()) }
    }

    /// The hosts whose bundles name the address of this one, and that have to be told of it once it is
    /// configured.
    fn peers(&self, host: HostName) -> Vec<HostName> {
        let _ = host;
        Vec::new()
    }
}
