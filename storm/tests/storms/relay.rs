//! A proxy between clients and server that notes each request, and refuses some logins as a login
//! gate does.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const REFUSAL: &str = "HTTP/1.1 429 Too Many Requests\r\nServer: nginx\r\nRetry-After: 1\r\n\
    Content-Type: text/html\r\nContent-Length: 5\r\n\r\nsorry";

/// The proxy.
pub struct Relay {
    port: u16,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Relay {
    /// Passes everything on to the server at this URL, but refuses the first so many logins.
    pub async fn start(url: &str, refusals: u32) -> Self {
        let server = url.trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("address").port();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let left = Arc::new(AtomicU32::new(refusals));
        let noted = Arc::clone(&seen);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (server, noted, left) = (server.clone(), Arc::clone(&noted), Arc::clone(&left));
                tokio::spawn(async move {
                    // Either side may go; the other one notices.
                    let _ = pass(client, &server, &noted, &left).await;
                });
            }
        });
        Self { port, seen }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// First lines of the requests, in the order in which they came.
    pub fn seen(&self) -> Vec<String> {
        self.seen.lock().expect("no panic").clone()
    }
}

/// Each request comes in one piece: these clients write it at once and it is short.
async fn pass(
    mut client: TcpStream,
    server: &str,
    seen: &Mutex<Vec<String>>,
    left: &AtomicU32,
) -> std::io::Result<()> {
    let mut server = TcpStream::connect(server).await?;
    let (mut asked, mut answered) = (vec![0; 64 << 10], vec![0; 64 << 10]);
    loop {
        tokio::select! {
            read = client.read(&mut asked) => {
                let piece = &asked[..read?];
                if piece.is_empty() {
                    return Ok(());
                }
                let text = String::from_utf8_lossy(piece);
                let line = text.lines().next().unwrap_or_default();
                if let Some(request) = line.strip_suffix(" HTTP/1.1") {
                    seen.lock().expect("no panic").push(request.to_owned());
                }
                let is_login = line.starts_with("POST /api/v4/users/login");
                let take = |left: u32| left.checked_sub(1);
                if is_login && left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok() {
                    client.write_all(REFUSAL.as_bytes()).await?;
                } else {
                    server.write_all(piece).await?;
                }
            }
            read = server.read(&mut answered) => {
                let piece = &answered[..read?];
                if piece.is_empty() {
                    return Ok(());
                }
                client.write_all(piece).await?;
            }
        }
    }
}
