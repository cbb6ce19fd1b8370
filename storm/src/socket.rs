//! A user's websocket: opening it, what comes in, and what the web client sends.

use std::borrow::Cow;
use std::time::Instant;

use futures::{SinkExt as _, StreamExt as _};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use crate::browser::Browser;
use crate::call::ClientCall;
use crate::http1::Http1;
use crate::reply::{CallFailure, ReplyError};
use crate::request::USER_AGENT;
use crate::result::StormErrorClass;
use crate::route::HttpPurpose;

/// What is read at once. Most events are shorter, and thousands of sockets have one each, for good.
/// That is why the handshake is ours: tungstenite's leaves each socket the 4 KiB that it read into.
const READ_BUFFER: usize = 1024;

/// What a client remembers of its stream of events, to go on with it on another connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stream {
    /// Empty before the first `hello`.
    pub(crate) connection_id: Box<str>,
    /// Number of the next event.
    pub(crate) next: u64,
    /// Why the last connection ended.
    pub(crate) close_code: Option<u16>,
}

/// An open websocket.
pub(crate) struct LiveSocket {
    stream: WebSocketStream<crate::route::NetStream>,
    /// Number of the last frame that the client sent.
    sent: u64,
    /// Number and time of the ping that is not answered yet.
    ping: Option<(u64, Instant)>,
}

/// What came in.
#[derive(Debug)]
pub(crate) enum Heard {
    /// The stream of events begins.
    Hello,
    /// The answer to the ping that was sent then.
    Pong(Instant),
    /// A post: its channel, its author, itself, and whether its arrival has to be confirmed.
    Posted(Box<PostedEvent>),
    /// Another event, or an answer.
    Other,
    /// An event is missing.
    Gap,
}

/// A post that came in.
#[derive(Debug)]
pub(crate) struct PostedEvent {
    pub(crate) id: String,
    pub(crate) author: String,
    pub(crate) channel: String,
    pub(crate) create_ms: u64,
    pub(crate) should_ack: bool,
}

#[derive(Deserialize)]
struct IncomingFrame<'a> {
    #[serde(borrow, default)]
    event: Cow<'a, str>,
    #[serde(default)]
    seq: u64,
    #[serde(default)]
    seq_reply: Option<u64>,
    #[serde(borrow, default)]
    data: Option<IncomingFrameData<'a>>,
}

#[derive(Default, Deserialize)]
struct IncomingFrameData<'a> {
    #[serde(borrow, default)]
    connection_id: Cow<'a, str>,
    /// A post, as JSON within a text.
    #[serde(borrow, default)]
    post: Cow<'a, str>,
    #[serde(default)]
    should_ack: bool,
}

#[derive(Deserialize)]
struct PostText {
    id: String,
    user_id: String,
    channel_id: String,
    #[serde(default)]
    create_at: u64,
}

/// The request for a websocket, to go on with a stream of events or to begin one.
fn upgrade_request(browser: &Browser, stream: &Stream, key: &str) -> String {
    let route = browser.route();
    let why = stream
        .close_code
        .map_or_else(String::new, |code| format!("&disconnect_err_code={code}"));
    let session = browser.session();
    let cookie = session.as_ref().map_or("", |session| &*session.line);
    format!(
        "GET /api/v4/websocket?connection_id={}&sequence_number={}&posted_ack=true{why} HTTP/1.1\r\n\
         host: {}\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
         sec-websocket-key: {key}\r\norigin: {}\r\nuser-agent: {USER_AGENT}\r\n\
         cookie: {cookie}\r\n\r\n",
        stream.connection_id, stream.next, route.authority, route.origin,
    )
}

impl LiveSocket {
    /// Opens a websocket, to go on with a stream of events or to begin one.
    pub(crate) async fn open(browser: &Browser, stream: &Stream) -> Result<Self, CallFailure> {
        let connection = Http1::new(browser.connect(HttpPurpose::Http1).await?);
        let key = generate_key();
        let request = upgrade_request(browser, stream, &key);
        let (head, connection, early) = connection.upgrade(request.as_bytes()).await?;
        if head.status != 101 {
            let class = match head.status {
                401 => StormErrorClass::Unauthorized,
                429 => StormErrorClass::TooManyRequests,
                500.. => StormErrorClass::ServerError,
                _ => StormErrorClass::Refused,
            };
            return Err(CallFailure::new(class, format!("HTTP {}", head.status)));
        }
        if head.accept.as_deref() != Some(derive_accept_key(key.as_bytes()).as_str()) {
            let text = "the answer to the upgrade does not belong to its key";
            return Err(ReplyError::broken(text).into());
        }
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER)
            .write_buffer_size(0);
        let stream =
            WebSocketStream::from_partially_read(connection, early, Role::Client, Some(config));
        Ok(Self {
            stream: stream.await,
            sent: 0,
            ping: None,
        })
    }

    /// Sends an action; the answer is told by its number.
    pub(crate) async fn send(&mut self, action: &str, data: Option<Value>) -> Result<(), u16> {
        self.sent += 1;
        let mut frame = json!({"action": action, "seq": self.sent});
        if let Some(data) = data {
            frame["data"] = data;
        }
        let sent = self.stream.send(Message::text(frame.to_string())).await;
        sent.map_err(|_| ABNORMAL)
    }

    /// Sends a ping, unless the last one is still not answered.
    pub(crate) async fn ping(&mut self, due: Instant) -> Result<(), u16> {
        if self.ping.is_some() {
            return Err(PING_TIMEOUT);
        }
        self.ping = Some((self.sent + 1, due));
        self.send("ping", None).await
    }

    /// When the ping was due that is not answered.
    pub(crate) fn unanswered_ping(&self) -> Option<Instant> {
        self.ping.map(|(_, due)| due)
    }

    /// Waits for what comes in; an error is the code with which the connection ended.
    pub(crate) async fn hear(&mut self, stream: &mut Stream) -> Result<Heard, u16> {
        loop {
            match self.stream.next().await {
                Some(Ok(Message::Text(text))) => return Ok(self.take(&text, stream)),
                Some(Ok(Message::Close(frame))) => {
                    return Err(frame.map_or(NO_STATUS, |frame| u16::from(frame.code)));
                }
                // Pings of the protocol are answered by the library.
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(ABNORMAL),
            }
        }
    }

    fn take(&mut self, text: &str, stream: &mut Stream) -> Heard {
        let Ok(incoming) = serde_json::from_str::<IncomingFrame<'_>>(text) else {
            return Heard::Other;
        };
        if let Some(reply) = incoming.seq_reply {
            return match self.ping {
                Some((number, due)) if number == reply => {
                    self.ping = None;
                    Heard::Pong(due)
                }
                _ => Heard::Other,
            };
        }
        let is_hello = incoming.event == "hello";
        let data = incoming.data.unwrap_or_default();
        if is_hello && *data.connection_id != *stream.connection_id {
            stream.next = 0;
            stream.connection_id = data.connection_id.as_ref().into();
        }
        if incoming.seq != stream.next {
            return Heard::Gap;
        }
        stream.next = incoming.seq + 1;
        if is_hello {
            return Heard::Hello;
        }
        if incoming.event == "posted"
            && let Ok(post) = serde_json::from_str::<PostText>(&data.post)
        {
            return Heard::Posted(Box::new(PostedEvent {
                id: post.id,
                author: post.user_id,
                channel: post.channel_id,
                create_ms: post.create_at,
                should_ack: data.should_ack,
            }));
        }
        Heard::Other
    }
}

