//! What clients are told of the configuration and of the license.

use axum::Router;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::routing::get;
use mattermost_license::{Feature, client_license, sanitized_client_license};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::extract::MaybeAuth;
use super::named;
use crate::app::{App, Server};
use crate::error::{AppError, OrInternal};
use crate::model::VERSION;

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route(
            "/api/v4/config/client",
            named("getClientConfig", get(config)),
        )
        .route(
            "/api/v4/license/client",
            named("getClientLicense", get(license)),
        )
}

/// `GET /config/client`, all as text: a few keys for everybody, more with a session. The format
/// that older servers ask for makes no difference, as from 11.0 on.
async fn config(
    State(app): State<App>,
    MaybeAuth(session): MaybeAuth,
) -> Result<axum::Json<Value>, AppError> {
    let mut keys = limited(&app);
    if session.is_some() {
        keys.extend(full(&app));
        // What Mattermost reads anew for each call with a session.
        let installed = app.store.install_facts().await;
        let (date, schema) = installed.or_internal("app.system.get_by_name.app_error")?;
        keys.insert("InstallationDate".to_owned(), date.to_string().into());
        keys.insert("SchemaVersion".to_owned(), schema.to_string().into());
    }
    Ok(axum::Json(Value::Object(keys)))
}

fn text(pairs: Vec<(&str, String)>) -> Map<String, Value> {
    pairs
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.into()))
        .collect()
}

/// What a login page needs.
fn limited(app: &Server) -> Map<String, Value> {
    let config = app.config();
    let (service, team, email) = (
        &config.service_settings,
        &config.team_settings,
        &config.email_settings,
    );
    let site_url = service.site_url.trim_end_matches('/').to_owned();
    let mut keys = text(vec![
        ("Version", VERSION.to_owned()),
        ("BuildNumber", VERSION.to_owned()),
        ("BuildDate", String::new()),
        ("BuildHash", String::new()),
        ("BuildHashEnterprise", "none".to_owned()),
        ("BuildEnterpriseReady", "false".to_owned()),
        ("ServiceEnvironment", "production".to_owned()),
        ("TelemetryId", String::new()),
        ("DiagnosticId", String::new()),
        ("DiagnosticsEnabled", "false".to_owned()),
        ("EnableDiagnostics", "false".to_owned()),
        ("EnableFile", config.log_settings.enable_file.to_string()),
        ("SiteURL", site_url),
        ("SiteName", team.site_name.clone()),
        ("EnableUserCreation", team.enable_user_creation.to_string()),
        ("EnableOpenServer", team.enable_open_server.to_string()),
        (
            "EnableSignUpWithEmail",
            email.enable_sign_up_with_email.to_string(),
        ),
        (
            "EnableSignInWithEmail",
            email.enable_sign_in_with_email.to_string(),
        ),
        (
            "EnableSignInWithUsername",
            email.enable_sign_in_with_username.to_string(),
        ),
        ("EnableCustomEmoji", service.enable_custom_emoji.to_string()),
        (
            "EnableUserStatuses",
            service.enable_user_statuses.to_string(),
        ),
        ("PluginsEnabled", config.plugin_settings.enable.to_string()),
    ]);
    let mut all = constant(LIMITED);
    all.append(&mut keys);
    all
}

/// What else a client with a session is told.
fn full(app: &Server) -> Map<String, Value> {
    let config = app.config();
    let (service, team) = (&config.service_settings, &config.team_settings);
    let licensed = app.licensing.is_licensed();
    let has = |feature| app.licensing.has(feature);
    let cluster = config.cluster_settings.enable && has(Feature::Cluster);
    let metrics = config.metrics_settings.enable && has(Feature::Metrics);
    let mut keys = text(vec![
        (
            "EnableFileAttachments",
            config.file_settings.enable_file_attachments.to_string(),
        ),
        (
            "MaxFileSize",
            config.file_settings.max_file_size.to_string(),
        ),
        ("MaxPostSize", super::posts::MAX_MESSAGE.to_string()),
        (
            "PostEditTimeLimit",
            service.post_edit_time_limit.to_string(),
        ),
        (
            "MaxNotificationsPerChannel",
            team.max_notifications_per_channel.to_string(),
        ),
        (
            "TimeBetweenUserTypingUpdatesMilliseconds",
            service
                .time_between_user_typing_updates_milliseconds
                .to_string(),
        ),
        (
            "EnableUserTypingMessages",
            service.enable_user_typing_messages.to_string(),
        ),
        (
            "EnableChannelViewedMessages",
            service.enable_channel_viewed_messages.to_string(),
        ),
        ("CollapsedThreads", service.collapsed_threads.clone()),
        ("AllowSyncedDrafts", service.allow_synced_drafts.to_string()),
        ("EnableCluster", cluster.to_string()),
        ("EnableMetrics", metrics.to_string()),
        ("RunJobs", config.job_settings.run_jobs.to_string()),
        (
            "ExtendSessionLengthWithActivity",
            service.extend_session_length_with_activity.to_string(),
        ),
    ]);
    if licensed {
        let scheduled = service.scheduled_posts.to_string();
        keys.insert("ScheduledPosts".to_owned(), scheduled.into());
        keys.insert("PostAcknowledgements".to_owned(), "true".into());
    }
    let mut all = constant(FULL);
    all.append(&mut keys);
    all
}

/// Keys with Mattermost's defaults that nothing in the stand-in changes: on each line a name, a
/// blank and the value.
const LIMITED: &str = include_str!("limited.txt");
/// As [`LIMITED`], for clients with a session.
const FULL: &str = include_str!("full.txt");

fn constant(lines: &str) -> Map<String, Value> {
    lines
        .lines()
        .map(|line| line.split_once(' ').unwrap_or((line, "")))
        .map(|(name, value)| (name.to_owned(), value.into()))
        .collect()
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct FormatQuery {
    format: String,
}

/// `GET /license/client?format=old`; the format has to be named.
async fn license(
    State(app): State<App>,
    MaybeAuth(session): MaybeAuth,
    query: Query<FormatQuery>,
) -> Result<axum::Json<Value>, AppError> {
    match query.format.as_str() {
        "old" => {}
        "" => {
            let id = "api.license.client.old_format.app_error";
            let message = "New format for the client license is not supported yet. \
                           Please specify format=old in the query string.";
            return Err(AppError::new(StatusCode::BAD_REQUEST, id, message));
        }
        _ => return Err(AppError::invalid_body("format")),
    }
    let license = app.licensing.current();
    let told = if session.is_some_and(|session| session.is_admin()) {
        client_license(license.as_deref())
    } else {
        sanitized_client_license(license.as_deref())
    };
    Ok(axum::Json(json!(told)))
}
