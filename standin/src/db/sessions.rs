//! Table `sessions`.

use serde_json::{Value, json};

use super::{DbError, Store};
use crate::model::UserSession;

impl Store {
    /// Writes a new session.
    ///
    /// # Errors
    /// When the writer fails.
    pub(crate) async fn create_session(&self, session: &UserSession) -> Result<(), DbError> {
        let sql = "INSERT INTO sessions (id, token, createat, expiresat, lastactivityat, userid, \
                   roles, props) VALUES ($1, $2, $3, $4, $3, $5, $6, $7)";
        let props = json!({"csrf": session.csrf}).to_string();
        self.execute(
            sql,
            &[
                &session.id,
                &session.token,
                &session.create_at,
                &session.expires_at,
                &session.user_id,
                &session.roles,
                &props,
            ],
        )
        .await
        .map(drop)
    }

    /// The session with this token, with the teams of its user.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn session(&self, token: &str) -> Result<Option<UserSession>, DbError> {
        let sql = "SELECT id, token, createat, expiresat, userid, roles, props FROM sessions \
                   WHERE token = $1";
        let Some(row) = self.one(sql, &[&token]).await? else {
            return Ok(None);
        };
        let user_id: String = row.try_get("userid")?;
        let props: Value = serde_json::from_str(row.try_get("props")?).unwrap_or_default();
        let teams = self.team_ids_of_user(&user_id).await?;
        Ok(Some(UserSession {
            id: row.try_get("id")?,
            token: row.try_get("token")?,
            create_at: row.try_get("createat")?,
            expires_at: row.try_get("expiresat")?,
            roles: row.try_get("roles")?,
            csrf: props["csrf"].as_str().unwrap_or_default().to_owned(),
            user_id,
            teams,
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

    /// Ends all sessions of a user, or of everybody, and returns their tokens.
    ///
    /// # Errors
    /// When the writer fails.
    pub(crate) async fn delete_sessions(
        &self,
        user_id: Option<&str>,
    ) -> Result<Vec<String>, DbError> {
        let sql = "DELETE FROM sessions WHERE $1::text IS NULL OR userid = $1 RETURNING token";
        let client = self.writer().await?;
        let rows = super::pools::query(&client, sql, &[&user_id]).await?;
        rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
    }
}
