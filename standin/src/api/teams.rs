//! Teams and who is in them.

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};

use super::extract::{Auth, Json, JsonObject, Page, own_user, user_or_me};
use super::named;
use crate::app::{App, Server};
use crate::cluster::Message;
use crate::db::{ChannelRole, DbError};
use crate::error::{AppError, OrInternal};
use crate::id::{is_valid_id, new_id, now_ms};
use crate::model::{Channel, Team, TeamMember, TeamStats, UserSession};

/// Most users of one batch.
const BATCH_LIMIT: usize = 20;

/// Channels that every team has: name and display name.
const DEFAULT_CHANNELS: [(&str, &str); 2] =
    [("town-square", "Town Square"), ("off-topic", "Off-Topic")];

pub(super) fn routes() -> Router<App> {
    let members = "/api/v4/teams/{team}/members";
    Router::new()
        .route("/api/v4/teams", named("createTeam", post(create)))
        .route("/api/v4/teams", named("getAllTeams", get(list)))
        .route("/api/v4/teams/{team}", named("getTeam", get(get_one)))
        .route(
            "/api/v4/teams/name/{name}",
            named("getTeamByName", get(by_name)),
        )
        .route(
            "/api/v4/teams/{team}/stats",
            named("getTeamStats", get(stats)),
        )
        .route(members, named("addTeamMember", post(add_member)))
        .route(members, named("getTeamMembers", get(members_page)))
        .route(
            &format!("{members}/ids"),
            named("getTeamMembersByIds", post(members_by_ids)),
        )
        .route(
            &format!("{members}/batch"),
            named("addTeamMembers", post(add_members)),
        )
        .route(
            &format!("{members}/{{user}}"),
            named("getTeamMember", get(member)),
        )
        .route(
            "/api/v4/users/{user}/teams",
            named("getTeamsForUser", get(of_user)),
        )
        .route(
            "/api/v4/users/{user}/teams/members",
            named("getTeamMembersForUser", get(members_of_user)),
        )
}

/// `POST /teams`, with its two default channels; the creator administers it.
async fn create(
    State(app): State<App>,
    Auth(session): Auth,
    JsonObject(new): JsonObject<Team>,
) -> Result<(StatusCode, axum::Json<Team>), AppError> {
    let team = check(new)?;
    app.store.create_team(&team).await.map_err(|error| {
        if error.is_duplicate() {
            let message = "A team with that name already exists.";
            AppError::new(
                StatusCode::BAD_REQUEST,
                "store.sql_team.save_team.existing.app_error",
                message,
            )
        } else {
            AppError::internal("app.team.save.app_error", &error)
        }
    })?;
    for (name, display_name) in DEFAULT_CHANNELS {
        let channel = Channel {
            id: new_id(),
            create_at: team.create_at,
            update_at: team.create_at,
            team_id: team.id.clone(),
            kind: "O".to_owned(),
            name: name.to_owned(),
            display_name: display_name.to_owned(),
            creator_id: session.user_id.clone(),
            ..Channel::default()
        };
        let created = app.store.create_channel(&channel).await;
        created.or_internal("app.channel.create_default.app_error")?;
    }
    join(&app, &team.id, &session.user_id, ChannelRole::Admin).await?;
    Ok((StatusCode::CREATED, axum::Json(team)))
}

fn invalid(id: &'static str, what: &str) -> AppError {
    AppError::new(StatusCode::BAD_REQUEST, id, format!("Invalid {what}."))
}

fn check(new: Team) -> Result<Team, AppError> {
    let name = new.name.trim().to_lowercase();
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.len() < 2 || name.len() > 64 || !name.chars().all(plain) {
        return Err(invalid("model.team.is_valid.characters.app_error", "name"));
    }
    if new.display_name.is_empty() {
        return Err(invalid(
            "model.team.is_valid.name.app_error",
            "display name",
        ));
    }
    if !matches!(new.kind.as_str(), "O" | "I") {
        return Err(invalid("model.team.is_valid.type.app_error", "type"));
    }
    let now = now_ms();
    Ok(Team {
        id: new_id(),
        create_at: now,
        update_at: now,
        delete_at: 0,
        name,
        invite_id: new_id(),
        ..new
    })
}

/// `GET /teams/{id}`.
async fn get_one(
    State(app): State<App>,
    Auth(session): Auth,
    Path(id): Path<String>,
) -> Result<axum::Json<Team>, AppError> {
    visible(&app, &session, existing(app.store.team(&id).await)?)
}

