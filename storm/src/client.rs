//! One user from the arrival to the end of the storm: logs in, stays, and whenever the websocket
//! breaks, does what the web client does.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::json;

use crate::actions::{self, UserDeed};
use crate::behavior::CallSequence;
use crate::browser::{Browser, UserMark};
use crate::calls;
use crate::entering::{self, enter_shell, enter_view};
use crate::errands::Errands;
use crate::login;
use crate::reply::CallFailure;
use crate::socket::{self, Heard, LiveSocket, Stream};
use crate::storm::SharedStorm;
use crate::ticks;

/// Distance of the pings that the client sends.
pub(crate) const PING: Duration = Duration::from_secs(30);
/// Purpose of random numbers: what a user does and when.
const DEEDS: u64 = 3;

/// Counts a user as on the way, until it is dropped.
pub(crate) struct Travel(Arc<SharedStorm>);

impl Travel {
    pub(crate) fn new(storm: &Arc<SharedStorm>) -> Self {
        storm.recorder.on_the_way(1);
        Self(Arc::clone(storm))
    }
}

impl Drop for Travel {
    fn drop(&mut self) {
        self.0.recorder.on_the_way(-1);
    }
}

/// What a user lacks since its websocket broke. It outlasts the page: a user who loads it again
/// lacks the same.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct UserLack {
    /// A live websocket.
    pub(crate) websocket: bool,
    /// What happened meanwhile.
    pub(crate) news: bool,
}

/// Why a page's life ended.
enum PageEnd {
    /// The server knows no session of this user any more.
    SignedOut,
    /// The user loads the page again.
    Reload,
}

/// One user, from the arrival on. Ends with the storm, or when the user gives up.
pub(crate) async fn run_user(
    storm: Arc<SharedStorm>,
    index: u32,
    intended: Instant,
    travel: Travel,
) {
    storm
        .recorder
        .count(|shard| shard.second.users.started += 1);
    let mut travel = Some(travel);
    let browser = Browser::new(Arc::clone(&storm), index);
    let mut since = intended;
    let mut signed_in = false;
    let mut lack = UserLack::default();
    loop {
        if !signed_in {
            if !Box::pin(login::log_in(&browser, since)).await {
                give_up(&browser);
                return;
            }
            logged_in(&browser, since);
            if storm.behavior.calls == CallSequence::LoginOnly {
                return;
            }
        }
        Box::pin(enter_shell(&browser, since, !signed_in)).await;
        signed_in = match stay(&browser, since, &mut travel, &mut lack).await {
            PageEnd::SignedOut => false,
            PageEnd::Reload => {
                browser.close_all().await;
                Box::pin(login::load_page(&browser, None)).await;
                true
            }
        };
        since = Instant::now();
        travel.get_or_insert_with(|| Travel::new(&storm));
    }
}

fn give_up(browser: &Browser) {
    if !browser.has(UserMark::LoggedIn) {
        let recorder = &browser.storm.recorder;
        recorder.count(|shard| shard.second.users.never += 1);
    }
}

fn logged_in(browser: &Browser, arrived: Instant) {
    if browser.is_first(UserMark::LoggedIn) {
        let recorder = &browser.storm.recorder;
        let now = Instant::now();
        recorder.count(|shard| {
            shard.second.users.logged_in += 1;
            let took = now.saturating_duration_since(arrived);
            shard.timings.login.record(took);
            shard.last.logged_in_ms = shard.last.logged_in_ms.max(Some(recorder.ms(now)));
        });
    }
}

/// What a page does by the clock.
pub(crate) struct Timers {
    pub(crate) ping: Option<Instant>,
    pub(crate) connect: Option<Instant>,
    /// When the websocket breaks, as a phase of the storm wants it.
    pub(crate) cut: Option<Instant>,
    pub(crate) deed: Option<Instant>,
    pub(crate) report: Option<Instant>,
    /// When somebody gives up on a page that has no posts, and loads it again.
    pub(crate) reload: Option<Instant>,
    pub(crate) status: Instant,
    pub(crate) tidy: Instant,
}

impl Timers {
    fn next(&self) -> Instant {
        let optional = [
            self.ping,
            self.connect,
            self.cut,
            self.deed,
            self.report,
            self.reload,
        ];
        optional
            .into_iter()
            .flatten()
            .fold(self.status.min(self.tidy), Instant::min)
    }
}

