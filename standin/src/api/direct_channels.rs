//! Direct and group messages.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use serde_json::json;

use super::channels::{existing, join};
use super::extract::{Auth, Json};
use super::named;
use crate::app::{App, Server};
use crate::db::ChannelRole;
use crate::error::{AppError, OrInternal};
use crate::id::{new_id, now_ms};
use crate::model::{Channel, User, UserSession, direct_channel_name};

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route(
            "/api/v4/channels/direct",
            named("createDirectChannel", post(direct)),
        )
        .route(
            "/api/v4/channels/group",
            named("createGroupChannel", post(group)),
        )
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
