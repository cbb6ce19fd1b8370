//! Ways from the operator's machine to each application node alone, through SSH.

use std::path::PathBuf;

use futures::future::try_join_all;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::events::Events;
use crate::hosts::{Listen, SshSession};
use crate::loadtest::PromiseNode;
use crate::ops::access::pass;
use crate::ops::rig::HostAccess;
use crate::plan::Inventory;
use crate::spec::{HostName, Role, Spec};

use super::probe::ANSWER;

/// Where an application node has its API and its metrics.
const API: u16 = 8065;
const METRICS: u16 = 8067;

/// Ways to nodes, open as long as this lives.
pub(super) struct Ways {
    pub(super) nodes: Vec<PromiseNode>,
    _sessions: Vec<SshSession>,
    _passing: JoinSet<()>,
    _sockets: TempDir,
}

/// Opens a way to each application node.
pub(super) async fn open_ways(
    spec: &Spec,
    inventory: &Inventory,
    connected: &HostAccess,
) -> Result<Ways, String> {
    let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
    let opened = spec.hosts_of(Role::App).map(|host| {
        let socket = |port: u16| directory.path().join(format!("{host}-{port}"));
        way(connected, inventory, host, [socket(API), socket(METRICS)])
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

type Way = (PromiseNode, SshSession, Vec<(TcpListener, PathBuf)>);

/// A port of this process for each of two ports of the node. SSH listens on a socket file, as in
/// `tunnel`: it may live in another network than this process.
async fn way(
    connected: &HostAccess,
    inventory: &Inventory,
    host: HostName,
    sockets: [PathBuf; 2],
) -> Result<Way, String> {
    let told = |error: &dyn std::error::Error| format!("{host}: {error}");
    let address = inventory
        .private_address(host)
        .ok_or_else(|| format!("{host} has no address"))?;
    let deadline = Instant::now() + ANSWER;
    let session = connected
        .keyring
        .connect(
            host,
            &format!("verify/{host}"),
            &Events::default(),
            deadline,
        )
        .await
        .map_err(|error| told(&error))?;
    let mut listeners = Vec::new();
    let mut urls = Vec::new();
    for (socket, port) in sockets.into_iter().zip([API, METRICS]) {
        session
            .forward(Listen::Unix(&socket), "127.0.0.1", port)
            .await
            .map_err(|error| told(&error))?;
        let listener = TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.map_err(|error| told(&error))?;
        let own = listener.local_addr().map_err(|error| told(&error))?;
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