/// Takes the time of a timer that has come.
fn take_due(timer: &mut Option<Instant>, now: Instant) -> Option<Instant> {
    timer.take_if(|due| *due <= now)
}

/// The life of a page.
pub(crate) struct PageLife<'a> {
    pub(crate) browser: &'a Browser,
    pub(crate) errands: Errands<'a>,
    pub(crate) stream: Stream,
    pub(crate) socket: Option<LiveSocket>,
    pub(crate) connecting: Option<BoxFuture<'a, Result<LiveSocket, CallFailure>>>,
    pub(crate) timers: Timers,
    pub(crate) rng: SmallRng,
    /// Failures to connect in a row; the loss of a connection is the first.
    pub(crate) failures: u32,
    /// When the websocket was lost, until all is caught up.
    pub(crate) lost: Option<Instant>,
    pub(crate) lack: &'a mut UserLack,
    /// Nothing was heard on this websocket yet.
    pub(crate) is_silent: bool,
    pub(crate) is_focused: bool,
}

/// The page from the moment at which the view mounts.
async fn stay(
    browser: &Browser,
    arrived: Instant,
    travel: &mut Option<Travel>,
    lack: &mut UserLack,
) -> PageEnd {
    let mut breaks = browser.storm.breaks.clone();
    breaks.mark_unchanged();
    let mut page = PageLife::new(browser, lack);
    page.errands.send(enter_view(browser, arrived));
    let sleep = tokio::time::sleep_until(page.timers.next().into());
    tokio::pin!(sleep);
    loop {
        let next = page.timers.next().into();
        if sleep.deadline() != next {
            sleep.as_mut().reset(next);
        }
        tokio::select! {
            changed = breaks.changed() => {
                if changed.is_ok() {
                    let how = *breaks.borrow_and_update();
                    page.plan_break(&how);
                }
            }
            () = browser.signed_out() => return PageEnd::SignedOut,
            () = page.errands.one() => page.one_done(travel),
            outcome = connected(&mut page.connecting) => {
                page.connecting = None;
                page.take_connection(outcome, arrived).await;
                page.one_done(travel);
            }
            heard = heard(&mut page.socket, &mut page.stream) => {
                page.take(heard, arrived).await;
                page.one_done(travel);
            }
            () = &mut sleep => {
                if page.tick(Instant::now()).await {
                    return PageEnd::Reload;
                }
            }
        }
        if page.lost.is_some() && travel.is_none() {
            *travel = Some(Travel::new(&browser.storm));
        }
    }
}

/// Waits for the connection that is being made, if there is one.
async fn connected(
    connecting: &mut Option<BoxFuture<'_, Result<LiveSocket, CallFailure>>>,
) -> Result<LiveSocket, CallFailure> {
    match connecting {
        Some(connecting) => connecting.await,
        None => std::future::pending().await,
    }
}

/// Waits for what comes in on the websocket, if there is one.
async fn heard(socket: &mut Option<LiveSocket>, stream: &mut Stream) -> Result<Heard, u16> {
    match socket {
        Some(socket) => socket.hear(stream).await,
        None => std::future::pending().await,
    }
}

impl<'a> PageLife<'a> {
    fn new(browser: &'a Browser, lack: &'a mut UserLack) -> Self {
        let storm = &browser.storm;
        browser.set_acting(false);
        let mut rng = SmallRng::seed_from_u64(storm.seed_for(DEEDS, browser.index));
        let now = Instant::now();
        let report = entering::site(browser)
            .client_metrics
            .then(|| now + entering::report_after(rng.random()));
        let is_focused = rng.random::<f64>() < storm.mix.focused;
        Self {
            browser,
            errands: Errands::new(),
            stream: Stream::default(),
            socket: None,
            connecting: None,
            timers: Timers {
                ping: None,
                connect: storm.behavior.websocket.then_some(now),
                cut: None,
                deed: actions::pause(&storm.mix, &mut rng).map(|pause| now + pause),
                report,
                reload: None,
                status: now + ticks::STATUS,
                tidy: now + storm.keep_alive,
            },
            rng,
            failures: 0,
            lost: None,
            lack,
            is_silent: false,
            is_focused,
        }
    }

