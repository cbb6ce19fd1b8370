//! Connections between two nodes. Each node dials every other one and sends on
//! that connection; on the connections that it accepted it only listens. Two
//! nodes thus need each other's port open.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tracing::{debug, info, warn};

use super::wire::{self, Frame, WireError};
use super::{Cluster, Message, NodeInfo, lock};
use crate::db::DiscoveryRow;
use crate::error::chain;

/// Longest time to open a connection and to be introduced.
const CONNECT_DEADLINE: Duration = Duration::from_secs(3);
/// How often a node shows that it lives.
const PING_INTERVAL: Duration = Duration::from_secs(5);
/// Silence after which the other node counts as gone.
const SILENCE_DEADLINE: Duration = Duration::from_secs(15);
/// First and longest pause between two attempts to connect.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(5));
/// Messages that may wait for one node.
const OUTBOX: usize = 4096;

/// The sending side of a connection to one other node.
#[derive(Debug, Clone)]
pub(super) struct Link {
    outbox: mpsc::Sender<Message>,
    /// Who is at the other end; nobody while there is no connection.
    peer: Arc<Mutex<Option<NodeInfo>>>,
}

impl Link {
    /// A link, and the receiver for the task that [`keep`]s it.
    pub(super) fn new() -> (Self, mpsc::Receiver<Message>) {
        let (outbox, messages) = mpsc::channel(OUTBOX);
        (
            Self {
                outbox,
                peer: Arc::default(),
            },
            messages,
        )
    }

    /// Hands a message over, if there is a connection with room for it.
    pub(super) fn send(&self, message: &Message) -> bool {
        lock(&self.peer).is_some() && self.outbox.try_send(message.clone()).is_ok()
    }

    /// Replaces what is known of the other end, while there is a connection.
    pub(super) fn update_peer(&self, node: NodeInfo) {
        if let Some(peer) = lock(&self.peer).as_mut() {
            *peer = node;
        }
    }

    /// Who is at the other end.
    pub(super) fn peer(&self) -> Option<NodeInfo> {
        lock(&self.peer).clone()
    }
}

/// Connects to a node, again and again, until its row is gone.
pub(super) async fn keep(
    cluster: Cluster,
    row: DiscoveryRow,
    link: Link,
    mut outbox: mpsc::Receiver<Message>,
) {
    let peer = Arc::clone(&link.peer);
    // The table of links then holds the only sender: its end is this task's.
    drop(link);
    let address = format!("{}:{}", row.hostname, row.gossip_port);
    let mut pause = BACKOFF.0;
    let mut told = false;
    while !outbox.is_closed() {
        match connect(&cluster, &address).await {
            Ok((stream, node)) => {
                info!(peer = node.id, address, "connected to node");
                *lock(&peer) = Some(node);
                cluster.inner.metrics.cluster_peers.add(1);
                let end = converse(stream, &mut outbox).await;
                cluster.inner.metrics.cluster_peers.add(-1);
                *lock(&peer) = None;
                let Err(error) = end else {
                    return;
                };
                warn!(peer = row.id, address, error = chain(&error), "lost node");
                (pause, told) = (BACKOFF.0, false);
            }
            Err(error) if told => debug!(address, error = chain(&error), "node is not reachable"),
            Err(error) => {
                warn!(
                    address,
                    error = chain(&error),
                    "node is not reachable, will try again"
                );
                told = true;
            }
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(BACKOFF.1);
    }
}

async fn connect(cluster: &Cluster, address: &str) -> Result<(TcpStream, NodeInfo), WireError> {
    let introduced = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let node = match &cluster.inner.member {
            Some(member) => member.identity.dial(&mut stream).await?,
            None => return Err(WireError::Key),
        };
        Ok((stream, node))
    };
    within(CONNECT_DEADLINE, introduced).await
}

