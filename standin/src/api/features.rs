//! What a web client asks about features that the stand-in does not have, and about those that
//! need a license: it answers as a server on which nobody has used them.

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use mattermost_license::Tier;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::channels::existing;
use super::extract::{Auth, Json};
use super::named;
use super::system::ok;
use crate::app::{App, Server};
use crate::error::{AppError, OrInternal};
use crate::id::now_ms;

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route(
            "/api/v4/limits/server",
            named("getServerLimits", get(limits)),
        )
        .route(
            "/api/v4/plugins/webapp",
            named("getWebappPlugins", get(plugins)),
        )
        .route(
            "/api/v4/system/notices/{team}",
            named("getProductNotices", get(notices)),
        )
        .route(
            "/api/v4/system/notices/view",
            named("updateViewedProductNotices", put(notices_viewed)),
        )
        .route(
            "/api/v4/posts/scheduled/team/{team}",
            named("getTeamScheduledPosts", get(scheduled)),
        )
        .route(
            "/api/v4/channels/{channel}/bookmarks",
            named("listChannelBookmarksForChannel", get(bookmarks)),
        )
        .route("/api/v4/groups", named("getGroups", get(groups)))
        .route("/api/v4/agents", named("getAgents", get(agents)))
        .route(
            "/api/v4/custom_profile_attributes/fields",
            named("listCPAFields", get(profile_fields)),
        )
        .route(
            "/api/v4/client_perf",
            named("submitPerformanceReport", post(performance)),
        )
        .route("/api/v4/logs", named("postLog", post(log)))
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct ServerLimits {
    max_users_limit: i64,
    max_users_hard_limit: i64,
    active_user_count: i64,
    post_history_limit: i64,
    last_accessible_post_time: i64,
}

/// `GET /limits/server`. The users are counted for everybody, and told to administrators.
async fn limits(
    State(app): State<App>,
    Auth(session): Auth,
) -> Result<axum::Json<ServerLimits>, AppError> {
    let count = app.store.active_user_count().await;
    let count = count.or_internal("app.limits.get_app_limits.user_count.store_error")?;
    if !session.is_admin() {
        return Ok(axum::Json(ServerLimits::default()));
    }
    let limits = app.licensing.user_limits();
    Ok(axum::Json(ServerLimits {
        max_users_limit: limits.soft,
        max_users_hard_limit: limits.hard,
        active_user_count: count,
        ..ServerLimits::default()
    }))
}

