//! Table `systems`: facts about the whole system.

use super::{DbError, Store};
use crate::id::now_ms;

const INSTALLED: &str = "InstallationDate";

impl Store {
    /// Notes when the system began, once.
    ///
    /// # Errors
    /// When the writer fails.
    pub(crate) async fn note_installation(&self) -> Result<(), DbError> {
        let sql = "INSERT INTO systems (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING";
        let now = now_ms().to_string();
        self.execute(sql, &[&INSTALLED, &now]).await.map(drop)
    }

    /// When the system began, from a reader, and the version of the schema, from the writer.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn install_facts(&self) -> Result<(i64, i64), DbError> {
        let sql = "SELECT value FROM systems WHERE name = $1";
        let row = self.one(sql, &[&INSTALLED]).await?;
        let date = row.map(|row| row.try_get::<_, String>(0)).transpose()?;
        let client = self.writer().await?;
        let sql = "SELECT version FROM db_migrations ORDER BY version DESC LIMIT 1";
        let row = super::pools::query_opt(&client, sql, &[]).await?;
        let version = row.map(|row| row.try_get(0)).transpose()?;
        let date = date.and_then(|text| text.parse().ok());
        Ok((date.unwrap_or(0), version.unwrap_or(0)))
    }
}
