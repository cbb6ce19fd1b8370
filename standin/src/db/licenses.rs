//! Table `licenses`, and which of them is active.

use super::{DbError, Store};
use crate::id::now_ms;

const ACTIVE: &str = "ActiveLicenseId";

impl Store {
    /// The text of the active license.
    ///
    /// # Errors
    /// When the writer does not answer.
    pub(crate) async fn active_license(&self) -> Result<Option<String>, DbError> {
        let client = self.writer().await?;
        let sql = "SELECT l.bytes FROM systems s JOIN licenses l ON l.id = s.value \
                   WHERE s.name = $1";
        let row = super::pools::query_opt(&client, sql, &[&ACTIVE]).await?;
        row.map(|row| Ok(row.try_get(0)?)).transpose()
    }

    /// Keeps a license and makes it the active one.
    ///
    /// # Errors
    /// When the writer fails.
    pub(crate) async fn save_license(&self, id: &str, bytes: &str) -> Result<(), DbError> {
        let sql = "INSERT INTO licenses (id, createat, bytes) VALUES ($1, $2, $3) \
                   ON CONFLICT (id) DO UPDATE SET bytes = $3";
        self.execute(sql, &[&id, &now_ms(), &bytes]).await?;
        self.set_active_license(id).await
    }

    /// Leaves the system without an active license.
    ///
    /// # Errors
    /// When the writer fails.
    pub(crate) async fn remove_license(&self) -> Result<(), DbError> {
        self.set_active_license("").await
    }

    async fn set_active_license(&self, id: &str) -> Result<(), DbError> {
        let sql = "INSERT INTO systems (name, value) VALUES ($1, $2) \
                   ON CONFLICT (name) DO UPDATE SET value = $2";
        self.execute(sql, &[&ACTIVE, &id]).await.map(drop)
    }
}
