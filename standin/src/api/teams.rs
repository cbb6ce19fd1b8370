//! Teams and who is in them.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::json;

use super::extract::{Auth, Json, Page, user_or_me};
use crate::app::{App, Server, object};
use crate::db::{ChannelRole, DbError};
use crate::error::{AppError, OrInternal};
use crate::hub::{Broadcast, HubEvent};
use crate::id::{is_valid_id, new_id, now_ms};
use crate::model::{Channel, Team, TeamMember, UserSession};

/// Channels that every team has: name and display name.
const DEFAULT_CHANNELS: [(&str, &str); 2] =
    [("town-square", "Town Square"), ("off-topic", "Off-Topic")];

/// `POST /teams`, with its two default channels; the creator administers it.
pub(super) async fn create(
    State(app): State<App>,
    Auth(session): Auth,
    Json(new): Json<Team>,
) -> Result<(StatusCode, axum::Json<Team>), AppError> {
    let team = check(new)?;
    app.store.create_team(&team).await.map_err(|error| {
        if error.is_duplicate() {
            let message = "A team with that name already exists.";
            AppError::new(
                StatusCode::BAD_REQUEST,
                "app.team.save.existing.app_error",
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

fn check(new: Team) -> Result<Team, AppError> {
    let name = new.name.trim().to_lowercase();
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.len() < 2 || name.len() > 64 || !name.chars().all(plain) {
        return Err(AppError::invalid_body("name"));
    }
    if new.display_name.is_empty() {
        return Err(AppError::invalid_body("display_name"));
    }
    if !matches!(new.kind.as_str(), "O" | "I") {
        return Err(AppError::invalid_body("type"));
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
pub(super) async fn get(
    State(app): State<App>,
    Auth(session): Auth,
    Path(id): Path<String>,
) -> Result<axum::Json<Team>, AppError> {
    visible(&app, &session, app.store.team(&id).await).await
}

/// `GET /teams/name/{name}`.
pub(super) async fn by_name(
    State(app): State<App>,
    Auth(session): Auth,
    Path(name): Path<String>,
) -> Result<axum::Json<Team>, AppError> {
    visible(&app, &session, app.store.team_by_name(&name).await).await
}

async fn visible(
    app: &Server,
    session: &UserSession,
    team: Result<Option<Team>, DbError>,
) -> Result<axum::Json<Team>, AppError> {
    let team = existing(team)?;
    let public = team.kind == "O" && team.allow_open_invite;
    if !public {
        app.require_team(session, &team.id).await?;
    }
    Ok(axum::Json(team))
}

fn existing(team: Result<Option<Team>, DbError>) -> Result<Team, AppError> {
    let team = team.or_internal("app.team.get.finding.app_error")?;
    team.ok_or_else(|| AppError::not_found("app.team.get.find.app_error"))
}

/// `GET /users/{id}/teams`.
pub(super) async fn of_user(
    State(app): State<App>,
    Auth(session): Auth,
    Path(user): Path<String>,
) -> Result<axum::Json<Vec<Team>>, AppError> {
    let user_id = user_or_me(&user, &session);
    if user_id != session.user_id && !session.is_admin() {
        return Err(AppError::forbidden());
    }
    let teams = app.store.teams_of_user(&user_id).await;
    Ok(axum::Json(teams.or_internal("app.team.get_all.app_error")?))
}

#[derive(Debug, Deserialize)]
pub(super) struct NewTeamMember {
    user_id: String,
}

/// `POST /teams/{id}/members`: oneself into an open team, or anyone by a
/// member.
pub(super) async fn add_member(
    State(app): State<App>,
    Auth(session): Auth,
    Path(team_id): Path<String>,
    Json(new): Json<NewTeamMember>,
) -> Result<(StatusCode, axum::Json<TeamMember>), AppError> {
    if !is_valid_id(&new.user_id) {
        return Err(AppError::invalid_body("user_id"));
    }
    let team = existing(app.store.team(&team_id).await)?;
    let joins_open_team =
        new.user_id == session.user_id && team.kind == "O" && team.allow_open_invite;
    if !joins_open_team {
        app.require_team(&session, &team_id).await?;
    }
    let user = app
        .store
        .user(&new.user_id)
        .await
        .or_internal("app.user.get.app_error")?;
    user.ok_or_else(|| AppError::not_found("app.user.missing_account.const"))?;
    let member = join(&app, &team_id, &new.user_id, ChannelRole::Member).await?;
    Ok((StatusCode::CREATED, axum::Json(member)))
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
    let limit = app.config.team_settings.max_users_per_team;
    let added = app.store.add_team_member(&member, limit, now_ms()).await;
    if !added.or_internal("app.team.save_member.save.app_error")? {
        return Err(AppError::new(
            StatusCode::BAD_REQUEST,
            "app.team.join_user_to_team.max_accounts.app_error",
            format!("The team has reached TeamSettings.MaxUsersPerTeam ({limit})."),
        ));
    }
    for (name, _) in DEFAULT_CHANNELS {
        let channel = app.store.channel_by_name(team_id, name).await;
        if let Some(channel) = channel.or_internal("app.channel.get_by_name.existing.app_error")? {
            let joined = app.join_channel(&channel.id, team_id, user_id, role).await;
            joined.or_internal("app.channel.save_member.app_error")?;
        }
    }
    app.publish(&HubEvent {
        event: "added_to_team".to_owned(),
        data: object(json!({"team_id": team_id, "user_id": user_id})),
        broadcast: Broadcast {
            user_id: user_id.to_owned(),
            ..Broadcast::default()
        },
    });
    Ok(member)
}

/// `GET /teams/{id}/members`, a page of them.
pub(super) async fn members(
    State(app): State<App>,
    Auth(session): Auth,
    Path(team_id): Path<String>,
    page: Page,
) -> Result<axum::Json<Vec<TeamMember>>, AppError> {
    app.require_team(&session, &team_id).await?;
    let members = app
        .store
        .team_members(&team_id, page.offset, page.limit)
        .await;
    Ok(axum::Json(
        members.or_internal("app.team.get_members.app_error")?,
    ))
}

/// `GET /teams/{id}/members/{user}`.
pub(super) async fn member(
    State(app): State<App>,
    Auth(session): Auth,
    Path((team_id, user)): Path<(String, String)>,
) -> Result<axum::Json<TeamMember>, AppError> {
    app.require_team(&session, &team_id).await?;
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