/// `GET /teams/name/{name}`.
async fn by_name(
    State(app): State<App>,
    Auth(session): Auth,
    Path(name): Path<String>,
) -> Result<axum::Json<Team>, AppError> {
    let team = app.store.team_by_name(&name).await;
    let team = team.or_internal("app.team.get_by_name.app_error")?;
    let missing = || AppError::not_found("app.team.get_by_name.missing.app_error");
    visible(&app, &session, team.ok_or_else(missing)?)
}

fn visible(app: &Server, session: &UserSession, team: Team) -> Result<axum::Json<Team>, AppError> {
    let public = team.kind == "O" && team.allow_open_invite;
    if !public {
        app.require_team(session, &team.id)?;
    }
    Ok(axum::Json(team))
}

/// `GET /teams`: a page of those that everybody may see; administrators see all.
async fn list(
    State(app): State<App>,
    Auth(session): Auth,
    page: Page,
) -> Result<axum::Json<Vec<Team>>, AppError> {
    let teams = app
        .store
        .teams(session.is_admin(), page.offset, page.limit)
        .await;
    Ok(axum::Json(teams.or_internal("app.team.get_all.app_error")?))
}

/// `GET /teams/{team}/stats`.
async fn stats(
    State(app): State<App>,
    Auth(session): Auth,
    Path(team_id): Path<String>,
) -> Result<axum::Json<TeamStats>, AppError> {
    app.require_team(&session, &team_id)?;
    let stats = app.store.team_stats(&team_id).await;
    Ok(axum::Json(stats.or_internal(
        "app.team.get_active_member_count.app_error",
    )?))
}

fn existing(team: Result<Option<Team>, DbError>) -> Result<Team, AppError> {
    let team = team.or_internal("app.team.get.finding.app_error")?;
    team.ok_or_else(|| AppError::not_found("app.team.get.find.app_error"))
}

/// `GET /users/{id}/teams`.
async fn of_user(
    State(app): State<App>,
    Auth(session): Auth,
    Path(user): Path<String>,
) -> Result<axum::Json<Vec<Team>>, AppError> {
    let user_id = own_user(&user, &session)?;
    let teams = app.store.teams_of_user(&user_id).await;
    Ok(axum::Json(teams.or_internal("app.team.get_all.app_error")?))
}

#[derive(Debug, Deserialize)]
struct NewTeamMember {
    user_id: String,
}

/// `POST /teams/{id}/members`: oneself into an open team, or anyone by a
/// member.
async fn add_member(
    State(app): State<App>,
    Auth(session): Auth,
    Path(team_id): Path<String>,
    Json(new): Json<NewTeamMember>,
) -> Result<(StatusCode, axum::Json<TeamMember>), AppError> {
    let team = existing(app.store.team(&team_id).await)?;
    let member = add(&app, &session, &team, &new.user_id).await?;
    Ok((StatusCode::CREATED, axum::Json(member)))
}

