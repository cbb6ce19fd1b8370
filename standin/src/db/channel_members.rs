//! Table `channelmembers`.

use tokio_postgres::Row;

use super::users::decode;
use super::{DbError, Store};
use crate::model::{
    ChannelMembership, ChannelStats, MembershipWithTeam, default_channel_notify_props,
};

const COLUMNS: &str = "m.channelid, m.userid, m.lastviewedat, m.msgcount, m.mentioncount, \
    m.mentioncountroot, m.urgentmentioncount, m.msgcountroot, m.notifyprops, m.schemeadmin, \
    m.lastupdateat";

/// A member's powers in a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChannelRole {
    Member,
    Admin,
}

impl Store {
    /// Adds a user to a channel, who has seen all that is in it; nothing happens if the user is
    /// in it.
    ///
    /// # Errors
    /// When the writer fails.
    pub(crate) async fn add_channel_member(
        &self,
        channel_id: &str,
        user_id: &str,
        admin: ChannelRole,
        at: i64,
    ) -> Result<(), DbError> {
        let sql = "INSERT INTO channelmembers (channelid, userid, schemeadmin, lastupdateat, \
                   msgcount, msgcountroot) SELECT $1, $2, $3::boolean, $4::bigint, c.totalmsgcount, \
                   c.totalmsgcountroot FROM channels c WHERE c.id = $1 \
                   ON CONFLICT (channelid, userid) DO NOTHING";
        let admin = admin == ChannelRole::Admin;
        self.execute(sql, &[&channel_id, &user_id, &admin, &at])
            .await
            .map(drop)
    }

    /// Takes a user out of a channel.
    ///
    /// # Errors
    /// When the writer fails.
    pub(crate) async fn remove_channel_member(
        &self,
        channel_id: &str,
        user_id: &str,
    ) -> Result<(), DbError> {
        let sql = "DELETE FROM channelmembers WHERE channelid = $1 AND userid = $2";
        self.execute(sql, &[&channel_id, &user_id]).await.map(drop)
    }

    /// A user's place in a channel.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn channel_member(
        &self,
        channel_id: &str,
        user_id: &str,
    ) -> Result<Option<ChannelMembership>, DbError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM channelmembers m WHERE m.channelid = $1 AND m.userid = $2"
        );
        let row = self.one(&sql, &[&channel_id, &user_id]).await?;
        row.map(|row| read(&row)).transpose()
    }

    /// One page of a channel's members.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn channel_members(
        &self,
        channel_id: &str,
        offset: i64,
        limit: i64,
    ) -> Result<Vec<ChannelMembership>, DbError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM channelmembers m WHERE m.channelid = $1 \
             ORDER BY m.userid OFFSET $2 LIMIT $3"
        );
        let rows = self.list(&sql, &[&channel_id, &offset, &limit]).await?;
        rows.iter().map(read).collect()
    }

    /// The places in a channel of those of these users who are in it.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn channel_members_by_ids(
        &self,
        channel_id: &str,
        user_ids: &[String],
    ) -> Result<Vec<ChannelMembership>, DbError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM channelmembers m WHERE m.channelid = $1 AND m.userid = ANY($2)"
        );
        let rows = self.list(&sql, &[&channel_id, &user_ids]).await?;
        rows.iter().map(read).collect()
    }

    /// A user's places in the channels of a team and in direct messages.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn memberships_in_team(
        &self,
        team_id: &str,
        user_id: &str,
    ) -> Result<Vec<ChannelMembership>, DbError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM channelmembers m JOIN channels c ON c.id = m.channelid \
             WHERE m.userid = $2 AND (c.teamid = $1 OR c.teamid = '') AND c.deleteat = 0"
        );
        let rows = self.list(&sql, &[&team_id, &user_id]).await?;
        rows.iter().map(read).collect()
    }

    /// A user's places in channels with ids after `after`, at most `limit` after passing over
    /// `offset`, in the order of the ids.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn memberships_after(
        &self,
        user_id: &str,
        after: &str,
        offset: i64,
        limit: i64,
    ) -> Result<Vec<MembershipWithTeam>, DbError> {
        let sql = format!(
            "SELECT {COLUMNS}, coalesce(t.displayname, '') AS teamdisplayname, \
             coalesce(t.name, '') AS teamname, coalesce(t.updateat, 0) AS teamupdateat \
             FROM channelmembers m JOIN channels c ON c.id = m.channelid \
             LEFT JOIN teams t ON t.id = c.teamid WHERE m.userid = $1 AND m.channelid > $2 \
             ORDER BY m.channelid OFFSET $3 LIMIT $4"
        );
        let rows = self
            .list(&sql, &[&user_id, &after, &offset, &limit])
            .await?;
        rows.iter()
            .map(|row| {
                Ok(MembershipWithTeam {
                    member: read(row)?,
                    team_display_name: row.try_get("teamdisplayname")?,
                    team_name: row.try_get("teamname")?,
                    team_update_at: row.try_get("teamupdateat")?,
                })
            })
            .collect()
    }

    /// How much is in a channel; its files are counted only if asked for.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn channel_stats(
        &self,
        channel_id: &str,
        with_files: bool,
    ) -> Result<ChannelStats, DbError> {
        let sql = "SELECT (SELECT count(*) FROM channelmembers m JOIN users u ON u.id = m.userid \
                   AND u.deleteat = 0 WHERE m.channelid = $1) AS members, \
                   (SELECT count(*) FROM posts WHERE channelid = $1 AND ispinned AND deleteat = 0) \
                   AS pinned, CASE WHEN $2 THEN (SELECT count(*) FROM fileinfo \
                   WHERE channelid = $1 AND postid <> '' AND deleteat = 0) ELSE -1 END AS files";
        let client = self.reader().await?;
        let statement = client.prepare_cached(sql).await?;
        let row = client
            .query_one(&statement, &[&channel_id, &with_files])
            .await?;
        Ok(ChannelStats {
            channel_id: channel_id.to_owned(),
            member_count: row.try_get("members")?,
            guest_count: 0,
            pinnedpost_count: row.try_get("pinned")?,
            files_count: row.try_get("files")?,
        })
    }
}

fn read(row: &Row) -> Result<ChannelMembership, DbError> {
    let scheme_admin = row.try_get("schemeadmin")?;
    let roles = if scheme_admin {
        "channel_user channel_admin"
    } else {
        "channel_user"
    };
    let notify: &str = row.try_get("notifyprops")?;
    Ok(ChannelMembership {
        channel_id: row.try_get("channelid")?,
        user_id: row.try_get("userid")?,
        roles: roles.to_owned(),
        last_viewed_at: row.try_get("lastviewedat")?,
        msg_count: row.try_get("msgcount")?,
        mention_count: row.try_get("mentioncount")?,
        mention_count_root: row.try_get("mentioncountroot")?,
        urgent_mention_count: row.try_get("urgentmentioncount")?,
        msg_count_root: row.try_get("msgcountroot")?,
        // Empty until the member changes something.
        notify_props: if notify.is_empty() {
            default_channel_notify_props()
        } else {
            decode(notify)
        },
        last_update_at: row.try_get("lastupdateat")?,
        scheme_user: true,
        scheme_admin,
        ..ChannelMembership::default()
    })
}
