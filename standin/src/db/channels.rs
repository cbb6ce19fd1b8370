//! Table `channels`.

use tokio_postgres::Row;

use super::{DbError, Store};
use crate::model::Channel;

const COLUMNS: &str = "id, createat, updateat, deleteat, teamid, type, displayname, name, header, \
    purpose, lastpostat, totalmsgcount, creatorid, totalmsgcountroot, lastrootpostat";

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

    /// The channels of a user in all teams with ids after `after`, at most `limit`, in the order of
    /// their ids.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn channels_of_user_after(
        &self,
        user_id: &str,
        after: &str,
        limit: i64,
    ) -> Result<Vec<Channel>, DbError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM channels WHERE deleteat = 0 AND id > $2 AND id IN \
             (SELECT channelid FROM channelmembers WHERE userid = $1) ORDER BY id LIMIT $3"
        );
        let rows = self.list(&sql, &[&user_id, &after, &limit]).await?;
        rows.iter().map(read).collect()
    }

    /// A team's public channels, and those that the user is in, whose name or display name begins
    /// with `term`.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn find_channels(
        &self,
        team_id: &str,
        user_id: &str,
        term: &str,
    ) -> Result<Vec<Channel>, DbError> {
        let escaped = term
            .replace('\\', "\\\\")
            .replace('%', "\\%")
            .replace('_', "\\_");
        let pattern = format!("{}%", escaped.to_lowercase());
        let sql = format!(
            "SELECT {COLUMNS} FROM channels WHERE teamid = $1 AND deleteat = 0 AND (type = 'O' \
             OR id IN (SELECT channelid FROM channelmembers WHERE userid = $2)) \
             AND (name LIKE $3 OR lower(displayname) LIKE $3) ORDER BY displayname LIMIT 50"
        );
        let rows = self.list(&sql, &[&team_id, &user_id, &pattern]).await?;
        rows.iter().map(read).collect()
    }

    /// Writes what a channel's members may change.
    ///
    /// # Errors
    /// When the name is taken ([`DbError::is_duplicate`]), or the writer fails.
    pub(crate) async fn update_channel(&self, channel: &Channel) -> Result<(), DbError> {
        let sql = "UPDATE channels SET updateat = $2, displayname = $3, name = $4, header = $5, \
                   purpose = $6 WHERE id = $1";
        self.execute(
            sql,
            &[
                &channel.id,
                &channel.update_at,
                &channel.display_name,
                &channel.name,
                &channel.header,
                &channel.purpose,
            ],
        )
        .await
        .map(drop)
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

    /// Ids of the channels that a search by this user in this team, or in all, may show.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn searchable_channel_ids(
        &self,
        team_id: &str,
        user_id: &str,
    ) -> Result<Vec<String>, DbError> {
        let sql = "SELECT c.id FROM channels c JOIN channelmembers m ON m.channelid = c.id \
                   WHERE m.userid = $2 AND ($1 = '' OR c.teamid = $1 OR c.teamid = '') \
                   AND c.deleteat = 0";
        let rows = self.list(sql, &[&team_id, &user_id]).await?;
        rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
    }
}

fn read(row: &Row) -> Result<Channel, DbError> {
    let kind: String = row.try_get("type")?;
    Ok(Channel {
        id: row.try_get("id")?,
        create_at: row.try_get("createat")?,
        update_at: row.try_get("updateat")?,
        delete_at: row.try_get("deleteat")?,
        shared: (kind == "D").then_some(false),
        team_id: row.try_get("teamid")?,
        kind,
        display_name: row.try_get("displayname")?,
        name: row.try_get("name")?,
        header: row.try_get("header")?,
        purpose: row.try_get("purpose")?,
        last_post_at: row.try_get("lastpostat")?,
        total_msg_count: row.try_get("totalmsgcount")?,
        creator_id: row.try_get("creatorid")?,
        total_msg_count_root: row.try_get("totalmsgcountroot")?,
        last_root_post_at: row.try_get("lastrootpostat")?,
        ..Channel::default()
    })
}
