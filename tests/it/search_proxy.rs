//! The search proxy between a client and a domain on loopback: what arrives there, what comes back, and
//! what happens when one of the parts is missing.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_credential_types::Credentials;
use axum::Router;
use axum::body::{Bytes, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::response::IntoResponse;
use futures::future::BoxFuture;
use loadrig::search_proxy::{CredentialsSource, SearchProxy, SearchProxyConfig};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// Anything on loopback happens within it.
const SOON: Duration = Duration::from_secs(10);

pub struct FixedCredentials(Result<Credentials, String>);

impl CredentialsSource for FixedCredentials {
    fn fetch(&self) -> BoxFuture<'_, Result<Credentials, String>> {
        let given = self.0.clone();
        Box::pin(async move { given })
    }
}

pub fn role() -> FixedCredentials {
    FixedCredentials(Ok(Credentials::new(
        "AKIDROLE",
        "secret",
        Some("session".to_owned()),
        None,
        "test",
    )))
}

/// A request as it arrived at the domain.
#[derive(Clone, Debug)]
pub struct Arrived {
    pub from: SocketAddr,
    line: String,
    headers: Vec<(String, String)>,
    body: Bytes,
}

impl Arrived {
    fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(key, _)| key == name);
        found.map_or("", |(_, value)| value)
    }
}

/// A domain that echoes requests; those below `/held` once they are released.
#[derive(Clone, Default)]
pub struct Domain {
    arrived: Arc<Mutex<Vec<Arrived>>>,
    release: Arc<Notify>,
}

impl Domain {
    pub async fn start() -> (Self, String) {
        let domain = Self::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let app = Router::new().fallback(answer).with_state(domain.clone());
        let app = app.into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        (domain, url)
    }

    pub fn arrived(&self) -> Vec<Arrived> {
        self.arrived.lock().unwrap().clone()
    }

