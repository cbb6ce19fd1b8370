//! A client of a rig on the local cloud: requests at a fixed rate, whether or not earlier ones were
//! answered, and open websockets. It counts what people would notice.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use loadrig::localcloud;
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::{ClientRequestBuilder, Message};

/// Requests in a second.
pub const RATE: u32 = 100;
/// Open websockets.
pub const SOCKETS: usize = 50;
/// Of so many requests one is a post, the others read.
const POSTS: u64 = 10;
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// What came of it.
#[derive(Debug, Default)]
pub struct Tally {
    /// How long requests were made.
    pub lasted: Duration,
    /// Requests that were answered as they should be.
    pub answered: u64,
    /// Requests that were not, each with its reason.
    pub failed: Vec<String>,
    /// Requests that were sent once more, because the server had closed an idle connection that they
    /// were sent on: what every browser does.
    pub sent_again: u64,
    /// The longest time to an answer.
    pub slowest: Duration,
    /// Answers by the node that gave them.
    pub by_node: BTreeMap<String, u64>,
    /// Websockets that were closed and opened again.
    pub reconnects: u64,
    /// Attempts to open a websocket that were refused.
    pub refused_sockets: Vec<String>,
    /// The longest time without a websocket.
    pub longest_without: Duration,
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} requests answered in {:.0} s, {} failed, {} sent again, slowest {:.1} s, by node {:?}; \
             {} reconnects of {SOCKETS} websockets, {} refused, longest without one {:.1} s",
            self.answered,
            self.lasted.as_secs_f64(),
            self.failed.len(),
            self.sent_again,
            self.slowest.as_secs_f64(),
            self.by_node,
            self.reconnects,
            self.refused_sockets.len(),
            self.longest_without.as_secs_f64(),
        )
    }
}

/// A client at work on a thread of its own, inside the local cloud's network.
pub struct Load {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Tally>,
}

impl Load {
    /// Starts it, and waits until its websockets are open.
    pub fn start(url: &str) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (ready, is_ready) = mpsc::channel();
        let (url, stopped) = (url.to_owned(), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            let running = localcloud::status().expect("the cloud runs").running;
            let _entered = localcloud::enter(&running).unwrap();
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(drive(&url, &stopped, &ready))
        });
        is_ready
            .recv_timeout(Duration::from_mins(2))
            .expect("the client is ready");
        Self { stop, thread }
    }

    /// Ends it, with what came of all that it began.
    pub fn end(self) -> Tally {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

/// Somebody with an account, and a channel to post in.
struct Person {
    url: String,
    token: String,
    channel: String,
    /// Keeps connections open, as browsers do.
    keeping: Client,
    /// Opens a connection for each request, so that nothing has to be sent again.
    fresh: Client,
    tally: Mutex<Tally>,
}

async fn drive(url: &str, stop: &AtomicBool, ready: &Sender<()>) -> Tally {
    let person = Arc::new(sign_up(url).await);
    let mut sockets = Vec::new();
    for _ in 0..SOCKETS {
        let socket = open(&person).await.expect("a websocket");
        sockets.push(tokio::spawn(keep_open(Arc::clone(&person), socket)));
    }
    ready.send(()).unwrap();
    let mut ticks = interval(Duration::from_secs(1) / RATE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut requests = Vec::new();
    let mut number = 0;
    let began = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        ticks.tick().await;
        number += 1;
        requests.push(tokio::spawn(ask(Arc::clone(&person), number)));
    }
    let lasted = began.elapsed();
    for request in requests {
        request.await.unwrap();
    }
    for socket in sockets {
        socket.abort();
    }
    let tally = std::mem::take(&mut *person.tally.lock().unwrap());
    Tally { lasted, ..tally }
}

async fn sign_up(url: &str) -> Person {
    let client = |idle| {
        let client = Client::builder().no_proxy().pool_max_idle_per_host(idle);
        client.timeout(PATIENCE).build().unwrap()
    };
    let (keeping, fresh) = (client(32), client(0));
    let name = format!("u{}", std::process::id() + rand_number());
    let call = async |request: RequestBuilder| -> (Value, Option<String>) {
        let answer = request.send().await.unwrap();
        let token = answer.headers().get("token");
        let token = token.map(|token| token.to_str().unwrap().to_owned());
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert!(status.is_success(), "{status}: {text}");
        (serde_json::from_str(&text).unwrap(), token)
    };
    let api = format!("{url}/api/v4");
    let account = json!({ "username": name, "email": format!("{name}@loadrig.invalid"), "password": "Of-No-Use-1" });
    call(keeping.post(format!("{api}/users")).json(&account)).await;
    let login = json!({ "login_id": name, "password": "Of-No-Use-1" });
    let login = keeping.post(format!("{api}/users/login")).json(&login);
    let token = call(login).await.1.expect("a token");
    let team = json!({ "name": name, "display_name": name, "type": "O" });
    let team = keeping.post(format!("{api}/teams")).json(&team);
    let team = call(team.bearer_auth(&token)).await.0;
    let team = team["id"].as_str().unwrap();
    let square = format!("{api}/teams/{team}/channels/name/town-square");
    let square = call(keeping.get(square).bearer_auth(&token)).await.0;
    Person {
        url: url.to_owned(),
        channel: square["id"].as_str().unwrap().to_owned(),
        token,
        keeping,
        fresh,
        tally: Mutex::default(),
    }
}

fn rand_number() -> u32 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .subsec_millis()
}