/// The connection ended without a close frame.
pub(crate) const ABNORMAL: u16 = 1006;
/// A close frame without a code.
const NO_STATUS: u16 = 1005;
/// The web client's own: a ping was not answered.
pub(crate) const PING_TIMEOUT: u16 = 4000;
/// The web client's own: an event is missing.
pub(crate) const SEQUENCE_MISMATCH: u16 = 4001;

/// Opens a websocket and counts that as a call.
pub(crate) async fn connect(
    browser: &Browser,
    stream: Stream,
    due: Option<Instant>,
) -> Result<LiveSocket, CallFailure> {
    let mut count = browser.begin_count(ClientCall::Websocket, due);
    count.written();
    let opening = LiveSocket::open(browser, &stream);
    let opened = match browser.storm.behavior.call_patience_ms {
        None => opening.await,
        Some(ms) => tokio::time::timeout(std::time::Duration::from_millis(ms), opening)
            .await
            .unwrap_or_else(|_| Err(CallFailure::timeout())),
    };
    count.end(&opened);
    opened
}

#[cfg(test)]
mod tests {
    use tokio::net::{TcpListener, TcpStream};
    use tokio_tungstenite::{accept_async, client_async};

    use super::*;
    use crate::route::NetStream;

    /// The two ends of a websocket.
    async fn pair() -> (LiveSocket, WebSocketStream<TcpStream>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let client = async {
            let stream = NetStream::Plain(TcpStream::connect(address).await.unwrap());
            client_async("ws://127.0.0.1/", stream).await.unwrap().0
        };
        let server = async {
            let (stream, _) = listener.accept().await.unwrap();
            accept_async(stream).await.unwrap()
        };
        let (stream, server) = tokio::join!(client, server);
        let live = LiveSocket {
            stream,
            sent: 0,
            ping: None,
        };
        (live, server)
    }

    #[tokio::test]
    async fn a_ping_without_an_answer_ends_the_connection_at_the_next() {
        let (mut client, mut server) = pair().await;
        let due = Instant::now();
        client.ping(due).await.unwrap();
        let asked = server.next().await.unwrap().unwrap();
        assert_eq!(asked.to_text().unwrap(), r#"{"action":"ping","seq":1}"#);
        assert_eq!(client.unanswered_ping(), Some(due));
        // An answer to something else is none to the ping.
        let mut stream = Stream::default();
        for text in [
            r#"{"status":"OK","seq_reply":9}"#,
            r#"{"status":"OK","seq_reply":1,"data":{"text":"pong"}}"#,
        ] {
            server.send(Message::text(text)).await.unwrap();
        }
        assert!(matches!(client.hear(&mut stream).await, Ok(Heard::Other)));
        assert_eq!(client.unanswered_ping(), Some(due));
        let heard = client.hear(&mut stream).await;
        assert!(
            matches!(heard, Ok(Heard::Pong(at)) if at == due),
            "{heard:?}"
        );
        client.ping(due).await.unwrap();
        assert_eq!(client.ping(due).await, Err(PING_TIMEOUT));
    }

    #[tokio::test]
    async fn numbers_of_events_have_no_gap() {
        let (mut client, mut server) = pair().await;
        let mut stream = Stream::default();
        for text in [
            r#"{"event":"hello","data":{"connection_id":"a"},"seq":0}"#,
            r#"{"event":"typing","data":{},"seq":1}"#,
            r#"{"event":"typing","data":{},"seq":3}"#,
        ] {
            server.send(Message::text(text)).await.unwrap();
        }
        assert!(matches!(client.hear(&mut stream).await, Ok(Heard::Hello)));
        assert!(matches!(client.hear(&mut stream).await, Ok(Heard::Other)));
        assert!(matches!(client.hear(&mut stream).await, Ok(Heard::Gap)));
        // What is missing is asked for, with the next connection.
        assert_eq!((stream.next, &*stream.connection_id), (2, "a"));
    }
}
