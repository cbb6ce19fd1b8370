//! A client of the API and of its websocket.

use std::path::Path;
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

pub const PASSWORD: &str = "Passw0rd!";
const EVENT_DEADLINE: Duration = Duration::from_secs(20);

/// A client, with or without a session.
#[derive(Debug, Clone)]
pub struct Client {
    address: String,
    token: String,
    pub user_id: String,
    http: reqwest::Client,
}

/// A websocket on which `hello` has arrived.
pub struct ClientSocket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Client {
    pub fn new(address: String) -> Self {
        let http = reqwest::Client::new();
        Self {
            address,
            token: String::new(),
            user_id: String::new(),
            http,
        }
    }

    /// One that calls a server's local socket.
    pub fn at_socket(path: &Path) -> Self {
        let http = reqwest::Client::builder().unix_socket(path).build();
        Self {
            http: http.expect("a client"),
            ..Self::new("localhost".to_owned())
        }
    }

    /// The same session at another node.
    pub fn at(&self, other: &Client) -> Self {
        Self {
            address: other.address.clone(),
            ..self.clone()
        }
    }

    pub async fn send(&self, method: Method, path: &str, body: Option<Value>) -> Response {
        let url = format!("http://{}/api/v4{path}", self.address);
        let mut request = self.http.request(method, url);
        if !self.token.is_empty() {
            request = request.bearer_auth(&self.token);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        request.send().await.expect("an answer")
    }

    /// The JSON answer to a `GET` that must succeed.
    pub async fn get(&self, path: &str) -> Value {
        json_of(self.send(Method::GET, path, None).await).await
    }

    /// The JSON answer to a `POST` that must succeed.
    pub async fn post(&self, path: &str, body: Value) -> Value {
        json_of(self.send(Method::POST, path, Some(body)).await).await
    }

    /// The JSON answer to a `PUT` that must succeed.
    pub async fn put(&self, path: &str, body: Value) -> Value {
        json_of(self.send(Method::PUT, path, Some(body)).await).await
    }

    /// Status of a `GET` by a client that has the answer with this tag already.
    pub async fn send_tagged(&self, path: &str, tag: &str) -> StatusCode {
        let url = format!("http://{}/api/v4{path}", self.address);
        let request = self.http.get(url).bearer_auth(&self.token);
        let answer = request.header("if-none-match", tag).send().await;
        answer.expect("an answer").status()
    }

    /// Status and error identifier of a call that must fail.
    pub async fn refused(&self, method: Method, path: &str, body: Option<Value>) -> (u16, String) {
        let answer = self.send(method, path, body).await;
        let status = answer.status();
        let body: Value = answer.json().await.expect("json");
        assert!(
            status.is_client_error() || status.is_server_error(),
            "{status} {body}"
        );
        assert_eq!(body["status_code"], status.as_u16());
        assert_eq!(body["request_id"].as_str().map(str::len), Some(26));
        (status.as_u16(), body["id"].as_str().expect("id").to_owned())
    }

    pub async fn create_user(&self, name: &str) -> Value {
        let email = format!("{name}@example.com");
        self.post(
            "/users",
            json!({"username": name, "email": email, "password": PASSWORD}),
        )
        .await
    }

    /// A client with a session of its own.
    pub async fn login(&self, name: &str) -> Self {
        let body = json!({"login_id": name, "password": PASSWORD});
        let answer = self.send(Method::POST, "/users/login", Some(body)).await;
        let token = answer
            .headers()
            .get("token")
            .expect("token")
            .to_str()
            .expect("text");
        let token = token.to_owned();
        let user = json_of(answer).await;
        let user_id = user["id"].as_str().expect("id").to_owned();
        Self {
            token,
            user_id,
            ..self.clone()
        }
    }

    /// The answer to a license that is uploaded.
    pub async fn add_license(&self, license: &str) -> Value {
        let part = reqwest::multipart::Part::text(license.to_owned()).file_name("license");
        let form = reqwest::multipart::Form::new().part("license", part);
        let url = format!("http://{}/api/v4/license", self.address);
        let request = self.http.post(url).bearer_auth(&self.token).multipart(form);
        let answer = request.send().await.expect("an answer");
        answer.json().await.expect("json")
    }

    /// A websocket authenticated by header.
    pub async fn socket(&self) -> ClientSocket {
        let mut request = self.socket_url().into_client_request().expect("request");
        let bearer = format!("Bearer {}", self.token).parse().expect("header");
        request.headers_mut().insert("authorization", bearer);
        ClientSocket::open(request, None).await
    }

    /// A websocket that goes on with an earlier connection from an event on, or is refused one and
    /// begins anew; no frame has been read.
    pub async fn resumed_socket(&self, connection_id: &str, sequence: i64) -> ClientSocket {
        let url = format!(
            "{}?connection_id={connection_id}&sequence_number={sequence}",
            self.socket_url()
        );
        let mut request = url.into_client_request().expect("request");
        let bearer = format!("Bearer {}", self.token).parse().expect("header");
        request.headers_mut().insert("authorization", bearer);
        let (stream, _) = tokio_tungstenite::connect_async(request)
            .await
            .expect("websocket");
        ClientSocket(stream)
    }

    /// A websocket authenticated by its first frame.
    pub async fn challenged_socket(&self) -> ClientSocket {
        let request = self.socket_url().into_client_request().expect("request");
        let challenge = json!({
            "seq": 1, "action": "authentication_challenge", "data": {"token": self.token},
        });
        ClientSocket::open(request, Some(challenge)).await
    }

    /// Status with which a websocket from a page of another site is refused.
    pub async fn foreign_socket(&self) -> u16 {
        let mut request = self.socket_url().into_client_request().expect("request");
        let origin = "http://elsewhere.example".parse().expect("header");
        request.headers_mut().insert("origin", origin);
        match tokio_tungstenite::connect_async(request).await {
            Err(Error::Http(answer)) => answer.status().as_u16(),
            other => panic!("{other:?}"),
        }
    }

    fn socket_url(&self) -> String {
        format!("ws://{}/api/v4/websocket", self.address)
    }

    pub async fn upload(&self, channel_id: &str, name: &str, data: &'static [u8]) -> Value {
        let part = reqwest::multipart::Part::bytes(data).file_name(name.to_owned());
        let part = part.mime_str("text/plain").expect("type");
        let form = reqwest::multipart::Form::new()
            .text("channel_id", channel_id.to_owned())
            .part("files", part)
            .text("client_ids", "one");
        let url = format!("http://{}/api/v4/files", self.address);
        let request = self.http.post(url).bearer_auth(&self.token).multipart(form);
        json_of(request.send().await.expect("an answer")).await
    }

    pub async fn upload_raw(&self, channel_id: &str, name: &str, data: Vec<u8>) -> Response {
        let url = format!("http://{}/api/v4/files", self.address);
        let query = [("channel_id", channel_id), ("filename", name)];
        let url = reqwest::Url::parse_with_params(&url, query).expect("url");
        let request = self.http.post(url).bearer_auth(&self.token).body(data);
        request.send().await.expect("an answer")
    }
}

async fn json_of(answer: Response) -> Value {
    let status = answer.status();
    let text = answer.text().await.expect("text");
    assert!(
        matches!(status, StatusCode::OK | StatusCode::CREATED),
        "{status}: {text}"
    );
    serde_json::from_str(&text).expect("json")
}

impl ClientSocket {
    async fn open(
        request: tokio_tungstenite::tungstenite::handshake::client::Request,
        first: Option<Value>,
    ) -> Self {
        let (stream, _) = tokio_tungstenite::connect_async(request)
            .await
            .expect("websocket");
        let mut socket = Self(stream);
        if let Some(first) = first {
            socket.send(first).await;
            assert_eq!(socket.next().await, json!({"status": "OK", "seq_reply": 1}));
        }
        let hello = socket.next().await;
        assert_eq!(
            (&hello["event"], &hello["seq"]),
            (&"hello".into(), &0.into())
        );
        socket
    }

    pub async fn send(&mut self, frame: Value) {
        self.0
            .send(Message::text(frame.to_string()))
            .await
            .expect("sent");
    }

    pub async fn next(&mut self) -> Value {
        loop {
            let message = timeout(EVENT_DEADLINE, self.0.next())
                .await
                .expect("a frame in time");
            if let Message::Text(text) = message.expect("open").expect("readable") {
                return serde_json::from_str(&text).expect("json");
            }
        }
    }

    /// The answer to the frame with this number; events are passed over.
    pub async fn reply(&mut self, seq: i64) -> Value {
        loop {
            let frame = self.next().await;
            if frame["seq_reply"] == seq {
                return frame;
            }
        }
    }

    /// Whether no event of this name comes within a time.
    pub async fn is_silent(&mut self, name: &str, time: Duration) -> bool {
        timeout(time, self.event(name)).await.is_err()
    }

    /// The next event of this name; others are passed over.
    pub async fn event(&mut self, name: &str) -> Value {
        loop {
            let frame = self.next().await;
            if frame["event"] == name {
                return frame;
            }
        }
    }
}
