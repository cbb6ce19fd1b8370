//! Table `users`: accounts as they are shown and changed.

use tokio_postgres::Row;

use super::{DbError, Store};
use crate::model::{TextMap, User};

pub(super) const COLUMNS: &str = "id, createat, updateat, deleteat, username, email, \
    emailverified, nickname, firstname, lastname, position, roles, props, notifyprops, \
    lastpasswordupdate, lastpictureupdate, failedattempts, locale, timezone";

impl Store {
    /// A user by id.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn user(&self, id: &str) -> Result<Option<User>, DbError> {
        self.user_where("id", id).await
    }

    /// A user by name.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn user_by_name(&self, name: &str) -> Result<Option<User>, DbError> {
        self.user_where("username", name).await
    }

    /// A user by address.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn user_by_email(&self, email: &str) -> Result<Option<User>, DbError> {
        self.user_where("email", email).await
    }

    async fn user_where(&self, column: &str, value: &str) -> Result<Option<User>, DbError> {
        let sql = format!("SELECT {COLUMNS} FROM users WHERE {column} = $1");
        self.one(&sql, &[&value])
            .await?
            .map(|row| read(&row))
            .transpose()
    }

    /// The users with these ids that changed after `since`.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn users_by_ids(
        &self,
        ids: &[String],
        since: i64,
    ) -> Result<Vec<User>, DbError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM users WHERE id = ANY($1) AND updateat > $2 ORDER BY username"
        );
        self.read_users(&sql, &[&ids, &since]).await
    }

    /// The users with these names.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn users_by_names(&self, names: &[String]) -> Result<Vec<User>, DbError> {
        let sql = format!("SELECT {COLUMNS} FROM users WHERE username = ANY($1) ORDER BY username");
        self.read_users(&sql, &[&names]).await
    }

    /// One page of all users, or of those in a team or channel.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn users(
        &self,
        team_id: &str,
        channel_id: &str,
        offset: i64,
        limit: i64,
    ) -> Result<Vec<User>, DbError> {
        let (within, id) = if !channel_id.is_empty() {
            (
                "id IN (SELECT userid FROM channelmembers WHERE channelid = $3)",
                channel_id,
            )
        } else if !team_id.is_empty() {
            (
                "id IN (SELECT userid FROM teammembers WHERE teamid = $3 AND deleteat = 0)",
                team_id,
            )
        } else {
            ("$3 = ''", "")
        };
        let sql = format!(
            "SELECT {COLUMNS} FROM users WHERE {within} ORDER BY username OFFSET $1 LIMIT $2"
        );
        self.read_users(&sql, &[&offset, &limit, &id]).await
    }

    /// Users whose names begin with `term`, in a team if one is named.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn find_users(
        &self,
        term: &str,
        team_id: &str,
        limit: i64,
    ) -> Result<Vec<User>, DbError> {
        let escaped = term
            .replace('\\', "\\\\")
            .replace('%', "\\%")
            .replace('_', "\\_");
        let pattern = format!("{}%", escaped.to_lowercase());
        let sql = format!(
            "SELECT {COLUMNS} FROM users WHERE deleteat = 0 AND (lower(username) LIKE $1 \
             OR lower(firstname) LIKE $1 OR lower(lastname) LIKE $1 OR lower(nickname) LIKE $1) \
             AND ($2 = '' OR id IN (SELECT userid FROM teammembers WHERE teamid = $2 AND deleteat = 0)) \
             ORDER BY username LIMIT $3"
        );
        self.read_users(&sql, &[&pattern, &team_id, &limit]).await
    }

    /// The members of each of these direct and group channels, if `user_id` is in it.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn users_of_group_channels(
        &self,
        channel_ids: &[String],
        user_id: &str,
    ) -> Result<Vec<(String, User)>, DbError> {
        let columns: Vec<String> = COLUMNS
            .split(", ")
            .map(|name| format!("u.{name}"))
            .collect();
        let sql = format!(
            "SELECT m.channelid, {} FROM channelmembers m JOIN users u ON u.id = m.userid \
             JOIN channels c ON c.id = m.channelid AND c.type = 'G' \
             WHERE m.channelid = ANY($1) AND m.userid <> $2 AND EXISTS (SELECT 1 FROM channelmembers o \
             WHERE o.channelid = m.channelid AND o.userid = $2) ORDER BY u.username",
            columns.join(", ")
        );
        let rows = self.list(&sql, &[&channel_ids, &user_id]).await?;
        rows.iter()
            .map(|row| Ok((row.try_get("channelid")?, read(row)?)))
            .collect()
    }

    /// How many accounts are active, counted anew each time as Mattermost does.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn active_user_count(&self) -> Result<i64, DbError> {
        let client = self.reader().await?;
        let sql = "SELECT count(*) FROM users WHERE deleteat = 0";
        let statement = client.prepare_cached(sql).await?;
        Ok(client.query_one(&statement, &[]).await?.try_get(0)?)
    }

    /// Writes what an account's owner may change.
    ///
    /// # Errors
    /// When name or address are taken ([`DbError::is_duplicate`]), or the writer fails.
    pub(crate) async fn update_user(&self, user: &User) -> Result<(), DbError> {
        let sql = "UPDATE users SET updateat = $2, username = $3, email = $4, nickname = $5, \
                   firstname = $6, lastname = $7, position = $8, props = $9, notifyprops = $10, \
                   locale = $11, timezone = $12 WHERE id = $1";
        let [props, notify, timezone] =
            [&user.props, &user.notify_props, &user.timezone].map(encode);
        self.execute(
            sql,
            &[
                &user.id,
                &user.update_at,
                &user.username,
                &user.email,
                &user.nickname,
                &user.first_name,
                &user.last_name,
                &user.position,
                &props,
                &notify,
                &user.locale,
                &timezone,
            ],
        )
        .await
        .map(drop)
    }

    async fn read_users(
        &self,
        sql: &str,
        params: super::pools::Params<'_>,
    ) -> Result<Vec<User>, DbError> {
        self.list(sql, params).await?.iter().map(read).collect()
    }
}

