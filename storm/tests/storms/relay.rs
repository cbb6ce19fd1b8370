//! A proxy between clients and server that notes each request, refuses some logins as a login gate
//! does, and may lose an event on its way to a client.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::frames::FrameSieve;

/// The proxy.
pub struct Relay {
    port: u16,
    notes: Arc<RelayNotes>,
}

/// What it noted, and what it is to do.
#[derive(Default)]
struct RelayNotes {
    server: String,
    seen: Mutex<Vec<String>>,
    peers: Mutex<Vec<IpAddr>>,
    refusal: String,
    refusals_left: AtomicU32,
    loses_post: AtomicBool,
}

impl Relay {
    /// Passes everything on to the server at this URL, but refuses the first so many logins.
    pub async fn start(url: &str, refusals: u32) -> Self {
        Self::refusing(url, refusals, Some("Retry-After: 1")).await
    }

    /// The same, with this header in refusals.
    pub async fn refusing(url: &str, refusals: u32, header: Option<&str>) -> Self {
        let header = header.map_or(String::new(), |header| format!("{header}\r\n"));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("address").port();
        let notes = Arc::new(RelayNotes {
            server: url.trim_start_matches("http://").to_owned(),
            refusal: format!(
                "HTTP/1.1 429 Too Many Requests\r\nServer: nginx\r\n{header}\
                 Content-Type: text/html\r\nContent-Length: 5\r\n\r\nsorry"
            ),
            refusals_left: AtomicU32::new(refusals),
            ..RelayNotes::default()
        });
        let passing = Arc::clone(&notes);
        tokio::spawn(async move {
            while let Ok((client, peer)) = listener.accept().await {
                passing.peers.lock().expect("no panic").push(peer.ip());
                let notes = Arc::clone(&passing);
                tokio::spawn(async move {
                    // Either side may go; the other one notices.
                    let _ = notes.pass(client).await;
                });
            }
        });
        Self { port, notes }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// First lines of the requests, in the order in which they came.
    pub fn seen(&self) -> Vec<String> {
        self.notes.seen.lock().expect("no panic").clone()
    }

    /// Where each connection came from.
    pub fn peers(&self) -> Vec<IpAddr> {
        self.notes.peers.lock().expect("no panic").clone()
    }

    /// The next post does not arrive at a websocket.
    pub fn lose_next_post(&self) {
        self.notes.loses_post.store(true, Ordering::Relaxed);
    }

    /// Whether that has happened.
    pub fn has_lost_it(&self) -> bool {
        !self.notes.loses_post.load(Ordering::Relaxed)
    }
}

impl RelayNotes {
    /// Each request comes in one piece: these clients write it at once and it is short.
    async fn pass(&self, mut client: TcpStream) -> std::io::Result<()> {
        let mut server = TcpStream::connect(&self.server).await?;
        let (mut asked, mut answered) = (vec![0; 64 << 10], vec![0; 64 << 10]);
        let mut sieve = None;
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
                        self.seen.lock().expect("no panic").push(request.to_owned());
                    }
                    if line.starts_with("GET /api/v4/websocket") {
                        sieve = Some(FrameSieve::default());
                    }
                    if line.starts_with("POST /api/v4/users/login") && self.refuses() {
                        client.write_all(self.refusal.as_bytes()).await?;
                    } else {
                        server.write_all(piece).await?;
                    }
                }
                read = server.read(&mut answered) => {
                    let piece = &answered[..read?];
                    if piece.is_empty() {
                        return Ok(());
                    }
                    match &mut sieve {
                        Some(sieve) => client.write_all(&sieve.pass(piece, |f| self.loses(f))).await?,
                        None => client.write_all(piece).await?,
                    }
                }
            }
        }
    }

    fn refuses(&self) -> bool {
        let take = |left: u32| left.checked_sub(1);
        let left = &self.refusals_left;
        left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take)
            .is_ok()
    }

    /// Whether a frame is the post that is to be lost.
    fn loses(&self, frame: &[u8]) -> bool {
        let posted = br#""event":"posted""#;
        let is_post = frame.windows(posted.len()).any(|part| part == posted);
        is_post && self.loses_post.swap(false, Ordering::Relaxed)
    }
}
