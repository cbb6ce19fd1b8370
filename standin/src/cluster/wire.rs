//! What nodes say to each other: frames of JSON with a length before them, and
//! the handshake in which both sides prove that they know the cluster's key.
//! It may not know whom to talk to.

use std::sync::Mutex;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::{Message, NodeInfo, lock};

/// Largest frame in bytes: a post of the largest size with room to spare.
const MAX_FRAME: u32 = 1 << 20;

/// Why two nodes do not understand each other.
#[derive(Debug, thiserror::Error)]
pub(super) enum WireError {
    /// The connection broke.
    #[error("connection to the other node broke")]
    Io(#[from] std::io::Error),
    /// A frame is not what it should be.
    #[error("frame from the other node cannot be read")]
    Json(#[from] serde_json::Error),
    /// A frame is too long to be true.
    #[error("frame of {0} bytes from the other node is over the limit of {MAX_FRAME}")]
    TooLong(u32),
    /// The other side does not know the key.
    #[error("the other node does not know this cluster's key")]
    Key,
    /// Two clusters share a database and a port.
    #[error("the other node belongs to cluster `{0}`")]
    OtherCluster(String),
    /// Nothing was heard for too long.
    #[error("the other node was silent for {0} s")]
    Silent(u64),
}

/// A frame after the handshake.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Frame {
    Ping,
    Pong,
    Message(Box<Message>),
}

#[derive(Debug, Serialize, Deserialize)]
struct Challenge {
    nonce: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Introduction {
    cluster: String,
    node: NodeInfo,
    nonce: String,
    proof: String,
}

/// Who this node is and what it must know to speak to the others.
#[derive(Debug)]
pub(super) struct Identity {
    pub cluster: String,
    node: Mutex<NodeInfo>,
    key: hmac::Key,
}

impl Identity {
    /// An identity that proves itself with `key`.
    pub(super) fn new(cluster: String, node: NodeInfo, key: &[u8]) -> Self {
        Self {
            cluster,
            node: Mutex::new(node),
            key: hmac::Key::new(hmac::HMAC_SHA256, key),
        }
    }

    /// This node, as it is now.
    pub(super) fn node(&self) -> NodeInfo {
        lock(&self.node).clone()
    }

    /// Notes which configuration applies here, and returns the node.
    pub(super) fn set_config_hash(&self, hash: &str) -> NodeInfo {
        let mut node = lock(&self.node);
        hash.clone_into(&mut node.config_hash);
        node.clone()
    }

    /// Introduces this node on a connection that it opened, and returns who
    /// the other one is.
    ///
    /// # Errors
    /// When the connection breaks or the other side is not of this cluster.
    pub(super) async fn dial<S>(&self, stream: &mut S) -> Result<NodeInfo, WireError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let challenge: Challenge = read(stream).await?;
        let nonce = nonce();
        let (cluster, node) = (self.cluster.clone(), self.node());
        let proof = self.prove("dial", &[&challenge.nonce, &nonce, &node.id]);
        write(
            stream,
            &Introduction {
                cluster,
                node,
                nonce: nonce.clone(),
                proof,
            },
        )
        .await?;
        let other: Introduction = read(stream).await?;
        self.check(
            "accept",
            &[&nonce, &challenge.nonce, &other.node.id],
            &other,
        )?;
        Ok(other.node)
    }

    /// Lets the other side introduce itself on a connection that it opened.
    ///
    /// # Errors
    /// When the connection breaks or the other side is not of this cluster.
    pub(super) async fn accept<S>(&self, stream: &mut S) -> Result<NodeInfo, WireError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let mine = nonce();
        write(
            stream,
            &Challenge {
                nonce: mine.clone(),
            },
        )
        .await?;
        let other: Introduction = read(stream).await?;
        self.check("dial", &[&mine, &other.nonce, &other.node.id], &other)?;
        let (cluster, node) = (self.cluster.clone(), self.node());
        let proof = self.prove("accept", &[&other.nonce, &mine, &node.id]);
        write(
            stream,
            &Introduction {
                cluster,
                node,
                nonce: mine,
                proof,
            },
        )
        .await?;
        Ok(other.node)
    }

