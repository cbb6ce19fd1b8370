//! `ping`: whether the server works.

use std::time::Duration;

use axum::Router;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use serde::Deserialize;
use serde_json::{Value, json};

use super::extract::MaybeAuth;
use super::named;
use crate::app::App;
use crate::error::chain;
use crate::model::VERSION;

/// What a page of `GET /` says, so that nobody takes this for the product.
const HOME: &str = "<!doctype html><title>mattermost-standin</title>\
    <p>This is <b>mattermost-standin</b>, a stand-in for the Mattermost server that exercises \
    load-test rigs. It has no web application.";

/// How long the database and the file store may take to answer a probe.
const PROBE: Duration = Duration::from_secs(4);

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/", get(async || Html(HOME)))
        .route("/api/v4/system/ping", named("getSystemPing", get(ping)))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct PingQuery {
    get_server_status: bool,
    use_rest_semantics: bool,
}

/// `GET /system/ping`. With `get_server_status` the database and the file
/// store are tried.
async fn ping(
    State(app): State<App>,
    MaybeAuth(session): MaybeAuth,
    query: Query<PingQuery>,
) -> Response {
    let backend = match app.search.active_backend() {
        Some(backend) => backend,
        None if app.config().sql_settings.disable_database_search => "none",
        None => "database",
    };
    let mut body = json!({
        "status": "OK",
        "AndroidLatestVersion": "",
        "AndroidMinVersion": "",
        "IosLatestVersion": "",
        "IosMinVersion": "",
        "ActiveSearchBackend": backend,
        // Nobody is to take this for the product.
        "standin": true,
        "Version": VERSION,
    });
    if !query.get_server_status {
        return axum::Json(body).into_response();
    }
    let (database, files) = tokio::join!(
        probe(&app, "database", app.store.check_health()),
        probe(&app, "file store", app.files.check_health()),
    );
    let word = |healthy: bool| if healthy { "OK" } else { "UNHEALTHY" };
    let healthy = database && files;
    body["status"] = word(healthy).into();
    body["database_status"] = word(database).into();
    body["filestore_status"] = word(files).into();
    if session.is_some_and(|session| session.is_admin()) {
        body["root_status"] = is_root().into();
    }
    let mut headers = HeaderMap::new();
    headers.insert("status", HeaderValue::from_static(word(healthy)));
    headers.insert("database_status", HeaderValue::from_static(word(database)));
    headers.insert("filestore_status", HeaderValue::from_static(word(files)));
    let status = if healthy || query.use_rest_semantics {
        StatusCode::OK
    } else {
        StatusCode::INTERNAL_SERVER_ERROR
    };
    (status, headers, axum::Json(body)).into_response()
}

/// Whether something that the server depends on answers, and soon: who asks has a limit too.
async fn probe<E: std::error::Error + 'static>(
    app: &App,
    name: &'static str,
    check: impl Future<Output = Result<(), E>>,
) -> bool {
    let fault = match tokio::time::timeout(PROBE, check).await {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(chain(&error)),
        Err(_) => Some(format!("no answer within {} s", PROBE.as_secs())),
    };
    let healthy = fault.is_none();
    app.faults.record(name, fault);
    healthy
}

/// Whether the server runs with all rights of its machine.
fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

/// The body of success without a result.
pub(super) fn ok() -> axum::Json<Value> {
    axum::Json(json!({"status": "OK"}))
}
