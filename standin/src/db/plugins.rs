//! Table `standinplugins`: the manifests of the bundles in the file store, which Mattermost reads from
//! the bundles whenever it starts.

use super::{DbError, Store};
use crate::model::Manifest;

impl Store {
    /// Notes a bundle, in place of an earlier one of the plugin.
    ///
    /// # Errors
    /// When the writer fails.
    pub(crate) async fn save_plugin(&self, manifest: &Manifest) -> Result<(), DbError> {
        let sql = "INSERT INTO standinplugins (id, manifest) VALUES ($1, $2) \
                   ON CONFLICT (id) DO UPDATE SET manifest = $2";
        let text = serde_json::to_string(manifest).unwrap_or_default();
        let written = self.execute(sql, &[&manifest.id, &text]).await;
        written.map(drop)
    }

    /// Forgets a bundle; false if there is none.
    ///
    /// # Errors
    /// When the writer fails.
    pub(crate) async fn remove_plugin(&self, id: &str) -> Result<bool, DbError> {
        let sql = "DELETE FROM standinplugins WHERE id = $1";
        Ok(self.execute(sql, &[&id]).await? == 1)
    }

    /// Every plugin, from the writer: what was just installed is listed.
    ///
    /// # Errors
    /// When the writer does not answer.
    pub(crate) async fn plugins(&self) -> Result<Vec<Manifest>, DbError> {
        let client = self.writer().await?;
        let sql = "SELECT manifest FROM standinplugins ORDER BY id";
        let rows = super::pools::query(&client, sql, &[]).await?;
        let read = |row: &tokio_postgres::Row| {
            let text: String = row.try_get(0)?;
            Ok(serde_json::from_str(&text).unwrap_or_default())
        };
        rows.iter().map(read).collect()
    }
}