/// Texts by name as a column holds them.
pub(super) fn encode(map: &TextMap) -> String {
    serde_json::to_string(map).unwrap_or_else(|_| "{}".to_owned())
}

/// A column that this program or a seed has written; anything else reads as empty.
pub(super) fn decode(text: &str) -> TextMap {
    serde_json::from_str(text).unwrap_or_default()
}

pub(super) fn read(row: &Row) -> Result<User, DbError> {
    let (props, notify, timezone): (&str, &str, &str) = (
        row.try_get("props")?,
        row.try_get("notifyprops")?,
        row.try_get("timezone")?,
    );
    let (notify_props, timezone) = (decode(notify), decode(timezone));
    Ok(User {
        id: row.try_get("id")?,
        create_at: row.try_get("createat")?,
        update_at: row.try_get("updateat")?,
        delete_at: row.try_get("deleteat")?,
        username: row.try_get("username")?,
        email: row.try_get("email")?,
        email_verified: row.try_get("emailverified")?,
        nickname: row.try_get("nickname")?,
        first_name: row.try_get("firstname")?,
        last_name: row.try_get("lastname")?,
        position: row.try_get("position")?,
        roles: row.try_get("roles")?,
        props: decode(props),
        // Accounts of earlier versions have none.
        notify_props: if notify_props.is_empty() {
            crate::model::default_user_notify_props()
        } else {
            notify_props
        },
        last_password_update: row.try_get("lastpasswordupdate")?,
        last_picture_update: row.try_get("lastpictureupdate")?,
        failed_attempts: row.try_get("failedattempts")?,
        locale: row.try_get("locale")?,
        timezone: if timezone.is_empty() {
            User::default_timezone()
        } else {
            timezone
        },
        remote_id: Some(String::new()),
        ..User::default()
    })
}
