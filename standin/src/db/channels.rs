//! Tables `channels` and `channelmembers`.

use tokio_postgres::Row;

use super::{DbError, Store};
use crate::model::{Channel, ChannelMembership};

const COLUMNS: &str = "id, createat, updateat, deleteat, teamid, type, displayname, name, header, \
    purpose, lastpostat, totalmsgcount, creatorid";
const MEMBER_COLUMNS: &str = "channelid, userid, lastviewedat, msgcount, mentioncount, schemeadmin, \
    lastupdateat";

impl Store {
    /// Writes a new channel.
    ///
    /// # Errors
    /// When the name is taken ([`DbError::is_duplicate`]), or the writer fails.
    pub(crate) async fn create_channel(&self, channel: &Channel) -> Result<(), DbError> {
        let sql = "INSERT INTO channels (id, createat, updateat, teamid, type, displayname, name, \
                   header, purpose, creatorid) VALUES ($1, $2, $2, $3, $4, $5, $6, $7, $8, $9)";
        self.execute(
            sql,
            &[
                &channel.id,
                &channel.create_at,
                &channel.team_id,
                &channel.kind,
                &channel.display_name,
                &channel.name,
                &channel.header,
                &channel.purpose,
                &channel.creator_id,
            ],
        )
        .await
        .map(drop)
    }

    /// A channel by id.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn channel(&self, id: &str) -> Result<Option<Channel>, DbError> {
        let sql = format!("SELECT {COLUMNS} FROM channels WHERE id = $1");
        self.one(&sql, &[&id])
            .await?
            .map(|row| read(&row))
            .transpose()
    }

    /// A channel by team (empty for direct messages) and name.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn channel_by_name(
        &self,
        team_id: &str,
        name: &str,
    ) -> Result<Option<Channel>, DbError> {
        let sql = format!("SELECT {COLUMNS} FROM channels WHERE teamid = $1 AND name = $2");
        self.one(&sql, &[&team_id, &name])
            .await?
            .map(|row| read(&row))
            .transpose()
    }

    /// One page of a team's public channels.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn public_channels(
        &self,
        team_id: &str,
        offset: i64,
        limit: i64,
    ) -> Result<Vec<Channel>, DbError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM channels WHERE teamid = $1 AND type = 'O' AND deleteat = 0 \
             ORDER BY displayname OFFSET $2 LIMIT $3"
        );
        self.list(&sql, &[&team_id, &offset, &limit])
            .await?
            .iter()
            .map(read)
            .collect()
    }

    /// The channels of a user in a team, with the direct ones.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn channels_of_user(
        &self,
        team_id: &str,
        user_id: &str,
    ) -> Result<Vec<Channel>, DbError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM channels WHERE (teamid = $1 OR teamid = '') AND deleteat = 0 \
             AND id IN (SELECT channelid FROM channelmembers WHERE userid = $2) ORDER BY displayname"
        );
        self.list(&sql, &[&team_id, &user_id])
            .await?
            .iter()
            .map(read)
            .collect()
    }

    /// Ids of the channels a user is in, from the writer: a websocket that
    /// missed a channel which a reader did not have yet would stay deaf in it.
    ///
    /// # Errors
    /// When the writer does not answer.
    pub(crate) async fn channel_ids_of_user(&self, user_id: &str) -> Result<Vec<String>, DbError> {
        let client = self.writer().await?;
        let sql = "SELECT channelid FROM channelmembers WHERE userid = $1";
        let rows = super::pools::query(&client, sql, &[&user_id]).await?;
        rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
    }

    /// Ids of the channels that a search by this user in this team may show.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn searchable_channel_ids(
        &self,
        team_id: &str,
        user_id: &str,
    ) -> Result<Vec<String>, DbError> {
        let sql = "SELECT c.id FROM channels c JOIN channelmembers m ON m.channelid = c.id \
                   WHERE m.userid = $2 AND (c.teamid = $1 OR c.teamid = '') AND c.deleteat = 0";
        let rows = self.list(sql, &[&team_id, &user_id]).await?;
        rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
    }

    /// Adds a user to a channel; nothing happens if the user is in it.
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
        let sql = "INSERT INTO channelmembers (channelid, userid, schemeadmin, lastupdateat) \
                   VALUES ($1, $2, $3, $4) ON CONFLICT (channelid, userid) DO NOTHING";
        let admin = admin == ChannelRole::Admin;
        self.execute(sql, &[&channel_id, &user_id, &admin, &at])
            .await
            .map(drop)
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
            "SELECT {MEMBER_COLUMNS} FROM channelmembers WHERE channelid = $1 AND userid = $2"
        );
        let row = self.one(&sql, &[&channel_id, &user_id]).await?;
        row.map(|row| read_member(&row)).transpose()
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
            "SELECT {MEMBER_COLUMNS} FROM channelmembers WHERE channelid = $1 \
             ORDER BY userid OFFSET $2 LIMIT $3"
        );
        self.list(&sql, &[&channel_id, &offset, &limit])
            .await?
            .iter()
            .map(read_member)
            .collect()
    }

    /// Notes that a user has seen all of a channel.
    ///
    /// # Errors
    /// When the writer fails.
    pub(crate) async fn view_channel(
        &self,
        channel_id: &str,
        user_id: &str,
        at: i64,
    ) -> Result<(), DbError> {
        let sql = "UPDATE channelmembers m SET lastviewedat = $3, lastupdateat = $3, \
                   mentioncount = 0, msgcount = c.totalmsgcount FROM channels c \
                   WHERE c.id = m.channelid AND m.channelid = $1 AND m.userid = $2";
        self.execute(sql, &[&channel_id, &user_id, &at])
            .await
            .map(drop)
    }
}

/// A member's powers in a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChannelRole {
    Member,
    Admin,
}

fn read(row: &Row) -> Result<Channel, DbError> {
    Ok(Channel {
        id: row.try_get("id")?,
        create_at: row.try_get("createat")?,
        update_at: row.try_get("updateat")?,
        delete_at: row.try_get("deleteat")?,
        team_id: row.try_get("teamid")?,
        kind: row.try_get("type")?,
        display_name: row.try_get("displayname")?,
        name: row.try_get("name")?,
        header: row.try_get("header")?,
        purpose: row.try_get("purpose")?,
        last_post_at: row.try_get("lastpostat")?,
        total_msg_count: row.try_get("totalmsgcount")?,
        creator_id: row.try_get("creatorid")?,
    })
}

fn read_member(row: &Row) -> Result<ChannelMembership, DbError> {
    let scheme_admin = row.try_get("schemeadmin")?;
    let roles = if scheme_admin {
        "channel_user channel_admin"
    } else {
        "channel_user"
    };
    Ok(ChannelMembership {
        channel_id: row.try_get("channelid")?,
        user_id: row.try_get("userid")?,
        roles: roles.to_owned(),
        last_viewed_at: row.try_get("lastviewedat")?,
        msg_count: row.try_get("msgcount")?,
        mention_count: row.try_get("mentioncount")?,
        last_update_at: row.try_get("lastupdateat")?,
        scheme_user: true,
        scheme_admin,
        ..ChannelMembership::default()
    })
}
