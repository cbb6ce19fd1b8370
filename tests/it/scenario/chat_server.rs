//! A chat server of a hundred lines: the few Mattermost endpoints that the agent calls,
//! answered as by two nodes in turn, with faults to order.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::body::Bytes;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Multipart, Path, Request, State};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use serde_json::{Value, json};
use tokio::sync::broadcast;
use tokio::task::JoinHandle;

/// The nodes that answer in turn.
pub const NODES: [&str; 2] = ["10.0.0.4", "10.0.0.5"];

/// The administrator's name and password.
pub const ADMINISTRATOR: (&str, &str) = ("loadrig-admin", "correct horse");

/// What is wrong with the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerFault {
    None,
    NodesApart,
    OneNodeUnused,
    DamagedFiles,
    NothingIndexed,
    EveryThirdLoginRefused,
    /// As a login gate that is full at every third login.
    EveryThirdLoginPostponed,
    ClaimedByOthers,
}

#[derive(Default)]
struct Data {
    turn: usize,
    logins: usize,
    ids: usize,
    passwords: HashMap<String, String>,
    teams: HashMap<String, String>,
    files: HashMap<String, Bytes>,
    posts: Vec<(String, String)>,
}

#[derive(Clone)]
struct ChatState {
    fault: ServerFault,
    data: Arc<Mutex<Data>>,
    // (node, event): every websocket sees every post; the agent sorts out channels.
    events: broadcast::Sender<(usize, String)>,
}

impl ChatState {
    fn data(&self) -> MutexGuard<'_, Data> {
        self.data.lock().unwrap()
    }

    fn id(&self) -> String {
        let mut data = self.data();
        data.ids += 1;
        format!("id{:024}", data.ids)
    }
}

/// The node that a request came to.
#[derive(Clone, Copy)]
struct ChatNode(usize);

/// A running server; it ends when this value is dropped.
pub struct ChatServer {
    port: u16,
    task: JoinHandle<()>,
}