    /// Waits for the first request.
    async fn has_some(&self) {
        let arrives = async {
            while self.arrived().is_empty() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(SOON, arrives).await.unwrap();
    }
}

async fn answer(
    State(domain): State<Domain>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    request: Request,
) -> impl IntoResponse {
    let (parts, body) = request.into_parts();
    let headers = parts.headers.iter();
    let headers = headers.map(|(name, value)| {
        let value = value.to_str().unwrap().to_owned();
        (name.to_string(), value)
    });
    let arrived = Arrived {
        from,
        line: format!("{} {}", parts.method, parts.uri),
        headers: headers.collect(),
        body: to_bytes(body, usize::MAX).await.unwrap(),
    };
    let echo = arrived.body.clone();
    let is_held = parts.uri.path().starts_with("/held");
    domain.arrived.lock().unwrap().push(arrived);
    if is_held {
        domain.release.notified().await;
    }
    ([("x-opensearch-version", "2.19")], echo)
}

/// A search proxy; its two addresses.
pub struct Proxy {
    pub requests: String,
    admin: String,
    pub stop: CancellationToken,
}

impl Proxy {
    /// Waits until nobody listens any more.
    pub async fn is_gone(&self) {
        let goes = async { while reqwest::get(&self.requests).await.is_ok() {} };
        tokio::time::timeout(SOON, goes).await.unwrap();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

pub async fn proxy(endpoint: &str, credentials: FixedCredentials) -> Proxy {
    let config = SearchProxyConfig {
        listen: "127.0.0.1:0".parse().unwrap(),
        admin: "127.0.0.1:0".parse().unwrap(),
        endpoint: endpoint.to_owned(),
        region: "us-east-1".to_owned(),
        largest_request: 1 << 20,
        held_bytes: 3 << 19,
        answer_seconds: 30,
    };
    let bound = SearchProxy::bind(&config, Box::new(credentials));
    let bound = bound.await.unwrap();
    let (requests, admin) = bound.addresses().unwrap();
    let stop = CancellationToken::new();
    tokio::spawn(bound.serve(stop.clone()));
    Proxy {
        requests: format!("http://{requests}"),
        admin: format!("http://{admin}"),
        stop,
    }
}

/// A port that nobody listens on.
async fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

#[tokio::test]
async fn a_request_arrives_signed_and_whole_and_its_answer_comes_back() {
    let (domain, url) = Domain::start().await;
    let proxy = proxy(&url, role()).await;
    let bulk = "{\"index\":{}}\n{\"message\":\"a\"}\n".repeat(1000);
    let client = reqwest::Client::new();
    let answer = client
        .post(format!(
            "{}/posts_2026/_bulk?refresh=true&q=a%20b",
            proxy.requests
        ))
        .header("content-type", "application/x-ndjson")
        .header("authorization", "Basic bm9ib2R5")
        .body(bulk.clone())
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["x-opensearch-version"], "2.19");
    assert_eq!(answer.text().await.unwrap(), bulk);

    let arrived = domain.arrived();
    let [request] = arrived.as_slice() else {
        panic!("{arrived:?}")
    };
    assert_eq!(request.line, "POST /posts_2026/_bulk?refresh=true&q=a%20b");
    assert_eq!(request.body, bulk);
    assert_eq!(request.header("content-type"), "application/x-ndjson");
    assert_eq!(format!("http://{}", request.header("host")), url);
    let signature = request.header("authorization");
    assert!(
        signature.starts_with("AWS4-HMAC-SHA256 Credential=AKIDROLE/")
            && signature.contains("/us-east-1/es/aws4_request"),
        "{signature}"
    );
    assert_eq!(request.header("x-amz-security-token"), "session");
}

#[tokio::test]
async fn connections_to_the_domain_stay_open() {
    let (domain, url) = Domain::start().await;
    let proxy = proxy(&url, role()).await;
    for _ in 0..5 {
        // Whatever clients do with theirs.
        let answer = reqwest::get(format!("{}/_cluster/health", proxy.requests));
        answer.await.unwrap().text().await.unwrap();
    }
    let arrived = domain.arrived();
    let first = arrived.first().unwrap().from;
    assert_eq!(arrived.len(), 5);
    assert!(arrived.iter().all(|one| one.from == first), "{arrived:?}");
}

#[tokio::test]
async fn a_request_that_is_too_large_is_refused_in_the_domains_form() {
    let (domain, url) = Domain::start().await;
    let proxy = proxy(&url, role()).await;
    let client = reqwest::Client::new();
    let large = vec![b'x'; (1 << 20) + 1];
    let sent = client.post(format!("{}/_bulk", proxy.requests)).body(large);
    let answer = sent.send().await.unwrap();
    assert_eq!(answer.status(), 413);
    let error: Value = answer.json().await.unwrap();
    assert_eq!(error["error"]["type"], "search_proxy_exception");
    let reason = error["error"]["reason"].as_str().unwrap();
    assert!(reason.contains("larger than 1 MiB"), "{reason}");
    assert!(domain.arrived().is_empty());
}

#[tokio::test]
async fn requests_that_fill_the_memory_are_refused_until_others_are_answered() {
    let (domain, url) = Domain::start().await;
    let proxy = proxy(&url, role()).await;
    let client = reqwest::Client::new();
    let send = |path: &str, bytes: usize| {
        let request = client.post(format!("{}{path}", proxy.requests));
        request.body(vec![b'x'; bytes]).send()
    };
    // Of 1.5 MiB that there are.
    let held = tokio::spawn(send("/held/_bulk", 1 << 20));
    domain.has_some().await;
    let refused = send("/_bulk", 1 << 20).await.unwrap();
    assert_eq!(refused.status(), 503);
    let error: Value = refused.json().await.unwrap();
    assert_eq!(error["error"]["type"], "search_proxy_exception");
    let reason = error["error"]["reason"].as_str().unwrap();
    assert!(reason.contains("fill its memory"), "{reason}");
    // What fits is taken, and nothing was lost of what there is.
    for _ in 0..3 {
        assert_eq!(send("/_bulk", 1 << 19).await.unwrap().status(), 200);
    }
    domain.release.notify_one();
    assert_eq!(held.await.unwrap().unwrap().status(), 200);
    assert_eq!(send("/_bulk", 1 << 20).await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_request_that_does_not_say_its_length_arrives_whole() {
    let (domain, url) = Domain::start().await;
    let proxy = proxy(&url, role()).await;
    let address = proxy.requests.replace("http://", "");
    let mut socket = TcpStream::connect(address).await.unwrap();
    let head = "POST /_bulk HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n";
    socket.write_all(head.as_bytes()).await.unwrap();
    for chunk in ["3\r\none\r\n", "3\r\ntwo\r\n", "0\r\n\r\n"] {
        socket.write_all(chunk.as_bytes()).await.unwrap();
    }
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(domain.arrived()[0].body, "onetwo");
}

#[tokio::test]
async fn without_the_domain_requests_fail_and_health_says_why() {
    let proxy = proxy(&nobody().await, role()).await;
    let answer = reqwest::get(&proxy.requests).await.unwrap();
    assert_eq!(answer.status(), 502);
    let health = reqwest::get(format!("{}/health", proxy.admin))
        .await
        .unwrap();
    assert_eq!(health.status(), 503);
    let text = health.text().await.unwrap();
    assert!(text.contains("cannot be reached"), "{text}");
    let metrics = reqwest::get(format!("{}/metrics", proxy.admin))
        .await
        .unwrap();
    let metrics = metrics.text().await.unwrap();
    assert!(
        metrics.contains("loadrig_search_proxy_unreachable_total 1"),
        "{metrics}"
    );
    assert!(
        metrics.contains("loadrig_search_proxy_answers_total{code=\"5xx\"} 1"),
        "{metrics}"
    );
}

#[tokio::test]
async fn without_credentials_nothing_is_sent() {
    let (domain, url) = Domain::start().await;
    let proxy = proxy(&url, FixedCredentials(Err("no role".to_owned()))).await;
    let answer = reqwest::get(&proxy.requests).await.unwrap();
    assert_eq!(answer.status(), 503);
    let text = answer.text().await.unwrap();
    assert!(text.contains("no role"), "{text}");
    assert!(domain.arrived().is_empty());
}

#[tokio::test]
async fn a_search_proxy_that_is_stopped_answers_what_is_under_way() {
    let (_domain, url) = Domain::start().await;
    let proxy = proxy(&url, role()).await;
    let health = reqwest::get(format!("{}/health", proxy.admin))
        .await
        .unwrap();
    assert_eq!(health.status(), 200);
    let asked = tokio::spawn(reqwest::get(proxy.requests.clone()));
    tokio::task::yield_now().await;
    let answer = asked.await.unwrap().unwrap();
    proxy.stop.cancel();
    assert_eq!(answer.status(), 200);
    proxy.is_gone().await;
}
