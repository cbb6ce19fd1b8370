//! Tables `teams` and `teammembers`.

use tokio_postgres::Row;

use super::{DbError, Store};
use crate::model::{Team, TeamMember};

const COLUMNS: &str = "id, createat, updateat, deleteat, displayname, name, description, email, \
    type, inviteid, allowopeninvite";

impl Store {
    /// Writes a new team.
    ///
    /// # Errors
    /// When the name is taken ([`DbError::is_duplicate`]), or the writer fails.
    pub(crate) async fn create_team(&self, team: &Team) -> Result<(), DbError> {
        let sql = "INSERT INTO teams (id, createat, updateat, displayname, name, description, email, \
                   type, inviteid, allowopeninvite) VALUES ($1, $2, $2, $3, $4, $5, $6, $7, $8, $9)";
        self.execute(
            sql,
            &[
                &team.id,
                &team.create_at,
                &team.display_name,
                &team.name,
                &team.description,
                &team.email,
                &team.kind,
                &team.invite_id,
                &team.allow_open_invite,
            ],
        )
        .await
        .map(drop)
    }

    /// A team by id.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn team(&self, id: &str) -> Result<Option<Team>, DbError> {
        let sql = format!("SELECT {COLUMNS} FROM teams WHERE id = $1");
        self.one(&sql, &[&id])
            .await?
            .map(|row| read(&row))
            .transpose()
    }

    /// A team by name.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn team_by_name(&self, name: &str) -> Result<Option<Team>, DbError> {
        let sql = format!("SELECT {COLUMNS} FROM teams WHERE name = $1");
        self.one(&sql, &[&name])
            .await?
            .map(|row| read(&row))
            .transpose()
    }

    /// The teams of a user.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn teams_of_user(&self, user_id: &str) -> Result<Vec<Team>, DbError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM teams WHERE deleteat = 0 AND id IN \
             (SELECT teamid FROM teammembers WHERE userid = $1 AND deleteat = 0) ORDER BY name"
        );
        self.list(&sql, &[&user_id])
            .await?
            .iter()
            .map(read)
            .collect()
    }

    /// Adds a user to a team, unless the team is full or the user in it.
    /// Returns whether the user is in it now.
    ///
    /// # Errors
    /// When the writer fails.
    pub(crate) async fn add_team_member(
        &self,
        member: &TeamMember,
        limit: i64,
        at: i64,
    ) -> Result<bool, DbError> {
        let sql = "WITH added AS (INSERT INTO teammembers (teamid, userid, schemeadmin, createat) \
                   SELECT $1, $2, $3, $4 WHERE (SELECT count(*) FROM teammembers \
                   WHERE teamid = $1 AND deleteat = 0) < $5 \
                   ON CONFLICT (teamid, userid) DO NOTHING RETURNING 1) \
                   SELECT EXISTS (SELECT 1 FROM added) OR EXISTS \
                   (SELECT 1 FROM teammembers WHERE teamid = $1 AND userid = $2)";
        let (team, user, admin) = (&member.team_id, &member.user_id, &member.scheme_admin);
        let client = self.writer().await?;
        let statement = client.prepare_cached(sql).await?;
        let row = client
            .query_one(&statement, &[team, user, admin, &at, &limit])
            .await?;
        Ok(row.try_get(0)?)
    }

    /// A user's place in a team.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn team_member(
        &self,
        team_id: &str,
        user_id: &str,
    ) -> Result<Option<TeamMember>, DbError> {
        let sql = "SELECT teamid, userid, schemeadmin FROM teammembers \
                   WHERE teamid = $1 AND userid = $2 AND deleteat = 0";
        self.one(sql, &[&team_id, &user_id])
            .await?
            .map(|row| read_member(&row))
            .transpose()
    }

    /// One page of a team's members.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn team_members(
        &self,
        team_id: &str,
        offset: i64,
        limit: i64,
    ) -> Result<Vec<TeamMember>, DbError> {
        let sql = "SELECT teamid, userid, schemeadmin FROM teammembers \
                   WHERE teamid = $1 AND deleteat = 0 ORDER BY userid OFFSET $2 LIMIT $3";
        self.list(sql, &[&team_id, &offset, &limit])
            .await?
            .iter()
            .map(read_member)
            .collect()
    }

    /// A user's places in all teams.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn team_members_of_user(
        &self,
        user_id: &str,
    ) -> Result<Vec<TeamMember>, DbError> {
        let sql = "SELECT teamid, userid, schemeadmin FROM teammembers \
                   WHERE userid = $1 AND deleteat = 0";
        self.list(sql, &[&user_id])
            .await?
            .iter()
            .map(read_member)
            .collect()
    }
}

fn read(row: &Row) -> Result<Team, DbError> {
    Ok(Team {
        id: row.try_get("id")?,
        create_at: row.try_get("createat")?,
        update_at: row.try_get("updateat")?,
        delete_at: row.try_get("deleteat")?,
        display_name: row.try_get("displayname")?,
        name: row.try_get("name")?,
        description: row.try_get("description")?,
        email: row.try_get("email")?,
        kind: row.try_get("type")?,
        invite_id: row.try_get("inviteid")?,
        allow_open_invite: row.try_get("allowopeninvite")?,
    })
}

fn read_member(row: &Row) -> Result<TeamMember, DbError> {
    let scheme_admin = row.try_get("schemeadmin")?;
    let roles = if scheme_admin {
        "team_user team_admin"
    } else {
        "team_user"
    };
    Ok(TeamMember {
        team_id: row.try_get("teamid")?,
        user_id: row.try_get("userid")?,
        roles: roles.to_owned(),
        scheme_user: true,
        scheme_admin,
        ..TeamMember::default()
    })
}
