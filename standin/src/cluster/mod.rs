//! The other application nodes. They find each other in the database and talk
//! over TCP on `ClusterSettings.GossipPort`; nothing goes by way of the
//! database, so that a closed port shows. It may not know HTTP or websockets.

mod link;
mod wire;

use std::collections::{BTreeMap, HashSet};
use std::net::{IpAddr, UdpSocket};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;
use tracing::{info, warn};

use crate::config::ClusterSettings;
use crate::db::{DbError, DiscoveryRow, Store};
use crate::error::chain;
use crate::hub::HubEvent;
use crate::id::new_id;
use crate::metrics::Metrics;

use link::Link;
use wire::Identity;

/// How often the table of nodes is read.
const DISCOVERY_INTERVAL: Duration = Duration::from_secs(5);
/// How often this node's row is renewed.
const ANNOUNCE_INTERVAL: Duration = Duration::from_secs(30);
/// Messages from other nodes that may wait to be acted on.
const INBOX: usize = 4096;

/// A node as `GET /cluster/status` shows it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct NodeInfo {
    pub id: String,
    pub version: String,
    pub config_hash: String,
    pub ipaddress: String,
    pub hostname: String,
    pub schema_version: String,
}

/// What one node tells the others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Message {
    /// Something for websockets.
    Event(HubEvent),
    /// A user is in a channel from now on.
    Joined { user_id: String, channel_id: String },
    /// A user is in a channel no longer.
    Left { user_id: String, channel_id: String },
    /// A user is in other teams than before.
    TeamsChanged { user_id: String },
    /// A session has ended.
    SessionEnded { token: String },
    /// The configuration in the database has changed.
    ConfigChanged,
    /// The license in the database has changed.
    LicenseChanged,
    /// What `GET /cluster/status` shows of the sender has changed.
    Node(NodeInfo),
}

/// Why this node cannot be part of a cluster.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClusterError {
    /// The port is taken, or the address not this machine's.
    #[error("cannot listen on `{address}` for the other nodes (ClusterSettings.GossipPort)")]
    Listen {
        address: String,
        #[source]
        source: std::io::Error,
    },
    /// The table of nodes is out of reach.
    #[error("cannot announce this node to the others")]
    Discovery(#[from] DbError),
}

/// This node's place in the cluster.
#[derive(Debug, Clone)]
pub(crate) struct Cluster {
    inner: Arc<ClusterState>,
}

#[derive(Debug)]
struct ClusterState {
    /// Absent if `ClusterSettings.Enable` is off.
    member: Option<Member>,
    metrics: Arc<Metrics>,
}

#[derive(Debug)]
struct Member {
    identity: Arc<Identity>,
    row: DiscoveryRow,
    store: Store,
    links: Mutex<BTreeMap<String, Link>>,
    tasks: Mutex<JoinSet<()>>,
    /// Rings when a node has dialed this one, so that it is dialed back soon.
    newcomer: Notify,
    inbox: mpsc::Sender<Message>,
}

impl Cluster {
    /// Joins the cluster, if the settings want one and `licensed`. Messages of the others
    /// arrive at the receiver.
    ///
    /// # Errors
    /// When the port cannot be listened on, or the database refuses.
    pub(crate) async fn join(
        settings: &ClusterSettings,
        licensed: bool,
        store: &Store,
        node: NodeInfo,
        api_port: u16,
        metrics: Arc<Metrics>,
    ) -> Result<(Self, mpsc::Receiver<Message>), ClusterError> {
        let (inbox, messages) = mpsc::channel(INBOX);
        if settings.enable && !licensed {
            warn!(
                "ClusterSettings.Enable has no effect: there is no license for it, and this node \
                 does not know the others"
            );
        }
        if !settings.enable || !licensed {
            return Ok((
                Self {
                    inner: Arc::new(ClusterState {
                        member: None,
                        metrics,
                    }),
                },
                messages,
            ));
        }
        let address = match settings.bind_address.as_str() {
            "" => "0.0.0.0",
            address => address,
        };
        let address = format!("{address}:{}", settings.gossip_port);
        let listen_error = |source| ClusterError::Listen {
            address: address.clone(),
            source,
        };
        let listener = TcpListener::bind(&address).await.map_err(listen_error)?;
        let row = DiscoveryRow {
            id: node.id.clone(),
            cluster_name: settings.cluster_name.clone(),
            hostname: advertised(settings, &node),
            gossip_port: settings.gossip_port,
            port: api_port,
        };
        let key = store.cluster_key().await?;
        store.announce_node(&row).await?;
        info!(
            node = row.id,
            address = row.hostname,
            port = row.gossip_port,
            "joined the cluster"
        );
        let identity = Arc::new(Identity::new(settings.cluster_name.clone(), node, &key));
        let member = Member {
            identity,
            row,
            store: store.clone(),
            links: Mutex::default(),
            tasks: Mutex::default(),
            newcomer: Notify::new(),
            inbox,
        };
        let cluster = Self {
            inner: Arc::new(ClusterState {
                member: Some(member),
                metrics,
            }),
        };
        cluster.spawn(link::accept_all(cluster.clone(), listener));
        cluster.spawn(discover(cluster.clone()));
        Ok((cluster, messages))
    }

    /// Tells all other nodes. Those that cannot be reached now do not learn of
    /// it; that is counted.
    pub(crate) fn send(&self, message: &Message) {
        let Some(member) = &self.inner.member else {
            return;
        };
        for link in lock(&member.links).values() {
            if link.send(message) {
                self.inner.metrics.cluster_requests.inc();
            } else {
                self.inner.metrics.cluster_dropped.inc();
            }
        }
    }

