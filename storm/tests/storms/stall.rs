//! A server that does not answer for a second, in a storm in which users go on to come.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant, SystemTime};

use loadrig_storm::{CallSequence, ClientBehavior, ClientCall, StormEntrance};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::stage::{plan_at, storm};

const USERS: u32 = 1_000;
const OVER_MS: u64 = 6_000;
/// The stall, from the first login on.
const AFTER: Duration = Duration::from_secs(2);
const STALL: Duration = Duration::from_secs(1);
/// How long an answer may lie there until its client has a processor.
const BUSY: Duration = Duration::from_millis(200);
const ANSWER: &str = "HTTP/1.1 200 OK\r\nset-cookie: MMAUTHTOKEN=t\r\nset-cookie: MMUSERID=u\r\n\
    content-length: 2\r\n\r\n{}";

/// A server that lets everybody in, and notes when it answered whom.
#[derive(Default)]
struct StallingServer {
    begin: OnceLock<Instant>,
    answered: Mutex<BTreeMap<u32, SystemTime>>,
}

impl StallingServer {
    async fn start() -> (Arc<Self>, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("address");
        let server = Arc::new(Self::default());
        let serving = Arc::clone(&server);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = Arc::clone(&serving);
                tokio::spawn(async move { server.answer(client).await });
            }
        });
        (server, format!("http://{address}"))
    }

    /// Answers the one request of a connection. These clients write it at once, and it is short.
    async fn answer(&self, mut client: TcpStream) {
        let mut request = vec![0; 4096];
        let read = client.read(&mut request).await.expect("a request");
        let text = String::from_utf8_lossy(&request[..read]);
        let user = text.split("\"storm-").nth(1).expect("a user");
        let user = user.split('"').next().and_then(|user| user.parse().ok());
        let begin = *self.begin.get_or_init(Instant::now) + AFTER;
        let now = Instant::now();
        if now >= begin && now < begin + STALL {
            tokio::time::sleep_until((begin + STALL).into()).await;
        }
        self.note(user.expect("a number"));
        client.write_all(ANSWER.as_bytes()).await.expect("written");
    }

    fn note(&self, user: u32) {
        let mut answered = self.answered.lock().expect("no panic");
        answered.insert(user, SystemTime::now());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stall_of_a_second_shows_in_full() {
    let (server, url) = StallingServer::start().await;
    let entrance = StormEntrance {
        url,
        connect_to: None,
        authority: None,
        port: None,
        system: false,
    };
    let mut plan = plan_at(entrance, USERS, OVER_MS);
    plan.client = ClientBehavior {
        calls: CallSequence::LoginOnly,
        ..ClientBehavior::default()
    };
    let arrivals = plan.arrivals(0);
    let result = storm(plan).await;
    assert_eq!(result.errors(), [].into(), "{:#?}", result.calls);
    let login = &result.calls[&ClientCall::Login];
    assert_eq!(login.response.count(), u64::from(USERS));

    // What each user had to wait, from the moment at which it was to come: by the plan and the
    // server's own notes.
    let begin = Duration::from_millis(result.started_ms + result.phases[&0].begin_ms);
    let answered = server.answered.lock().expect("no panic").clone();
    let mut waits: Vec<Duration> = (0..USERS)
        .zip(arrivals)
        .map(|(user, arrival)| {
            let at = answered[&user].duration_since(SystemTime::UNIX_EPOCH);
            at.expect("after 1970").saturating_sub(begin + arrival)
        })
        .collect();
    waits.sort_unstable();
    let rank = (f64::from(USERS) * 0.999).ceil() as usize;
    let expected = waits[rank - 1].as_secs_f64();
    assert!(expected > 0.9 * STALL.as_secs_f64(), "{expected} s");
    let seen = login.response.quantile(0.999).as_secs_f64();
    // The client sees the answer later than the server writes it: a busy machine may keep it waiting.
    let late = result.drivers["agent-1"].timer_lag.max().as_secs_f64() + BUSY.as_secs_f64();
    assert!(
        seen >= 0.99 * expected && seen <= 1.01 * expected + late,
        "p99.9 {seen} s, by the server's notes {expected} s, up to {late} s late"
    );
    // Those who came before and after it waited for nothing.
    assert!(login.response.quantile(0.5).as_secs_f64() < 0.5 * expected);
}
