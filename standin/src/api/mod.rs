//! The HTTP API: routes, what is common to every request, and what a handler
//! may ask for. Each path's behaviour is in the module of its noun.

mod accounts;
mod administration;
mod categories;
mod channel_members;
mod channels;
mod client_config;
mod direct_channels;
mod drafts;
mod emoji;
mod etag;
mod extract;
mod features;
mod files;
mod images;
mod jobs;
mod ldap;
mod login;
mod plugins;
mod post_changes;
mod post_lists;
mod posts;
mod preferences;
mod reactions;
mod roles;
mod saml;
mod statuses;
mod system;
mod teams;
mod threads;
mod users;
mod websocket;
mod websocket_actions;

use std::time::Instant;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state, map_response};
use axum::response::Response;
use axum::routing::{MethodRouter, post};

use crate::app::App;
use crate::error::{AppError, REQUEST_ID};
use crate::id::new_id;
use crate::metrics::ApiCall;

/// Room for a multipart upload's headers over the largest file.
const MULTIPART_OVERHEAD: usize = 64 * 1024;

/// The router of the API port.
pub(crate) fn router(app: App) -> Router {
    let upload_limit = app.config().file_settings.max_file_size + MULTIPART_OVERHEAD;
    let uploads = Router::new()
        .route(
            "/api/v4/files",
            named("uploadFileStream", post(files::upload)),
        )
        .layer(DefaultBodyLimit::max(upload_limit));
    let body_limit = app.config().service_settings.maximum_payload_size_bytes;
    Router::new()
        .merge(system::routes())
        .merge(client_config::routes())
        .merge(login::routes())
        .merge(accounts::routes())
        .merge(users::routes())
        .merge(images::routes())
        .merge(preferences::routes())
        .merge(statuses::routes())
        .merge(roles::routes())
        .merge(teams::routes())
        .merge(channels::routes())
        .merge(direct_channels::routes())
        .merge(channel_members::routes())
        .merge(categories::routes())
        .merge(posts::routes())
        .merge(post_changes::routes())
        .merge(post_lists::routes())
        .merge(threads::routes())
        .merge(drafts::routes())
        .merge(reactions::routes())
        .merge(emoji::routes())
        .merge(features::routes())
        .merge(files::routes())
        .merge(jobs::routes())
        .merge(ldap::routes())
        .merge(saml::routes())
        .merge(websocket::routes())
        .layer(DefaultBodyLimit::max(body_limit))
        .merge(administration::routes())
        .merge(plugins::routes())
        .merge(uploads)
        .fallback(not_found)
        .method_not_allowed_fallback(not_found)
        .layer(from_fn_with_state(app.clone(), common))
        .with_state(app)
}

/// The router of the local socket: the calls there that make accounts and install plugins.
pub(crate) fn local_router(app: App) -> Router {
    let calls = accounts::local_routes()
        .merge(users::local_routes())
        .merge(administration::local_routes())
        .merge(plugins::local_routes());
    calls
        .fallback(not_found)
        .method_not_allowed_fallback(not_found)
        .layer(axum::Extension(extract::AtLocalSocket))
        .layer(from_fn_with_state(app.clone(), common))
        .with_state(app)
}

/// Name that the metrics have for a handler: that of Mattermost's function.
#[derive(Debug, Clone, Copy)]
struct HandlerName(&'static str);

fn named(name: &'static str, route: MethodRouter<App>) -> MethodRouter<App> {
    route.route_layer(map_response(move |mut response: Response| async move {
        response.extensions_mut().insert(HandlerName(name));
        response
    }))
}

async fn not_found() -> AppError {
    AppError::new(
        StatusCode::NOT_FOUND,
        "api.context.404.app_error",
        "Sorry, we could not find the page.",
    )
}

/// Gives each request its id, and each reply the headers and counts of every
/// reply.
async fn common(State(app): State<App>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let method = request.method().clone();
    let request_id = new_id();
    let mut response = REQUEST_ID
        .scope(request_id.clone(), next.run(request))
        .await;
    let status = response.status();
    app.metrics.http_requests.inc();
    if status.is_client_error() || status.is_server_error() {
        app.metrics.http_errors.inc();
    }
    if let Some(HandlerName(handler)) = response.extensions().get() {
        let call = ApiCall {
            handler,
            method: method.to_string(),
            status: status.as_u16(),
        };
        app.metrics.observe_api(call, started.elapsed());
    }
    let headers = response.headers_mut();
    let mut set = |name: &'static str, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    set("x-request-id", &request_id);
    set("x-version-id", &app.version_id());
    set("x-content-type-options", "nosniff");
    set("referrer-policy", "no-referrer");
    if method == axum::http::Method::GET {
        headers
            .entry(header::EXPIRES)
            .or_insert(HeaderValue::from_static("0"));
    }
    response
}
