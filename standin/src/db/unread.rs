//! What a user has not read yet, and what it takes to have read it.

use super::{DbError, Store};
use crate::model::{ChannelUnread, TeamUnread, TextMap};

const UNREAD: &str = "SELECT c.teamid, m.channelid, m.userid, m.lastviewedat, m.notifyprops, \
    c.totalmsgcount - m.msgcount AS msgcount, c.totalmsgcountroot - m.msgcountroot AS msgcountroot, \
    m.mentioncount, m.mentioncountroot, m.urgentmentioncount \
    FROM channels c JOIN channelmembers m ON m.channelid = c.id";

impl Store {
    /// What a user has not read yet in a channel.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn channel_unread(
        &self,
        channel_id: &str,
        user_id: &str,
    ) -> Result<Option<ChannelUnread>, DbError> {
        let sql = format!("{UNREAD} WHERE m.channelid = $1 AND m.userid = $2 AND c.deleteat = 0");
        let row = self.one(&sql, &[&channel_id, &user_id]).await?;
        row.map(|row| read(&row)).transpose()
    }

    /// What a user has not read yet in the channels of all teams but one.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn channel_unreads(
        &self,
        user_id: &str,
        excluded_team: &str,
    ) -> Result<Vec<ChannelUnread>, DbError> {
        let sql = format!(
            "{UNREAD} WHERE m.userid = $1 AND c.teamid <> $2 AND c.teamid <> '' AND c.deleteat = 0"
        );
        let rows = self.list(&sql, &[&user_id, &excluded_team]).await?;
        rows.iter().map(read).collect()
    }

    /// Adds what a user has not read yet in the threads of these teams.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn add_unread_threads(
        &self,
        user_id: &str,
        teams: &mut [TeamUnread],
    ) -> Result<(), DbError> {
        let ids: Vec<String> = teams.iter().map(|team| team.team_id.clone()).collect();
        let sql = "SELECT t.threadteamid, count(*) FILTER (WHERE t.lastreplyat > m.lastviewed) \
                   AS threads, coalesce(sum(m.unreadmentions), 0)::bigint AS mentions \
                   FROM threadmemberships m JOIN threads t ON t.postid = m.postid \
                   WHERE m.userid = $1 AND m.following AND t.threadteamid = ANY($2) \
                   AND t.threaddeleteat = 0 GROUP BY t.threadteamid";
        for row in self.list(sql, &[&user_id, &ids]).await? {
            let team_id: String = row.try_get("threadteamid")?;
            for team in teams.iter_mut().filter(|team| team.team_id == team_id) {
                team.thread_count = row.try_get("threads")?;
                team.thread_mention_count = row.try_get("mentions")?;
            }
        }
        Ok(())
    }

    /// Until when a user has seen each of these channels once they are viewed now. Those with
    /// something unread are written.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn view_channels(
        &self,
        channel_ids: &[String],
        user_id: &str,
        at: i64,
    ) -> Result<Vec<(String, i64)>, DbError> {
        let sql = "SELECT m.channelid, greatest(c.lastpostat, m.lastviewedat) AS viewedat, \
                   (m.msgcount < c.totalmsgcount OR m.mentioncount > 0) AS unread \
                   FROM channelmembers m JOIN channels c ON c.id = m.channelid \
                   WHERE m.userid = $2 AND m.channelid = ANY($1)";
        // From the writer: a reader that lags behind would leave a channel unread.
        let client = self.writer().await?;
        let rows = super::pools::query(&client, sql, &[&channel_ids, &user_id]).await?;
        let (mut times, mut unread) = (Vec::with_capacity(rows.len()), Vec::new());
        for row in rows {
            let id: String = row.try_get("channelid")?;
            if row.try_get("unread")? {
                unread.push(id.clone());
            }
            times.push((id, row.try_get("viewedat")?));
        }
        if !unread.is_empty() {
            let sql = "UPDATE channelmembers m SET lastviewedat = greatest(c.lastpostat, \
                       m.lastviewedat), lastupdateat = $3, mentioncount = 0, mentioncountroot = 0, \
                       urgentmentioncount = 0, msgcount = c.totalmsgcount, \
                       msgcountroot = c.totalmsgcountroot FROM channels c \
                       WHERE c.id = m.channelid AND m.channelid = ANY($1) AND m.userid = $2";
            super::pools::execute(&client, sql, &[&unread, &user_id, &at]).await?;
        }
        Ok(times)
    }
}

fn read(row: &tokio_postgres::Row) -> Result<ChannelUnread, DbError> {
    let notify_props: TextMap = super::users::decode(row.try_get("notifyprops")?);
    Ok(ChannelUnread {
        team_id: row.try_get("teamid")?,
        channel_id: row.try_get("channelid")?,
        msg_count: row.try_get::<_, i64>("msgcount")?.max(0),
        mention_count: row.try_get("mentioncount")?,
        mention_count_root: row.try_get("mentioncountroot")?,
        urgent_mention_count: row.try_get("urgentmentioncount")?,
        msg_count_root: row.try_get::<_, i64>("msgcountroot")?.max(0),
        notify_props,
    })
}
