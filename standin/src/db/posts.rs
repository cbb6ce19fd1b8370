//! Table `posts`.

use tokio_postgres::Row;

use super::{DbError, Store};
use crate::model::Post;

const COLUMNS: &str = "id, createat, updateat, editat, deleteat, userid, channelid, rootid, \
    message, type, props, fileids";

impl Store {
    /// Writes a post, the counters of its channel and the author's place in
    /// it, and ties the files it names to it, in one transaction.
    ///
    /// # Errors
    /// When the writer fails.
    pub(crate) async fn create_post(&self, post: &Post) -> Result<(), DbError> {
        let mut client = self.writer().await?;
        let transaction = client.transaction().await?;
        let (props, files) = (post.props.to_string(), encode_ids(&post.file_ids));
        let insert = transaction
            .prepare_cached(
                "INSERT INTO posts (id, createat, updateat, userid, channelid, rootid, message, \
                 type, props, fileids) VALUES ($1, $2, $2, $3, $4, $5, $6, $7, $8, $9)",
            )
            .await?;
        transaction
            .execute(
                &insert,
                &[
                    &post.id,
                    &post.create_at,
                    &post.user_id,
                    &post.channel_id,
                    &post.root_id,
                    &post.message,
                    &post.kind,
                    &props,
                    &files,
                ],
            )
            .await?;
        let count = transaction
            .prepare_cached(
                "UPDATE channels SET totalmsgcount = totalmsgcount + 1, \
                 lastpostat = greatest(lastpostat, $2) WHERE id = $1",
            )
            .await?;
        transaction
            .execute(&count, &[&post.channel_id, &post.create_at])
            .await?;
        if !post.file_ids.is_empty() {
            let attach = transaction
                .prepare_cached(
                    "UPDATE fileinfo SET postid = $1 \
                     WHERE id = ANY($2) AND postid = '' AND creatorid = $3",
                )
                .await?;
            transaction
                .execute(&attach, &[&post.id, &post.file_ids, &post.user_id])
                .await?;
        }
        transaction.commit().await?;
        self.view_channel(&post.channel_id, &post.user_id, post.create_at)
            .await
    }

    /// A post by id.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn post(&self, id: &str) -> Result<Option<Post>, DbError> {
        let sql = format!("SELECT {COLUMNS} FROM posts WHERE id = $1 AND deleteat = 0");
        self.one(&sql, &[&id])
            .await?
            .map(|row| read(&row))
            .transpose()
    }

    /// The posts with these ids, newest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn posts_by_ids(&self, ids: &[String]) -> Result<Vec<Post>, DbError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM posts WHERE id = ANY($1) AND deleteat = 0 ORDER BY createat DESC"
        );
        self.list(&sql, &[&ids]).await?.iter().map(read).collect()
    }

    /// One page of a channel's posts, newest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn posts_of_channel(
        &self,
        channel_id: &str,
        offset: i64,
        limit: i64,
    ) -> Result<Vec<Post>, DbError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM posts WHERE channelid = $1 AND deleteat = 0 \
             ORDER BY createat DESC OFFSET $2 LIMIT $3"
        );
        self.list(&sql, &[&channel_id, &offset, &limit])
            .await?
            .iter()
            .map(read)
            .collect()
    }

    /// A channel's posts that changed after a time, newest first, at most 1000
    /// as in Mattermost.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn posts_since(
        &self,
        channel_id: &str,
        since: i64,
    ) -> Result<Vec<Post>, DbError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM posts WHERE channelid = $1 AND updateat > $2 AND deleteat = 0 \
             ORDER BY createat DESC LIMIT 1000"
        );
        self.list(&sql, &[&channel_id, &since])
            .await?
            .iter()
            .map(read)
            .collect()
    }
}

fn read(row: &Row) -> Result<Post, DbError> {
    let (props, files): (String, String) = (row.try_get("props")?, row.try_get("fileids")?);
    Ok(Post {
        id: row.try_get("id")?,
        create_at: row.try_get("createat")?,
        update_at: row.try_get("updateat")?,
        edit_at: row.try_get("editat")?,
        delete_at: row.try_get("deleteat")?,
        user_id: row.try_get("userid")?,
        channel_id: row.try_get("channelid")?,
        root_id: row.try_get("rootid")?,
        message: row.try_get("message")?,
        kind: row.try_get("type")?,
        // Written by this program alone; a value edited by hand reads as empty.
        props: serde_json::from_str(&props).unwrap_or_default(),
        file_ids: serde_json::from_str(&files).unwrap_or_default(),
        ..Post::default()
    })
}

fn encode_ids(ids: &[String]) -> String {
    serde_json::Value::from(ids).to_string()
}