async fn add(
    app: &Server,
    session: &UserSession,
    team: &Team,
    user_id: &str,
) -> Result<TeamMember, AppError> {
    if !is_valid_id(user_id) {
        return Err(AppError::invalid_body("user_id"));
    }
    let joins_open_team = user_id == session.user_id && team.kind == "O" && team.allow_open_invite;
    if !joins_open_team {
        app.require_team(session, &team.id)?;
    }
    let user = app
        .store
        .user(user_id)
        .await
        .or_internal("app.user.get.app_error")?;
    user.ok_or_else(|| AppError::not_found("app.user.missing_account.const"))?;
    join(app, &team.id, user_id, ChannelRole::Member).await
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct BatchQuery {
    graceful: bool,
}

/// `POST /teams/{team}/members/batch`: with `graceful`, each with its own error.
async fn add_members(
    State(app): State<App>,
    Auth(session): Auth,
    Path(team_id): Path<String>,
    query: axum::extract::Query<BatchQuery>,
    Json(new): Json<Vec<NewTeamMember>>,
) -> Result<(StatusCode, axum::Json<Value>), AppError> {
    if new.is_empty() || new.len() > BATCH_LIMIT {
        return Err(AppError::invalid_body("team_members"));
    }
    let team = existing(app.store.team(&team_id).await)?;
    let mut added = Vec::with_capacity(new.len());
    for one in new {
        match add(&app, &session, &team, &one.user_id).await {
            Ok(member) if query.graceful => {
                added.push(json!({"user_id": one.user_id, "member": member, "error": null}));
            }
            Ok(member) => added.push(json!(member)),
            Err(error) if query.graceful => {
                let error = error.to_json();
                added.push(json!({"user_id": one.user_id, "member": null, "error": error}));
            }
            Err(error) => return Err(error),
        }
    }
    Ok((StatusCode::CREATED, axum::Json(Value::from(added))))
}

/// Puts a user into a team and its default channels.
async fn join(
    app: &Server,
    team_id: &str,
    user_id: &str,
    role: ChannelRole,
) -> Result<TeamMember, AppError> {
    let scheme_admin = role == ChannelRole::Admin;
    let roles = if scheme_admin {
        "team_user team_admin"
    } else {
        "team_user"
    };
    let member = TeamMember {
        team_id: team_id.to_owned(),
        user_id: user_id.to_owned(),
        roles: roles.to_owned(),
        scheme_user: true,
        scheme_admin,
        ..TeamMember::default()
    };
    let limit = app.config().team_settings.max_users_per_team;
    let added = app.store.add_team_member(&member, limit, now_ms()).await;
    if !added.or_internal("app.team.save_member.save.app_error")? {
        return Err(AppError::new(
            StatusCode::BAD_REQUEST,
            "app.team.join_user_to_team.max_accounts.app_error",
            format!("The team has reached TeamSettings.MaxUsersPerTeam ({limit})."),
        ));
    }
    app.forget_sessions_of(user_id);
    app.cluster.send(&Message::TeamsChanged {
        user_id: user_id.to_owned(),
    });
    for (name, _) in DEFAULT_CHANNELS {
        let channel = app.store.channel_by_name(team_id, name).await;
        if let Some(channel) = channel.or_internal("app.channel.get_by_name.existing.app_error")? {
            let joined = app.join_channel(&channel.id, team_id, user_id, role).await;
            joined.or_internal("app.channel.save_member.app_error")?;
        }
    }
    let data = json!({"team_id": team_id, "user_id": user_id});
    app.publish_to_user("added_to_team", user_id, data);
    Ok(member)
}

/// `GET /teams/{id}/members`, a page of them.
async fn members_page(
    State(app): State<App>,
    Auth(session): Auth,
    Path(team_id): Path<String>,
    page: Page,
) -> Result<axum::Json<Vec<TeamMember>>, AppError> {
    app.require_team(&session, &team_id)?;
    let members = app
        .store
        .team_members(&team_id, page.offset, page.limit)
        .await;
    Ok(axum::Json(
        members.or_internal("app.team.get_members.app_error")?,
    ))
}

/// `POST /teams/{team}/members/ids`.
async fn members_by_ids(
    State(app): State<App>,
    Auth(session): Auth,
    Path(team_id): Path<String>,
    Json(ids): Json<Vec<String>>,
) -> Result<axum::Json<Vec<TeamMember>>, AppError> {
    if ids.is_empty() {
        return Err(AppError::invalid_body("user_ids"));
    }
    app.require_team(&session, &team_id)?;
    let members = app.store.team_members_by_ids(&team_id, &ids).await;
    Ok(axum::Json(
        members.or_internal("app.team.get_members_by_ids.app_error")?,
    ))
}

/// `GET /users/{user}/teams/members`.
async fn members_of_user(
    State(app): State<App>,
    Auth(session): Auth,
    Path(user): Path<String>,
) -> Result<axum::Json<Vec<TeamMember>>, AppError> {
    let user_id = own_user(&user, &session)?;
    let members = app.store.team_members_of_user(&user_id).await;
    Ok(axum::Json(
        members.or_internal("app.team.get_members.app_error")?,
    ))
}

/// `GET /teams/{id}/members/{user}`.
async fn member(
    State(app): State<App>,
    Auth(session): Auth,
    Path((team_id, user)): Path<(String, String)>,
) -> Result<axum::Json<TeamMember>, AppError> {
    app.require_team(&session, &team_id)?;
    let member = app
        .store
        .team_member(&team_id, &user_or_me(&user, &session))
        .await;
    let member = member.or_internal("app.team.get_member.app_error")?;
    let missing = || AppError::not_found("app.team.get_member.missing.app_error");
    Ok(axum::Json(member.ok_or_else(missing)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn team_needs_a_plain_name_and_a_known_type() {
        let team = |name: &str, kind: &str| Team {
            name: name.to_owned(),
            display_name: "Team".to_owned(),
            kind: kind.to_owned(),
            ..Team::default()
        };
        assert!(check(team("rig-1", "O")).is_ok());
        for (name, kind) in [("r", "O"), ("rig 1", "O"), ("rig", "X")] {
            assert!(check(team(name, kind)).is_err(), "{name} {kind}");
        }
    }
}