/// One request to its end.
async fn ask(person: Arc<Person>, number: u64) {
    let began = Instant::now();
    let keeps = number.is_multiple_of(2);
    let mut client = if keeps {
        &person.keeping
    } else {
        &person.fresh
    };
    let mut again = false;
    let outcome = loop {
        match answer(request(&person, client, number)).await {
            Err(error) if keeps && !again && was_idle(&error) => {
                again = true;
                // On a new connection, as browsers do: others that are idle were closed too.
                client = &person.fresh;
            }
            Err(error) => break Err(chain(&error)),
            Ok((node, 200 | 201, _)) => break Ok(node),
            Ok((node, status, text)) => break Err(format!("HTTP {status} by {node}: {text}")),
        }
    };
    let mut tally = person.tally.lock().unwrap();
    tally.slowest = tally.slowest.max(began.elapsed());
    tally.sent_again += u64::from(again);
    match outcome {
        Ok(node) => {
            tally.answered += 1;
            *tally.by_node.entry(node).or_default() += 1;
        }
        Err(error) => tally.failed.push(error),
    }
}

fn request(person: &Person, client: &Client, number: u64) -> RequestBuilder {
    let api = format!("{}/api/v4", person.url);
    let request = if number.is_multiple_of(POSTS) {
        client.post(format!("{api}/posts")).json(&json!({
            "channel_id": person.channel,
            "message": format!("message {number}"),
            // By this the server knows a post that was sent again.
            "pending_post_id": format!("{}:{number}", person.channel),
        }))
    } else {
        client.get(format!("{api}/users/me"))
    };
    request.bearer_auth(&person.token)
}

async fn answer(request: RequestBuilder) -> Result<(String, u16, String), reqwest::Error> {
    let answer = request.send().await?;
    let node = answer.headers().get("x-served-by");
    let node = node.map_or("nobody", |node| node.to_str().unwrap());
    let (node, status) = (node.to_owned(), answer.status().as_u16());
    Ok((node, status, answer.text().await?))
}

/// Whether a kept connection turned out closed before any part of the answer came.
fn was_idle(error: &reqwest::Error) -> bool {
    let text = chain(error);
    let closed = [
        "closed before message completed",
        "reset by peer",
        "Broken pipe",
    ];
    !error.is_connect() && !error.is_timeout() && closed.iter().any(|one| text.contains(one))
}

fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

type Socket = tokio_tungstenite::WebSocketStream<TcpStream>;

/// Opens a websocket, and waits for the server's greeting.
async fn open(person: &Person) -> Result<Socket, String> {
    let address = person.url.trim_start_matches("http://");
    let uri = format!("ws://{address}/api/v4/websocket").parse().unwrap();
    let request = ClientRequestBuilder::new(uri)
        .with_header("Authorization", format!("Bearer {}", person.token));
    let address = match address.contains(':') {
        true => address.to_owned(),
        false => format!("{address}:80"),
    };
    let greeted = async {
        let stream = TcpStream::connect(&address).await;
        let stream = stream.map_err(|error| error.to_string())?;
        let opened = client_async(request, stream).await;
        let (mut socket, _) = opened.map_err(|error| error.to_string())?;
        match socket.next().await {
            Some(Ok(Message::Text(text))) if text.contains("hello") => Ok(socket),
            other => Err(format!("no greeting: {other:?}")),
        }
    };
    let greeted = timeout(PATIENCE, greeted).await;
    greeted.unwrap_or_else(|_| Err("no greeting in time".to_owned()))
}

/// Reads a websocket, and opens another one when it is closed.
async fn keep_open(person: Arc<Person>, mut socket: Socket) {
    loop {
        while let Some(Ok(message)) = socket.next().await {
            if matches!(message, Message::Close(_)) {
                break;
            }
        }
        let closed = Instant::now();
        socket = loop {
            match open(&person).await {
                Ok(socket) => break socket,
                Err(error) => {
                    person.tally.lock().unwrap().refused_sockets.push(error);
                    sleep(Duration::from_millis(200)).await;
                }
            }
        };
        let mut tally = person.tally.lock().unwrap();
        tally.reconnects += 1;
        tally.longest_without = tally.longest_without.max(closed.elapsed());
    }
}
