//! The login gate as a proxy has it, and an application host behind a load balancer: the rendered configuration
//! in a real nginx, in front of a server that counts what reaches it, and the program that counts for the node
//! exporter.

use std::path::Path;
use std::process::{Child, Command};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use futures::future::join_all;
use loadrig::spec::{GateLimits, Library, LoginGate};
use reqwest::{Client, Response};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::common::nginx::{Nginx, address_of, configured, loopback};

const LOGIN: &str = "/api/v4/users/login";
/// How long the counting program may take: it looks several times a second here.
const COUNTED: Duration = Duration::from_secs(20);

/// A proxy that lets a login through every 2 s, and 3 wait.
const PROXY: (&str, &str) = (
    "proxy-1",
    "architecture: 1k\nproxy: {login_gate: {rate: 0.5, burst: 3}}\n",
);
/// One of two application hosts behind a load balancer, with half of a gate, which is the same.
const BEHIND_BALANCER: (&str, &str) = (
    "app-1",
    "architecture: 1k\nload_balancer: alb\nsizes: {nodes: {proxy: {count: 0}, app: {count: 2}}}\n\
     proxy: {login_gate: {rate: 1, burst: 6}}\n",
);

/// A request that reached the server.
#[derive(Clone, Debug)]
struct Arrived {
    line: String,
    headers: HeaderMap,
}

impl Arrived {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// What reached the server.
type Requests = Arc<Mutex<Vec<Arrived>>>;

/// The server: it notes what reaches it, and answers logins once it is let.
#[derive(Clone)]
struct Server {
    requests: Requests,
    answers: watch::Receiver<bool>,
}

/// A proxy that lets more logins through than nodes may have.
const FAST: (&str, &str) = (
    "proxy-1",
    "architecture: 1k\nproxy: {login_gate: {rate: 5000, burst: 1000}}\n",
);

struct Gate {
    nginx: Nginx,
    counter: Child,
    limits: GateLimits,
    requests: Requests,
    answers: watch::Sender<bool>,
    task: JoinHandle<()>,
    site: String,
    inside: String,
    /// Where the server listens.
    server: String,
}

impl Drop for Gate {
    fn drop(&mut self) {
        let _ = self.counter.kill();
        let _ = self.counter.wait();
    }
}

impl Gate {
    /// The gate of a host. The log of logins is replaced once it has so many bytes.
    async fn start((host, yaml): (&str, &str), largest_log: u32) -> Self {
        let spec = Library::new(None).load_text("gate", yaml).unwrap();
        let limits = LoginGate::of(&spec).limits().unwrap().clone();

        let requests = Requests::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = listener.local_addr().unwrap();
        let (answers, answered) = watch::channel(true);
        let app = Router::new().fallback(answer).with_state(Server {
            requests: requests.clone(),
            answers: answered,
        });
        let task = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });

