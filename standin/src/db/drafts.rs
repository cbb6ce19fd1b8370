//! Table `drafts`.

use serde_json::Value;
use tokio_postgres::Row;

use super::{DbError, Store};
use crate::model::Draft;

const COLUMNS: &str = "createat, updateat, deleteat, userid, channelid, rootid, message, props, \
    fileids, priority";

impl Store {
    /// Writes a draft over an earlier one of the same channel and thread; the time of the first
    /// writing is kept and returned.
    ///
    /// # Errors
    /// When the writer fails.
    pub(crate) async fn save_draft(&self, draft: &Draft) -> Result<i64, DbError> {
        let client = self.writer().await?;
        let sql = format!(
            "INSERT INTO drafts AS d ({COLUMNS}) VALUES ($1, $2, 0, $3, $4, $5, $6, $7, $8, $9) \
             ON CONFLICT (userid, channelid, rootid) DO UPDATE SET updateat = $2, message = $6, \
             props = $7, fileids = $8, priority = $9 RETURNING d.createat"
        );
        let (props, priority) = (draft.props.to_string(), draft.priority.to_string());
        let files = Value::from(draft.file_ids.clone()).to_string();
        let statement = client.prepare_cached(&sql).await?;
        let row = client
            .query_one(
                &statement,
                &[
                    &draft.create_at,
                    &draft.update_at,
                    &draft.user_id,
                    &draft.channel_id,
                    &draft.root_id,
                    &draft.message,
                    &props,
                    &files,
                    &priority,
                ],
            )
            .await?;
        Ok(row.try_get(0)?)
    }

    /// A user's drafts in the channels of a team and in direct messages, newest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn drafts(&self, user_id: &str, team_id: &str) -> Result<Vec<Draft>, DbError> {
        let columns: Vec<String> = COLUMNS
            .split(", ")
            .map(|name| format!("d.{name}"))
            .collect();
        let sql = format!(
            "SELECT {} FROM drafts d JOIN channelmembers m ON m.channelid = d.channelid \
             AND m.userid = d.userid JOIN channels c ON c.id = d.channelid \
             WHERE d.userid = $1 AND (c.teamid = $2 OR c.teamid = '') AND c.deleteat = 0 \
             ORDER BY d.updateat DESC",
            columns.join(", ")
        );
        let rows = self.list(&sql, &[&user_id, &team_id]).await?;
        rows.iter().map(read).collect()
    }

    /// Removes a draft and returns it, if there was one.
    ///
    /// # Errors
    /// When the writer fails.
    pub(crate) async fn delete_draft(
        &self,
        user_id: &str,
        channel_id: &str,
        root_id: &str,
    ) -> Result<Option<Draft>, DbError> {
        let sql = format!(
            "DELETE FROM drafts WHERE userid = $1 AND channelid = $2 AND rootid = $3 \
             RETURNING {COLUMNS}"
        );
        let client = self.writer().await?;
        let row =
            super::pools::query_opt(&client, &sql, &[&user_id, &channel_id, &root_id]).await?;
        row.map(|row| read(&row)).transpose()
    }
}

fn read(row: &Row) -> Result<Draft, DbError> {
    let json = |name| -> Result<Value, DbError> {
        // Written by this program; a value edited by hand reads as nothing.
        Ok(serde_json::from_str(row.try_get(name)?).unwrap_or_default())
    };
    Ok(Draft {
        create_at: row.try_get("createat")?,
        update_at: row.try_get("updateat")?,
        delete_at: row.try_get("deleteat")?,
        user_id: row.try_get("userid")?,
        channel_id: row.try_get("channelid")?,
        root_id: row.try_get("rootid")?,
        message: row.try_get("message")?,
        props: json("props")?,
        file_ids: serde_json::from_value(json("fileids")?).unwrap_or_default(),
        priority: json("priority")?,
        ..Draft::default()
    })
}
