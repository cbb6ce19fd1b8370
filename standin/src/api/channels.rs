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
use crate::model::{Channel, User, UserSession, direct_channel_name};

const FAILED: &str = "app.channel.get_channels.get.app_error";
/// Channels that are read at once for a list of all.
const BATCH: i64 = 100;

pub(super) fn routes() -> Router<App> {
    let team = "/api/v4/teams/{team}/channels";
    Router::new()
        .route("/api/v4/channels", named("createChannel", post(create)))
        .route(
            "/api/v4/channels/direct",
            named("createDirectChannel", post(direct)),
        )
        .route(
            "/api/v4/channels/group",
            named("createGroupChannel", post(group)),
        )
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

/// `POST /channels/direct` with the two users' ids. The same two always get
/// the same channel.
async fn direct(
    State(app): State<App>,
    Auth(session): Auth,
    Json(ids): Json<Vec<String>>,
) -> Result<(StatusCode, axum::Json<Channel>), AppError> {
    // One id alone is somebody with whom the caller talks.
    let (first, second) = match ids.as_slice() {
        [other] => (&session.user_id, other),
        [first, second] => (first, second),
        _ => return Err(AppError::invalid_body("user_ids")),
    };
    let name = direct_channel_name(first, second);
    let ids = [first.clone(), second.clone()];
    let users = participants(&app, &session, &ids).await?;
    let channel = open(&app, &session, "D", name, String::new(), &users).await?;
    Ok((StatusCode::CREATED, axum::Json(channel)))
}

/// `POST /channels/group` with the ids of three to eight users, the creator's among them or not.
async fn group(
    State(app): State<App>,
    Auth(session): Auth,
    Json(mut ids): Json<Vec<String>>,
) -> Result<(StatusCode, axum::Json<Channel>), AppError> {
    ids.push(session.user_id.clone());
    ids.sort_unstable();
    ids.dedup();
    if !(3..=8).contains(&ids.len()) {
        let id = "api.channel.create_group.bad_size.app_error";
        let message = "Group message channels must contain at least 3 and no more than 8 users.";
        return Err(AppError::new(StatusCode::BAD_REQUEST, id, message));
    }
    let users = participants(&app, &session, &ids).await?;
    let names: Vec<&str> = users.iter().map(|user| user.username.as_str()).collect();
    let digest = aws_lc_rs::digest::digest(
        &aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY,
        ids.concat().as_bytes(),
    );
    let name = hex::encode(digest.as_ref());
    let channel = open(&app, &session, "G", name, names.join(", "), &users).await?;
    Ok((StatusCode::CREATED, axum::Json(channel)))
}

/// The users of a direct or group message, all of whom have to exist.
async fn participants(
    app: &Server,
    session: &UserSession,
    ids: &[String],
) -> Result<Vec<User>, AppError> {
    if !ids.contains(&session.user_id) && !session.is_admin() {
        return Err(AppError::forbidden());
    }
    let mut wanted = ids.to_vec();
    wanted.sort_unstable();
    wanted.dedup();
    let users = app.store.users_by_ids(&wanted, 0).await;
    let users = users.or_internal("app.user.get.app_error")?;
    if users.len() == wanted.len() {
        Ok(users)
    } else {
        Err(AppError::not_found("app.user.missing_account.const"))
    }
}

async fn open(
    app: &Server,
    session: &UserSession,
    kind: &str,
    name: String,
    display_name: String,
    users: &[User],
) -> Result<Channel, AppError> {
    let now = now_ms();
    let channel = Channel {
        id: new_id(),
        create_at: now,
        update_at: now,
        shared: Some(false),
        kind: kind.to_owned(),
        name: name.clone(),
        display_name,
        creator_id: session.user_id.clone(),
        ..Channel::default()
    };
    match app.store.create_channel(&channel).await {
        Ok(()) => {}
        Err(error) if error.is_duplicate() => {
            return existing(app.store.channel_by_name("", &name).await);
        }
        Err(error) => {
            let id = "app.channel.create_direct.app_error";
            return Err(AppError::internal(id, &error));
        }
    }
    for user in users {
        join(app, &channel, &user.id, ChannelRole::Member).await?;
    }
    let others = |id: &str| {
        users
            .iter()
            .map(|user| user.id.clone())
            .find(|one| one != id)
    };
    if kind == "D" {
        let teammate = others(&session.user_id).unwrap_or_default();
        let data = json!({"creator_id": session.user_id, "teammate_id": teammate});
        app.publish_to_channel("direct_added", &channel.id, data);
    } else {
        let ids: Vec<&str> = users.iter().map(|user| user.id.as_str()).collect();
        let data = json!({"teammate_ids": json!(ids).to_string()});
        app.publish_to_channel("group_added", &channel.id, data);
    }
    Ok(channel)
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