        let ((port, site), (_, inside)) = (loopback(), loopback());
        let first = format!("{}:8065", address_of(&spec, "app-1"));
        let second = format!("{}:8065", address_of(&spec, "app-2"));
        let replaced = [
            ("listen 80 ", format!("listen {site} ")),
            ("listen 127.0.0.1:8099", format!("listen {inside}")),
            (first.as_str(), server.to_string()),
            (second.as_str(), server.to_string()),
        ];
        let nginx = Nginx::start(&configured(&spec, host), &replaced, port);
        let counter = Command::new("sh")
            .arg(
                Path::new(env!("CARGO_MANIFEST_DIR")).join("templates/proxy/login-gate-metrics.sh"),
            )
            .env("LOGIN_GATE_LOG", nginx.path("logins.log"))
            .env("LOGIN_GATE_METRICS", nginx.path("gate.prom"))
            .env("LOGIN_GATE_PID", nginx.path("nginx.pid"))
            .env("LOGIN_GATE_INTERVAL", "0.2")
            .env("LOGIN_GATE_LARGEST", largest_log.to_string())
            .spawn()
            .unwrap();
        let gate = Self {
            nginx,
            counter,
            limits,
            requests,
            answers,
            task,
            site: format!("http://{site}"),
            inside: format!("http://{inside}"),
            server: server.to_string(),
        };
        // It counts what is written after it began.
        gate.counted("let_through", 0);
        gate
    }

    fn login(&self, client: &Client) -> impl Future<Output = reqwest::Result<Response>> + use<> {
        client.post(format!("{}{LOGIN}", self.site)).send()
    }

    /// How many such requests reached the server.
    fn arrived(&self, line: &str) -> usize {
        let requests = self.requests.lock().unwrap();
        requests.iter().filter(|one| one.line == line).count()
    }

    /// How many logins reached the server.
    fn reached(&self) -> usize {
        self.arrived(&format!("POST {LOGIN}"))
    }

    /// Waits until so many such requests reached the server.
    async fn await_arrived(&self, line: &str, count: usize) {
        let deadline = Instant::now() + COUNTED;
        while self.arrived(line) < count {
            assert!(Instant::now() < deadline, "{line}: {}", self.arrived(line));
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until so many logins had this outcome.
    #[track_caller]
    fn counted(&self, outcome: &str, count: u32) {
        let line = format!("loadrig_login_gate_logins_total{{outcome=\"{outcome}\"}} {count}\n");
        let deadline = Instant::now() + COUNTED;
        while !self.nginx.read("gate.prom").contains(&line) {
            let text = self.nginx.read("gate.prom");
            assert!(Instant::now() < deadline, "{outcome} {count}: {text}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// The sum of a metric.
    fn metric(&self, name: &str) -> f64 {
        let text = self.nginx.read("gate.prom");
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap().trim().parse().unwrap()
    }
}

async fn answer(State(mut server): State<Server>, request: Request) -> &'static str {
    server.requests.lock().unwrap().push(Arrived {
        line: format!("{} {}", request.method(), request.uri().path()),
        headers: request.headers().clone(),
    });
    server.answers.wait_for(|answers| *answers).await.unwrap();
    "{}"
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gate_lets_one_login_and_its_burst_through_and_refuses_the_surplus() {
    // Its log is replaced several times.
    let gate = Gate::start(PROXY, 100).await;
    is_a_gate(&gate).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_load_balancer_the_gate_of_a_host_is_as_that_of_a_proxy() {
    let gate = Gate::start(BEHIND_BALANCER, 1 << 24).await;
    is_a_gate(&gate).await;
}

/// Checks that one login and its burst get through, whoever they come from, and nothing else waits.
async fn is_a_gate(gate: &Gate) {
    let client = Client::new();
    let asked = client.get(format!("{}/login-gate", gate.inside)).send();
    let told = asked.await.unwrap().text().await.unwrap();
    assert_eq!(told, format!("{}\n", gate.limits.as_configured()));
    assert_eq!(told, "rate=30r/m burst=3 in_node=2\n");

    let storm = join_all((0..6).map(|_| gate.login(&client)));
    let storm = tokio::spawn(storm);
    // Nothing else waits, not even another method at the same path.
    for path in ["/api/v4/users/me", LOGIN] {
        for _ in 0..10 {
            let other = client.get(format!("{}{path}", gate.site)).send();
            assert_eq!(other.await.unwrap().status(), 200);
        }
    }
    assert!(!storm.is_finished());

    let mut refused = 0;
    for answer in storm.await.unwrap() {
        let answer = answer.unwrap();
        if answer.status() == 200 {
            continue;
        }
        refused += 1;
        assert_eq!(answer.status(), 429);
        let again = answer.headers()["retry-after"].to_str().unwrap();
        assert_eq!(again, gate.limits.retry_after.to_string());
        let error: Value = answer.json().await.unwrap();
        assert_eq!(error["id"], "loadrig.login_gate.full");
        assert_eq!(error["status_code"], 429);
    }
    assert_eq!(refused, 2);
    assert_eq!(gate.reached(), 4);

    gate.counted("let_through", 4);
    gate.counted("refused", 2);
    gate.counted("gave_up", 0);
    assert!((gate.metric("loadrig_login_gate_delayed_total") - 3.0).abs() < 0.1);
    // 2, 4 and 6 s, less what lay between the first and the others.
    let waited = gate.metric("loadrig_login_gate_wait_seconds_total");
    assert!((6.0..=12.5).contains(&waited), "{waited}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_whose_client_hung_up_never_reaches_the_server() {
    let gate = Gate::start(PROXY, 1 << 24).await;
    let client = Client::new();
    let impatient = Client::builder().timeout(Duration::from_millis(300));
    let impatient = impatient.build().unwrap();
    assert_eq!(gate.login(&client).await.unwrap().status(), 200);
    let gone = gate.login(&impatient).await.unwrap_err();
    assert!(gone.is_timeout(), "{gone:?}");
    // Its turn comes after that of the one that has gone.
    assert_eq!(gate.login(&client).await.unwrap().status(), 200);
    assert_eq!(gate.reached(), 2);
    gate.counted("gave_up", 1);
    gate.counted("let_through", 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_hangs_is_given_a_few_logins_and_the_surplus_is_refused() {
    let gate = Gate::start(FAST, 1 << 24).await;
    let client = Client::new();
    let most = 2 * gate.limits.in_node as usize;
    gate.answers.send_replace(false);
    let mut held: Vec<_> = (0..most)
        .map(|_| tokio::spawn(gate.login(&client)))
        .collect();
    gate.await_arrived(&format!("POST {LOGIN}"), most).await;
    // A node goes on for a client that has gone, so that its place is not free.
    held.pop().unwrap().abort();
    for _ in 0..3 {
        let refused = gate.login(&client).await.unwrap();
        assert_eq!(refused.status(), 429);
        let again = refused.headers()["retry-after"].to_str().unwrap();
        assert_eq!(again, gate.limits.retry_after.to_string());
        let error: Value = refused.json().await.unwrap();
        assert_eq!(error["id"], "loadrig.login_gate.busy");
    }
    // All else reaches the nodes as always.
    let other = client.get(format!("{}/api/v4/users/me", gate.site)).send();
    let other = tokio::spawn(other);
    gate.await_arrived("GET /api/v4/users/me", 1).await;
    gate.answers.send_replace(true);
    assert_eq!(other.await.unwrap().unwrap().status(), 200);
    for login in held {
        assert_eq!(login.await.unwrap().unwrap().status(), 200);
    }
    assert_eq!(gate.login(&client).await.unwrap().status(), 200);
    assert_eq!(gate.reached(), most + 1);
    gate.counted("nodes_busy", 3);
    gate.counted("refused", 0);
    gate.counted("let_through", most as u32 + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_not_there_is_no_busy_one() {
    let mut gate = Gate::start(PROXY, 1 << 24).await;
    gate.task.abort();
    assert!((&mut gate.task).await.unwrap_err().is_cancelled());
    let failed = gate.login(&Client::new()).await.unwrap();
    assert_eq!(failed.status(), 502);
    assert!(!failed.headers().contains_key("retry-after"));
    // A turn was taken all the same.
    gate.counted("let_through", 1);
    gate.counted("nodes_busy", 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_load_balancer_the_server_is_told_whom_a_request_comes_from() {
    let gate = Gate::start(BEHIND_BALANCER, 1 << 24).await;
    let client = Client::new();
    // As a load balancer sends it: it adds the address that it sees to what the client claims.
    let asked = |path: &str| {
        let request = client.get(format!("{}{path}", gate.site));
        request
            .header("X-Forwarded-For", "203.0.113.9, 198.51.100.7")
            .header("X-Forwarded-Proto", "https")
            .header("Host", "chat.example.com")
    };
    let answer = asked("/api/v4/users/me").send().await.unwrap();
    assert_eq!(answer.headers()["x-served-by"], gate.server);
    let socket = asked("/api/v4/websocket")
        .header("Connection", "Upgrade")
        .header("Upgrade", "websocket");
    assert_eq!(socket.send().await.unwrap().status(), 200);

    let arrived = gate.requests.lock().unwrap().clone();
    assert_eq!(arrived.len(), 2);
    for one in &arrived {
        assert_eq!(one.header("x-real-ip"), Some("198.51.100.7"), "{one:?}");
        let all = one.header("x-forwarded-for");
        assert_eq!(all, Some("203.0.113.9, 198.51.100.7"), "{one:?}");
        assert_eq!(one.header("x-forwarded-proto"), Some("https"), "{one:?}");
        assert_eq!(one.header("host"), Some("chat.example.com"), "{one:?}");
    }
    assert_eq!(arrived[1].header("upgrade"), Some("websocket"));
    assert_eq!(arrived[1].header("connection"), Some("upgrade"));
}
