//! Table `posts`: one message, written and changed.

use deadpool_postgres::Transaction;
use tokio_postgres::Row;

use super::post_lists::POST_COLUMNS;
use super::{DbError, Store};
use crate::model::{Channel, Post};

impl Store {
    /// Writes a post, the counters of its channel, thread and author, and ties the files it names
    /// to it, in one transaction. Returns who is mentioned: in direct messages everybody else,
    /// elsewhere the members with these names.
    ///
    /// # Errors
    /// When the writer fails.
    pub(crate) async fn create_post(
        &self,
        post: &Post,
        channel: &Channel,
        names: &[String],
    ) -> Result<Vec<String>, DbError> {
        let mut client = self.writer().await?;
        let transaction = client.transaction().await?;
        insert(&transaction, post).await?;
        let count = transaction
            .prepare_cached(
                "UPDATE channels SET totalmsgcount = totalmsgcount + 1, \
                 lastpostat = greatest(lastpostat, $2), \
                 totalmsgcountroot = totalmsgcountroot + CASE WHEN $3 THEN 1 ELSE 0 END, \
                 lastrootpostat = CASE WHEN $3 THEN greatest(lastrootpostat, $2) \
                 ELSE lastrootpostat END WHERE id = $1",
            )
            .await?;
        let root = post.root_id.is_empty();
        transaction
            .execute(&count, &[&post.channel_id, &post.create_at, &root])
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
        if !root {
            reply(&transaction, post, &channel.team_id).await?;
        }
        let mentioned = if channel.is_direct_or_group() || !names.is_empty() {
            mention(&transaction, post, channel, names).await?
        } else {
            Vec::new()
        };
        transaction.commit().await?;
        Ok(mentioned)
    }

    /// A post by id.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn post(&self, id: &str) -> Result<Option<Post>, DbError> {
        let sql = format!("SELECT {POST_COLUMNS} FROM posts p WHERE p.id = $1 AND p.deleteat = 0");
        self.one(&sql, &[&id])
            .await?
            .map(|row| read(&row))
            .transpose()
    }

    /// Writes a changed post over `old`, which is kept beside it as a deleted one if its text
    /// has changed.
    ///
    /// # Errors
    /// When the writer fails.
    pub(crate) async fn update_post(&self, old: &Post, new: &Post) -> Result<(), DbError> {
        let mut client = self.writer().await?;
        let transaction = client.transaction().await?;
        let update = transaction
            .prepare_cached(
                "UPDATE posts SET updateat = $2, editat = $3, ispinned = $4, message = $5, \
                 props = $6, fileids = $7, hasreactions = $8 WHERE id = $1",
            )
            .await?;
        let (props, files) = (new.props.to_string(), encode_ids(&new.file_ids));
        transaction
            .execute(
                &update,
                &[
                    &new.id,
                    &new.update_at,
                    &new.edit_at,
                    &new.is_pinned,
                    &new.message,
                    &props,
                    &files,
                    &new.has_reactions,
                ],
            )
            .await?;
        if new.edit_at != old.edit_at {
            let kept = Post {
                id: crate::id::new_id(),
                original_id: old.id.clone(),
                update_at: new.update_at,
                delete_at: new.update_at,
                ..old.clone()
            };
            insert(&transaction, &kept).await?;
        }
        Ok(transaction.commit().await?)
    }

    /// Deletes a post and its replies.
    ///
    /// # Errors
    /// When the writer fails.
    pub(crate) async fn delete_post(&self, post: &Post, at: i64) -> Result<(), DbError> {
        let mut client = self.writer().await?;
        let transaction = client.transaction().await?;
        let sql = "UPDATE posts SET deleteat = $2, updateat = $2 \
                   WHERE (id = $1 OR rootid = $1) AND deleteat = 0";
        let delete = transaction.prepare_cached(sql).await?;
        transaction.execute(&delete, &[&post.id, &at]).await?;
        let (sql, id) = if post.root_id.is_empty() {
            (
                "UPDATE threads SET threaddeleteat = $2 WHERE postid = $1",
                &post.id,
            )
        } else {
            (
                "UPDATE threads SET replycount = greatest(replycount - 1, 0), \
                 lastreplyat = least(lastreplyat, $2) WHERE postid = $1",
                &post.root_id,
            )
        };
        let thread = transaction.prepare_cached(sql).await?;
        transaction.execute(&thread, &[id, &at]).await?;
        Ok(transaction.commit().await?)
    }
}

