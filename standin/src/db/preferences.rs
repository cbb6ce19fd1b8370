//! Table `preferences`.

use tokio_postgres::Row;

use super::{DbError, Store};
use crate::model::Preference;

const COLUMNS: &str = "userid, category, name, value";

impl Store {
    /// All preferences of a user, or those of a category, or the one of a name.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn preferences(
        &self,
        user_id: &str,
        category: Option<&str>,
        name: Option<&str>,
    ) -> Result<Vec<Preference>, DbError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM preferences WHERE userid = $1 \
             AND ($2::text IS NULL OR category = $2) AND ($3::text IS NULL OR name = $3)"
        );
        let rows = self.list(&sql, &[&user_id, &category, &name]).await?;
        rows.iter().map(read).collect()
    }

    /// Writes preferences, all or none.
    ///
    /// # Errors
    /// When the writer fails.
    pub(crate) async fn save_preferences(&self, preferences: &[Preference]) -> Result<(), DbError> {
        let mut client = self.writer().await?;
        let transaction = client.transaction().await?;
        let sql = format!(
            "INSERT INTO preferences ({COLUMNS}) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (userid, category, name) DO UPDATE SET value = $4"
        );
        let statement = transaction.prepare_cached(&sql).await?;
        for one in preferences {
            let values: super::pools::Params<'_> =
                &[&one.user_id, &one.category, &one.name, &one.value];
            transaction.execute(&statement, values).await?;
        }
        Ok(transaction.commit().await?)
    }

    /// Removes a preference.
    ///
    /// # Errors
    /// When the writer fails.
    pub(crate) async fn delete_preference(&self, one: &Preference) -> Result<(), DbError> {
        let sql = "DELETE FROM preferences WHERE userid = $1 AND category = $2 AND name = $3";
        self.execute(sql, &[&one.user_id, &one.category, &one.name])
            .await
            .map(drop)
    }
}

fn read(row: &Row) -> Result<Preference, DbError> {
    Ok(Preference {
        user_id: row.try_get("userid")?,
        category: row.try_get("category")?,
        name: row.try_get("name")?,
        value: row.try_get("value")?,
    })
}
