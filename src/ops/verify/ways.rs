//! Ways from the operator's machine through SSH: to each application node alone, and to a load balancer
//! that has no public address.

use std::net::SocketAddr;
use std::path::PathBuf;

use futures::future::try_join_all;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::blueprint::Address;
use crate::events::Events;
use crate::hosts::{HostError, Keyring, Listen, SshSession};
use crate::loadtest::PromiseNode;
use crate::ops::access::pass;
use crate::ops::rig::HostAccess;
use crate::plan::Inventory;
use crate::spec::{AddressKind, HostName, Role, Scheme, Spec};

use super::probe::ANSWER;

/// Where an application node has its API and its metrics.
const API: u16 = 8065;
const METRICS: u16 = 8067;

/// Ways to nodes, open as long as this lives.
pub(in crate::ops) struct Ways {
    pub(in crate::ops) nodes: Vec<PromiseNode>,
    _sessions: Vec<SshSession>,
    _passing: JoinSet<()>,
    _sockets: TempDir,
}

/// Opens a way to each of these application nodes.
pub(in crate::ops) async fn open_ways(
    inventory: &Inventory,
    keyring: &Keyring,
    nodes: impl IntoIterator<Item = HostName>,
) -> Result<Ways, String> {
    let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
    let opened = nodes.into_iter().map(|host| {
        let socket = |port: u16| directory.path().join(format!("{host}-{port}"));
        way(keyring, inventory, host, [socket(API), socket(METRICS)])
    });
    let opened = try_join_all(opened).await?;
    let mut passing = JoinSet::new();
    let (mut nodes, mut sessions) = (Vec::new(), Vec::new());
    for (node, session, listeners) in opened {
        for (listener, socket) in listeners {
            passing.spawn(pass_all(listener, socket));
        }
        nodes.push(node);
        sessions.push(session);
    }
    Ok(Ways {
        nodes,
        _sessions: sessions,
        _passing: passing,
        _sockets: directory,
    })
}

/// A way to the load balancer, open as long as this lives.
pub(super) struct EntranceWay {
    /// The port of this machine that leads there.
    pub(super) at: SocketAddr,
    _session: SshSession,
    _passing: JoinSet<()>,
    _sockets: TempDir,
}

/// The load balancer's name and port where operators reach hosts at public addresses and it has none:
/// then it is reached through a host alone.
fn inner_balancer<'a>(spec: &Spec, inventory: &'a Inventory) -> Option<(&'a str, u16)> {
    let alb = spec.load_balancer.alb()?;
    let is_apart = alb.scheme == Scheme::Internal && spec.access.address == AddressKind::Public;
    let name = inventory.endpoint(&Address::load_balancer())?;
    is_apart.then_some((name, alb.port()))
}

/// Opens a way to the load balancer, through the first application host, if it needs one.
pub(super) async fn open_entrance(
    spec: &Spec,
    inventory: &Inventory,
    connected: &HostAccess,
) -> Result<Option<EntranceWay>, String> {
    let Some((name, port)) = inner_balancer(spec, inventory) else {
        return Ok(None);
    };
    let host = HostName {
        role: Role::App,
        index: 1,
    };
    let told = |error: &dyn std::error::Error| format!("{host}: {error}");
    let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
    let session = session(&connected.keyring, host)
        .await
        .map_err(|error| told(&error))?;
    let socket = directory.path().join("entrance");
    let (listener, at) = listen(&session, socket.clone(), name, port)
        .await
        .map_err(|error| told(&*error))?;
    let mut passing = JoinSet::new();
    passing.spawn(pass_all(listener, socket));
    Ok(Some(EntranceWay {
        at,
        _session: session,
        _passing: passing,
        _sockets: directory,
    }))
}

async fn session(keyring: &Keyring, host: HostName) -> Result<SshSession, HostError> {
    let deadline = Instant::now() + ANSWER;
    let step = format!("verify/{host}");
    let events = Events::default();
    keyring.connect(host, &step, &events, deadline).await
}

/// A port of this process that leads to what a host reaches. SSH listens on a socket file, as in
/// `tunnel`: it may live in another network than this process.
async fn listen(
    session: &SshSession,
    socket: PathBuf,
    to: &str,
    port: u16,
) -> Result<(TcpListener, SocketAddr), Box<dyn std::error::Error + Send + Sync>> {
    session.forward(Listen::Unix(&socket), to, port).await?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let own = listener.local_addr()?;
    Ok((listener, own))
}

type Way = (PromiseNode, SshSession, Vec<(TcpListener, PathBuf)>);

/// A port of this process for each of two ports of the node.
async fn way(
    keyring: &Keyring,
    inventory: &Inventory,
    host: HostName,
    sockets: [PathBuf; 2],
) -> Result<Way, String> {
    let told = |error: &dyn std::error::Error| format!("{host}: {error}");
    let address = inventory
        .private_address(host)
        .ok_or_else(|| format!("{host} has no address"))?;
    let session = session(keyring, host).await.map_err(|error| told(&error))?;
    let mut listeners = Vec::new();
    let mut urls = Vec::new();
    for (socket, port) in sockets.into_iter().zip([API, METRICS]) {
        let (listener, own) = listen(&session, socket.clone(), "127.0.0.1", port)
            .await
            .map_err(|error| told(&*error))?;
        urls.push(format!("http://{own}"));
        listeners.push((listener, socket));
    }
    let node = PromiseNode {
        name: host.to_string(),
        address: address.to_string(),
        metrics_url: format!("{}/metrics", urls[1]),
        url: urls.swap_remove(0),
    };
    Ok((node, session, listeners))
}

async fn pass_all(listener: TcpListener, socket: PathBuf) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        let socket = socket.clone();
        connections.spawn(async move {
            // A node that is gone is told by who asked it.
            let _ = pass(client, &socket).await;
        });
        while connections.try_join_next().is_some() {}
    }
}

#[cfg(test)]
mod tests {
    use crate::blueprint::Kind;
    use crate::plan::{Observed, State};
    use crate::spec::{Alb, Certificate, Library, LoadBalancer};

    use super::*;

    #[test]
    fn a_host_leads_to_a_load_balancer_without_public_addresses() {
        let mut spec = Library::new(None).architecture("1k").unwrap().example();
        let name = "internal-demo.elb.amazonaws.com";
        let endpoint = Kind::LoadBalancer.info().read("endpoint", name);
        let inventory: Inventory = [Observed {
            address: Address::load_balancer(),
            kind: Kind::LoadBalancer,
            id: "demo".to_owned(),
            state: State::Ready,
            status: "active".to_owned(),
            attributes: [("endpoint".to_owned(), endpoint)].into_iter().collect(),
        }]
        .into_iter()
        .collect();
        assert_eq!(inner_balancer(&spec, &inventory), None);
        for (scheme, address, expected) in [
            (Scheme::Internal, AddressKind::Public, Some((name, 443))),
            (Scheme::Internal, AddressKind::Private, None),
            (Scheme::Public, AddressKind::Public, None),
        ] {
            spec.access.address = address;
            spec.load_balancer = LoadBalancer::Alb(Alb {
                scheme,
                idle_timeout: 75,
                certificate: Some(Certificate {
                    arn: String::new(),
                    host_name: "chat.example.com".to_owned(),
                    authority: None,
                }),
            });
            assert_eq!(inner_balancer(&spec, &inventory), expected);
        }
    }
}
