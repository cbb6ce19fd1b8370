//! Table `status`.

use tokio_postgres::Row;

use super::{DbError, Store};
use crate::model::UserStatus;

const COLUMNS: &str = "userid, status, manual, lastactivityat, dndendtime";

impl Store {
    /// The presence of those of these users who have one.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn statuses(&self, user_ids: &[String]) -> Result<Vec<UserStatus>, DbError> {
        let sql = format!("SELECT {COLUMNS} FROM status WHERE userid = ANY($1)");
        self.list(&sql, &[&user_ids])
            .await?
            .iter()
            .map(read)
            .collect()
    }

    /// Writes a user's presence, unless the user has chosen one and `status` is not a choice. The
    /// presence that is kept is returned.
    ///
    /// # Errors
    /// When the writer fails.
    pub(crate) async fn set_status(&self, status: &UserStatus) -> Result<UserStatus, DbError> {
        let client = self.writer().await?;
        let sql = format!(
            "INSERT INTO status AS s ({COLUMNS}) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (userid) DO UPDATE SET lastactivityat = $4, \
             status = CASE WHEN s.manual AND s.status <> 'offline' AND NOT $3 THEN s.status ELSE $2 END, \
             manual = (s.manual AND s.status <> 'offline') OR $3, \
             dndendtime = CASE WHEN $3 THEN $5 ELSE s.dndendtime END RETURNING {COLUMNS}"
        );
        let statement = client.prepare_cached(&sql).await?;
        let row = client
            .query_one(
                &statement,
                &[
                    &status.user_id,
                    &status.status,
                    &status.manual,
                    &status.last_activity_at,
                    &status.dnd_end_time,
                ],
            )
            .await?;
        read(&row)
    }

    /// Sets everybody offline who has not chosen otherwise, as each start does.
    ///
    /// # Errors
    /// When the writer fails.
    pub(crate) async fn reset_statuses(&self) -> Result<(), DbError> {
        let sql = "UPDATE status SET status = 'offline' WHERE NOT manual AND status <> 'offline'";
        self.execute(sql, &[]).await.map(drop)
    }
}

fn read(row: &Row) -> Result<UserStatus, DbError> {
    Ok(UserStatus {
        user_id: row.try_get("userid")?,
        status: row.try_get("status")?,
        manual: row.try_get("manual")?,
        last_activity_at: row.try_get("lastactivityat")?,
        dnd_end_time: row.try_get("dndendtime")?,
    })
}
