//! The HTTP API: routes, what is common to every request, and what a handler
//! may ask for. Each path's behaviour is in the module of its noun.

mod channels;
mod extract;
mod files;
mod posts;
mod system;
mod teams;
mod users;
mod websocket;

use std::time::Instant;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state, map_response};
use axum::response::{Html, Response};
use axum::routing::{MethodRouter, get, post};

use crate::app::App;
use crate::error::{AppError, REQUEST_ID};
use crate::id::new_id;
use crate::metrics::ApiCall;

/// Room for a multipart upload's headers over the largest file.
const MULTIPART_OVERHEAD: usize = 64 * 1024;

/// What a page of `GET /` says, so that nobody takes this for the product.
const HOME: &str = "<!doctype html><title>mattermost-standin</title>\
    <p>This is <b>mattermost-standin</b>, a stand-in for the Mattermost server that exercises \
    load-test rigs. It has no web application.";

/// The router of the API port.
pub(crate) fn router(app: App) -> Router {
    let upload_limit = app.config.file_settings.max_file_size + MULTIPART_OVERHEAD;
    let uploads = Router::new()
        .route(
            "/api/v4/files",
            named("uploadFileStream", post(files::upload)),
        )
        .layer(DefaultBodyLimit::max(upload_limit));
    let body_limit = app.config.service_settings.maximum_payload_size_bytes;
    Router::new()
        .merge(system_routes())
        .merge(user_routes())
        .merge(team_routes())
        .merge(channel_routes())
        .merge(post_routes())
        .layer(DefaultBodyLimit::max(body_limit))
        .merge(uploads)
        .fallback(not_found)
        .method_not_allowed_fallback(not_found)
        .layer(from_fn_with_state(app.clone(), common))
        .with_state(app)
}

fn system_routes() -> Router<App> {
    Router::new()
        .route("/", get(async || Html(HOME)))
        .route(
            "/api/v4/system/ping",
            named("getSystemPing", get(system::ping)),
        )
        .route(
            "/api/v4/config/client",
            named("getClientConfig", get(system::client_config)),
        )
        .route(
            "/api/v4/license/client",
            named("getClientLicense", get(system::client_license)),
        )
        .route(
            "/api/v4/cluster/status",
            named("getClusterStatus", get(system::cluster_status)),
        )
        .route(
            "/api/v4/elasticsearch/test",
            named("testElasticsearch", post(system::test_search)),
        )
        .route("/api/v4/websocket", get(websocket::connect))
        .route("/api/v4/websocket/", get(websocket::connect))
}

fn user_routes() -> Router<App> {
    Router::new()
        .route("/api/v4/users", named("createUser", post(users::create)))
        .route("/api/v4/users", named("getUsers", get(users::list)))
        .route("/api/v4/users/login", named("login", post(users::login)))
        .route("/api/v4/users/logout", named("logout", post(users::logout)))
        .route(
            "/api/v4/users/ids",
            named("getUsersByIds", post(users::by_ids)),
        )
        .route(
            "/api/v4/users/username/{name}",
            named("getUserByUsername", get(users::by_name)),
        )
        .route(
            "/api/v4/users/email/{email}",
            named("getUserByEmail", get(users::by_email)),
        )
        .route("/api/v4/users/{id}", named("getUser", get(users::get)))
        .route(
            "/api/v4/users/{id}/teams",
            named("getTeamsForUser", get(teams::of_user)),
        )
        .route(
            "/api/v4/users/{id}/teams/{team}/channels",
            named("getChannelsForTeamForUser", get(channels::of_user)),
        )
}

fn team_routes() -> Router<App> {
    Router::new()
        .route("/api/v4/teams", named("createTeam", post(teams::create)))
        .route("/api/v4/teams/{id}", named("getTeam", get(teams::get)))
        .route(
            "/api/v4/teams/name/{name}",
            named("getTeamByName", get(teams::by_name)),
        )
        .route(
            "/api/v4/teams/{id}/members",
            named("addTeamMember", post(teams::add_member)),
        )
        .route(
            "/api/v4/teams/{id}/members",
            named("getTeamMembers", get(teams::members)),
        )
        .route(
            "/api/v4/teams/{id}/members/{user}",
            named("getTeamMember", get(teams::member)),
        )
}

fn channel_routes() -> Router<App> {
    Router::new()
        .route(
            "/api/v4/channels",
            named("createChannel", post(channels::create)),
        )
        .route(
            "/api/v4/channels/direct",
            named("createDirectChannel", post(channels::direct)),
        )
        .route(
            "/api/v4/channels/{id}",
            named("getChannel", get(channels::get)),
        )
        .route(
            "/api/v4/channels/{id}/members",
            named("addChannelMember", post(channels::add_member)),
        )
        .route(
            "/api/v4/channels/{id}/members",
            named("getChannelMembers", get(channels::members)),
        )
        .route(
            "/api/v4/channels/{id}/members/{user}",
            named("getChannelMember", get(channels::member)),
        )
        .route(
            "/api/v4/channels/members/{user}/view",
            named("viewChannel", post(channels::view)),
        )
        .route(
            "/api/v4/teams/{id}/channels",
            named("getPublicChannelsForTeam", get(channels::public)),
        )
        .route(
            "/api/v4/teams/{id}/channels/name/{name}",
            named("getChannelByName", get(channels::by_name)),
        )
}

fn post_routes() -> Router<App> {
    Router::new()
        .route("/api/v4/posts", named("createPost", post(posts::create)))
        .route("/api/v4/posts/{id}", named("getPost", get(posts::get)))
        .route(
            "/api/v4/channels/{id}/posts",
            named("getPostsForChannel", get(posts::of_channel)),
        )
        .route(
            "/api/v4/teams/{id}/posts/search",
            named("searchPosts", post(posts::search)),
        )
        .route("/api/v4/files/{id}", named("getFile", get(files::download)))
        .route(
            "/api/v4/files/{id}/info",
            named("getFileInfo", get(files::info)),
        )
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
