//! A server that does nothing: it answers each request from memory, with as many bytes as
//! Mattermost would, and greets websockets. It can stall once, for all at the same time.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::{Buf as _, BytesMut};
use futures::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

/// Answers that are the same for everybody.
struct Answers {
    config: Vec<u8>,
    license: Vec<u8>,
    me: Vec<u8>,
    teams: Vec<u8>,
    channels: Vec<u8>,
    members: Vec<u8>,
    posts: Vec<u8>,
    list: Vec<u8>,
    ping: Vec<u8>,
    next_user: AtomicU64,
    stall: Option<(Instant, Instant)>,
}

fn answer(body: &Value, more: &str) -> Vec<u8> {
    let body = body.to_string();
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-version-id: null\r\n{more}\
         content-length: {}\r\n\r\n",
        body.len()
    );
    [head.into_bytes(), body.into_bytes()].concat()
}

fn id(number: u64) -> String {
    format!("{number:0>26}")
}

impl Answers {
    fn new(stall: Option<(Instant, Instant)>) -> Self {
        let mut config: serde_json::Map<String, Value> = (0..230)
            .map(|key| (format!("SomeSettingOfTheServer{key}"), json!("true")))
            .collect();
        for key in [
            "PluginsEnabled",
            "AllowSyncedDrafts",
            "EnableUserTypingMessages",
        ] {
            config.insert(key.into(), json!("true"));
        }
        config.insert("CollapsedThreads".into(), json!("always_on"));
        let channel = |number: u64| {
            json!({
                "id": id(1000 + number), "type": "O", "name": format!("channel-{number}"),
                "display_name": "A channel", "total_msg_count_root": 5, "header": "x".repeat(400),
            })
        };
        let member = |number: u64| {
            json!({
                "channel_id": id(1000 + number), "msg_count_root": 5, "mention_count_root": 0,
                "notify_props": {"desktop": "default"}, "roles": "x".repeat(400),
            })
        };
        let post = |number: u64| {
            let text = json!({
                "id": id(2000 + number), "user_id": id(number), "create_at": number,
                "root_id": "", "reply_count": 0, "message": "x".repeat(150), "props": {},
                "metadata": {"embeds": [], "emojis": [], "files": []},
            });
            (id(2000 + number), text)
        };
        let posts: serde_json::Map<String, Value> = (0..30).map(post).collect();
        let order: Vec<&String> = posts.keys().collect();
        Self {
            config: answer(&config.into(), ""),
            license: answer(&json!({"IsLicensed": "false"}), ""),
            me: answer(&json!({"id": id(1), "props": {"x": "x".repeat(800)}}), ""),
            teams: answer(&json!([{"id": id(999), "name": "team"}]), ""),
            channels: answer(&(0..10).map(channel).collect(), ""),
            members: answer(&(0..10).map(member).collect(), ""),
            posts: answer(&json!({"order": order, "posts": posts}), ""),
            list: answer(&json!([]), ""),
            ping: answer(&json!({"status": "OK"}), ""),
            next_user: AtomicU64::new(1),
            stall,
        }
    }

    fn login(&self) -> Vec<u8> {
        let user = id(self.next_user.fetch_add(1, Ordering::Relaxed));
        let cookies = format!(
            "set-cookie: MMAUTHTOKEN={user}; Path=/\r\nset-cookie: MMUSERID={user}; Path=/\r\n\
             set-cookie: MMCSRF={user}; Path=/\r\n"
        );
        answer(
            &json!({"id": user, "props": {"x": "x".repeat(800)}}),
            &cookies,
        )
    }

    fn to(&self, path: &str) -> std::borrow::Cow<'_, [u8]> {
        let path = path.split('?').next().unwrap_or_default();
        let path = path.strip_prefix("/api/v4/").unwrap_or(path);
        let found = match path {
            "users/login" => return self.login().into(),
            "system/ping" => &self.ping,
            "config/client" => &self.config,
            "license/client" => &self.license,
            "users/me" => &self.me,
            "users/me/teams" => &self.teams,
            "users/me/channels" => &self.channels,
            path if path.ends_with("/channels/members") => &self.members,
            path if path.ends_with("/channel_members") => &self.members,
            path if path.ends_with("/channels") => &self.channels,
            path if path.ends_with("/posts/unread") || path.ends_with("/posts") => &self.posts,
            _ => &self.list,
        };
        found.as_slice().into()
    }

    /// Waits while the server stalls.
    async fn stalled(&self) {
        if let Some((from, until)) = self.stall
            && (from..until).contains(&Instant::now())
        {
            tokio::time::sleep_until(until.into()).await;
        }
    }
}

