//! The websocket: authentication, events out, actions in.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::extract::{FromRequest, Query, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Deserialize;
use serde_json::json;
use tokio::time::{Instant, interval_at, timeout, timeout_at};
use tracing::{debug, warn};

use super::extract::MaybeAuth;
use super::websocket_actions::{ClientAction, answer, failure, success};
use crate::app::{App, Server, object};
use crate::error::{AppError, chain};
use crate::hub::{Encoded, HubEvent, Registration};
use crate::id::{is_valid_id, new_id};
use crate::model::UserSession;
use crate::resume::{LostConnection, SentEvents};

/// Longest time from connection to authentication.
const AUTH_DEADLINE: Duration = Duration::from_secs(5);
/// How often the server pings.
const PING_INTERVAL: Duration = Duration::from_mins(1);
/// Silence after which a client counts as gone.
const SILENCE_DEADLINE: Duration = Duration::from_secs(100);
/// Longest time that one write may take.
const WRITE_DEADLINE: Duration = Duration::from_secs(30);
/// How long a connection waits for its client to come back.
const LOST_LIFETIME: Duration = Duration::from_mins(5);
/// Largest frame from a client, in bytes.
const READ_LIMIT: usize = 8192;

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/api/v4/websocket", get(connect))
        .route("/api/v4/websocket/", get(connect))
}

/// `GET /websocket`. Not counted among the API calls, as in Mattermost.
async fn connect(
    State(app): State<App>,
    MaybeAuth(session): MaybeAuth,
    Query(resume): Query<ResumeQuery>,
    request: Request,
) -> Response {
    if !origin_is_ours(&app, request.headers()) {
        let id = "api.web_socket.connect.upgrade.app_error";
        return AppError::new(StatusCode::BAD_REQUEST, id, "Origin not allowed.").into_response();
    }
    match WebSocketUpgrade::from_request(request, &app).await {
        Ok(upgrade) => upgrade
            .max_message_size(READ_LIMIT)
            .on_upgrade(async move |socket| serve(app, socket, session, resume).await),
        Err(refused) => refused.into_response(),
    }
}

/// Browsers say which page opened the socket; other pages are not let in.
fn origin_is_ours(app: &Server, headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let Some(origin) = text(header::ORIGIN) else {
        return true;
    };
    let config = app.config();
    let settings = &config.service_settings;
    let allowed = settings
        .allow_cors_from
        .split(' ')
        .any(|one| one == "*" || one == origin);
    let host = origin.split_once("://").map_or(origin, |(_, host)| host);
    allowed || text(header::HOST) == Some(host) || origin == settings.site_url.trim_end_matches('/')
}

/// What a client says of the connection that it had.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ResumeQuery {
    connection_id: String,
    sequence_number: String,
}

impl ResumeQuery {
    /// The connection and the number of the event that its client expects; an error says that
    /// these cannot be.
    fn resumed(&self) -> Result<Option<(&str, i64)>, Gone> {
        if self.connection_id.is_empty() {
            return Ok(None);
        }
        let number = self.sequence_number.parse();
        match number {
            Ok(number) if is_valid_id(&self.connection_id) => {
                Ok(Some((&self.connection_id, number)))
            }
            _ => Err(Gone),
        }
    }
}

async fn serve(app: App, mut socket: WebSocket, session: Option<UserSession>, resume: ResumeQuery) {
    let session = match session {
        Some(session) => session,
        None => match challenge(&app, &mut socket).await {
            Some(session) => session,
            None => return,
        },
    };
    let Ok(resumed) = resume.resumed() else {
        debug!("websocket is closed: its connection's id or number is not valid");
        return;
    };
    let user_id = session.user_id.clone();
    let mut connection = WebsocketConnection {
        app: &app,
        session,
        socket,
        sent: SentEvents::default(),
    };
    let opened = match connection.resume(resumed).await {
        Some(opened) => Ok(opened),
        None => connection.open().await,
    };
    let Ok((connection_id, mut registration)) = opened else {
        return;
    };
    app.metrics.http_websockets.add(1);
    app.set_online(&user_id).await;
    let client_is_lost = connection.run(&mut registration).await;
    app.metrics.http_websockets.add(-1);
    // The last one to leave is offline; a stop of the server is no leave.
    if app.hub.is_closed() {
        return;
    }
    if client_is_lost {
        registration.set_active(false);
        let sent = connection.sent;
        let lost = LostConnection { registration, sent };
        app.lost_connections.keep(&connection_id, &user_id, lost);
        let forget = Arc::clone(&app);
        let (connection_id, user_id) = (connection_id, user_id.clone());
        tokio::spawn(async move {
            tokio::time::sleep(LOST_LIFETIME).await;
            drop(forget.lost_connections.take(&connection_id, &user_id));
        });
    } else {
        drop(registration);
    }
    if !app.hub.is_connected(&user_id) {
        app.set_presence(&user_id, "offline").await;
    }
}

