//! Channels.

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use serde::Deserialize;
use serde_json::json;

use super::extract::{Auth, Json, JsonObject, Page, own_user};
use super::{etag, named};
use crate::app::{App, Server};
use crate::db::{ChannelRole, DbError};
use crate::error::{AppError, OrInternal};
use crate::id::{is_valid_id, new_id, now_ms};
use crate::model::{Channel, UserSession};

const FAILED: &str = "app.channel.get_channels.get.app_error";
/// Channels that are read at once for a list of all.
const BATCH: i64 = 100;

pub(super) fn routes() -> Router<App> {
    let team = "/api/v4/teams/{team}/channels";
    Router::new()
        .route("/api/v4/channels", named("createChannel", post(create)))
        .route(
            "/api/v4/channels/{channel}",
            named("getChannel", get(get_one)),
        )
        .route(
            "/api/v4/channels/{channel}/patch",
            named("patchChannel", put(patch)),
        )
        .route(team, named("getPublicChannelsForTeam", get(public)))
        .route(
            &format!("{team}/name/{{name}}"),
            named("getChannelByName", get(by_name)),
        )
        .route(
            &format!("{team}/search"),
            named("searchChannelsForTeam", post(search)),
        )
        .route(
            &format!("{team}/autocomplete"),
            named("autocompleteChannelsForTeam", get(autocomplete)),
        )
        .route(
            "/api/v4/users/{user}/teams/{team}/channels",
            named("getChannelsForTeamForUser", get(of_user)),
        )
        .route(
            "/api/v4/users/{user}/channels",
            named("getChannelsForUser", get(all_of_user)),
        )
}

/// `POST /channels`; the creator administers it.
async fn create(
    State(app): State<App>,
    Auth(session): Auth,
    JsonObject(new): JsonObject<Channel>,
) -> Result<(StatusCode, axum::Json<Channel>), AppError> {
    let channel = check(new, &session)?;
    app.require_team(&session, &channel.team_id)?;
    app.store
        .create_channel(&channel)
        .await
        .map_err(|error| taken_or_failed(&error))?;
    join(&app, &channel, &session.user_id, ChannelRole::Admin).await?;
    let data = json!({"channel_id": channel.id, "team_id": channel.team_id});
    app.publish_to_user("channel_created", &session.user_id, data);
    Ok((StatusCode::CREATED, axum::Json(channel)))
}

fn taken_or_failed(error: &DbError) -> AppError {
    if error.is_duplicate() {
        let message = "A channel with that name already exists on the same team.";
        let id = "store.sql_channel.save_channel.exists.app_error";
        AppError::new(StatusCode::BAD_REQUEST, id, message)
    } else {
        AppError::internal("app.channel.create_channel.internal_error", error)
    }
}

fn is_valid_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
    !name.is_empty() && name.len() <= 64 && name.chars().all(plain)
}

fn invalid(id: &'static str, what: &str) -> AppError {
    AppError::new(StatusCode::BAD_REQUEST, id, format!("Invalid {what}."))
}

fn check(new: Channel, session: &UserSession) -> Result<Channel, AppError> {
    if !is_valid_name(&new.name) {
        return Err(invalid(
            "model.channel.is_valid.1_or_more.app_error",
            "name",
        ));
    }
    if !is_valid_id(&new.team_id) {
        return Err(AppError::forbidden());
    }
    if !matches!(new.kind.as_str(), "O" | "P") {
        return Err(invalid("model.channel.is_valid.type.app_error", "type"));
    }
    let now = now_ms();
    Ok(Channel {
        id: new_id(),
        create_at: now,
        update_at: now,
        delete_at: 0,
        last_post_at: 0,
        total_msg_count: 0,
        total_msg_count_root: 0,
        last_root_post_at: 0,
        creator_id: session.user_id.clone(),
        ..new
    })
}