    /// This node and those that it has a connection to; none without a
    /// cluster.
    pub(crate) fn nodes(&self) -> Vec<NodeInfo> {
        let Some(member) = &self.inner.member else {
            return Vec::new();
        };
        let others = lock(&member.links);
        let others = others.values().filter_map(Link::peer);
        std::iter::once(member.identity.node())
            .chain(others)
            .collect()
    }

    /// Tells the other nodes which configuration applies here.
    pub(crate) fn set_config_hash(&self, hash: &str) {
        let Some(member) = &self.inner.member else {
            return;
        };
        let node = member.identity.set_config_hash(hash);
        self.send(&Message::Node(node));
    }

    /// Takes note of what another node says of itself.
    pub(crate) fn update_peer(&self, node: NodeInfo) {
        let Some(member) = &self.inner.member else {
            return;
        };
        if let Some(link) = lock(&member.links).get(&node.id) {
            link.update_peer(node);
        }
    }

    /// Leaves the cluster.
    pub(crate) async fn leave(&self) {
        let Some(member) = &self.inner.member else {
            return;
        };
        lock(&member.tasks).abort_all();
        lock(&member.links).clear();
        if let Err(error) = member.store.withdraw_node(&member.row.id).await {
            warn!(
                error = chain(&error),
                "this node's row stays in ClusterDiscovery"
            );
        }
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        if let Some(member) = &self.inner.member {
            let mut tasks = lock(&member.tasks);
            while tasks.try_join_next().is_some() {}
            tasks.spawn(task);
        }
    }
}

/// Reads the table of nodes for ever and keeps a link to each.
async fn discover(cluster: Cluster) {
    let Some(member) = &cluster.inner.member else {
        return;
    };
    let mut announced = Instant::now();
    loop {
        if announced.elapsed() >= ANNOUNCE_INTERVAL {
            if let Err(error) = member.store.announce_node(&member.row).await {
                warn!(
                    error = chain(&error),
                    "this node's row in ClusterDiscovery is not renewed"
                );
            }
            announced = Instant::now();
        }
        match member.store.announced_nodes(&member.row.cluster_name).await {
            Ok(rows) => cluster.link_to(rows),
            Err(error) => warn!(error = chain(&error), "ClusterDiscovery cannot be read"),
        }
        // Whichever comes first; a timeout here is the usual case.
        let _ = tokio::time::timeout(DISCOVERY_INTERVAL, member.newcomer.notified()).await;
    }
}

impl Cluster {
    fn link_to(&self, rows: Vec<DiscoveryRow>) {
        let Some(member) = &self.inner.member else {
            return;
        };
        let mut links = lock(&member.links);
        let present: HashSet<&str> = rows.iter().map(|row| row.id.as_str()).collect();
        links.retain(|id, _| present.contains(id.as_str()));
        for row in rows.iter().filter(|row| row.id != member.row.id) {
            if !links.contains_key(&row.id) {
                let (link, outbox) = Link::new();
                links.insert(row.id.clone(), link.clone());
                self.spawn(link::keep(self.clone(), row.clone(), link, outbox));
            }
        }
    }
}

/// A new node id.
pub(crate) fn node_id() -> String {
    new_id()
}

/// The address by which `GET /cluster/status` shows this node: the one that others are told, if that is
/// one, as theirs are in a gossip protocol.
pub(crate) fn shown_address(settings: &ClusterSettings, target: &str) -> String {
    match settings.advertise_address.parse::<IpAddr>() {
        Ok(address) => address.to_string(),
        Err(_) => own_address(target),
    }
}

/// The name or address that other nodes are told.
fn advertised(settings: &ClusterSettings, node: &NodeInfo) -> String {
    if !settings.advertise_address.is_empty() {
        settings.advertise_address.clone()
    } else if settings.use_ip_address {
        node.ipaddress.clone()
    } else {
        node.hostname.clone()
    }
}

/// The address from which this machine reaches `target` (host and port). No
/// packet is sent for it.
fn own_address(target: &str) -> String {
    let route = || {
        let socket = UdpSocket::bind("0.0.0.0:0")?;
        socket.connect(target)?;
        socket.local_addr()
    };
    route().map_or_else(
        |_| "127.0.0.1".to_owned(),
        |address| address.ip().to_string(),
    )
}

/// This machine's name.
pub(crate) fn own_hostname(settings: &ClusterSettings) -> String {
    if !settings.override_hostname.is_empty() {
        return settings.override_hostname.clone();
    }
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .map_or_else(|_| "localhost".to_owned(), |name| name.trim().to_owned())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // No code panics between two changes that belong together.
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_advertised_address_follows_the_settings() {
        let node = NodeInfo {
            ipaddress: "10.0.0.5".to_owned(),
            hostname: "app-1".to_owned(),
            ..NodeInfo::default()
        };
        let mut settings = ClusterSettings::default();
        assert_eq!(advertised(&settings, &node), "10.0.0.5");
        settings.use_ip_address = false;
        assert_eq!(advertised(&settings, &node), "app-1");
        settings.advertise_address = "192.0.2.1".to_owned();
        assert_eq!(advertised(&settings, &node), "192.0.2.1");
    }

    #[test]
    fn own_address_is_that_of_the_route() {
        assert_eq!(own_address("127.0.0.1:5432"), "127.0.0.1");
        let mut settings = ClusterSettings::default();
        let shown = |settings: &_| shown_address(settings, "127.0.0.1:5432");
        assert_eq!(shown(&settings), "127.0.0.1");
        "app-1.example.com".clone_into(&mut settings.advertise_address);
        assert_eq!(shown(&settings), "127.0.0.1");
        "192.0.2.1".clone_into(&mut settings.advertise_address);
        assert_eq!(shown(&settings), "192.0.2.1");
    }
}
