//! Table `clusterdiscovery`, where nodes find each other, and the key in
//! `systems` by which they know each other.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{DbError, Store};
use crate::id::now_ms;

const TYPE: &str = "mattermost_app";
const KEY_NAME: &str = "ClusterEncryptionKey";
/// Rows older than this belong to nodes that died without saying so.
const STALE_MS: i64 = 30 * 60 * 1000;

/// A node as the others find it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DiscoveryRow {
    pub id: String,
    pub cluster_name: String,
    /// Name or address that the other nodes can reach.
    pub hostname: String,
    pub gossip_port: u16,
    /// Port of the API.
    pub port: u16,
}

impl Store {
    /// Announces this node, or renews its announcement. An older row of the
    /// same address is that of this node's last, crashed run and is removed.
    ///
    /// # Errors
    /// When the writer fails.
    pub(crate) async fn announce_node(&self, node: &DiscoveryRow) -> Result<(), DbError> {
        let sql = "WITH gone AS (DELETE FROM clusterdiscovery WHERE type = $2 AND clustername = $3 \
                   AND hostname = $4 AND gossipport = $5 AND id <> $1) \
                   INSERT INTO clusterdiscovery \
                   (id, type, clustername, hostname, gossipport, port, createat, lastpingat) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $7) \
                   ON CONFLICT (id) DO UPDATE SET lastpingat = $7";
        let (gossip, port) = (i32::from(node.gossip_port), i32::from(node.port));
        let now = now_ms();
        self.execute(
            sql,
            &[
                &node.id,
                &TYPE,
                &node.cluster_name,
                &node.hostname,
                &gossip,
                &port,
                &now,
            ],
        )
        .await
        .map(drop)
    }

    /// Takes this node's announcement back.
    ///
    /// # Errors
    /// When the writer fails.
    pub(crate) async fn withdraw_node(&self, id: &str) -> Result<(), DbError> {
        self.execute("DELETE FROM clusterdiscovery WHERE id = $1", &[&id])
            .await
            .map(drop)
    }

    /// The nodes that are announced under this cluster name, from the writer.
    ///
    /// # Errors
    /// When the writer does not answer.
    pub(crate) async fn announced_nodes(
        &self,
        cluster_name: &str,
    ) -> Result<Vec<DiscoveryRow>, DbError> {
        let client = self.writer().await?;
        let sql = "SELECT id, clustername, hostname, gossipport, port FROM clusterdiscovery \
                   WHERE type = $1 AND clustername = $2 AND lastpingat > $3";
        let fresh = now_ms() - STALE_MS;
        let rows = super::pools::query(&client, sql, &[&TYPE, &cluster_name, &fresh]).await?;
        rows.iter()
            .map(|row| {
                let port = |name| -> Result<u16, DbError> {
                    // Written from a u16 above.
                    Ok(u16::try_from(row.try_get::<_, i32>(name)?).unwrap_or(0))
                };
                Ok(DiscoveryRow {
                    id: row.try_get("id")?,
                    cluster_name: row.try_get("clustername")?,
                    hostname: row.try_get("hostname")?,
                    gossip_port: port("gossipport")?,
                    port: port("port")?,
                })
            })
            .collect()
    }

    /// The key that all nodes of this database share; the first one makes it.
    ///
    /// # Errors
    /// When the writer fails.
    pub(crate) async fn cluster_key(&self) -> Result<Vec<u8>, DbError> {
        let fresh = STANDARD.encode(rand::random::<[u8; 32]>());
        let sql = "INSERT INTO systems (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING";
        self.execute(sql, &[&KEY_NAME, &fresh]).await?;
        let client = self.writer().await?;
        let row = client
            .query_one("SELECT value FROM systems WHERE name = $1", &[&KEY_NAME])
            .await?;
        // All nodes use the text's bytes, so it need not be decoded.
        Ok(row.try_get::<_, String>(0)?.into_bytes())
    }
}