    /// Whether everything that was under way is done; then the user has arrived where it has to be.
    fn one_done(&mut self, travel: &mut Option<Travel>) {
        let browser = self.browser;
        if !browser.is_acting() && self.timers.deed.is_none() {
            let pause = actions::pause(&browser.storm.mix, &mut self.rng);
            self.timers.deed = pause.map(|pause| Instant::now() + pause);
        }
        let is_live =
            !browser.storm.behavior.websocket || (self.socket.is_some() && !self.is_silent);
        let is_usable = browser.has(UserMark::Usable);
        if !self.errands.is_empty() || (is_usable && !is_live) {
            return;
        }
        if !is_usable {
            let retry = browser.storm.behavior.retry;
            if let Some(pause) = login::pause(retry.as_ref(), &mut self.rng) {
                let reload = Instant::now() + pause;
                self.timers.reload.get_or_insert(reload);
                return;
            }
        }
        let recorder = &browser.storm.recorder;
        if std::mem::take(&mut self.lack.news) {
            recorder.count(|shard| shard.second.websockets.users_caught_up += 1);
        }
        if let Some(lost) = self.lost.take() {
            let now = Instant::now();
            recorder.count(|shard| {
                shard.second.websockets.caught_up += 1;
                shard.timings.caught_up.record(now - lost);
                shard.last.caught_up_ms = shard.last.caught_up_ms.max(Some(recorder.ms(now)));
            });
        }
        *travel = None;
    }

    fn plan_break(&mut self, how: &crate::storm::SocketBreak) {
        let storm = &self.browser.storm;
        let purpose = 1000 + u64::from(how.number);
        let mut rng = SmallRng::seed_from_u64(storm.seed_for(purpose, self.browser.index));
        if rng.random::<f64>() < how.share {
            let after = how.over.mul_f64(rng.random::<f64>());
            self.timers.cut = Some(Instant::now() + after);
        }
    }

    /// Does what the clock says. Says whether the page is loaded again.
    async fn tick(&mut self, now: Instant) -> bool {
        let browser = self.browser;
        if take_due(&mut self.timers.cut, now).is_some() && self.socket.is_some() {
            self.lose(socket::ABNORMAL);
        }
        if let Some(due) = take_due(&mut self.timers.connect, now) {
            self.connect(due);
        }
        if let Some(due) = take_due(&mut self.timers.ping, now)
            && let Some(socket) = &mut self.socket
        {
            self.timers.ping = Some(due + PING);
            if let Err(code) = socket.ping(due).await {
                self.lose(code);
            }
        }
        if self.timers.status <= now {
            let due = self.timers.status;
            self.timers.status = due + ticks::STATUS;
            self.errands.send(ticks::ask_for_statuses(browser, due));
        }
        if self.timers.tidy <= now {
            self.timers.tidy = now + browser.storm.keep_alive;
            browser.close_idle(now);
        }
        if take_due(&mut self.timers.reload, now).is_some() {
            return true;
        }
        if let Some(due) = take_due(&mut self.timers.report, now) {
            let report = calls::client_perf(actions::unix_ms()).at(due);
            self.errands.send(browser.ask(report));
        }
        if let Some(due) = take_due(&mut self.timers.deed, now) {
            return self.act(due).await;
        }
        false
    }

    /// Begins an action.
    async fn act(&mut self, due: Instant) -> bool {
        let browser = self.browser;
        if !browser.has(UserMark::Usable) {
            self.timers.deed = Some(Instant::now() + ticks::POLL);
            return false;
        }
        let deed = actions::choose(&browser.storm.mix, &mut self.rng);
        if deed == UserDeed::Reload {
            return true;
        }
        if matches!(deed, UserDeed::Post | UserDeed::Typing)
            && entering::site(browser).typing
            && let Some(channel) = entering::open_channel(browser)
        {
            let typing = json!({"channel_id": channel, "parent_id": ""});
            self.say("user_typing", typing).await;
        }
        browser.set_acting(true);
        let draw = self.rng.random::<u64>();
        self.errands.send(actions::act(browser, deed, due, draw));
        if deed == UserDeed::Read
            && let Some(channel) = entering::open_channel(browser)
        {
            self.say("presence", json!({"channel_id": channel})).await;
        }
        false
    }
}
