//! Plugins, as far as installing them goes: bundles are kept in the file store and listed, and one that is
//! enabled counts as running on every node. No code of theirs is run.

use std::io::Read as _;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Multipart, Path, State};
use axum::http::StatusCode;
use axum::routing::{delete, get, post};
use bytes::Bytes;
use flate2::read::GzDecoder;
use serde_json::{Value, json};

use super::administration::require_admin;
use super::extract::Auth;
use super::named;
use super::system::ok;
use crate::app::{App, Server};
use crate::config::PluginState;
use crate::error::{AppError, OrInternal};
use crate::model::{Manifest, PluginStatus};

/// The largest bundle, as Mattermost's largest file.
const BUNDLE_LIMIT: usize = 100 << 20;
/// Larger manifests are none.
const MANIFEST_LIMIT: u64 = 1 << 20;

pub(super) fn routes() -> Router<App> {
    local_routes().route(
        "/api/v4/plugins/statuses",
        named("getPluginStatuses", get(statuses)),
    )
}

/// Those that the local socket has too.
pub(super) fn local_routes() -> Router<App> {
    Router::new()
        .route("/api/v4/plugins", named("uploadPlugin", post(install)))
        .route("/api/v4/plugins", named("getPlugins", get(list)))
        .route(
            "/api/v4/plugins/{plugin}",
            named("removePlugin", delete(remove)),
        )
        .layer(DefaultBodyLimit::max(BUNDLE_LIMIT))
}

fn bad(id: &'static str, message: &str) -> AppError {
    AppError::new(StatusCode::BAD_REQUEST, id, message)
}

fn require_plugins(app: &Server) -> Result<(), AppError> {
    if app.config().plugin_settings.enable {
        return Ok(());
    }
    Err(AppError::new(
        StatusCode::NOT_IMPLEMENTED,
        "app.plugin.disabled.app_error",
        "Plugins have been disabled.",
    ))
}

/// `POST /plugins`: a form with the bundle in `plugin`, and `force` to replace one that is there.
async fn install(
    State(app): State<App>,
    Auth(session): Auth,
    mut form: Multipart,
) -> Result<(StatusCode, axum::Json<Manifest>), AppError> {
    let settings = app.config().plugin_settings.clone();
    if !settings.enable || !settings.enable_uploads || settings.require_plugin_signature {
        return Err(AppError::new(
            StatusCode::NOT_IMPLEMENTED,
            "app.plugin.upload_disabled.app_error",
            "Plugins and/or plugin uploads have been disabled.",
        ));
    }
    require_admin(&session)?;
    let (mut bundle, mut force) = (None, false);
    while let Ok(Some(field)) = form.next_field().await {
        match field.name() {
            Some("plugin") => bundle = field.bytes().await.ok(),
            Some("force") => force = field.text().await.is_ok_and(|text| text == "true"),
            _ => {}
        }
    }
    let bundle = bundle.ok_or_else(|| {
        let message = "Missing file in multipart/form request.";
        bad("api.plugin.upload.no_file.app_error", message)
    })?;
    let manifest = manifest(&bundle)?;
    let known = app.store.plugins().await;
    let known = known.or_internal("app.plugin.get_plugins.app_error")?;
    if !force && known.iter().any(|one| one.id == manifest.id) {
        let message = "Unable to install plugin. A plugin with the same ID is already installed.";
        return Err(bad("app.plugin.install_id.app_error", message));
    }
    let key = format!("plugins/{}.tar.gz", manifest.id);
    let kept = app.files.write(&key, bundle).await;
    kept.or_internal("app.plugin.store_bundle.app_error")?;
    let noted = app.store.save_plugin(&manifest).await;
    noted.or_internal("app.plugin.install.app_error")?;
    Ok((StatusCode::CREATED, axum::Json(manifest)))
}

/// The manifest of a bundle: `plugin.json` at its top, or in the one directory there.
fn manifest(bundle: &Bytes) -> Result<Manifest, AppError> {
    let broken = |_| {
        let message = "An error occurred extracting the plugin bundle.";
        bad("app.plugin.extract.app_error", message)
    };
    let missing = || {
        let message = "Unable to find manifest for extracted plugin.";
        bad("app.plugin.manifest.app_error", message)
    };
    let mut archive = tar::Archive::new(GzDecoder::new(bundle.as_ref()));
    for entry in archive.entries().map_err(broken)? {
        let entry = entry.map_err(broken)?;
        let path = entry.path().map_err(broken)?.into_owned();
        let depth = path
            .components()
            .filter(|part| part.as_os_str() != ".")
            .count();
        if path.ends_with("plugin.json") && depth <= 2 {
            let mut text = Vec::new();
            let read = entry.take(MANIFEST_LIMIT).read_to_end(&mut text);
            read.map_err(broken)?;
            let manifest: Manifest = serde_json::from_slice(&text).map_err(|_| missing())?;
            return if manifest.id.is_empty() {
                Err(missing())
            } else {
                Ok(manifest)
            };
        }
    }
    Err(missing())
}

/// `GET /plugins`: those that run and those that do not.
async fn list(State(app): State<App>, Auth(session): Auth) -> Result<axum::Json<Value>, AppError> {
    require_plugins(&app)?;
    require_admin(&session)?;
    let all = app.store.plugins().await;
    let all = all.or_internal("app.plugin.get_plugins.app_error")?;
    let config = app.config();
    let (active, inactive): (Vec<_>, Vec<_>) = all
        .into_iter()
        .partition(|one| config.plugin_settings.runs(&one.id));
    Ok(axum::Json(json!({"active": active, "inactive": inactive})))
}

/// `GET /plugins/statuses`: each plugin on each node.
async fn statuses(
    State(app): State<App>,
    Auth(session): Auth,
) -> Result<axum::Json<Vec<PluginStatus>>, AppError> {
    require_plugins(&app)?;
    require_admin(&session)?;
    let all = app.store.plugins().await;
    let all = all.or_internal("app.plugin.get_statuses.app_error")?;
    let config = app.config();
    let mut nodes: Vec<String> = app
        .cluster
        .nodes()
        .into_iter()
        .map(|node| node.id)
        .collect();
    if nodes.is_empty() {
        nodes.push(String::new());
    }
    let on_each = all.iter().flat_map(|one| {
        let state = if config.plugin_settings.runs(&one.id) {
            2
        } else {
            0
        };
        nodes.iter().map(move |node| PluginStatus {
            plugin_id: one.id.clone(),
            cluster_id: node.clone(),
            plugin_path: format!("plugins/{}", one.id),
            state,
            error: String::new(),
            name: one.name.clone(),
            description: one.description.clone(),
            version: one.version.clone(),
        })
    });
    Ok(axum::Json(on_each.collect()))
}

/// `DELETE /plugins/{plugin}`.
async fn remove(
    State(app): State<App>,
    Auth(session): Auth,
    Path(id): Path<String>,
) -> Result<axum::Json<Value>, AppError> {
    require_plugins(&app)?;
    require_admin(&session)?;
    let removed = app.store.remove_plugin(&id).await;
    if removed.or_internal("app.plugin.remove.app_error")? {
        // As Mattermost leaves it.
        let mut states = app.config().plugin_settings.plugin_states.clone();
        states.insert(id, PluginState::default());
        let patch = json!({"PluginSettings": {"PluginStates": states}});
        let noted = app.settings.change(patch, false).await;
        noted.or_internal("app.plugin.config.app_error")?;
        return Ok(ok());
    }
    let message = "Plugin is not installed.";
    let id = "app.plugin.not_installed.app_error";
    Err(AppError::new(StatusCode::NOT_FOUND, id, message))
}
