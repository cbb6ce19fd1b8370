//! Bulk requests that are larger together than the memory that the program may take.

use std::process::{Child, Command, Stdio};

use axum::http::Uri;
use futures::StreamExt as _;
use sha2::{Digest as _, Sha256};

use super::*;

/// A bulk request, in bytes; as many as this are under way at the same time.
const BULK: usize = 64 << 20;
const TOGETHER: usize = 8;
/// What the program may take at its peak, in bytes: an eighth of what requests are under way. It takes 40 MiB
/// or so without any.
const PEAK: u64 = 128 << 20;

/// The program of a search proxy, with a metadata service of its own.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Program {
    /// The most memory that it has taken so far, in bytes.
    fn peak(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.unwrap().trim().trim_end_matches(" kB");
        kib.parse::<u64>().unwrap() << 10
    }
}

/// The role of a host, as its metadata service gives it.
async fn metadata_service() -> String {
    fn answer(uri: &Uri) -> String {
        let path = uri.path().trim_end_matches('/');
        match path.rsplit('/').next() {
            Some("token") => "token".to_owned(),
            Some("security-credentials" | "security-credentials-extended") => "role".to_owned(),
            _ => serde_json::json!({
                "Code": "Success", "Type": "AWS-HMAC", "AccessKeyId": "AKIDROLE",
                "SecretAccessKey": "secret", "Token": "session",
                "LastUpdated": "2026-01-01T00:00:00Z", "Expiration": "2036-01-01T00:00:00Z",
            })
            .to_string(),
        }
    }
    let ttl = [("x-aws-ec2-metadata-token-ttl-seconds", "21600")];
    let answer = move |uri: Uri| async move { (ttl, answer(&uri)) };
    serve(Router::new().fallback(answer)).await
}

/// A domain that keeps nothing: it answers with the size and digest of what it gets.
async fn hashing_domain() -> String {
    let answer = |request: Request| async move {
        let mut chunks = request.into_body().into_data_stream();
        let (mut hash, mut size) = (Sha256::new(), 0);
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.unwrap();
            size += chunk.len();
            hash.update(&chunk);
        }
        format!("{size} {}", hex::encode(hash.finalize()))
    };
    let app = Router::new().fallback(answer);
    serve(app.layer(axum::extract::DefaultBodyLimit::disable())).await
}

async fn serve(app: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    url
}

async fn program(directory: &std::path::Path) -> (Program, String) {
    let port = crate::common::free_port();
    let listen: SocketAddr = ([127, 0, 0, 1], port).into();
    let config = SearchProxyConfig {
        listen,
        largest_request: 100 << 20,
        spooled_above: 1 << 20,
        held_bytes: 64 << 20,
        spool: directory.to_owned(),
        spooled_bytes: 10 << 30,
        ..config(&hashing_domain().await)
    };
    let path = directory.join("search-proxy.json");
    std::fs::write(&path, serde_json::to_string(&config).unwrap()).unwrap();
    let program = Command::new(env!("CARGO_BIN_EXE_loadrig"))
        .args(["search-proxy", "--config"])
        .arg(&path)
        .env(
            "AWS_EC2_METADATA_SERVICE_ENDPOINT",
            metadata_service().await,
        )
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let url = format!("http://{listen}");
    let answers = async { while reqwest::get(&url).await.is_err() {} };
    tokio::time::timeout(SOON, answers).await.unwrap();
    (Program(program), url)
}

#[tokio::test(flavor = "multi_thread")]
async fn large_requests_are_larger_together_than_the_memory_that_they_take() {
    let directory = tempfile::tempdir().unwrap();
    let (program, url) = program(directory.path()).await;
    let bulk: Bytes = (0..=250_u8).cycle().take(BULK).collect();
    let expected = format!("{BULK} {}", hex::encode(Sha256::digest(&bulk)));
    let client = reqwest::Client::new();
    let sent = (0..TOGETHER).map(|_| {
        let sending = client.post(format!("{url}/_bulk")).body(bulk.clone());
        async move { sending.send().await.unwrap().text().await.unwrap() }
    });
    for answer in futures::future::join_all(sent).await {
        assert_eq!(answer, expected);
    }
    let peak = program.peak();
    assert!(peak < PEAK, "{} MiB", peak >> 20);
    // The files had no names; the configuration is all that is left.
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
}