/// Waits for the token of a client that did not bring one along.
async fn challenge(app: &Server, socket: &mut WebSocket) -> Option<UserSession> {
    let deadline = Instant::now() + AUTH_DEADLINE;
    while let Ok(Some(Ok(message))) = timeout_at(deadline, socket.recv()).await {
        let Message::Text(text) = message else {
            continue;
        };
        let action: ClientAction = serde_json::from_str(&text).unwrap_or_default();
        if action.action != "authentication_challenge" {
            let reply = failure(action.seq, &AppError::session_expired());
            send(socket, reply.to_string()).await.ok()?;
            continue;
        }
        let token = action.data["token"].as_str().unwrap_or_default();
        let session = app.session(token).await.ok()?;
        send(socket, success(action.seq, None).to_string())
            .await
            .ok()?;
        return Some(session);
    }
    None
}

/// The client is gone, or too slow.
#[derive(Debug)]
struct Gone;

struct WebsocketConnection<'a> {
    app: &'a Server,
    session: UserSession,
    socket: WebSocket,
    sent: SentEvents,
}

impl WebsocketConnection<'_> {
    /// Goes on with a connection of this node that its client has lost, if what was missed is
    /// still there.
    async fn resume(&mut self, resumed: Option<(&str, i64)>) -> Option<(String, Registration)> {
        let (connection_id, number) = resumed?;
        let lost = &self.app.lost_connections;
        let lost = lost.take(connection_id, &self.session.user_id)?;
        let missed = lost.sent.since(number);
        let Some(missed) = missed.filter(|_| !lost.registration.events.is_closed()) else {
            self.app.metrics.count_reconnect("failure");
            return None;
        };
        let kind = if missed.is_empty() {
            "lossless"
        } else {
            "success"
        };
        self.app.metrics.count_reconnect(kind);
        for text in missed {
            send(&mut self.socket, text).await.ok()?;
        }
        self.sent = lost.sent;
        lost.registration.set_active(true);
        Some((connection_id.to_owned(), lost.registration))
    }

    /// Begins a new connection and says hello.
    async fn open(&mut self) -> Result<(String, Registration), Gone> {
        let user_id = &self.session.user_id;
        let connection_id = new_id();
        let registration = self.app.hub.register(user_id, &connection_id);
        match self.app.store.channel_ids_of_user(user_id).await {
            Ok(channels) => self.app.hub.set_channels(user_id, channels),
            Err(error) => {
                let error = chain(&error);
                warn!(error, "websocket is closed: no channel memberships");
                return Err(Gone);
            }
        }
        let hello = HubEvent {
            event: "hello".to_owned(),
            data: object(json!({
                "server_version": self.app.version_id(),
                "connection_id": connection_id,
                "server_hostname": self.app.hostname,
            })),
            ..HubEvent::default()
        };
        self.event(&Arc::new(Encoded::new(&hello))).await?;
        Ok((connection_id, registration))
    }

    /// Passes events and actions on until the end, and says whether the client is lost; else this
    /// side has ended it.
    async fn run(&mut self, registration: &mut Registration) -> bool {
        let mut ping = interval_at(Instant::now() + PING_INTERVAL, PING_INTERVAL);
        let mut heard = Instant::now();
        loop {
            let end = tokio::select! {
                event = registration.events.recv() => match event {
                    Some(event) => self.event(&event).await,
                    // A stop of the server, or a queue that ran over.
                    None => {
                        let away = CloseFrame { code: 1001, reason: "".into() };
                        let close = self.socket.send(Message::Close(Some(away)));
                        // The client is let go whether it hears this or not.
                        let _ = timeout(AUTH_DEADLINE, close).await;
                        return false;
                    }
                },
                message = self.socket.recv() => match message {
                    Some(Ok(message)) => {
                        heard = Instant::now();
                        self.message(message).await
                    }
                    Some(Err(_)) | None => Err(Gone),
                },
                _ = ping.tick() => {
                    let sent = timeout(WRITE_DEADLINE, self.socket.send(Message::Ping("".into())));
                    match sent.await {
                        Ok(Ok(())) => Ok(()),
                        _ => Err(Gone),
                    }
                }
                () = tokio::time::sleep_until(heard + SILENCE_DEADLINE) => Err(Gone),
            };
            if end.is_err() {
                debug!("websocket ended");
                return true;
            }
        }
    }

    async fn event(&mut self, event: &Arc<Encoded>) -> Result<(), Gone> {
        let text = self.sent.push(Arc::clone(event));
        send(&mut self.socket, text).await
    }

    async fn message(&mut self, message: Message) -> Result<(), Gone> {
        match message {
            Message::Text(text) => {
                let action: ClientAction = serde_json::from_str(&text).unwrap_or_default();
                let reply = answer(self.app, &self.session, &action).await;
                send(&mut self.socket, reply.to_string()).await
            }
            Message::Close(_) => Err(Gone),
            // Pings are answered by the library; binary frames are not spoken.
            Message::Binary(_) | Message::Ping(_) | Message::Pong(_) => Ok(()),
        }
    }
}

async fn send(socket: &mut WebSocket, text: String) -> Result<(), Gone> {
    match timeout(WRITE_DEADLINE, socket.send(Message::Text(text.into()))).await {
        Ok(Ok(())) => Ok(()),
        _ => Err(Gone),
    }
}
