//! Table `emoji`. The stand-in makes none; a seed may.

use tokio_postgres::Row;

use super::{DbError, Store};
use crate::model::Emoji;

const COLUMNS: &str = "id, createat, updateat, deleteat, creatorid, name";

impl Store {
    /// One page of the custom emoji.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn emoji(&self, offset: i64, limit: i64) -> Result<Vec<Emoji>, DbError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM emoji WHERE deleteat = 0 ORDER BY name OFFSET $1 LIMIT $2"
        );
        let rows = self.list(&sql, &[&offset, &limit]).await?;
        rows.iter().map(read).collect()
    }

    /// The custom emoji of these names.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn emoji_by_names(&self, names: &[String]) -> Result<Vec<Emoji>, DbError> {
        let sql = format!("SELECT {COLUMNS} FROM emoji WHERE name = ANY($1) AND deleteat = 0");
        self.list(&sql, &[&names]).await?.iter().map(read).collect()
    }
}

fn read(row: &Row) -> Result<Emoji, DbError> {
    Ok(Emoji {
        id: row.try_get("id")?,
        create_at: row.try_get("createat")?,
        update_at: row.try_get("updateat")?,
        delete_at: row.try_get("deleteat")?,
        creator_id: row.try_get("creatorid")?,
        name: row.try_get("name")?,
    })
}
