//! Tables `threads` and `threadmemberships`.

use tokio_postgres::Row;

use super::post_lists::POST_COLUMNS;
use super::posts::read as read_post;
use super::{DbError, Store};
use crate::model::{ThreadList, User, UserThread};

/// Which of a user's threads are asked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct ThreadQuery {
    pub user_id: String,
    /// Threads of this team and of direct messages.
    pub team_id: String,
    /// Those changed after this time.
    pub since: i64,
    /// Those with older replies than this one's thread.
    pub before: String,
    /// Those with newer replies than this one's thread.
    pub after: String,
    pub unread: bool,
    pub limit: i64,
}

const FOLLOWED: &str = "FROM threadmemberships m JOIN threads t ON t.postid = m.postid \
    WHERE m.userid = $1 AND m.following AND (t.threadteamid = $2 OR t.threadteamid = '') \
    AND t.threaddeleteat = 0";

impl Store {
    /// How many threads a user follows in a team, and how many of them are unread: three
    /// statements beside each other, as in Mattermost.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn thread_totals(
        &self,
        user_id: &str,
        team_id: &str,
    ) -> Result<ThreadList, DbError> {
        let total = format!("SELECT count(*) {FOLLOWED}");
        let unread = format!("SELECT count(*) {FOLLOWED} AND m.lastviewed < t.lastreplyat");
        let mentions = format!("SELECT coalesce(sum(m.unreadmentions), 0)::bigint {FOLLOWED}");
        let params: super::pools::Params<'_> = &[&user_id, &team_id];
        let (total, unread, mentions) = tokio::try_join!(
            self.number(&total, params),
            self.number(&unread, params),
            self.number(&mentions, params),
        )?;
        Ok(ThreadList {
            total,
            total_unread_threads: unread,
            total_unread_mentions: mentions,
            ..ThreadList::default()
        })
    }

    async fn number(&self, sql: &str, params: super::pools::Params<'_>) -> Result<i64, DbError> {
        let client = self.reader().await?;
        let statement = client.prepare_cached(sql).await?;
        Ok(client.query_one(&statement, params).await?.try_get(0)?)
    }

    /// Threads that a user follows, with the newest reply first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn threads(&self, query: &ThreadQuery) -> Result<Vec<UserThread>, DbError> {
        let sql = format!(
            "SELECT {POST_COLUMNS}, t.replycount, t.lastreplyat, t.participants, m.following, \
             t.threaddeleteat, m.lastviewed, m.unreadmentions, (SELECT count(*) FROM posts r \
             WHERE r.rootid = m.postid AND r.createat > m.lastviewed AND r.deleteat = 0) AS unread \
             FROM threadmemberships m JOIN threads t ON t.postid = m.postid \
             JOIN posts p ON p.id = t.postid \
             WHERE m.userid = $1 AND m.following AND ($2 = '' OR t.threadteamid = $2 \
             OR t.threadteamid = '') AND t.threaddeleteat = 0 \
             AND ($3::bigint = 0 OR m.lastupdated >= $3 OR t.lastreplyat >= $3) \
             AND ($4 = '' OR t.lastreplyat < (SELECT lastreplyat FROM threads WHERE postid = $4)) \
             AND ($5 = '' OR t.lastreplyat > (SELECT lastreplyat FROM threads WHERE postid = $5)) \
             AND (NOT $6 OR m.lastviewed < t.lastreplyat) \
             ORDER BY CASE WHEN $5 = '' THEN -t.lastreplyat ELSE t.lastreplyat END LIMIT $7"
        );
        let rows = self
            .list(
                &sql,
                &[
                    &query.user_id,
                    &query.team_id,
                    &query.since,
                    &query.before,
                    &query.after,
                    &query.unread,
                    &query.limit,
                ],
            )
            .await?;
        rows.iter().map(read).collect()
    }

    /// A thread as a user follows it.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn thread(
        &self,
        user_id: &str,
        post_id: &str,
    ) -> Result<Option<UserThread>, DbError> {
        let sql = format!(
            "SELECT {POST_COLUMNS}, t.replycount, t.lastreplyat, t.participants, m.following, \
             t.threaddeleteat, m.lastviewed, m.unreadmentions, (SELECT count(*) FROM posts r \
             WHERE r.rootid = m.postid AND r.createat > m.lastviewed AND r.deleteat = 0) AS unread \
             FROM threadmemberships m JOIN threads t ON t.postid = m.postid \
             JOIN posts p ON p.id = t.postid WHERE m.userid = $1 AND m.postid = $2 AND m.following"
        );
        let row = self.one(&sql, &[&user_id, &post_id]).await?;
        row.map(|row| read(&row)).transpose()
    }

    /// Notes until when a user has read a thread, or every thread of a team.
    ///
    /// # Errors
    /// When the writer fails.
    pub(crate) async fn read_threads(
        &self,
        user_id: &str,
        team_id: &str,
        post_id: &str,
        at: i64,
        now: i64,
    ) -> Result<u64, DbError> {
        let sql = "UPDATE threadmemberships m SET lastviewed = $4, lastupdated = $5, \
                   unreadmentions = 0 FROM threads t WHERE t.postid = m.postid AND m.userid = $1 \
                   AND (t.threadteamid = $2 OR t.threadteamid = '') AND ($3 = '' OR m.postid = $3)";
        self.execute(sql, &[&user_id, &team_id, &post_id, &at, &now])
            .await
    }

    /// Makes a user follow a thread, or no longer.
    ///
    /// # Errors
    /// When the writer fails.
    pub(crate) async fn follow_thread(
        &self,
        user_id: &str,
        post_id: &str,
        following: bool,
        now: i64,
    ) -> Result<(), DbError> {
        let sql = "INSERT INTO threadmemberships (postid, userid, following, lastviewed, \
                   lastupdated) VALUES ($2, $1, $3, $4, $4) ON CONFLICT (postid, userid) \
                   DO UPDATE SET following = $3, lastupdated = $4";
        self.execute(sql, &[&user_id, &post_id, &following, &now])
            .await
            .map(drop)
    }
}

fn read(row: &Row) -> Result<UserThread, DbError> {
    let mut post = read_post(row)?;
    post.reply_count = row.try_get("replycount")?;
    let participants: Vec<String> = row.try_get("participants")?;
    Ok(UserThread {
        id: post.id.clone(),
        reply_count: row.try_get("replycount")?,
        last_reply_at: row.try_get("lastreplyat")?,
        last_viewed_at: row.try_get("lastviewed")?,
        participants: participants.into_iter().map(User::with_id).collect(),
        unread_replies: row.try_get("unread")?,
        unread_mentions: row.try_get("unreadmentions")?,
        is_urgent: false,
        delete_at: row.try_get("threaddeleteat")?,
        post,
    })
}
