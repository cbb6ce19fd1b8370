//! The search proxy between a client and a domain on loopback: what arrives there, what comes back, and
//! what happens when one of the parts is missing. Large requests through the real program.

mod large;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_credential_types::Credentials;
use axum::Router;
use axum::body::{Bytes, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use futures::future::BoxFuture;
use loadrig_search_proxy::{CredentialsSource, SearchProxy, SearchProxyConfig};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// The header of answers to requests of which nothing was sent.
const UNSENT: &str = "x-accel-redirect";
/// Anything on loopback happens within it.
const SOON: Duration = Duration::from_secs(10);

pub struct FixedCredentials(pub Result<Credentials, String>);

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
    /// Method and path.
    pub line: String,
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
    /// What its access policy says to everybody.
    refusal: Option<&'static str>,
}

impl Domain {
    pub async fn start() -> (Self, String) {
        Self::default().start_at("127.0.0.1:0").await
    }

    /// One whose access policy admits nobody.
    pub async fn start_closed() -> (Self, String) {
        let domain = Self {
            refusal: Some("{\"Message\":\"User: x is not authorized to perform: es:ESHttpPost\"}"),
            ..Self::default()
        };
        domain.start_at("127.0.0.1:0").await
    }

    async fn start_at(self, address: &str) -> (Self, String) {
        let domain = self;
        let listener = TcpListener::bind(address).await.unwrap();
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
    match domain.refusal {
        Some(text) => (StatusCode::FORBIDDEN, text).into_response(),
        None => ([("x-opensearch-version", "2.19")], echo).into_response(),
    }
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
        tokio::time::timeout(3 * SOON, goes).await.unwrap();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

pub async fn proxy(endpoint: &str, credentials: FixedCredentials) -> Proxy {
    started(config(endpoint), credentials).await
}

/// One that takes requests of a mebibyte: up to a quarter of that in memory, and 1.5 of them in files.
pub fn config(endpoint: &str) -> SearchProxyConfig {
    SearchProxyConfig {
        listen: "127.0.0.1:0".parse().unwrap(),
        admin: "127.0.0.1:0".parse().unwrap(),
        endpoint: endpoint.to_owned(),
        region: "us-east-1".to_owned(),
        largest_request: 1 << 20,
        spooled_above: 1 << 18,
        held_bytes: 1 << 19,
        spool: std::env::temp_dir(),
        spooled_bytes: 3 << 19,
        answer_seconds: 30,
        passed_over_seconds: 0,
    }
}

pub async fn started(config: SearchProxyConfig, credentials: FixedCredentials) -> Proxy {
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
pub async fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

async fn take_and_break_off(State(arrived): State<Arc<AtomicU64>>, request: Request) -> StatusCode {
    let _ = to_bytes(request.into_body(), usize::MAX).await.unwrap();
    arrived.fetch_add(1, Ordering::SeqCst);
    // The task ends here, and the connection with it.
    panic!("breaks off")
}

/// A server that reads requests and closes connections without an answer, and how many came.
pub async fn breaks_off() -> (SocketAddr, Arc<AtomicU64>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let arrived = Arc::new(AtomicU64::new(0));
    let app = Router::new()
        .fallback(take_and_break_off)
        .with_state(Arc::clone(&arrived));
    tokio::spawn(async move {
        let app = app.into_make_service();
        axum::serve(listener, app).await.unwrap();
    });
    (address, arrived)
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
async fn requests_that_fill_the_disk_are_refused_until_others_are_answered() {
    let (domain, url) = Domain::start().await;
    let proxy = proxy(&url, role()).await;
    let client = reqwest::Client::new();
    let send = |path: &str, bytes: usize| {
        let request = client.post(format!("{}{path}", proxy.requests));
        request.body(vec![b'x'; bytes]).send()
    };
    // Of 1.5 MiB that files may take.
    let held = tokio::spawn(send("/held/_bulk", 1 << 20));
    domain.has_some().await;
    let refused = send("/_bulk", 1 << 20).await.unwrap();
    assert_eq!(refused.status(), 503);
    assert_eq!(refused.headers()[UNSENT], "@another_search_proxy");
    let error: Value = refused.json().await.unwrap();
    assert_eq!(error["error"]["type"], "search_proxy_exception");
    let reason = error["error"]["reason"].as_str().unwrap();
    assert!(reason.contains("fill the search proxy's disk"), "{reason}");
    // What fits is taken, and nothing was lost of what there is.
    for _ in 0..3 {
        assert_eq!(send("/_bulk", 1 << 19).await.unwrap().status(), 200);
    }
    domain.release.notify_one();
    assert_eq!(held.await.unwrap().unwrap().status(), 200);
    assert_eq!(send("/_bulk", 1 << 20).await.unwrap().status(), 200);
}

/// Small ones that find no memory left are in files too; whatever they are in, they arrive as they were.
#[tokio::test]
async fn memory_limits_neither_size_nor_number_of_requests() {
    let (domain, url) = Domain::start().await;
    let without_memory = SearchProxyConfig {
        held_bytes: 0,
        ..config(&url)
    };
    let proxy = started(without_memory, role()).await;
    let client = reqwest::Client::new();
    for bytes in [1, 1000, 1 << 19, 1 << 20] {
        let bulk: Vec<u8> = (b'a'..=b'z').cycle().take(bytes).collect();
        let sent = client.post(format!("{}/_bulk", proxy.requests));
        let answer = sent.body(bulk.clone()).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.bytes().await.unwrap(), bulk);
    }
    // What was sent from a file says its length, as from memory.
    let arrived = domain.arrived();
    let lengths = arrived.iter().map(|one| one.header("content-length"));
    assert!(lengths.eq(["1", "1000", "524288", "1048576"]));
    let metrics = reqwest::get(format!("{}/metrics", proxy.admin)).await;
    let metrics = metrics.unwrap().text().await.unwrap();
    assert!(
        metrics.contains("loadrig_search_proxy_spooled_total 4"),
        "{metrics}"
    );
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
    assert_eq!(answer.status(), 503);
    assert_eq!(answer.headers()[UNSENT], "@another_search_proxy");
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
    assert_eq!(answer.headers()[UNSENT], "@another_search_proxy");
    let text = answer.text().await.unwrap();
    assert!(text.contains("no role"), "{text}");
    assert!(domain.arrived().is_empty());
}

#[tokio::test]
async fn while_the_domain_cannot_be_reached_requests_fail_at_once_and_then_are_answered_again() {
    let url = nobody().await;
    let proxy = proxy(&url, role()).await;
    let count = async || {
        let metrics = reqwest::get(format!("{}/metrics", proxy.admin)).await;
        let metrics = metrics.unwrap().text().await.unwrap();
        let name = "\nloadrig_search_proxy_retries_total ";
        let value = metrics.split(name).nth(1).unwrap();
        value.split('\n').next().unwrap().parse::<u64>().unwrap()
    };
    assert_eq!(reqwest::get(&proxy.requests).await.unwrap().status(), 503);
    assert_eq!(count().await, 2);
    // It is known by now: nothing is tried for those that come meanwhile.
    let client = reqwest::Client::new();
    for _ in 0..5 {
        let sent = client.post(&proxy.requests).body(vec![b'x'; 1 << 19]);
        let answer = sent.send().await.unwrap();
        assert_eq!(answer.status(), 503);
        let text = answer.text().await.unwrap();
        assert!(text.contains("cannot be reached"), "{text}");
    }
    assert_eq!(count().await, 2);

    let (_domain, _) = Domain::default()
        .start_at(&url.replace("http://", ""))
        .await;
    let answers = async {
        while reqwest::get(&proxy.requests).await.unwrap().status() != 200 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(SOON, answers).await.unwrap();
}

/// It reads requests, and closes the connection without an answer.
#[tokio::test]
async fn a_request_that_may_have_arrived_is_not_sent_again_and_nobody_is_told_to() {
    let (address, arrived) = breaks_off().await;
    let proxy = proxy(&format!("http://{address}"), role()).await;
    let client = reqwest::Client::new();
    for sent in 1..=3 {
        let sending = client.post(&proxy.requests).body(vec![b'x'; 1 << 19]);
        let answer = sending.send().await.unwrap();
        assert_eq!(answer.status(), 502);
        assert_eq!(answer.headers().get(UNSENT), None);
        assert_eq!(arrived.load(Ordering::SeqCst), sent);
    }
}

#[tokio::test]
async fn a_refusal_of_the_policy_says_that_nothing_was_carried_out() {
    let (_domain, url) = Domain::start_closed().await;
    let proxy = proxy(&url, role()).await;
    let answer = reqwest::get(&proxy.requests).await.unwrap();
    assert_eq!(answer.status(), 403);
    assert_eq!(answer.headers()[UNSENT], "@another_search_proxy");
    let text = answer.text().await.unwrap();
    assert!(text.contains("not authorized"), "{text}");
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
