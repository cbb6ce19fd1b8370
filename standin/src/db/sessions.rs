//! Table `sessions`.

use super::{DbError, Store};
use crate::model::UserSession;

impl Store {
    /// Writes a new session.
    ///
    /// # Errors
    /// When the writer fails.
    pub(crate) async fn create_session(&self, session: &UserSession) -> Result<(), DbError> {
        let sql = "INSERT INTO sessions (id, token, createat, expiresat, lastactivityat, userid, roles) \
                   VALUES ($1, $2, $3, $4, $3, $5, $6)";
        self.execute(
            sql,
            &[
                &session.id,
                &session.token,
                &session.create_at,
                &session.expires_at,
                &session.user_id,
                &session.roles,
            ],
        )
        .await
        .map(drop)
    }

    /// The session with this token.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn session(&self, token: &str) -> Result<Option<UserSession>, DbError> {
        let sql =
            "SELECT id, token, createat, expiresat, userid, roles FROM sessions WHERE token = $1";
        let Some(row) = self.one(sql, &[&token]).await? else {
            return Ok(None);
        };
        Ok(Some(UserSession {
            id: row.try_get("id")?,
            token: row.try_get("token")?,
            create_at: row.try_get("createat")?,
            expires_at: row.try_get("expiresat")?,
            user_id: row.try_get("userid")?,
            roles: row.try_get("roles")?,
        }))
    }

    /// Ends a session.
    ///
    /// # Errors
    /// When the writer fails.
    pub(crate) async fn delete_session(&self, token: &str) -> Result<(), DbError> {
        self.execute("DELETE FROM sessions WHERE token = $1", &[&token])
            .await
            .map(drop)
    }
}
