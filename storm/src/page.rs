//! The websocket's side of a page: what comes in, what it makes the client do, and what happens when
//! it breaks.

use std::time::Instant;

use rand::RngExt as _;
use serde_json::json;

use crate::browser::UserMark;
use crate::call::ClientCall;
use crate::calls;
use crate::client::{PING, PageLife, UserLack};
use crate::entering;
use crate::reconnecting::{after_new_stream, back_off, flood};
use crate::recorder::{CallEnd, CallTimes, lock};
use crate::reply::CallFailure;
use crate::result::StormErrorClass;
use crate::socket::{self, Heard, LiveSocket, PostedEvent, SEQUENCE_MISMATCH};
use crate::ticks;

impl PageLife<'_> {
    pub(crate) async fn say(&mut self, action: &str, data: serde_json::Value) {
        if let Some(socket) = &mut self.socket
            && let Err(code) = socket.send(action, Some(data)).await
        {
            self.lose(code);
        }
    }

    pub(crate) fn connect(&mut self, due: Instant) {
        if self.failures > 0 {
            let recorder = &self.browser.storm.recorder;
            recorder.count(|shard| shard.second.websockets.attempts += 1);
        }
        // The first connection is no timer's work.
        let due = (self.failures > 0).then_some(due);
        let connect = socket::connect(self.browser, self.stream.clone(), due);
        self.connecting = Some(Box::pin(connect));
    }

    pub(crate) async fn take_connection(
        &mut self,
        outcome: Result<LiveSocket, CallFailure>,
        arrived: Instant,
    ) {
        let browser = self.browser;
        let now = Instant::now();
        let Ok(mut socket) = outcome else {
            // A browser says no more than that, whatever the reason was.
            self.stream.close_code.get_or_insert(socket::ABNORMAL);
            self.fail(now);
            return;
        };
        browser
            .storm
            .recorder
            .count(|shard| shard.second.websockets.connected += 1);
        self.stream.close_code = None;
        self.is_silent = true;
        if self.failures > 0 {
            // They run before anything is sent on the new connection.
            let since = self.lost.unwrap_or(arrived);
            self.errands.send(flood(browser, since));
        }
        self.failures = 0;
        self.timers.ping = Some(now + PING);
        let mut said = socket.ping(now).await;
        let channel = entering::open_channel(browser).map(|id| json!({"channel_id": id}));
        let team = entering::team(browser).map(|id| json!({"team_id": id}));
        for presence in [channel, team].into_iter().flatten() {
            if said.is_ok() {
                said = socket.send("presence", Some(presence)).await;
            }
        }
        self.socket = Some(socket);
        if let Err(code) = said {
            self.lose(code);
        }
    }

    pub(crate) async fn take(&mut self, heard: Result<Heard, u16>, arrived: Instant) {
        let heard = match heard {
            Ok(Heard::Gap) => {
                self.failures = 0;
                let recorder = &self.browser.storm.recorder;
                recorder.count(|shard| shard.second.websockets.gaps += 1);
                self.lose(SEQUENCE_MISMATCH);
                return;
            }
            Ok(heard) => heard,
            Err(code) => {
                self.lose(code);
                return;
            }
        };
        if std::mem::take(&mut self.is_silent) {
            self.speaks(matches!(heard, Heard::Hello), arrived);
        }
        match heard {
            Heard::Pong(due) => {
                let times = CallTimes {
                    intended: due,
                    begun: None,
                    written: None,
                    ended: Instant::now(),
                };
                let recorder = &self.browser.storm.recorder;
                recorder.call(ClientCall::Ping, &times, &CallEnd::Done);
            }
            Heard::Posted(post) => self.read_post(*post).await,
            Heard::Hello | Heard::Other | Heard::Gap => {}
        }
    }

    /// The first word on a connection: a stream begins, or goes on.
    fn speaks(&mut self, is_new: bool, arrived: Instant) {
        let browser = self.browser;
        let recorder = &browser.storm.recorder;
        let now = Instant::now();
        if browser.is_first(UserMark::Live) {
            recorder.count(|shard| {
                shard.second.users.live += 1;
                let took = now.saturating_duration_since(arrived);
                shard.timings.live.record(took);
                shard.last.live_ms = shard.last.live_ms.max(Some(recorder.ms(now)));
            });
        }
        if std::mem::take(&mut self.lack.websocket) {
            recorder.count(|shard| shard.second.websockets.users_back += 1);
        }
        let Some(lost) = self.lost else {
            return;
        };
        recorder.count(|shard| {
            if is_new {
                shard.second.websockets.anew += 1;
            } else {
                shard.second.websockets.resumed += 1;
            }
            shard.timings.reconnected.record(now - lost);
        });
        if is_new {
            self.errands.send(after_new_stream(browser, lost));
        }
    }

    /// What a post makes a client do: whoever has its channel before them has read it.
    async fn read_post(&mut self, post: PostedEvent) {
        let browser = self.browser;
        let (is_open, is_own, ask) = {
            let mut known = lock(&browser.known);
            let channel = browser.storm.ids.number(&post.channel);
            let is_open = channel.is_some() && known.open_channel() == channel;
            let is_own = post.author == *known.user_id;
            if is_open {
                known.has_post_of(post.create_ms);
            }
            if is_open && let Some(author) = browser.storm.ids.number(&post.author) {
                known.see(author);
            }
            let needs = !known.unknown.is_empty() || !known.statuses.is_empty();
            let ask = needs && !std::mem::replace(&mut known.is_polling, needs);
            (is_open, is_own, ask)
        };
        if ask {
            let tick = Instant::now() + ticks::POLL;
            self.errands.send(ticks::ask_for_unknown(browser, tick));
        }
        if is_open && !is_own && self.is_focused {
            self.errands.send(browser.ask(calls::view(&post.channel)));
        }
        if post.should_ack {
            let data = json!({
                "post_id": post.id,
                "user_agent": crate::request::USER_AGENT,
                "status": "not_sent",
                "reason": "desktop_notifications_off",
                "data": "",
            });
            self.say("posted_notify_ack", data).await;
        }
    }

    /// The connection is gone.
    pub(crate) fn lose(&mut self, code: u16) {
        let browser = self.browser;
        let now = Instant::now();
        let Some(socket) = self.socket.take() else {
            return;
        };
        let recorder = &browser.storm.recorder;
        recorder.count(|shard| {
            shard.second.websockets.dropped += 1;
            if code == socket::PING_TIMEOUT {
                shard.second.websockets.silent += 1;
            }
        });
        // A connection on which nothing was heard yet was none that the user had.
        if !self.is_silent {
            self.lacks_from_now();
        }
        if let Some(due) = socket.unanswered_ping() {
            let times = CallTimes {
                intended: due,
                begun: None,
                written: None,
                ended: now,
            };
            let end = CallEnd::Failed(StormErrorClass::Timeout, "the websocket ended before");
            recorder.call(ClientCall::Ping, &times, &end);
        }
        self.timers.ping = None;
        self.stream.close_code.get_or_insert(code);
        self.lost.get_or_insert(now);
        self.fail(now);
    }

    /// Counts the user among those who lost a live websocket, once until it has one again.
    fn lacks_from_now(&mut self) {
        let had = std::mem::replace(
            self.lack,
            UserLack {
                websocket: true,
                news: true,
            },
        );
        self.browser.storm.recorder.count(|shard| {
            shard.second.websockets.users_lost += u64::from(!had.websocket);
            shard.second.websockets.users_behind += u64::from(!had.news);
        });
    }

    /// There is no connection: the next attempt is made after a pause.
    fn fail(&mut self, now: Instant) {
        self.failures += 1;
        self.lost.get_or_insert(now);
        let pause = back_off(self.failures, self.rng.random());
        self.timers.connect = Some(now + pause);
    }
}
