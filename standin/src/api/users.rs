//! Accounts, read and found.

use std::collections::BTreeMap;

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};

use super::extract::{Auth, Json, Page, user_or_me};
use super::{etag, named};
use crate::app::App;
use crate::db::DbError;
use crate::error::{AppError, OrInternal};
use crate::id::is_valid_id;
use crate::model::{User, UserSession};

const FAILED: &str = "app.user.get_profiles.app_error";
const MISSING: &str = "app.user.missing_account.const";

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/api/v4/users", named("getUsers", get(list)))
        .route("/api/v4/users/ids", named("getUsersByIds", post(by_ids)))
        .route(
            "/api/v4/users/usernames",
            named("getUsersByNames", post(by_names)),
        )
        .route(
            "/api/v4/users/group_channels",
            named("getUsersByGroupChannelIds", post(by_group_channels)),
        )
        .route("/api/v4/users/search", named("searchUsers", post(search)))
        .route(
            "/api/v4/users/autocomplete",
            named("autocompleteUsers", get(autocomplete)),
        )
        .route(
            "/api/v4/users/stats",
            named("getTotalUsersStats", get(stats)),
        )
        .route(
            "/api/v4/users/username/{name}",
            named("getUserByUsername", get(by_name)),
        )
        .route(
            "/api/v4/users/email/{email}",
            named("getUserByEmail", get(by_email)),
        )
        .route("/api/v4/users/{user}", named("getUser", get(get_one)))
}

/// Those of the local socket.
pub(super) fn local_routes() -> Router<App> {
    Router::new()
        .route("/api/v4/users", named("localGetUsers", get(list)))
        .route(
            "/api/v4/users/username/{name}",
            named("localGetUserByUsername", get(by_name)),
        )
}

/// `GET /users/{user}`, also `/users/me`.
async fn get_one(
    State(app): State<App>,
    Auth(session): Auth,
    headers: HeaderMap,
    Path(user): Path<String>,
) -> Result<Response, AppError> {
    let id = user_or_me(&user, &session);
    if !is_valid_id(&id) {
        return Err(AppError::invalid_url("user_id"));
    }
    found(&headers, &session, app.store.user(&id).await, MISSING)
}

/// `GET /users/username/{name}`.
async fn by_name(
    State(app): State<App>,
    Auth(session): Auth,
    headers: HeaderMap,
    Path(name): Path<String>,
) -> Result<Response, AppError> {
    let user = app.store.user_by_name(&name.to_lowercase()).await;
    let missing = "app.user.get_by_username.app_error";
    found(&headers, &session, user, missing)
}

/// `GET /users/email/{email}`.
async fn by_email(
    State(app): State<App>,
    Auth(session): Auth,
    headers: HeaderMap,
    Path(email): Path<String>,
) -> Result<Response, AppError> {
    let user = app.store.user_by_email(&email.to_lowercase()).await;
    found(&headers, &session, user, MISSING)
}

