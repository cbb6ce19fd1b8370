//! Websockets of simulated users: opened through the proxy, read until the agent is done.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use serde::Deserialize;
use tokio_tungstenite::tungstenite::{ClientRequestBuilder, Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use super::api::{ApiSession, served_by};
use super::deliveries::SocketId;
use super::entrance::{ByteStream, Entrance};

/// Connecting may take this long, `hello` included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);

/// Why a websocket could not be opened.
#[derive(Debug, thiserror::Error)]
pub(super) enum SocketError {
    #[error("websocket refused with HTTP {0}")]
    Refused(u16),
    #[error("websocket: {0}")]
    Transport(String),
    #[error("websocket closed before `hello`")]
    Closed,
    #[error("no websocket `hello` within {} s", CONNECT_TIMEOUT.as_secs())]
    Timeout,
}

impl From<Error> for SocketError {
    fn from(error: Error) -> Self {
        match error {
            Error::Http(answer) => Self::Refused(answer.status().as_u16()),
            other => Self::Transport(other.to_string()),
        }
    }
}

/// An open websocket whose `hello` has come.
pub(super) struct Socket {
    stream: WebSocketStream<Box<dyn ByteStream>>,
    /// The application node that holds it, as the proxy says.
    pub(super) node: Option<String>,
}

/// Somebody who hears of the posts that websockets bring.
pub(super) trait Inbox: Send + Sync {
    /// A post came in; the first word of its message.
    fn posted(&self, socket: SocketId, token: &str);
    /// The server or the network closed the socket.
    fn closed(&self, socket: SocketId, why: &str);
}

#[derive(Deserialize)]
struct SocketEvent {
    #[serde(default)]
    event: String,
    #[serde(default)]
    data: EventData,
}

#[derive(Default, Deserialize)]
struct EventData {
    /// A post, as JSON within a string.
    post: Option<String>,
}

#[derive(Deserialize)]
struct EventPost {
    message: String,
}

impl Socket {
    /// Opens a websocket with a user's session.
    pub(super) async fn open(
        entrance: &Entrance,
        session: &ApiSession,
    ) -> Result<Self, SocketError> {
        tokio::time::timeout(CONNECT_TIMEOUT, Self::greet(entrance, session))
            .await
            .map_err(|_| SocketError::Timeout)?
    }

    async fn greet(entrance: &Entrance, session: &ApiSession) -> Result<Self, SocketError> {
        let url = entrance.websocket_url();
        let uri = url
            .parse()
            .map_err(|error| SocketError::Transport(format!("`{url}`: {error}")))?;
        let request = ClientRequestBuilder::new(uri)
            .with_header("Authorization", format!("Bearer {}", session.token));
        let connected = entrance.connect().await.map_err(SocketError::Transport)?;
        let (mut stream, answer) = client_async(request, connected).await?;
        let node = served_by(answer.headers());
        while let Some(message) = stream.next().await {
            if let Message::Text(text) = message?
                && parse(&text).is_some_and(|event| event.event == "hello")
            {
                return Ok(Self { stream, node });
            }
        }
        Err(SocketError::Closed)
    }

    /// Reads until the socket closes; pings are answered on the way.
    pub(super) async fn read(mut self, id: SocketId, inbox: Arc<dyn Inbox>) {
        while let Some(message) = self.stream.next().await {
            match message {
                Ok(Message::Text(text)) => {
                    if let Some(token) = posted_token(&text) {
                        inbox.posted(id, &token);
                    }
                }
                Ok(Message::Close(frame)) => {
                    let code = frame.map_or(1005, |frame| u16::from(frame.code));
                    inbox.closed(id, &format!("closed by the server with code {code}"));
                    return;
                }
                Ok(_) => {}
                Err(error) => {
                    inbox.closed(id, &error.to_string());
                    return;
                }
            }
        }
        inbox.closed(id, "closed");
    }
}

fn parse(text: &str) -> Option<SocketEvent> {
    // Replies to actions have another shape; they are none of our events.
    serde_json::from_str(text).ok()
}

fn posted_token(text: &str) -> Option<String> {
    let event = parse(text)?;
    if event.event != "posted" {
        return None;
    }
    let post: EventPost = serde_json::from_str(&event.data.post?).ok()?;
    post.message.split_whitespace().next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_posted_event_gives_the_first_word_of_its_message() {
        let text = r#"{"event":"posted","data":{"post":"{\"id\":\"p\",\"message\":\"tok rest\"}"},"seq":4}"#;
        assert_eq!(posted_token(text).as_deref(), Some("tok"));
    }

    #[test]
    fn other_events_and_replies_are_passed_over() {
        for text in [
            r#"{"event":"typing","data":{"parent_id":""},"seq":1}"#,
            r#"{"status":"OK","seq_reply":1}"#,
            "not json",
        ] {
            assert_eq!(posted_token(text), None);
        }
    }
}
