//! What administrators read and change: configuration, license, cluster, search.

use axum::Router;
use axum::extract::{DefaultBodyLimit, Multipart, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post, put};
use serde_json::{Value, json};

use super::extract::{Auth, Json};
use super::named;
use super::system::ok;
use crate::app::{App, Server};
use crate::cluster::{Message, NodeInfo};
use crate::error::{AppError, OrInternal};
use crate::hub::HubEvent;
use crate::licensing::AddLicenseError;
use crate::mail;
use crate::model::UserSession;
use crate::search::SearchError;
use crate::settings::SettingsError;

/// Largest body of a configuration.
const CONFIG_LIMIT: usize = 4 * 1024 * 1024;

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/api/v4/config", named("getConfig", get(config)))
        .route("/api/v4/config", named("updateConfig", put(replace_config)))
        .route(
            "/api/v4/config/patch",
            named("patchConfig", put(patch_config)),
        )
        .route(
            "/api/v4/config/reload",
            named("configReload", post(reload_config)),
        )
        .route(
            "/api/v4/config/environment",
            named("getEnvironmentConfig", get(environment)),
        )
        .route("/api/v4/license", named("addLicense", post(add_license)))
        .route(
            "/api/v4/license",
            named("removeLicense", delete(remove_license)),
        )
        .route(
            "/api/v4/cluster/status",
            named("getClusterStatus", get(cluster_status)),
        )
        .route(
            "/api/v4/elasticsearch/test",
            named("testElasticsearch", post(test_search)),
        )
        .route("/api/v4/email/test", named("testEmail", post(test_email)))
        .route(
            "/api/v4/caches/invalidate",
            named("invalidateCaches", post(invalidate_caches)),
        )
        .layer(DefaultBodyLimit::max(CONFIG_LIMIT))
}

/// Those of the local socket, where nothing is masked.
pub(super) fn local_routes() -> Router<App> {
    Router::new()
        .route("/api/v4/config", named("localGetConfig", get(local_config)))
        .route(
            "/api/v4/config/patch",
            named("localPatchConfig", put(patch_config)),
        )
        .layer(DefaultBodyLimit::max(CONFIG_LIMIT))
}

/// `GET /config` at the local socket.
async fn local_config(State(app): State<App>) -> Response {
    uncached(app.settings.current().effective.clone())
}

pub(super) fn require_admin(session: &UserSession) -> Result<(), AppError> {
    if session.is_admin() {
        Ok(())
    } else {
        Err(AppError::forbidden())
    }
}

/// An answer that nobody between here and the administrator may keep.
fn uncached(body: Value) -> Response {
    let mut headers = HeaderMap::new();
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("no-cache, no-store, must-revalidate"),
    );
    (headers, axum::Json(body)).into_response()
}

/// `GET /config`, with masked secrets.
async fn config(State(app): State<App>, Auth(session): Auth) -> Result<Response, AppError> {
    require_admin(&session)?;
    Ok(uncached(app.settings.shown()))
}

/// `GET /config/environment`: the keys that variables have set.
async fn environment(State(app): State<App>, Auth(session): Auth) -> Result<Response, AppError> {
    require_admin(&session)?;
    Ok(uncached(app.settings.locked()))
}

/// `PUT /config/patch`.
async fn patch_config(
    State(app): State<App>,
    Auth(session): Auth,
    Json(patch): Json<Value>,
) -> Result<Response, AppError> {
    change_config(&app, &session, patch, false).await
}

/// `PUT /config`: keys that are not there fall back to their defaults.
async fn replace_config(
    State(app): State<App>,
    Auth(session): Auth,
    Json(new): Json<Value>,
) -> Result<Response, AppError> {
    change_config(&app, &session, new, true).await
}

async fn change_config(
    app: &Server,
    session: &UserSession,
    new: Value,
    whole: bool,
) -> Result<Response, AppError> {
    if !new.is_object() {
        return Err(AppError::invalid_body("config"));
    }
    require_admin(session)?;
    app.settings
        .change(new, whole)
        .await
        .map_err(|error| match &error {
            SettingsError::ReadOnly => AppError::new(
                StatusCode::FORBIDDEN,
                "ent.cluster.save_config.error",
                error.to_string(),
            ),
            SettingsError::Config(cause) => {
                let message = crate::error::chain(cause);
                AppError::new(
                    StatusCode::BAD_REQUEST,
                    "api.context.invalid_body_param.app_error",
                    message,
                )
            }
            _ => AppError::internal("app.save_config.app_error", &error),
        })?;
    config_changed(app);
    Ok(uncached(app.settings.shown()))
}

fn config_changed(app: &Server) {
    app.announce_config();
    app.cluster.send(&Message::ConfigChanged);
    app.publish(&HubEvent {
        event: "config_changed".to_owned(),
        ..HubEvent::default()
    });
}