fn found(
    headers: &HeaderMap,
    session: &UserSession,
    user: Result<Option<User>, DbError>,
    missing: &'static str,
) -> Result<Response, AppError> {
    let user = user.or_internal("app.user.get.app_error")?;
    let user = user.ok_or_else(|| AppError::not_found(missing))?;
    let tag = user.etag();
    Ok(etag::json(headers, &tag, user.seen_by(session)))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct UsersQuery {
    in_team: String,
    in_channel: String,
}

/// `GET /users`: a page of all, or of those in a team or channel.
async fn list(
    State(app): State<App>,
    Auth(session): Auth,
    query: Query<UsersQuery>,
    page: Page,
) -> Result<axum::Json<Vec<User>>, AppError> {
    if !query.in_channel.is_empty() {
        app.require_channel(&session, &query.in_channel).await?;
    } else if !query.in_team.is_empty() {
        app.require_team(&session, &query.in_team)?;
    }
    let users = app
        .store
        .users(&query.in_team, &query.in_channel, page.offset, page.limit)
        .await;
    shown(&session, users)
}

fn shown(
    session: &UserSession,
    users: Result<Vec<User>, DbError>,
) -> Result<axum::Json<Vec<User>>, AppError> {
    let users = users.or_internal(FAILED)?;
    let seen = users.into_iter().map(|user| user.seen_by(session));
    Ok(axum::Json(seen.collect()))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct SinceQuery {
    /// Milliseconds since 1970.
    since: i64,
}

/// `POST /users/ids`, those that changed after `since`.
async fn by_ids(
    State(app): State<App>,
    Auth(session): Auth,
    since: Query<SinceQuery>,
    Json(ids): Json<Vec<String>>,
) -> Result<axum::Json<Vec<User>>, AppError> {
    if ids.is_empty() {
        return Err(AppError::invalid_body("user_ids"));
    }
    shown(&session, app.store.users_by_ids(&ids, since.since).await)
}

/// `POST /users/usernames`.
async fn by_names(
    State(app): State<App>,
    Auth(session): Auth,
    Json(names): Json<Vec<String>>,
) -> Result<axum::Json<Vec<User>>, AppError> {
    if names.is_empty() {
        return Err(AppError::invalid_body("usernames"));
    }
    shown(&session, app.store.users_by_names(&names).await)
}

/// `POST /users/group_channels`: the other members of each group message.
async fn by_group_channels(
    State(app): State<App>,
    Auth(session): Auth,
    Json(ids): Json<Vec<String>>,
) -> Result<axum::Json<BTreeMap<String, Vec<User>>>, AppError> {
    if ids.is_empty() {
        return Err(AppError::invalid_body("channel_ids"));
    }
    let found = app
        .store
        .users_of_group_channels(&ids, &session.user_id)
        .await;
    let mut channels: BTreeMap<String, Vec<User>> = BTreeMap::new();
    for (channel, user) in found.or_internal(FAILED)? {
        channels
            .entry(channel)
            .or_default()
            .push(user.seen_by(&session));
    }
    Ok(axum::Json(channels))
}

#[derive(Debug, Deserialize)]
#[serde(default)]
struct UserSearch {
    term: String,
    team_id: String,
    limit: i64,
}

impl Default for UserSearch {
    fn default() -> Self {
        Self {
            term: String::new(),
            team_id: String::new(),
            limit: 100,
        }
    }
}

/// `POST /users/search`.
async fn search(
    State(app): State<App>,
    Auth(session): Auth,
    Json(wanted): Json<UserSearch>,
) -> Result<axum::Json<Vec<User>>, AppError> {
    if wanted.term.is_empty() {
        return Err(AppError::invalid_body("term"));
    }
    if !(1..=1000).contains(&wanted.limit) {
        return Err(AppError::invalid_body("limit"));
    }
    let term = wanted.term.trim_start_matches('@');
    let users = app
        .store
        .find_users(term, &wanted.team_id, wanted.limit)
        .await;
    shown(&session, users)
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct AutocompleteQuery {
    name: String,
    in_team: String,
    in_channel: String,
}

/// `GET /users/autocomplete`.
async fn autocomplete(
    State(app): State<App>,
    Auth(session): Auth,
    query: Query<AutocompleteQuery>,
) -> Result<axum::Json<Value>, AppError> {
    let users = app.store.find_users(&query.name, &query.in_team, 100).await;
    let axum::Json(mut users) = shown(&session, users)?;
    if query.in_channel.is_empty() {
        return Ok(axum::Json(json!({"users": users})));
    }
    let ids: Vec<String> = users.iter().map(|user| user.id.clone()).collect();
    let members = app
        .store
        .channel_members_by_ids(&query.in_channel, &ids)
        .await;
    let members = members.or_internal(FAILED)?;
    let out = users
        .extract_if(.., |user| !members.iter().any(|m| m.user_id == user.id))
        .collect::<Vec<_>>();
    let mut body = json!({"users": users});
    if !out.is_empty() {
        body["out_of_channel"] = json!(out);
    }
    Ok(axum::Json(body))
}

/// `GET /users/stats`.
async fn stats(State(app): State<App>, Auth(_): Auth) -> Result<axum::Json<Value>, AppError> {
    let count = app.store.active_user_count().await;
    let count = count.or_internal("app.user.get_total_users_count.app_error")?;
    Ok(axum::Json(json!({"total_users_count": count})))
}
