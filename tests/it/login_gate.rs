//! The login gate as a proxy has it: its rendered configuration in a real nginx, in front of a server that
//! counts what reaches it, and the program that counts for the node exporter.

use std::path::Path;
use std::process::{Child, Command};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{Request, State};
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

/// What reached the server.
type Requests = Arc<Mutex<Vec<String>>>;

/// The server: it notes what reaches it, and answers logins once it is let.
#[derive(Clone)]
struct Server {
    requests: Requests,
    answers: watch::Receiver<bool>,
}

/// A login every 2 s, and 3 wait.
const SLOW: &str = "{rate: 0.5, burst: 3}";

struct Gate {
    nginx: Nginx,
    counter: Child,
    limits: GateLimits,
    requests: Requests,
    answers: watch::Sender<bool>,
    server: JoinHandle<()>,
    site: String,
    inside: String,
}

impl Drop for Gate {
    fn drop(&mut self) {
        let _ = self.counter.kill();
        let _ = self.counter.wait();
    }
}

impl Gate {
    /// A proxy with this gate in front of a server. The log of logins is replaced once it has so many bytes.
    async fn start(gate: &str, largest_log: u32) -> Self {
        let text = format!("architecture: 1k\nproxy: {{login_gate: {gate}}}\n");
        let spec = Library::new(None).load_text("gate", &text).unwrap();
        let limits = LoginGate::of(&spec).limits().unwrap().clone();

        let requests = Requests::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = listener.local_addr().unwrap();
        let (answers, answered) = watch::channel(true);
        let app = Router::new().fallback(answer).with_state(Server {
            requests: requests.clone(),
            answers: answered,
        });
        let server_task = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });

        let ((port, site), (_, inside)) = (loopback(), loopback());
        let first = format!("{}:8065", address_of(&spec, "app-1"));
        let second = format!("{}:8065", address_of(&spec, "app-2"));
        let replaced = [
            ("listen 80 ", format!("listen {site} ")),
            ("listen 127.0.0.1:8099", format!("listen {inside}")),
            (first.as_str(), server.to_string()),
            (second.as_str(), server.to_string()),
        ];
        let nginx = Nginx::start(&configured(&spec, "proxy-1"), &replaced, port);
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
            server: server_task,
            site: format!("http://{site}"),
            inside: format!("http://{inside}"),
        };
        // It counts what is written after it began.
        gate.counted("let_through", 0);
        gate
    }

    fn login(&self, client: &Client) -> impl Future<Output = reqwest::Result<Response>> + use<> {
        client.post(format!("{}{LOGIN}", self.site)).send()
    }

    /// How many logins reached the server.
    fn reached(&self) -> usize {
        let requests = self.requests.lock().unwrap();
        let login = format!("POST {LOGIN}");
        requests.iter().filter(|one| **one == login).count()
    }

    /// Waits until so many logins reached the server.
    async fn await_reached(&self, count: usize) {
        let deadline = Instant::now() + COUNTED;
        while self.reached() < count {
            assert!(Instant::now() < deadline, "{}", self.reached());
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
    let line = format!("{} {}", request.method(), request.uri().path());
    server.requests.lock().unwrap().push(line);
    server.answers.wait_for(|answers| *answers).await.unwrap();
    "{}"
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gate_lets_one_login_and_its_burst_through_and_refuses_the_surplus() {
    // Its log is replaced several times.
    let gate = Gate::start(SLOW, 100).await;
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
    let gate = Gate::start(SLOW, 1 << 24).await;
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
    let gate = Gate::start("{rate: 5000, burst: 1000}", 1 << 24).await;
    let client = Client::new();
    let most = 2 * gate.limits.in_node as usize;
    gate.answers.send_replace(false);
    let mut held: Vec<_> = (0..most)
        .map(|_| tokio::spawn(gate.login(&client)))
        .collect();
    gate.await_reached(most).await;
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
    let mut gate = Gate::start(SLOW, 1 << 24).await;
    gate.server.abort();
    assert!((&mut gate.server).await.unwrap_err().is_cancelled());
    let failed = gate.login(&Client::new()).await.unwrap();
    assert_eq!(failed.status(), 502);
}