/// `GET /plugins/webapp`, also without a session: there are none.
async fn plugins(State(app): State<App>) -> Result<axum::Json<Vec<Value>>, AppError> {
    if app.config().plugin_settings.enable {
        return Ok(axum::Json(Vec::new()));
    }
    Err(AppError::new(
        StatusCode::NOT_IMPLEMENTED,
        "app.plugin.disabled.app_error",
        "Plugins have been disabled.",
    ))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct NoticesQuery {
    client: String,
}

/// `GET /system/notices/{team}`: there are none.
async fn notices(
    State(_): State<App>,
    Auth(_): Auth,
    query: Query<NoticesQuery>,
) -> Result<axum::Json<Vec<Value>>, AppError> {
    let known = ["desktop", "web", "mobile", "mobile-android", "mobile-ios"];
    if known.contains(&query.client.as_str()) {
        Ok(axum::Json(Vec::new()))
    } else {
        Err(AppError::invalid_body("client"))
    }
}

/// `PUT /system/notices/view`.
async fn notices_viewed(
    State(_): State<App>,
    Auth(_): Auth,
    Json(_): Json<Vec<String>>,
) -> axum::Json<Value> {
    ok()
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ScheduledQuery {
    include_direct_channels: bool,
}

/// `GET /posts/scheduled/team/{team}`: refused without a license.
async fn scheduled(
    State(app): State<App>,
    Auth(session): Auth,
    Path(team_id): Path<String>,
    query: Query<ScheduledQuery>,
) -> Result<axum::Json<Map<String, Value>>, AppError> {
    let refuse = |id, message| Err(AppError::new(StatusCode::BAD_REQUEST, id, message));
    if !app.config().service_settings.scheduled_posts {
        return refuse(
            "api.scheduled_posts.feature_disabled",
            "Scheduled posts feature is disabled.",
        );
    }
    if !app.licensing.is_licensed() {
        return refuse(
            "api.scheduled_posts.license_error",
            "Scheduled posts feature requires a license.",
        );
    }
    app.require_team(&session, &team_id)?;
    let mut posts = Map::new();
    posts.insert(team_id, json!([]));
    if query.include_direct_channels {
        posts.insert("directChannels".to_owned(), json!([]));
    }
    Ok(axum::Json(posts))
}

/// `GET /channels/{channel}/bookmarks`: refused without a license.
async fn bookmarks(
    State(app): State<App>,
    Auth(session): Auth,
    Path(id): Path<String>,
) -> Result<axum::Json<Vec<Value>>, AppError> {
    if !app.licensing.is_licensed() {
        return Err(AppError::new(
            StatusCode::NOT_IMPLEMENTED,
            "api.channel.bookmark.channel_bookmark.license.error",
            "Your license does not support channel bookmarks.",
        ));
    }
    let channel = existing(app.store.channel(&id).await)?;
    app.require_read(&session, &channel).await?;
    Ok(axum::Json(Vec::new()))
}

/// `GET /groups`: refused without a license.
async fn groups(State(app): State<App>, Auth(_): Auth) -> Result<axum::Json<Vec<Value>>, AppError> {
    if !app.licensing.is_licensed() {
        let message = "api endpoint requires a license";
        return Err(AppError::new(
            StatusCode::NOT_IMPLEMENTED,
            "api.license_error",
            message,
        ));
    }
    Ok(axum::Json(Vec::new()))
}

/// `GET /agents`: a server on which the plugin that has them does not run answers with an error.
async fn agents(State(_): State<App>, Auth(_): Auth) -> AppError {
    AppError::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "app.agents.get_agents.app_error",
        "Failed to get agents from bridge",
    )
}

/// `GET /custom_profile_attributes/fields`: refused without a license for them.
async fn profile_fields(
    State(app): State<App>,
    Auth(_): Auth,
) -> Result<axum::Json<Vec<Value>>, AppError> {
    let id = "api.custom_profile_attributes.license_error";
    require_tier(&app, Tier::Enterprise, id)?;
    Ok(axum::Json(Vec::new()))
}

fn require_tier(app: &Server, least: Tier, id: &'static str) -> Result<(), AppError> {
    let license = app.licensing.current();
    if license.is_some_and(|license| license.sku().tier() >= least) {
        return Ok(());
    }
    let message = "Your license does not support this feature.";
    Err(AppError::new(StatusCode::FORBIDDEN, id, message))
}

/// `POST /client_perf`: nothing is kept of it. Without metrics the answer is empty.
async fn performance(
    State(app): State<App>,
    Auth(_): Auth,
    Json(report): Json<Value>,
) -> Result<Response, AppError> {
    if !app.config().metrics_settings.enable {
        let json = [(header::CONTENT_TYPE, "application/json")];
        return Ok((json, "").into_response());
    }
    if !is_valid_report(&report) {
        return Err(AppError::invalid_body("submitPerformanceReport"));
    }
    Ok(ok().into_response())
}

/// Whether a report is of a version that is known, and not over for more than an hour.
fn is_valid_report(report: &Value) -> bool {
    let version = report["version"].as_str().unwrap_or_default();
    let (start, end) = (&report["start"], &report["end"]);
    let (start, end) = (start.as_f64().unwrap_or(0.0), end.as_f64().unwrap_or(0.0));
    version.starts_with("0.") && start <= end && end >= (now_ms() - 3_600_000) as f64
}

/// `POST /logs`: nothing is kept of it.
async fn log(State(_): State<App>, Auth(_): Auth, Json(entry): Json<Value>) -> axum::Json<Value> {
    axum::Json(entry)
}
