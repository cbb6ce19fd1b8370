//! Tables `teams` and `teammembers`.

use tokio_postgres::Row;

use super::{DbError, Store};
use crate::model::{Team, TeamMember, TeamStats};

const COLUMNS: &str = "id, createat, updateat, deleteat, displayname, name, description, email, \
    type, companyname, alloweddomains, inviteid, allowopeninvite";
const MEMBER_COLUMNS: &str = "teamid, userid, schemeadmin, deleteat";

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
        let sql = format!(
            "SELECT {MEMBER_COLUMNS} FROM teammembers \
             WHERE teamid = $1 AND userid = $2 AND deleteat = 0"
        );
        self.one(&sql, &[&team_id, &user_id])
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
        let sql = format!(
            "SELECT {MEMBER_COLUMNS} FROM teammembers \
             WHERE teamid = $1 AND deleteat = 0 ORDER BY userid OFFSET $2 LIMIT $3"
        );
        self.read_team_members(&sql, &[&team_id, &offset, &limit])
            .await
    }

    /// The places in a team of those of these users who are in it.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn team_members_by_ids(
        &self,
        team_id: &str,
        user_ids: &[String],
    ) -> Result<Vec<TeamMember>, DbError> {
        let sql = format!(
            "SELECT {MEMBER_COLUMNS} FROM teammembers \
             WHERE teamid = $1 AND userid = ANY($2) AND deleteat = 0"
        );
        self.read_team_members(&sql, &[&team_id, &user_ids]).await
    }

    /// A user's places in all teams.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn team_members_of_user(
        &self,
        user_id: &str,
    ) -> Result<Vec<TeamMember>, DbError> {
        let sql = format!("SELECT {MEMBER_COLUMNS} FROM teammembers WHERE userid = $1");
        self.read_team_members(&sql, &[&user_id]).await
    }

    /// Ids of the teams that a user is in, from the writer: they are kept in a cache, where an
    /// answer of a reader that lags behind would stay.
    ///
    /// # Errors
    /// When the writer does not answer.
    pub(crate) async fn team_ids_of_user(&self, user_id: &str) -> Result<Vec<String>, DbError> {
        let client = self.writer().await?;
        let sql = "SELECT teamid FROM teammembers WHERE userid = $1 AND deleteat = 0";
        let rows = super::pools::query(&client, sql, &[&user_id]).await?;
        rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
    }

    /// One page of the teams that everybody may see, or of all.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn teams(
        &self,
        all: bool,
        offset: i64,
        limit: i64,
    ) -> Result<Vec<Team>, DbError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM teams WHERE deleteat = 0 AND ($1 OR allowopeninvite) \
             ORDER BY displayname OFFSET $2 LIMIT $3"
        );
        let rows = self.list(&sql, &[&all, &offset, &limit]).await?;
        rows.iter().map(read).collect()
    }

    /// How many are in a team.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn team_stats(&self, team_id: &str) -> Result<TeamStats, DbError> {
        let sql = "SELECT count(*) AS total, count(*) FILTER (WHERE u.deleteat = 0) AS active \
                   FROM teammembers m JOIN users u ON u.id = m.userid \
                   WHERE m.teamid = $1 AND m.deleteat = 0";
        let client = self.reader().await?;
        let statement = client.prepare_cached(sql).await?;
        let row = client.query_one(&statement, &[&team_id]).await?;
        Ok(TeamStats {
            team_id: team_id.to_owned(),
            total_member_count: row.try_get("total")?,
            active_member_count: row.try_get("active")?,
        })
    }

    async fn read_team_members(
        &self,
        sql: &str,
        params: super::pools::Params<'_>,
    ) -> Result<Vec<TeamMember>, DbError> {
        let rows = self.list(sql, params).await?;
        rows.iter().map(read_member).collect()
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
        company_name: row.try_get("companyname")?,
        allowed_domains: row.try_get("alloweddomains")?,
        ..Team::default()
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
        delete_at: row.try_get("deleteat")?,
        scheme_user: true,
        scheme_admin,
        ..TeamMember::default()
    })
}