async fn insert(transaction: &Transaction<'_>, post: &Post) -> Result<(), DbError> {
    let (props, files) = (post.props.to_string(), encode_ids(&post.file_ids));
    let insert = transaction
        .prepare_cached(
            "INSERT INTO posts (id, createat, updateat, userid, channelid, rootid, message, \
             type, props, fileids, hashtags, deleteat, originalid, editat) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
        )
        .await?;
    transaction
        .execute(
            &insert,
            &[
                &post.id,
                &post.create_at,
                &post.update_at,
                &post.user_id,
                &post.channel_id,
                &post.root_id,
                &post.message,
                &post.kind,
                &props,
                &files,
                &post.hashtags,
                &post.delete_at,
                &post.original_id,
                &post.edit_at,
            ],
        )
        .await?;
    Ok(())
}

/// Notes a reply at its thread, which its author and the root's follow from now on.
async fn reply(transaction: &Transaction<'_>, post: &Post, team_id: &str) -> Result<(), DbError> {
    let thread = transaction
        .prepare_cached(
            "INSERT INTO threads AS t (postid, channelid, replycount, lastreplyat, participants, \
             threadteamid) VALUES ($1, $2, 1, $3, ARRAY[$4], $5) ON CONFLICT (postid) DO UPDATE \
             SET replycount = t.replycount + 1, lastreplyat = greatest(t.lastreplyat, $3), \
             participants = array_append(array_remove(t.participants, $4), $4)",
        )
        .await?;
    let (root, author) = (&post.root_id, &post.user_id);
    transaction
        .execute(
            &thread,
            &[root, &post.channel_id, &post.create_at, author, &team_id],
        )
        .await?;
    let follow = transaction
        .prepare_cached(
            "INSERT INTO threadmemberships AS m (postid, userid, following, lastviewed, \
             lastupdated) SELECT $1, x.id, true, CASE WHEN x.id = $2 THEN $3::bigint ELSE 0 END, $3::bigint \
             FROM (SELECT $2 AS id UNION SELECT userid FROM posts WHERE id = $1) x \
             ON CONFLICT (postid, userid) DO UPDATE SET lastupdated = $3, \
             lastviewed = greatest(m.lastviewed, excluded.lastviewed)",
        )
        .await?;
    transaction
        .execute(&follow, &[root, author, &post.create_at])
        .await?;
    let touch = transaction
        .prepare_cached("UPDATE posts SET updateat = $2 WHERE id = $1")
        .await?;
    transaction
        .execute(&touch, &[root, &post.create_at])
        .await?;
    Ok(())
}

async fn mention(
    transaction: &Transaction<'_>,
    post: &Post,
    channel: &Channel,
    names: &[String],
) -> Result<Vec<String>, DbError> {
    let everybody = channel.is_direct_or_group();
    let statement = transaction
        .prepare_cached(
            "UPDATE channelmembers SET mentioncount = mentioncount + 1, \
             mentioncountroot = mentioncountroot + CASE WHEN $5 THEN 1 ELSE 0 END, \
             lastupdateat = $6 WHERE channelid = $1 AND userid <> $2 \
             AND ($3 OR userid IN (SELECT id FROM users WHERE username = ANY($4))) \
             RETURNING userid",
        )
        .await?;
    let root = post.root_id.is_empty();
    let rows = transaction
        .query(
            &statement,
            &[
                &post.channel_id,
                &post.user_id,
                &everybody,
                &names,
                &root,
                &post.create_at,
            ],
        )
        .await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

pub(super) fn read(row: &Row) -> Result<Post, DbError> {
    let (props, files): (&str, &str) = (row.try_get("props")?, row.try_get("fileids")?);
    Ok(Post {
        id: row.try_get("id")?,
        create_at: row.try_get("createat")?,
        update_at: row.try_get("updateat")?,
        edit_at: row.try_get("editat")?,
        delete_at: row.try_get("deleteat")?,
        is_pinned: row.try_get("ispinned")?,
        user_id: row.try_get("userid")?,
        channel_id: row.try_get("channelid")?,
        root_id: row.try_get("rootid")?,
        original_id: row.try_get("originalid")?,
        message: row.try_get("message")?,
        kind: row.try_get("type")?,
        hashtags: row.try_get("hashtags")?,
        has_reactions: row.try_get("hasreactions")?,
        // Written by this program alone; a value edited by hand reads as empty.
        props: serde_json::from_str(props).unwrap_or_default(),
        file_ids: serde_json::from_str(files).unwrap_or_default(),
        ..Post::default()
    })
}

fn encode_ids(ids: &[String]) -> String {
    serde_json::Value::from(ids).to_string()
}