/// `POST /config/reload`.
async fn reload_config(
    State(app): State<App>,
    Auth(session): Auth,
) -> Result<axum::Json<Value>, AppError> {
    require_admin(&session)?;
    let reloaded = app.settings.reload().await;
    reloaded.or_internal("api.config.reload_config.app_error")?;
    config_changed(&app);
    Ok(ok())
}

/// `POST /license`: a form with the field `license`.
async fn add_license(
    State(app): State<App>,
    Auth(session): Auth,
    mut form: Multipart,
) -> Result<axum::Json<Value>, AppError> {
    require_admin(&session)?;
    let bad = |id, message: String| AppError::new(StatusCode::BAD_REQUEST, id, message);
    let mut text = None;
    while let Ok(Some(field)) = form.next_field().await {
        if field.name() == Some("license") {
            text = field.bytes().await.ok();
        }
    }
    let missing = "api.license.add_license.no_file.app_error";
    let text = text.ok_or_else(|| bad(missing, "No file under 'license' in request.".into()))?;
    let added = app.licensing.add(&app.store, &text).await;
    let license = added.map_err(|error| match &error {
        AddLicenseError::License(cause) => bad(
            "api.license.add_license.invalid.app_error",
            format!("Invalid license file: {cause}."),
        ),
        AddLicenseError::Expired => bad(
            "api.license.add_license.expired.app_error",
            "License is either expired or has not yet started.".into(),
        ),
        AddLicenseError::Seats { seats, users } => bad(
            "api.license.add_license.unique_users.app_error",
            format!("This license only supports {seats} users, when your system has {users}."),
        ),
        AddLicenseError::Database(_) => {
            AppError::internal("api.license.add_license.save.app_error", &error)
        }
    })?;
    license_changed(&app);
    let license = serde_json::to_value(&*license).or_internal("api.marshal_error")?;
    Ok(axum::Json(license))
}

/// `DELETE /license`.
async fn remove_license(
    State(app): State<App>,
    Auth(session): Auth,
) -> Result<axum::Json<Value>, AppError> {
    require_admin(&session)?;
    let removed = app.licensing.remove(&app.store).await;
    removed.or_internal("app.system.save.app_error")?;
    license_changed(&app);
    Ok(ok())
}

fn license_changed(app: &Server) {
    app.apply_license();
    app.cluster.send(&Message::LicenseChanged);
    let mut event = HubEvent {
        event: "license_changed".to_owned(),
        ..HubEvent::default()
    };
    let told = json!(app.licensing.describe());
    event.data.insert("license".to_owned(), told);
    app.publish(&event);
}

/// `GET /cluster/status`: this node and those that it has a connection to; none without a
/// cluster.
async fn cluster_status(
    State(app): State<App>,
    Auth(session): Auth,
) -> Result<axum::Json<Vec<NodeInfo>>, AppError> {
    require_admin(&session)?;
    Ok(axum::Json(app.cluster.nodes()))
}

/// `POST /elasticsearch/test`.
async fn test_search(
    State(app): State<App>,
    Auth(session): Auth,
) -> Result<axum::Json<Value>, AppError> {
    require_admin(&session)?;
    let refuse =
        |id, error: &SearchError| AppError::new(StatusCode::NOT_IMPLEMENTED, id, error.to_string());
    match app.search.check_health().await {
        Err(error @ SearchError::Unlicensed) => Err(refuse(
            "ent.elasticsearch.test_config.license.error",
            &error,
        )),
        Err(error @ SearchError::Disabled) => {
            let id = "ent.elasticsearch.test_config.indexing_disabled.error";
            Err(refuse(id, &error))
        }
        other => {
            other.or_internal("ent.elasticsearch.test_config.connection.error")?;
            Ok(ok())
        }
    }
}

/// `POST /email/test`: a message to the administrator. Settings in the body are not tried, as those of the
/// server are.
async fn test_email(
    State(app): State<App>,
    Auth(session): Auth,
) -> Result<axum::Json<Value>, AppError> {
    require_admin(&session)?;
    let settings = app.config().email_settings.clone();
    if settings.smtp_server.is_empty() {
        return Err(AppError::new(
            StatusCode::BAD_REQUEST,
            "api.admin.test_email.missing_server",
            "SMTP Server is required",
        ));
    }
    let user = app.store.user(&session.user_id).await;
    let user = user.or_internal("app.user.get.app_error")?;
    let user = user.ok_or_else(AppError::session_expired)?;
    let subject = "Mattermost - Testing Email Settings";
    let text = "It appears your Mattermost email is setup correctly!";
    let sent = mail::send(&settings, &user.email, subject, text).await;
    sent.map_err(|error| {
        AppError::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "app.admin.test_email.failure",
            format!("Connection unsuccessful: {}", crate::error::chain(&error)),
        )
    })?;
    Ok(ok())
}

/// `POST /caches/invalidate`, of this node.
async fn invalidate_caches(
    State(app): State<App>,
    Auth(session): Auth,
) -> Result<axum::Json<Value>, AppError> {
    require_admin(&session)?;
    app.sessions.remove_where(|_| true);
    app.memberships.remove_where(|_| true);
    Ok(ok())
}
