//! Channels and who is in them.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::extract::{Auth, Json, Page, user_or_me};
use crate::app::{App, Server};
use crate::db::{ChannelRole, DbError};
use crate::error::{AppError, OrInternal};
use crate::id::{is_valid_id, new_id, now_ms};
use crate::model::{Channel, ChannelMembership, UserSession, direct_channel_name};

/// `POST /channels`; the creator administers it.
pub(super) async fn create(
    State(app): State<App>,
    Auth(session): Auth,
    Json(new): Json<Channel>,
) -> Result<(StatusCode, axum::Json<Channel>), AppError> {
    let channel = check(new, &session)?;
    app.require_team(&session, &channel.team_id).await?;
    app.store.create_channel(&channel).await.map_err(|error| {
        if error.is_duplicate() {
            let message = "A channel with that name already exists on the same team.";
            let id = "store.sql_channel.save_channel.exists.app_error";
            AppError::new(StatusCode::BAD_REQUEST, id, message)
        } else {
            AppError::internal("app.channel.create_channel.internal_error", &error)
        }
    })?;
    join(&app, &channel, &session.user_id, ChannelRole::Admin).await?;
    Ok((StatusCode::CREATED, axum::Json(channel)))
}

fn check(new: Channel, session: &UserSession) -> Result<Channel, AppError> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
    if new.name.is_empty() || new.name.len() > 64 || !new.name.chars().all(plain) {
        return Err(AppError::invalid_body("name"));
    }
    if !is_valid_id(&new.team_id) {
        return Err(AppError::invalid_body("team_id"));
    }
    if !matches!(new.kind.as_str(), "O" | "P") {
        return Err(AppError::invalid_body("type"));
    }
    let now = now_ms();
    Ok(Channel {
        id: new_id(),
        create_at: now,
        update_at: now,
        delete_at: 0,
        last_post_at: 0,
        total_msg_count: 0,
        creator_id: session.user_id.clone(),
        ..new
    })
}

/// `POST /channels/direct` with the two users' ids. The same two always get
/// the same channel.
pub(super) async fn direct(
    State(app): State<App>,
    Auth(session): Auth,
    Json(ids): Json<Vec<String>>,
) -> Result<(StatusCode, axum::Json<Channel>), AppError> {
    let [first, second] = ids.as_slice() else {
        return Err(AppError::invalid_body("user_ids"));
    };
    if !ids.contains(&session.user_id) && !session.is_admin() {
        return Err(AppError::forbidden());
    }
    let users = app
        .store
        .users_by_ids(&ids)
        .await
        .or_internal("app.user.get.app_error")?;
    if users.len() != if first == second { 1 } else { 2 } {
        return Err(AppError::not_found("app.user.missing_account.const"));
    }
    let name = direct_channel_name(first, second);
    let now = now_ms();
    let channel = Channel {
        id: new_id(),
        create_at: now,
        update_at: now,
        kind: "D".to_owned(),
        name: name.clone(),
        creator_id: session.user_id.clone(),
        ..Channel::default()
    };
    let channel = match app.store.create_channel(&channel).await {
        Ok(()) => channel,
        Err(error) if error.is_duplicate() => existing(app.store.channel_by_name("", &name).await)?,
        Err(error) => {
            return Err(AppError::internal(
                "app.channel.create_direct.app_error",
                &error,
            ));
        }
    };
    for id in &ids {
        join(&app, &channel, id, ChannelRole::Member).await?;
    }
    Ok((StatusCode::CREATED, axum::Json(channel)))
}

async fn join(
    app: &Server,
    channel: &Channel,
    user_id: &str,
    role: ChannelRole,
) -> Result<(), AppError> {
    let joined = app
        .join_channel(&channel.id, &channel.team_id, user_id, role)
        .await;
    joined.or_internal("app.channel.save_member.app_error")
}

fn existing(channel: Result<Option<Channel>, DbError>) -> Result<Channel, AppError> {
    let channel = channel.or_internal("app.channel.get.find.app_error")?;
    channel.ok_or_else(|| AppError::not_found("app.channel.get.existing.app_error"))
}

/// `GET /channels/{id}`.
pub(super) async fn get(
    State(app): State<App>,
    Auth(session): Auth,
    Path(id): Path<String>,
) -> Result<axum::Json<Channel>, AppError> {
    visible(&app, &session, app.store.channel(&id).await).await
}

/// `GET /teams/{id}/channels/name/{name}`.
pub(super) async fn by_name(
    State(app): State<App>,
    Auth(session): Auth,
    Path((team_id, name)): Path<(String, String)>,
) -> Result<axum::Json<Channel>, AppError> {
    visible(
        &app,
        &session,
        app.store.channel_by_name(&team_id, &name).await,
    )
    .await
}

async fn visible(
    app: &Server,
    session: &UserSession,
    channel: Result<Option<Channel>, DbError>,
) -> Result<axum::Json<Channel>, AppError> {
    let channel = existing(channel)?;
    if channel.kind == "O" {
        app.require_team(session, &channel.team_id).await?;
    } else {
        app.require_channel(session, &channel.id).await?;
    }
    Ok(axum::Json(channel))
}

