//! Custom emoji.

use axum::Router;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use serde::Deserialize;

use super::extract::{Auth, Json, Page};
use super::named;
use crate::app::{App, Server};
use crate::error::{AppError, OrInternal};
use crate::model::Emoji;

/// Most names of one request.
const LIMIT: usize = 200;

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/api/v4/emoji", named("getEmojiList", get(list)))
        .route(
            "/api/v4/emoji/names",
            named("getEmojisByNames", post(by_names)),
        )
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct EmojiQuery {
    sort: String,
}

fn require_emoji(app: &Server) -> Result<(), AppError> {
    if app.config().service_settings.enable_custom_emoji {
        return Ok(());
    }
    let message = "Custom emoji have been disabled by the system admin.";
    Err(AppError::new(
        StatusCode::NOT_IMPLEMENTED,
        "api.emoji.disabled.app_error",
        message,
    ))
}

/// `GET /emoji`, a page of them.
async fn list(
    State(app): State<App>,
    Auth(_): Auth,
    query: Query<EmojiQuery>,
    page: Page,
) -> Result<axum::Json<Vec<Emoji>>, AppError> {
    require_emoji(&app)?;
    if !matches!(query.sort.as_str(), "" | "name") {
        return Err(AppError::invalid_url("sort"));
    }
    let emoji = app.store.emoji(page.offset, page.limit).await;
    Ok(axum::Json(
        emoji.or_internal("app.emoji.get_list.internal_error")?,
    ))
}

/// `POST /emoji/names`.
async fn by_names(
    State(app): State<App>,
    Auth(_): Auth,
    Json(names): Json<Vec<String>>,
) -> Result<axum::Json<Vec<Emoji>>, AppError> {
    if names.is_empty() {
        return Err(AppError::invalid_body("names"));
    }
    require_emoji(&app)?;
    if names.len() > LIMIT {
        let message = format!("No more than {LIMIT} emoji can be asked for at once.");
        return Err(AppError::new(
            StatusCode::BAD_REQUEST,
            "api.emoji.get_multiple_by_name_too_many.request_error",
            message,
        ));
    }
    let emoji = app.store.emoji_by_names(&names).await;
    Ok(axum::Json(
        emoji.or_internal("app.emoji.get_by_name.app_error")?,
    ))
}
