//! Tables `users`, `audits` and `status`.

use tokio_postgres::Row;

use super::{DbError, Store};
use crate::id::{new_id, now_ms};
use crate::model::User;

const COLUMNS: &str = "id, createat, updateat, deleteat, username, email, nickname, firstname, \
    lastname, roles";

/// Any fixed number: serialises the creation of the very first account.
const FIRST_ACCOUNT_LOCK: i64 = 0x6d61_7474_6573;

/// A user and the stored hash of the password.
#[derive(Debug)]
pub(crate) struct StoredAccount {
    pub user: User,
    pub password_hash: String,
    pub failed_attempts: i32,
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
                 firstname, lastname, roles, lastpasswordupdate) \
                 VALUES ($1, $2, $2, $3, $4, $5, $6, $7, $8, $9, $2)",
            )
            .await?;
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
            "SELECT {COLUMNS}, password, failedattempts FROM users \
             WHERE (id = $1 OR username = $1 OR email = $1) AND deleteat = 0 LIMIT 1"
        );
        let row = super::pools::query_opt(&client, &sql, &[&login_id]).await?;
        row.map(|row| {
            Ok(StoredAccount {
                user: read(&row)?,
                password_hash: row.try_get("password")?,
                failed_attempts: row.try_get("failedattempts")?,
            })
        })
        .transpose()
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

    /// The users with these ids.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn users_by_ids(&self, ids: &[String]) -> Result<Vec<User>, DbError> {
        let sql = format!("SELECT {COLUMNS} FROM users WHERE id = ANY($1) ORDER BY username");
        self.list(&sql, &[&ids]).await?.iter().map(read).collect()
    }

    /// One page of all users.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn users(&self, offset: i64, limit: i64) -> Result<Vec<User>, DbError> {
        let sql = format!("SELECT {COLUMNS} FROM users ORDER BY username OFFSET $1 LIMIT $2");
        self.list(&sql, &[&offset, &limit])
            .await?
            .iter()
            .map(read)
            .collect()
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

    /// Writes a user's presence.
    ///
    /// # Errors
    /// When the writer fails.
    pub(crate) async fn set_status(
        &self,
        user_id: &str,
        status: &str,
        at: i64,
    ) -> Result<(), DbError> {
        let sql = "INSERT INTO status (userid, status, manual, lastactivityat) \
                   VALUES ($1, $2, false, $3) ON CONFLICT (userid) \
                   DO UPDATE SET status = $2, lastactivityat = $3";
        self.execute(sql, &[&user_id, &status, &at]).await.map(drop)
    }
}

fn read(row: &Row) -> Result<User, DbError> {
    Ok(User {
        id: row.try_get("id")?,
        create_at: row.try_get("createat")?,
        update_at: row.try_get("updateat")?,
        delete_at: row.try_get("deleteat")?,
        username: row.try_get("username")?,
        email: row.try_get("email")?,
        nickname: row.try_get("nickname")?,
        first_name: row.try_get("firstname")?,
        last_name: row.try_get("lastname")?,
        roles: row.try_get("roles")?,
        locale: "en".to_owned(),
        ..User::default()
    })
}