/// `GET /teams/{id}/channels`, a page of the public ones.
pub(super) async fn public(
    State(app): State<App>,
    Auth(session): Auth,
    Path(team_id): Path<String>,
    page: Page,
) -> Result<axum::Json<Vec<Channel>>, AppError> {
    app.require_team(&session, &team_id).await?;
    let channels = app
        .store
        .public_channels(&team_id, page.offset, page.limit)
        .await;
    Ok(axum::Json(channels.or_internal(
        "app.channel.get_public_channels.get.app_error",
    )?))
}

/// `GET /users/{id}/teams/{team}/channels`.
pub(super) async fn of_user(
    State(app): State<App>,
    Auth(session): Auth,
    Path((user, team_id)): Path<(String, String)>,
) -> Result<axum::Json<Vec<Channel>>, AppError> {
    let user_id = user_or_me(&user, &session);
    if user_id != session.user_id && !session.is_admin() {
        return Err(AppError::forbidden());
    }
    app.require_team(&session, &team_id).await?;
    let channels = app.store.channels_of_user(&team_id, &user_id).await;
    Ok(axum::Json(
        channels.or_internal("app.channel.get_channels.get.app_error")?,
    ))
}

#[derive(Debug, Deserialize)]
pub(super) struct NewChannelMember {
    user_id: String,
}

/// `POST /channels/{id}/members`: oneself into a public channel of one's team,
/// or another member of the team by a member of the channel.
pub(super) async fn add_member(
    State(app): State<App>,
    Auth(session): Auth,
    Path(id): Path<String>,
    Json(new): Json<NewChannelMember>,
) -> Result<(StatusCode, axum::Json<ChannelMembership>), AppError> {
    if !is_valid_id(&new.user_id) {
        return Err(AppError::invalid_body("user_id"));
    }
    let channel = existing(app.store.channel(&id).await)?;
    if channel.kind == "D" {
        return Err(AppError::invalid_url("channel_id"));
    }
    let joins_public = channel.kind == "O" && new.user_id == session.user_id;
    if !joins_public {
        app.require_channel(&session, &id).await?;
    }
    let member = app.store.team_member(&channel.team_id, &new.user_id).await;
    let member = member.or_internal("app.team.get_member.app_error")?;
    member.ok_or_else(|| AppError::not_found("app.team.get_member.missing.app_error"))?;
    join(&app, &channel, &new.user_id, ChannelRole::Member).await?;
    let member = app.store.channel_member(&id, &new.user_id).await;
    Ok((StatusCode::CREATED, existing_member(member)?))
}

fn existing_member(
    member: Result<Option<ChannelMembership>, DbError>,
) -> Result<axum::Json<ChannelMembership>, AppError> {
    let member = member.or_internal("app.channel.get_member.app_error")?;
    let missing = || AppError::not_found("app.channel.get_member.missing.app_error");
    Ok(axum::Json(member.ok_or_else(missing)?))
}

/// `GET /channels/{id}/members`, a page of them.
pub(super) async fn members(
    State(app): State<App>,
    Auth(session): Auth,
    Path(id): Path<String>,
    page: Page,
) -> Result<axum::Json<Vec<ChannelMembership>>, AppError> {
    app.require_channel(&session, &id).await?;
    let members = app
        .store
        .channel_members(&id, page.offset, page.limit)
        .await;
    Ok(axum::Json(
        members.or_internal("app.channel.get_members.app_error")?,
    ))
}

/// `GET /channels/{id}/members/{user}`.
pub(super) async fn member(
    State(app): State<App>,
    Auth(session): Auth,
    Path((id, user)): Path<(String, String)>,
) -> Result<axum::Json<ChannelMembership>, AppError> {
    app.require_channel(&session, &id).await?;
    existing_member(
        app.store
            .channel_member(&id, &user_or_me(&user, &session))
            .await,
    )
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct View {
    channel_id: String,
}

/// `POST /channels/members/{user}/view`. An empty channel id says that the
/// client lost the focus.
pub(super) async fn view(
    State(app): State<App>,
    Auth(session): Auth,
    Path(user): Path<String>,
    Json(view): Json<View>,
) -> Result<axum::Json<Value>, AppError> {
    if user_or_me(&user, &session) != session.user_id {
        return Err(AppError::forbidden());
    }
    let mut times = json!({});
    if !view.channel_id.is_empty() {
        let now = now_ms();
        let viewed = app
            .store
            .view_channel(&view.channel_id, &session.user_id, now)
            .await;
        viewed.or_internal("app.channel.update_last_viewed_at.app_error")?;
        times[&view.channel_id] = now.into();
    }
    app.set_online(&session.user_id).await;
    Ok(axum::Json(
        json!({"status": "OK", "last_viewed_at_times": times}),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn client_cannot_choose_counters_or_creator() {
        let new = Channel {
            name: "general".to_owned(),
            team_id: "t".repeat(26),
            kind: "O".to_owned(),
            total_msg_count: 99,
            creator_id: "someone".to_owned(),
            ..Channel::default()
        };
        let session = UserSession {
            user_id: "me".to_owned(),
            ..UserSession::default()
        };
        let channel = check(new, &session).expect("valid");
        assert_eq!(
            (channel.total_msg_count, channel.creator_id.as_str()),
            (0, "me")
        );
    }
}
