//! Table `posts`: lists of a channel's and a thread's messages.

use tokio_postgres::Row;

use super::pools::Params;
use super::{DbError, Store};
use crate::model::{Post, User};

pub(super) const POST_COLUMNS: &str = "p.id, p.createat, p.updateat, p.editat, p.deleteat, \
    p.ispinned, p.userid, p.channelid, p.rootid, p.originalid, p.message, p.type, p.props, \
    p.hashtags, p.fileids, p.hasreactions";

/// Beginning of every list; `$1` is the user who reads.
const SELECT: &str = "coalesce(t.replycount, 0) AS replycount, \
    coalesce(t.lastreplyat, 0) AS lastreplyat, t.participants, f.following FROM posts p \
    LEFT JOIN threads t ON t.postid = CASE WHEN p.rootid = '' THEN p.id ELSE p.rootid END \
    LEFT JOIN threadmemberships f ON f.postid = p.id AND f.userid = $1";

/// Most posts of a list by time, as in Mattermost.
pub(crate) const SINCE_LIMIT: i64 = 1000;

/// Which of a channel's posts are asked for.
#[derive(Debug, Clone)]
pub(crate) enum PostCursor {
    /// After passing over so many of the newest.
    Newest(i64),
    /// Older than a post, after passing over so many.
    Before(String, i64),
    /// Newer than a post, after passing over so many.
    After(String, i64),
    /// Changed after a time.
    Since(i64),
}

/// A list of a channel's posts.
#[derive(Debug, Clone)]
pub(crate) struct PostQuery {
    pub channel_id: String,
    /// Who reads.
    pub user_id: String,
    /// Roots of threads alone, with what is known of their threads.
    pub collapsed: bool,
    /// Also the deleted ones.
    pub include_deleted: bool,
    pub cursor: PostCursor,
    pub limit: i64,
}