    fn prove(&self, role: &str, parts: &[&str]) -> String {
        STANDARD_NO_PAD.encode(hmac::sign(&self.key, &transcript(role, parts)))
    }

    fn check(&self, role: &str, parts: &[&str], other: &Introduction) -> Result<(), WireError> {
        let proof = STANDARD_NO_PAD
            .decode(&other.proof)
            .map_err(|_| WireError::Key)?;
        hmac::verify(&self.key, &transcript(role, parts), &proof).map_err(|_| WireError::Key)?;
        if other.cluster == self.cluster {
            Ok(())
        } else {
            Err(WireError::OtherCluster(other.cluster.clone()))
        }
    }
}

fn nonce() -> String {
    STANDARD_NO_PAD.encode(rand::random::<[u8; 32]>())
}

fn transcript(role: &str, parts: &[&str]) -> Vec<u8> {
    let mut bytes = role.as_bytes().to_vec();
    for part in parts {
        bytes.push(0);
        bytes.extend_from_slice(part.as_bytes());
    }
    bytes
}

/// Reads one frame.
///
/// # Errors
/// When the connection breaks or the frame is not of this type.
pub(super) async fn read<T: DeserializeOwned>(
    stream: &mut (impl AsyncRead + Unpin),
) -> Result<T, WireError> {
    let length = stream.read_u32().await?;
    if length > MAX_FRAME {
        return Err(WireError::TooLong(length));
    }
    let mut bytes = vec![0; length as usize];
    stream.read_exact(&mut bytes).await?;
    Ok(serde_json::from_slice(&bytes)?)
}

/// Writes one frame.
///
/// # Errors
/// When the connection breaks or the frame is too long.
pub(super) async fn write<T: Serialize>(
    stream: &mut (impl AsyncWrite + Unpin),
    frame: &T,
) -> Result<(), WireError> {
    let json = serde_json::to_vec(frame)?;
    let length = u32::try_from(json.len()).unwrap_or(u32::MAX);
    if length > MAX_FRAME {
        return Err(WireError::TooLong(length));
    }
    let mut bytes = length.to_be_bytes().to_vec();
    bytes.extend(json);
    stream.write_all(&bytes).await?;
    Ok(stream.flush().await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(id: &str, cluster: &str, key: &[u8]) -> Identity {
        let node = NodeInfo {
            id: id.to_owned(),
            ..NodeInfo::default()
        };
        Identity::new(cluster.to_owned(), node, key)
    }

    async fn meet(
        dialer: &Identity,
        acceptor: &Identity,
    ) -> (Result<NodeInfo, WireError>, Result<NodeInfo, WireError>) {
        let (mut a, mut b) = tokio::io::duplex(4096);
        // A side that fails must hang up, or the other would wait for it.
        let dial = async move { dialer.dial(&mut a).await };
        let accept = async move { acceptor.accept(&mut b).await };
        tokio::join!(dial, accept)
    }

    #[tokio::test]
    async fn nodes_of_one_cluster_learn_each_others_names() {
        let (a, b) = (identity("a", "rig", b"key"), identity("b", "rig", b"key"));
        let (dialed, accepted) = meet(&a, &b).await;
        assert_eq!(dialed.expect("dialed").id, "b");
        assert_eq!(accepted.expect("accepted").id, "a");
    }

    #[tokio::test]
    async fn node_with_another_key_is_refused() {
        let (a, b) = (identity("a", "rig", b"other"), identity("b", "rig", b"key"));
        let (dialed, accepted) = meet(&a, &b).await;
        assert!(dialed.is_err());
        assert!(matches!(accepted, Err(WireError::Key)), "{accepted:?}");
    }

    #[tokio::test]
    async fn node_of_another_cluster_is_refused_by_name() {
        let (a, b) = (
            identity("a", "blue", b"key"),
            identity("b", "green", b"key"),
        );
        let (_, accepted) = meet(&a, &b).await;
        assert!(matches!(accepted, Err(WireError::OtherCluster(name)) if name == "blue"));
    }

    #[tokio::test]
    async fn frame_over_the_limit_is_not_read() {
        let mut stream = std::io::Cursor::new(u32::MAX.to_be_bytes());
        assert!(matches!(
            read::<Frame>(&mut stream).await,
            Err(WireError::TooLong(_))
        ));
    }
}