pub(super) async fn join(
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

/// A channel that has to be there.
pub(super) fn existing(channel: Result<Option<Channel>, DbError>) -> Result<Channel, AppError> {
    let channel = channel.or_internal("app.channel.get.find.app_error")?;
    channel.ok_or_else(|| AppError::not_found("app.channel.get.existing.app_error"))
}

/// `GET /channels/{channel}`.
async fn get_one(
    State(app): State<App>,
    Auth(session): Auth,
    Path(id): Path<String>,
) -> Result<axum::Json<Channel>, AppError> {
    let channel = existing(app.store.channel(&id).await)?;
    app.require_read(&session, &channel).await?;
    Ok(axum::Json(channel))
}

/// `GET /teams/{team}/channels/name/{name}`.
async fn by_name(
    State(app): State<App>,
    Auth(session): Auth,
    Path((team_id, name)): Path<(String, String)>,
) -> Result<axum::Json<Channel>, AppError> {
    let channel = app.store.channel_by_name(&team_id, &name).await;
    let channel = channel.or_internal("app.channel.get_by_name.existing.app_error")?;
    let missing = || AppError::not_found("app.channel.get_by_name.missing.app_error");
    let channel = channel.ok_or_else(missing)?;
    app.require_read(&session, &channel).await?;
    Ok(axum::Json(channel))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ChannelPatch {
    display_name: Option<String>,
    name: Option<String>,
    header: Option<String>,
    purpose: Option<String>,
}

/// `PUT /channels/{channel}/patch`.
async fn patch(
    State(app): State<App>,
    Auth(session): Auth,
    Path(id): Path<String>,
    Json(patch): Json<ChannelPatch>,
) -> Result<axum::Json<Channel>, AppError> {
    let old = existing(app.store.channel(&id).await)?;
    app.require_channel(&session, &id).await?;
    let channel = Channel {
        update_at: now_ms(),
        display_name: patch.display_name.unwrap_or(old.display_name),
        name: patch.name.unwrap_or(old.name),
        header: patch.header.unwrap_or(old.header),
        purpose: patch.purpose.unwrap_or(old.purpose),
        ..old
    };
    if !is_valid_name(&channel.name) {
        return Err(AppError::invalid_body("name"));
    }
    app.store
        .update_channel(&channel)
        .await
        .map_err(|error| taken_or_failed(&error))?;
    let text = serde_json::to_string(&channel).or_internal("api.marshal_error")?;
    app.publish_to_channel("channel_updated", &id, json!({"channel": text}));
    Ok(axum::Json(channel))
}

/// `GET /teams/{team}/channels`, a page of the public ones.
async fn public(
    State(app): State<App>,
    Auth(session): Auth,
    Path(team_id): Path<String>,
    page: Page,
) -> Result<axum::Json<Vec<Channel>>, AppError> {
    app.require_team(&session, &team_id)?;
    let channels = app
        .store
        .public_channels(&team_id, page.offset, page.limit)
        .await;
    Ok(axum::Json(channels.or_internal(
        "app.channel.get_public_channels.get.app_error",
    )?))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ChannelTerm {
    term: String,
    name: String,
}

/// `POST /teams/{team}/channels/search`.
async fn search(
    State(app): State<App>,
    Auth(session): Auth,
    Path(team_id): Path<String>,
    Json(wanted): Json<ChannelTerm>,
) -> Result<axum::Json<Vec<Channel>>, AppError> {
    find(&app, &session, &team_id, &wanted.term).await
}

/// `GET /teams/{team}/channels/autocomplete`.
async fn autocomplete(
    State(app): State<App>,
    Auth(session): Auth,
    Path(team_id): Path<String>,
    wanted: Query<ChannelTerm>,
) -> Result<axum::Json<Vec<Channel>>, AppError> {
    find(&app, &session, &team_id, &wanted.name).await
}

async fn find(
    app: &Server,
    session: &UserSession,
    team_id: &str,
    term: &str,
) -> Result<axum::Json<Vec<Channel>>, AppError> {
    app.require_team(session, team_id)?;
    let found = app.store.find_channels(team_id, &session.user_id, term);
    Ok(axum::Json(found.await.or_internal(FAILED)?))
}

/// `GET /users/{user}/teams/{team}/channels`.
async fn of_user(
    State(app): State<App>,
    Auth(session): Auth,
    headers: HeaderMap,
    Path((user, team_id)): Path<(String, String)>,
) -> Result<Response, AppError> {
    let user_id = own_user(&user, &session)?;
    app.require_team(&session, &team_id)?;
    let channels = app.store.channels_of_user(&team_id, &user_id).await;
    let channels = channels.or_internal(FAILED)?;
    Ok(etag::json(
        &headers,
        &Channel::list_etag(&channels),
        &channels,
    ))
}

/// `GET /users/{user}/channels`: those of all teams, read in batches as in Mattermost.
async fn all_of_user(
    State(app): State<App>,
    Auth(session): Auth,
    Path(user): Path<String>,
) -> Result<Response, AppError> {
    let user_id = own_user(&user, &session)?;
    let mut text = String::from("[");
    let mut after = String::new();
    loop {
        let batch = app
            .store
            .channels_of_user_after(&user_id, &after, BATCH)
            .await;
        let batch = batch.or_internal(FAILED)?;
        for channel in &batch {
            if text.len() > 1 {
                text.push(',');
            }
            text.push_str(&serde_json::to_string(channel).or_internal("api.marshal_error")?);
        }
        match batch.last() {
            Some(last) if batch.len() as i64 == BATCH => after.clone_from(&last.id),
            _ => break,
        }
    }
    text.push(']');
    let mut response = Body::from(text).into_response();
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    Ok(response)
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