/// Sends what is in the outbox until the connection breaks, or until the
/// outbox is closed.
async fn converse(
    stream: TcpStream,
    outbox: &mut mpsc::Receiver<Message>,
) -> Result<(), WireError> {
    let (mut reader, mut writer) = stream.into_split();
    let write = async {
        let mut ping = tokio::time::interval(PING_INTERVAL);
        loop {
            tokio::select! {
                message = outbox.recv() => match message {
                    Some(message) => {
                        wire::write(&mut writer, &Frame::Message(Box::new(message))).await?;
                    }
                    None => return Ok(()),
                },
                _ = ping.tick() => wire::write(&mut writer, &Frame::Ping).await?,
            }
        }
    };
    let read = async {
        loop {
            within(SILENCE_DEADLINE, wire::read::<Frame>(&mut reader)).await?;
        }
    };
    tokio::select! {
        end = write => end,
        end = read => end,
    }
}

/// Listens to every node that connects.
pub(super) async fn accept_all(cluster: Cluster, listener: TcpListener) {
    loop {
        match listener.accept().await {
            Ok((stream, address)) => {
                let listening = cluster.clone();
                cluster.spawn(async move {
                    if let Err(error) = listen(&listening, stream).await {
                        debug!(%address, error = chain(&error), "node hung up");
                    }
                });
            }
            Err(error) => {
                warn!(%error, "connection of another node is not accepted");
                // Out of file descriptors, most likely: give them time.
                tokio::time::sleep(BACKOFF.0).await;
            }
        }
    }
}

async fn listen(cluster: &Cluster, mut stream: TcpStream) -> Result<(), WireError> {
    let Some(member) = &cluster.inner.member else {
        return Ok(());
    };
    stream.set_nodelay(true)?;
    let introduced = within(CONNECT_DEADLINE, member.identity.accept(&mut stream)).await;
    let node = introduced.inspect_err(|error| {
        warn!(
            error = chain(error),
            "connection to the cluster port is refused"
        );
    })?;
    debug!(peer = node.id, "node dialed in");
    member.newcomer.notify_one();
    let (mut reader, mut writer) = stream.into_split();
    receive(&mut reader, &mut writer, &member.inbox).await
}

async fn receive(
    reader: &mut (impl AsyncRead + Unpin),
    writer: &mut (impl AsyncWrite + Unpin),
    inbox: &mpsc::Sender<Message>,
) -> Result<(), WireError> {
    loop {
        match within(SILENCE_DEADLINE, wire::read(reader)).await? {
            Frame::Ping => wire::write(writer, &Frame::Pong).await?,
            Frame::Pong => {}
            Frame::Message(message) => {
                if inbox.send(*message).await.is_err() {
                    return Ok(());
                }
            }
        }
    }
}

async fn within<T>(
    deadline: Duration,
    work: impl Future<Output = Result<T, WireError>>,
) -> Result<T, WireError> {
    timeout(deadline, work)
        .await
        .unwrap_or(Err(WireError::Silent(deadline.as_secs())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_for_a_node_that_is_away_is_not_queued() {
        let (link, _outbox) = Link::new();
        let message = Message::SessionEnded {
            token: "t".to_owned(),
        };
        assert!(!link.send(&message));
        *lock(&link.peer) = Some(NodeInfo::default());
        assert!(link.send(&message));
    }

    #[tokio::test]
    async fn ping_is_answered_and_messages_reach_the_inbox() {
        let (inbox, mut messages) = mpsc::channel(4);
        let (mut here, there) = tokio::io::duplex(4096);
        let (mut reader, mut writer) = tokio::io::split(there);
        let message = Message::SessionEnded {
            token: "t".to_owned(),
        };
        wire::write(&mut here, &Frame::Ping).await.expect("ping");
        wire::write(&mut here, &Frame::Message(Box::new(message.clone())))
            .await
            .expect("message");
        let receiving = receive(&mut reader, &mut writer, &inbox);
        let checking = async {
            assert_eq!(
                wire::read::<Frame>(&mut here).await.expect("pong"),
                Frame::Pong
            );
            assert_eq!(messages.recv().await, Some(message));
            drop(here);
        };
        let (end, ()) = tokio::join!(receiving, checking);
        assert!(matches!(end, Err(WireError::Io(_))));
    }
}
