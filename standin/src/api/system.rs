//! `ping`, the client's configuration, and the state of the cluster.

use std::time::Duration;

use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::extract::{Auth, MaybeAuth};
use crate::app::App;
use crate::cluster::NodeInfo;
use crate::error::{AppError, OrInternal, chain};
use crate::model::VERSION;
use crate::search::SearchError;

/// How long the database and the file store may take to answer a probe.
const PROBE: Duration = Duration::from_secs(4);

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct PingQuery {
    get_server_status: bool,
    use_rest_semantics: bool,
}

/// `GET /system/ping`. With `get_server_status` the database and the file
/// store are tried.
pub(super) async fn ping(State(app): State<App>, query: Query<PingQuery>) -> Response {
    let mut body = json!({
        "status": "OK",
        "AndroidLatestVersion": "",
        "AndroidMinVersion": "",
        "IosLatestVersion": "",
        "IosMinVersion": "",
        "ActiveSearchBackend": app.search.backend(),
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

/// `GET /config/client`, the keys that load clients read, all as text.
pub(super) async fn client_config(
    State(app): State<App>,
    MaybeAuth(session): MaybeAuth,
) -> axum::Json<Value> {
    let config = &app.config;
    let mut keys = json!({
        "Version": VERSION,
        "BuildNumber": VERSION,
        "BuildDate": "",
        "BuildHash": "",
        "BuildEnterpriseReady": "false",
        "SiteURL": config.service_settings.site_url,
        "SiteName": config.team_settings.site_name,
        "WebsocketURL": "",
        "EnableOpenServer": config.team_settings.enable_open_server.to_string(),
        "EnableSignInWithEmail": "true",
        "EnableSignInWithUsername": "true",
        "EnableReliableWebSockets": "false",
    });
    if session.is_some() {
        keys["MaxFileSize"] = config.file_settings.max_file_size.to_string().into();
        keys["MaxPostSize"] = super::posts::MAX_MESSAGE.to_string().into();
        keys["EnableCluster"] = config.cluster_settings.enable.to_string().into();
        keys["EnableFile"] = config
            .file_settings
            .enable_file_attachments
            .to_string()
            .into();
        keys["CollapsedThreads"] = "disabled".into();
        keys["EnableUserTypingMessages"] = "false".into();
        keys["AllowSyncedDrafts"] = "false".into();
        keys["ScheduledPosts"] = "false".into();
        keys["MaxNotificationsPerChannel"] = "1000".into();
        keys["PluginsEnabled"] = "false".into();
    }
    axum::Json(keys)
}

/// `GET /license/client`.
pub(super) async fn client_license() -> axum::Json<Value> {
    axum::Json(json!({"IsLicensed": "false"}))
}

/// `GET /cluster/status`: this node and those that it has a connection to.
pub(super) async fn cluster_status(
    State(app): State<App>,
    Auth(session): Auth,
) -> Result<axum::Json<Vec<NodeInfo>>, AppError> {
    if !session.is_admin() {
        return Err(AppError::forbidden());
    }
    Ok(axum::Json(app.cluster.nodes()))
}

/// `POST /elasticsearch/test`.
pub(super) async fn test_search(
    State(app): State<App>,
    Auth(session): Auth,
) -> Result<axum::Json<Value>, AppError> {
    if !session.is_admin() {
        return Err(AppError::forbidden());
    }
    match app.search.check_health().await {
        Err(SearchError::Disabled) => Err(AppError::new(
            StatusCode::NOT_IMPLEMENTED,
            "ent.elasticsearch.test_config.indexing_disabled.error",
            SearchError::Disabled.to_string(),
        )),
        other => {
            other.or_internal("ent.elasticsearch.test_config.connection.error")?;
            Ok(ok())
        }
    }
}

/// The body of success without a result.
pub(super) fn ok() -> axum::Json<Value> {
    axum::Json(json!({"status": "OK"}))
}