/// Serves at `PORT`, or any that is free if it is 0, and prints it; with two more arguments it stalls after so many milliseconds for so many.
pub(crate) async fn serve(arguments: &[String]) -> Result<(), Box<dyn Error>> {
    let [port, stall @ ..] = arguments else {
        return Err("a port is missing".into());
    };
    let stall = match stall {
        [after, time] => {
            let from = Instant::now() + Duration::from_millis(after.parse()?);
            Some((from, from + Duration::from_millis(time.parse()?)))
        }
        _ => None,
    };
    let answers = Arc::new(Answers::new(stall));
    let socket = tokio::net::TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    let port: u16 = port.parse()?;
    socket.bind(SocketAddr::from(([0_u8, 0, 0, 0], port)))?;
    let listener: TcpListener = socket.listen(16_384)?;
    println!("ready at port {}", listener.local_addr()?.port());
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // No more files may be open: clients wait until some are closed.
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        stream.set_nodelay(true)?;
        let answers = Arc::clone(&answers);
        // Clients come and go.
        tokio::spawn(async move { connection(stream, &answers).await.ok() });
    }
}

async fn connection(mut stream: TcpStream, answers: &Answers) -> std::io::Result<()> {
    let mut buffer = BytesMut::with_capacity(4096);
    let upgrade = loop {
        let mut headers = [httparse::EMPTY_HEADER; 32];
        let mut request = httparse::Request::new(&mut headers);
        match request.parse(&buffer) {
            Ok(httparse::Status::Complete(head)) => {
                let header = |name: &str| {
                    let found = request.headers.iter();
                    let mut found = found.filter(|h| h.name.eq_ignore_ascii_case(name));
                    found.next().map(|h| h.value)
                };
                let length: usize = header("content-length")
                    .and_then(|value| std::str::from_utf8(value).ok()?.parse().ok())
                    .unwrap_or(0);
                if buffer.len() < head + length {
                    buffer.reserve(head + length - buffer.len());
                } else {
                    if let Some(key) = header("sec-websocket-key") {
                        break derive_accept_key(key);
                    }
                    let reply = answers.to(request.path.unwrap_or_default());
                    answers.stalled().await;
                    stream.write_all(&reply).await?;
                    buffer.advance(head + length);
                    continue;
                }
            }
            Ok(httparse::Status::Partial) => buffer.reserve(4096),
            Err(error) => return Err(std::io::Error::other(error)),
        }
        if stream.read_buf(&mut buffer).await? == 0 {
            return Ok(());
        }
    };
    drop(std::mem::take(&mut buffer));
    websocket(stream, &upgrade).await
}

async fn websocket(mut stream: TcpStream, accept: &str) -> std::io::Result<()> {
    let head = format!(
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\
         sec-websocket-accept: {accept}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await?;
    let config = WebSocketConfig::default()
        .read_buffer_size(1024)
        .write_buffer_size(0);
    let mut socket = WebSocketStream::from_raw_socket(stream, Role::Server, Some(config)).await;
    let hello = json!({"event": "hello", "seq": 0, "data": {"connection_id": id(1)}});
    let other = std::io::Error::other;
    let hello = Message::text(hello.to_string());
    socket.send(hello).await.map_err(other)?;
    while let Some(Ok(message)) = socket.next().await {
        let Ok(frame) = serde_json::from_slice::<Value>(&message.into_data()) else {
            continue;
        };
        let reply = json!({"status": "OK", "seq_reply": frame["seq"], "data": {"text": "pong"}});
        let reply = Message::text(reply.to_string());
        socket.send(reply).await.map_err(other)?;
    }
    Ok(())
}
