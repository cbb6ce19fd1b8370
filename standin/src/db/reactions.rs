//! Table `reactions`.

use tokio_postgres::Row;

use super::{DbError, Store};
use crate::model::Reaction;

const COLUMNS: &str = "userid, postid, emojiname, createat, updateat, deleteat, channelid";

impl Store {
    /// Adds a reaction and notes the change at its post.
    ///
    /// # Errors
    /// When the writer fails.
    pub(crate) async fn save_reaction(&self, reaction: &Reaction) -> Result<(), DbError> {
        let mut client = self.writer().await?;
        let transaction = client.transaction().await?;
        let sql = format!(
            "INSERT INTO reactions ({COLUMNS}) VALUES ($1, $2, $3, $4, $4, 0, $5) \
             ON CONFLICT (postid, userid, emojiname) DO UPDATE SET updateat = $4, deleteat = 0"
        );
        let insert = transaction.prepare_cached(&sql).await?;
        transaction
            .execute(
                &insert,
                &[
                    &reaction.user_id,
                    &reaction.post_id,
                    &reaction.emoji_name,
                    &reaction.create_at,
                    &reaction.channel_id,
                ],
            )
            .await?;
        let sql = "UPDATE posts SET hasreactions = true, updateat = $2 WHERE id = $1";
        let update = transaction.prepare_cached(sql).await?;
        transaction
            .execute(&update, &[&reaction.post_id, &reaction.create_at])
            .await?;
        Ok(transaction.commit().await?)
    }

    /// Takes a reaction back and notes the change at its post.
    ///
    /// # Errors
    /// When the writer fails.
    pub(crate) async fn delete_reaction(&self, reaction: &Reaction) -> Result<(), DbError> {
        let mut client = self.writer().await?;
        let transaction = client.transaction().await?;
        let sql = "UPDATE reactions SET deleteat = $4, updateat = $4 \
                   WHERE postid = $2 AND userid = $1 AND emojiname = $3";
        let delete = transaction.prepare_cached(sql).await?;
        transaction
            .execute(
                &delete,
                &[
                    &reaction.user_id,
                    &reaction.post_id,
                    &reaction.emoji_name,
                    &reaction.delete_at,
                ],
            )
            .await?;
        let sql = "UPDATE posts SET updateat = $2, hasreactions = EXISTS (SELECT 1 FROM reactions \
                   WHERE postid = $1 AND deleteat = 0) WHERE id = $1";
        let update = transaction.prepare_cached(sql).await?;
        transaction
            .execute(&update, &[&reaction.post_id, &reaction.delete_at])
            .await?;
        Ok(transaction.commit().await?)
    }

    /// The reactions to these posts, oldest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn reactions(&self, post_ids: &[String]) -> Result<Vec<Reaction>, DbError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM reactions WHERE postid = ANY($1) AND deleteat = 0 \
             ORDER BY createat"
        );
        self.list(&sql, &[&post_ids])
            .await?
            .iter()
            .map(read)
            .collect()
    }
}

fn read(row: &Row) -> Result<Reaction, DbError> {
    Ok(Reaction {
        user_id: row.try_get("userid")?,
        post_id: row.try_get("postid")?,
        emoji_name: row.try_get("emojiname")?,
        create_at: row.try_get("createat")?,
        update_at: row.try_get("updateat")?,
        delete_at: row.try_get("deleteat")?,
        remote_id: String::new(),
        channel_id: row.try_get("channelid")?,
    })
}
