//! Tables `users` and `audits`, as sign-up and login need them.

use super::users::{COLUMNS, encode, read};
use super::{DbError, Store};
use crate::id::{new_id, now_ms};
use crate::model::User;

/// Any fixed number: serialises the creation of the very first account.
const FIRST_ACCOUNT_LOCK: i64 = 0x6d61_7474_6573;

/// A user and the stored hash of the password.
#[derive(Debug)]
pub(crate) struct StoredAccount {
    pub user: User,
    pub password_hash: String,
}

/// An account to be written.
#[derive(Debug)]
pub(crate) struct Login<'a> {
    pub user: &'a User,
    pub password_hash: &'a str,
}

impl Store {
    /// Whether there is any account.
    ///
    /// # Errors
    /// When the writer does not answer.
    pub(crate) async fn has_users(&self) -> Result<bool, DbError> {
        let client = self.writer().await?;
        let sql = "SELECT EXISTS (SELECT 1 FROM users)";
        Ok(client.query_one(sql, &[]).await?.try_get(0)?)
    }

    /// Writes a new account. The first account of the system administers it,
    /// also when two nodes create it at once; the roles that it was given are
    /// returned.
    ///
    /// # Errors
    /// When name or address are taken ([`DbError::is_duplicate`]), or the
    /// writer fails.
    pub(crate) async fn create_user(
        &self,
        login: &Login<'_>,
        may_be_first: bool,
    ) -> Result<String, DbError> {
        let mut client = self.writer().await?;
        let transaction = client.transaction().await?;
        let mut roles = login.user.roles.clone();
        if may_be_first {
            transaction
                .execute("SELECT pg_advisory_xact_lock($1)", &[&FIRST_ACCOUNT_LOCK])
                .await?;
            let sql = "SELECT EXISTS (SELECT 1 FROM users)";
            if !transaction
                .query_one(sql, &[])
                .await?
                .try_get::<_, bool>(0)?
            {
                "system_admin system_user".clone_into(&mut roles);
            }
        }
        let user = login.user;
        let statement = transaction
            .prepare_cached(
                "INSERT INTO users (id, createat, updateat, username, password, email, nickname, \
                 firstname, lastname, roles, lastpasswordupdate, locale, position, props, \
                 notifyprops, timezone) \
                 VALUES ($1, $2, $2, $3, $4, $5, $6, $7, $8, $9, $2, $10, $11, $12, $13, $14)",
            )
            .await?;
        let [props, notify, timezone] =
            [&user.props, &user.notify_props, &user.timezone].map(encode);
        transaction
            .execute(
                &statement,
                &[
                    &user.id,
                    &user.create_at,
                    &user.username,
                    &login.password_hash,
                    &user.email,
                    &user.nickname,
                    &user.first_name,
                    &user.last_name,
                    &roles,
                    &user.locale,
                    &user.position,
                    &props,
                    &notify,
                    &timezone,
                ],
            )
            .await?;
        transaction.commit().await?;
        Ok(roles)
    }

    /// The account whose id, name or address is `login_id`, from the writer,
    /// as a login needs it.
    ///
    /// # Errors
    /// When the writer does not answer.
    pub(crate) async fn account_for_login(
        &self,
        login_id: &str,
    ) -> Result<Option<StoredAccount>, DbError> {
        let client = self.writer().await?;
        let sql = format!(
            "SELECT {COLUMNS}, password FROM users \
             WHERE (id = $1 OR username = $1 OR email = $1) AND deleteat = 0 LIMIT 1"
        );
        let row = super::pools::query_opt(&client, &sql, &[&login_id]).await?;
        row.map(|row| {
            Ok(StoredAccount {
                user: read(&row)?,
                password_hash: row.try_get("password")?,
            })
        })
        .transpose()
    }

    /// Failed logins in a row, read again once it is this login's turn.
    ///
    /// # Errors
    /// When the writer does not answer.
    pub(crate) async fn failed_attempts(&self, user_id: &str) -> Result<Option<i32>, DbError> {
        let client = self.writer().await?;
        let sql = "SELECT failedattempts FROM users WHERE id = $1";
        let row = super::pools::query_opt(&client, sql, &[&user_id]).await?;
        row.map(|row| Ok(row.try_get(0)?)).transpose()
    }

    /// Counts a login as failed before it is tried, if fewer than `limit` have failed, and returns
    /// how many had.
    ///
    /// # Errors
    /// When the writer fails.
    pub(crate) async fn claim_attempt(
        &self,
        user_id: &str,
        limit: i32,
    ) -> Result<Option<i32>, DbError> {
        let client = self.writer().await?;
        let sql = "UPDATE users SET failedattempts = failedattempts + 1 \
                   WHERE id = $1 AND failedattempts < $2 RETURNING failedattempts - 1";
        let row = super::pools::query_opt(&client, sql, &[&user_id, &limit]).await?;
        row.map(|row| Ok(row.try_get(0)?)).transpose()
    }

    /// Notes one more failed login.
    ///
    /// # Errors
    /// When the writer fails.
    pub(crate) async fn count_failed_attempt(&self, user_id: &str) -> Result<(), DbError> {
        let sql = "UPDATE users SET failedattempts = failedattempts + 1 WHERE id = $1";
        self.execute(sql, &[&user_id]).await.map(drop)
    }

    /// Forgets failed logins. Written at each login, also when there are none,
    /// as releases up to 11.7 do.
    ///
    /// # Errors
    /// When the writer fails.
    pub(crate) async fn reset_failed_attempts(&self, user_id: &str) -> Result<(), DbError> {
        let sql = "UPDATE users SET failedattempts = 0 WHERE id = $1";
        self.execute(sql, &[&user_id]).await.map(drop)
    }

    /// Notes the time of a login.
    ///
    /// # Errors
    /// When the writer fails.
    pub(crate) async fn update_last_login(&self, user_id: &str, at: i64) -> Result<(), DbError> {
        let sql = "UPDATE users SET lastlogin = $2 WHERE id = $1";
        self.execute(sql, &[&user_id, &at]).await.map(drop)
    }

    /// Writes one line of the audit trail.
    ///
    /// # Errors
    /// When the writer fails.
    pub(crate) async fn audit(
        &self,
        user_id: &str,
        action: &str,
        detail: &str,
        address: &str,
    ) -> Result<(), DbError> {
        let sql = "INSERT INTO audits (id, createat, userid, action, extrainfo, ipaddress) \
                   VALUES ($1, $2, $3, $4, $5, $6)";
        let (id, now) = (new_id(), now_ms());
        self.execute(sql, &[&id, &now, &user_id, &action, &detail, &address])
            .await
            .map(drop)
    }
}