impl ChatServer {
    /// A server with an administrator.
    pub async fn start(fault: ServerFault) -> Self {
        let (name, password) = ADMINISTRATOR;
        let data = Data {
            passwords: HashMap::from([(name.to_owned(), password.to_owned())]),
            ..Data::default()
        };
        let shared = ChatState {
            fault,
            data: Arc::new(Mutex::new(data)),
            events: broadcast::channel(4096).0,
        };
        let api = Router::new()
            .route("/system/ping", get(ping))
            .route("/users", post(create_user))
            .route("/users/login", post(log_in))
            .route("/teams", post(create_team))
            .route("/teams/name/{name}", get(team_by_name))
            .route("/teams/{id}/members", post(created))
            .route("/teams/{id}/posts/search", post(search))
            .route("/channels", post(created))
            .route("/channels/{id}/members", post(created))
            .route("/posts", post(create_post))
            .route("/files", post(upload))
            .route("/files/{id}", get(download))
            .route("/websocket", get(websocket))
            .layer(axum::middleware::from_fn_with_state(
                shared.clone(),
                balance,
            ))
            .with_state(shared);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let app = Router::new().nest("/api/v4", api);
        let task = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { port, task }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

impl Drop for ChatServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The proxy's part: nodes in turn, and the header that names them.
async fn balance(State(shared): State<ChatState>, mut request: Request, next: Next) -> Response {
    let node = {
        let mut data = shared.data();
        data.turn += 1;
        match shared.fault {
            ServerFault::OneNodeUnused => 0,
            _ => data.turn % NODES.len(),
        }
    };
    request.extensions_mut().insert(ChatNode(node));
    let mut response = next.run(request).await;
    let value = format!("{}:8065", NODES[node]).parse().unwrap();
    let name = HeaderName::from_static("x-served-by");
    response.headers_mut().insert(name, value);
    response
}

fn refuse(status: StatusCode, id: &str) -> Response {
    let body = json!({"id": id, "message": "refused", "status_code": status.as_u16()});
    (status, Json(body)).into_response()
}

async fn ping() -> impl IntoResponse {
    let headers = [("x-version-id", "standin-0.1.0.test")];
    (headers, Json(json!({"status": "OK", "standin": true})))
}

fn text(body: &Value, key: &str) -> String {
    body[key].as_str().unwrap_or_default().to_owned()
}

/// Nobody signs up by themselves.
async fn create_user(
    State(shared): State<ChatState>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Response {
    let by = headers.get("authorization");
    if by.is_none_or(|by| by != &format!("Bearer token-{}", ADMINISTRATOR.0)) {
        return refuse(
            StatusCode::FORBIDDEN,
            "api.user.create_user.signup_email_disabled.app_error",
        );
    }
    let name = text(&body, "username");
    if shared.data().passwords.contains_key(&name) {
        return refuse(
            StatusCode::BAD_REQUEST,
            "app.user.save.username_exists.app_error",
        );
    }
    shared
        .data()
        .passwords
        .insert(name.clone(), text(&body, "password"));
    let user = json!({"id": format!("user-{name}"), "roles": "system_user"});
    (StatusCode::CREATED, Json(user)).into_response()
}

async fn log_in(State(shared): State<ChatState>, Json(body): Json<Value>) -> Response {
    let name = text(&body, "login_id");
    let known = shared.data().passwords.get(&name) == Some(&text(&body, "password"));
    if !known {
        return refuse(
            StatusCode::UNAUTHORIZED,
            "api.user.login.invalid_credentials",
        );
    }
    if shared.fault == ServerFault::EveryThirdLoginRefused && !name.ends_with("admin") {
        shared.data().logins += 1;
        if shared.data().logins.is_multiple_of(3) {
            return refuse(StatusCode::SERVICE_UNAVAILABLE, "busy");
        }
    }
    if shared.fault == ServerFault::EveryThirdLoginPostponed {
        shared.data().logins += 1;
        if shared.data().logins.is_multiple_of(3) {
            let refused = refuse(StatusCode::TOO_MANY_REQUESTS, "loadrig.login_gate.full");
            return ([("retry-after", "0")], refused).into_response();
        }
    }
    let roles = match (name.ends_with("admin"), shared.fault) {
        (true, fault) if fault != ServerFault::ClaimedByOthers => "system_admin system_user",
        _ => "system_user",
    };
    let user = json!({"id": format!("user-{name}"), "roles": roles});
    ([("token", format!("token-{name}"))], Json(user)).into_response()
}

async fn create_team(State(shared): State<ChatState>, Json(body): Json<Value>) -> Response {
    let id = shared.id();
    let mut data = shared.data();
    if data.teams.contains_key(&text(&body, "name")) {
        return refuse(StatusCode::BAD_REQUEST, "app.team.save.existing.app_error");
    }
    data.teams.insert(text(&body, "name"), id.clone());
    (StatusCode::CREATED, Json(json!({"id": id}))).into_response()
}

async fn team_by_name(State(shared): State<ChatState>, Path(name): Path<String>) -> Response {
    match shared.data().teams.get(&name) {
        Some(id) => Json(json!({"id": id})).into_response(),
        None => refuse(
            StatusCode::NOT_FOUND,
            "app.team.get_by_name.missing.app_error",
        ),
    }
}

async fn created(State(shared): State<ChatState>) -> Response {
    (StatusCode::CREATED, Json(json!({"id": shared.id()}))).into_response()
}

async fn create_post(
    State(shared): State<ChatState>,
    Extension(ChatNode(node)): Extension<ChatNode>,
    Json(body): Json<Value>,
) -> Response {
    let id = shared.id();
    let message = text(&body, "message");
    shared.data().posts.push((id.clone(), message.clone()));
    let post = json!({"id": id, "message": message});
    let event = json!({"event": "posted", "data": {"post": post.to_string()}, "seq": 1});
    // Nobody listens yet while the first users post: that is no error.
    let _ = shared.events.send((node, event.to_string()));
    (StatusCode::CREATED, Json(post)).into_response()
}

async fn upload(State(shared): State<ChatState>, mut form: Multipart) -> Response {
    let id = shared.id();
    while let Some(field) = form.next_field().await.unwrap() {
        if field.name() == Some("files") {
            let content = field.bytes().await.unwrap();
            shared.data().files.insert(id.clone(), content);
        }
    }
    let answer = json!({"file_infos": [{"id": id}], "client_ids": []});
    (StatusCode::CREATED, Json(answer)).into_response()
}

async fn download(State(shared): State<ChatState>, Path(id): Path<String>) -> Response {
    let content = shared.data().files.get(&id).cloned();
    match content {
        Some(_) if shared.fault == ServerFault::DamagedFiles => "damaged".into_response(),
        Some(content) => content.into_response(),
        None => refuse(StatusCode::NOT_FOUND, "app.file_info.get.app_error"),
    }
}

async fn search(State(shared): State<ChatState>, Json(body): Json<Value>) -> Response {
    let terms = text(&body, "terms");
    let data = shared.data();
    let found = data.posts.iter().filter(|(_, message)| {
        shared.fault != ServerFault::NothingIndexed && message.split(' ').any(|word| word == terms)
    });
    let order: Vec<&str> = found.map(|(id, _)| id.as_str()).collect();
    Json(json!({"order": order, "posts": {}})).into_response()
}

async fn websocket(
    State(shared): State<ChatState>,
    Extension(ChatNode(node)): Extension<ChatNode>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    if !headers.contains_key("authorization") {
        return refuse(
            StatusCode::UNAUTHORIZED,
            "api.context.session_expired.app_error",
        );
    }
    upgrade.on_upgrade(move |socket| bring_events(socket, shared, node))
}

async fn bring_events(mut socket: WebSocket, shared: ChatState, node: usize) {
    let mut events = shared.events.subscribe();
    let hello = json!({"event": "hello", "data": {"connection_id": "c"}, "seq": 0});
    if socket.send(Message::text(hello.to_string())).await.is_err() {
        return;
    }
    while let Ok((from, event)) = events.recv().await {
        if shared.fault == ServerFault::NodesApart && from != node {
            continue;
        }
        if socket.send(Message::text(event)).await.is_err() {
            return;
        }
    }
}
