//! Who is online.

use std::time::Instant;

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::{get, post, put};

use super::extract::{Auth, Json, own_user, user_or_me};
use super::named;
use crate::app::{App, Server};
use crate::error::{AppError, OrInternal};
use crate::id::{is_valid_id, now_ms};
use crate::model::UserStatus;

pub(super) fn routes() -> Router<App> {
    let one = "/api/v4/users/{user}/status";
    Router::new()
        .route(
            "/api/v4/users/status/ids",
            named("getUserStatusesByIds", post(by_ids)),
        )
        .route(one, named("getUserStatus", get(get_one)))
        .route(one, named("updateUserStatus", put(update)))
}

/// `POST /users/status/ids`. Users who have never been there are offline.
async fn by_ids(
    State(app): State<App>,
    Auth(_): Auth,
    Json(ids): Json<Vec<String>>,
) -> Result<axum::Json<Vec<UserStatus>>, AppError> {
    if ids.is_empty() || ids.iter().any(|id| id.len() != 26) {
        return Err(AppError::invalid_body("user_ids"));
    }
    read(&app, &ids).await.map(axum::Json)
}

/// `GET /users/{user}/status`.
async fn get_one(
    State(app): State<App>,
    Auth(session): Auth,
    Path(user): Path<String>,
) -> Result<axum::Json<UserStatus>, AppError> {
    let user_id = user_or_me(&user, &session);
    if !is_valid_id(&user_id) {
        return Err(AppError::invalid_url("user_id"));
    }
    of_user(&app, user_id).await.map(axum::Json)
}

async fn of_user(app: &Server, user_id: String) -> Result<UserStatus, AppError> {
    let found = read(app, &[user_id]).await?;
    let missing = || AppError::not_found("api.status.user_not_found.app_error");
    found.into_iter().next().ok_or_else(missing)
}

/// The presence of users, in the order asked for; none when presence is off.
pub(super) async fn read(app: &Server, ids: &[String]) -> Result<Vec<UserStatus>, AppError> {
    if !app.config().service_settings.enable_user_statuses {
        return Ok(Vec::new());
    }
    let mut found = app
        .store
        .statuses(ids)
        .await
        .or_internal("app.status.get.app_error")?;
    for id in ids {
        if !found.iter().any(|status| status.user_id == *id) {
            found.push(UserStatus {
                user_id: id.clone(),
                status: "offline".to_owned(),
                ..UserStatus::default()
            });
        }
    }
    Ok(found)
}

/// `PUT /users/{user}/status`: what the user has chosen to show.
async fn update(
    State(app): State<App>,
    Auth(session): Auth,
    Path(user): Path<String>,
    Json(new): Json<UserStatus>,
) -> Result<axum::Json<UserStatus>, AppError> {
    let named_id = user_or_me(&user, &session);
    if new.user_id != named_id {
        return Err(AppError::invalid_body("user_id"));
    }
    let user_id = own_user(&user, &session)?;
    if !matches!(new.status.as_str(), "online" | "offline" | "away" | "dnd") {
        return Err(AppError::invalid_body("status"));
    }
    let status = UserStatus {
        user_id: user_id.clone(),
        manual: true,
        last_activity_at: now_ms(),
        dnd_end_time: if new.status == "dnd" {
            new.dnd_end_time
        } else {
            0
        },
        status: new.status,
    };
    let kept = app.store.set_status(&status).await;
    let kept = kept.or_internal("app.status.get.app_error")?;
    if app.presence.note(&user_id, &kept.status, Instant::now()) {
        app.announce_status(&kept);
    }
    Ok(axum::Json(kept))
}
