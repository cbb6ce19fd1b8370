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
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

struct Given(Result<Credentials, String>);

impl CredentialsSource for Given {
    fn fetch(&self) -> BoxFuture<'_, Result<Credentials, String>> {
        let given = self.0.clone();
        Box::pin(async move { given })
    }
}

fn role() -> Given {
    Given(Ok(Credentials::new(
        "AKIDROLE",
        "secret",
        Some("session".to_owned()),
        None,
        "test",
    )))
}

/// A request as it arrived at the domain.
#[derive(Clone, Debug)]
struct Arrived {
    from: SocketAddr,
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

#[derive(Clone, Default)]
struct Domain(Arc<Mutex<Vec<Arrived>>>);

impl Domain {
    async fn start() -> (Self, String) {
        let domain = Self::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let app = Router::new().fallback(answer).with_state(domain.clone());
        let app = app.into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        (domain, url)
    }

    fn arrived(&self) -> Vec<Arrived> {
        self.0.lock().unwrap().clone()
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
    domain.0.lock().unwrap().push(arrived);
    ([("x-opensearch-version", "2.19")], echo)
}

/// A search proxy; its two addresses.
struct Proxy {
    requests: String,
    admin: String,
    stop: CancellationToken,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn proxy(endpoint: &str, credentials: Given) -> Proxy {
    let config = SearchProxyConfig {
        listen: "127.0.0.1:0".parse().unwrap(),
        admin: "127.0.0.1:0".parse().unwrap(),
        endpoint: endpoint.to_owned(),
        region: "us-east-1".to_owned(),
        largest_request: 1 << 20,
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
    let proxy = proxy(&url, Given(Err("no role".to_owned()))).await;
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
    // Then nobody listens any more.
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    while reqwest::get(&proxy.requests).await.is_ok() {
        assert!(tokio::time::Instant::now() < deadline, "it still answers");
    }
}
