//! What people notice of a change at a proxy: its configuration in a real nginx with a request under way.

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use loadrig::spec::Library;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

use crate::common::nginx::{Nginx, address_of, configured, loopback};

/// Anything on one machine happens within it.
const SOON: Duration = Duration::from_secs(20);

/// A server that answers once it may, and says when it was asked.
#[derive(Clone, Default)]
struct Slow {
    asked: Arc<Notify>,
    may_answer: Arc<Notify>,
}

async fn answer(State(slow): State<Slow>) -> &'static str {
    slow.asked.notify_one();
    slow.may_answer.notified().await;
    "answered"
}

/// A proxy in front of it, and the proxy's URL.
async fn proxy(slow: &Slow) -> (Nginx, String) {
    let spec = Library::new(None).load_text("proxy", "architecture: 1k\n");
    let spec = spec.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = listener.local_addr().unwrap().to_string();
    let app = Router::new().fallback(answer).with_state(slow.clone());
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    let ((port, site), (_, inside)) = (loopback(), loopback());
    let of = |host: &str| format!("{}:8065", address_of(&spec, host));
    let (first, second) = (of("app-1"), of("app-2"));
    let replaced = [
        ("listen 80 ", format!("listen {site} ")),
        ("listen 127.0.0.1:8099", format!("listen {inside}")),
        (first.as_str(), server.clone()),
        (second.as_str(), server),
    ];
    let nginx = Nginx::start(&configured(&spec, "proxy-1"), &replaced, port);
    (nginx, format!("http://{site}"))
}

/// The open files that each worker may have.
fn limits(nginx: &Nginx) -> Vec<String> {
    let workers = Command::new("pgrep")
        .args(["-P", nginx.read("nginx.pid").trim()])
        .output()
        .unwrap();
    let workers = String::from_utf8(workers.stdout).unwrap();
    let limit = |pid: &str| {
        // A worker may end meanwhile.
        let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).ok()?;
        let line = limits
            .lines()
            .find(|line| line.starts_with("Max open files"))?;
        line.split_whitespace().nth(3).map(str::to_owned)
    };
    workers.lines().filter_map(limit).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn new_limits_reach_the_workers_and_no_request_is_cut() {
    let slow = Slow::default();
    let (nginx, url) = proxy(&slow).await;
    let under_way = tokio::spawn(reqwest::get(format!("{url}/api/v4/files")));
    tokio::time::timeout(SOON, slow.asked.notified())
        .await
        .unwrap();

    let main = nginx.read("nginx.conf");
    let lower = main.replace("worker_rlimit_nofile 100000;", "worker_rlimit_nofile 5000;");
    assert_ne!(main, lower);
    std::fs::write(nginx.path("nginx.conf"), lower).unwrap();
    nginx.signal("HUP");
    let deadline = Instant::now() + SOON;
    while !limits(&nginx).contains(&"5000".to_owned()) {
        assert!(Instant::now() < deadline, "{:?}", limits(&nginx));
        sleep(Duration::from_millis(50)).await;
    }
    slow.may_answer.notify_one();
    let answer = under_way.await.unwrap().unwrap();
    assert_eq!(answer.text().await.unwrap(), "answered");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_nginx_that_stops_answers_what_is_under_way() {
    let slow = Slow::default();
    let (nginx, url) = proxy(&slow).await;
    let under_way = tokio::spawn(reqwest::get(format!("{url}/api/v4/files")));
    tokio::time::timeout(SOON, slow.asked.notified())
        .await
        .unwrap();
    // As its unit stops it.
    nginx.signal("QUIT");
    let deadline = Instant::now() + SOON;
    let site = url.trim_start_matches("http://");
    while TcpStream::connect(site).await.is_ok() {
        assert!(Instant::now() < deadline, "it takes new connections");
        sleep(Duration::from_millis(50)).await;
    }
    slow.may_answer.notify_one();
    let answer = under_way.await.unwrap().unwrap();
    assert_eq!(answer.text().await.unwrap(), "answered");
}