impl Store {
    /// A channel's posts, newest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn channel_posts(&self, query: &PostQuery) -> Result<Vec<Post>, DbError> {
        let deleted = if query.include_deleted {
            "true"
        } else {
            "p.deleteat = 0"
        };
        let roots = if query.collapsed {
            "p.rootid = ''"
        } else {
            "true"
        };
        let sql = |condition: &str, order: &str| {
            format!(
                "SELECT {POST_COLUMNS}, {SELECT} WHERE p.channelid = $2 AND {deleted} AND {roots} \
                 AND {condition} ORDER BY p.createat {order} OFFSET $3 LIMIT $4"
            )
        };
        let (user, channel) = (&query.user_id, &query.channel_id);
        let limit = &query.limit;
        let mut posts = match &query.cursor {
            PostCursor::Newest(offset) => {
                let sql = sql("true", "DESC");
                self.read_posts(&sql, &[user, channel, offset, limit], query.collapsed)
                    .await?
            }
            PostCursor::Before(id, offset) => {
                let sql = sql(
                    "p.createat < (SELECT createat FROM posts WHERE id = $5)",
                    "DESC",
                );
                self.read_posts(&sql, &[user, channel, offset, limit, id], query.collapsed)
                    .await?
            }
            PostCursor::After(id, offset) => {
                let sql = sql(
                    "p.createat > (SELECT createat FROM posts WHERE id = $5)",
                    "ASC",
                );
                self.read_posts(&sql, &[user, channel, offset, limit, id], query.collapsed)
                    .await?
            }
            PostCursor::Since(since) => {
                // Deleted posts are listed too, so that a client takes them away.
                let sql = format!(
                    "SELECT {POST_COLUMNS}, {SELECT} WHERE p.channelid = $2 AND {roots} \
                     AND p.originalid = '' AND p.updateat > $3 ORDER BY p.createat DESC \
                     LIMIT {SINCE_LIMIT}"
                );
                self.read_posts(&sql, &[user, channel, since], query.collapsed)
                    .await?
            }
        };
        posts.sort_by_key(|post| std::cmp::Reverse(post.create_at));
        Ok(posts)
    }

    /// The threads that these posts are in: roots and replies.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn threads_of_posts(
        &self,
        user_id: &str,
        posts: &[Post],
    ) -> Result<Vec<Post>, DbError> {
        let mut roots: Vec<&str> = posts
            .iter()
            .map(|post| {
                if post.root_id.is_empty() {
                    post.id.as_str()
                } else {
                    post.root_id.as_str()
                }
            })
            .collect();
        roots.sort_unstable();
        roots.dedup();
        let sql = format!(
            "SELECT {POST_COLUMNS}, {SELECT} WHERE (p.id = ANY($2) OR p.rootid = ANY($2)) \
             AND p.deleteat = 0 ORDER BY p.createat"
        );
        self.read_posts(&sql, &[&user_id, &roots], false).await
    }

    /// A thread, its root first and then its replies from the oldest on.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn thread_posts(
        &self,
        user_id: &str,
        root_id: &str,
        collapsed: bool,
    ) -> Result<Vec<Post>, DbError> {
        let sql = format!(
            "SELECT {POST_COLUMNS}, {SELECT} WHERE (p.id = $2 OR p.rootid = $2) \
             AND p.deleteat = 0 ORDER BY p.createat"
        );
        self.read_posts(&sql, &[&user_id, &root_id], collapsed)
            .await
    }

    /// The posts with these ids, newest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn posts_by_ids(
        &self,
        user_id: &str,
        ids: &[String],
    ) -> Result<Vec<Post>, DbError> {
        let sql = format!(
            "SELECT {POST_COLUMNS}, {SELECT} WHERE p.id = ANY($2) AND p.deleteat = 0 \
             ORDER BY p.createat DESC"
        );
        self.read_posts(&sql, &[&user_id, &ids], false).await
    }

    /// Posts in these channels that hold `terms` by PostgreSQL's own search, newest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn search_posts(
        &self,
        user_id: &str,
        channel_ids: &[String],
        terms: &str,
        any: bool,
        limit: i64,
    ) -> Result<Vec<Post>, DbError> {
        let words: Vec<&str> = terms.split_whitespace().collect();
        let terms = words.join(if any { " OR " } else { " " });
        let sql = format!(
            "SELECT {POST_COLUMNS}, {SELECT} WHERE p.channelid = ANY($2) AND p.deleteat = 0 \
             AND to_tsvector('english', p.message) @@ websearch_to_tsquery('english', $3) \
             ORDER BY p.createat DESC LIMIT $4"
        );
        self.read_posts(&sql, &[&user_id, &channel_ids, &terms, &limit], false)
            .await
    }

    /// Id of the post before or after one in its channel, empty if there is none.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn neighbour(
        &self,
        post: &Post,
        newer: bool,
        collapsed: bool,
    ) -> Result<String, DbError> {
        let roots = if collapsed { "rootid = ''" } else { "true" };
        let (sign, order) = if newer { (">", "ASC") } else { ("<", "DESC") };
        let sql = format!(
            "SELECT id FROM posts WHERE channelid = $1 AND deleteat = 0 AND {roots} \
             AND createat {sign} $2 ORDER BY createat {order} LIMIT 1"
        );
        let rows = self
            .list(&sql, &[&post.channel_id, &post.create_at])
            .await?;
        rows.first()
            .map_or(Ok(String::new()), |row| Ok(row.try_get(0)?))
    }

    /// The oldest post of a channel that is newer than a time.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn first_post_after(
        &self,
        channel_id: &str,
        time: i64,
        collapsed: bool,
    ) -> Result<Option<String>, DbError> {
        let roots = if collapsed { "rootid = ''" } else { "true" };
        let sql = format!(
            "SELECT id FROM posts WHERE channelid = $1 AND deleteat = 0 AND {roots} \
             AND createat > $2 ORDER BY createat LIMIT 1"
        );
        let rows = self.list(&sql, &[&channel_id, &time]).await?;
        rows.first().map(|row| Ok(row.try_get(0)?)).transpose()
    }

    /// Id and time of the change that a channel's posts had last.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn last_change(&self, channel_id: &str) -> Result<i64, DbError> {
        let sql = "SELECT coalesce(max(updateat), 0) FROM posts WHERE channelid = $1";
        let client = self.reader().await?;
        let statement = client.prepare_cached(sql).await?;
        let row = client.query_one(&statement, &[&channel_id]).await?;
        Ok(row.try_get(0)?)
    }

    async fn read_posts(
        &self,
        sql: &str,
        params: Params<'_>,
        collapsed: bool,
    ) -> Result<Vec<Post>, DbError> {
        let rows = self.list(sql, params).await?;
        rows.iter().map(|row| read(row, collapsed)).collect()
    }
}

/// A row with what is known of its thread.
pub(super) fn read(row: &Row, collapsed: bool) -> Result<Post, DbError> {
    let mut post = super::posts::read(row)?;
    post.reply_count = row.try_get("replycount")?;
    if collapsed && post.root_id.is_empty() {
        post.last_reply_at = row.try_get("lastreplyat")?;
        let ids: Option<Vec<String>> = row.try_get("participants")?;
        post.participants = ids.map(|ids| ids.into_iter().map(User::with_id).collect());
        post.is_following = row.try_get("following")?;
    }
    Ok(post)
}
