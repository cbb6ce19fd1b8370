//! What people do once they are in.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rand::RngExt as _;
use rand::rngs::SmallRng;

use crate::answers;
use crate::browser::Browser;
use crate::calls;
use crate::entering::{self, ChannelVisit, open};
use crate::plan::ActionMix;
use crate::recorder::lock;

/// Words of which posts and searches consist.
const WORDS: [&str; 16] = [
    "storm",
    "login",
    "server",
    "after",
    "outage",
    "again",
    "morning",
    "channel",
    "team",
    "reply",
    "where",
    "which",
    "node",
    "back",
    "online",
    "everybody",
];

/// Something that a user does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UserDeed {
    Read,
    Scroll,
    Post,
    Typing,
    Thread,
    Search,
    Reload,
}

fn weights(mix: &ActionMix) -> [(UserDeed, f64); 7] {
    [
        (UserDeed::Read, mix.read),
        (UserDeed::Scroll, mix.scroll),
        (UserDeed::Post, mix.post),
        (UserDeed::Typing, mix.typing),
        (UserDeed::Thread, mix.thread),
        (UserDeed::Search, mix.search),
        (UserDeed::Reload, mix.reload),
    ]
}

/// How long a user thinks before the next action; none if there is never one.
pub(crate) fn pause(mix: &ActionMix, rng: &mut SmallRng) -> Option<Duration> {
    let per_hour: f64 = weights(mix).iter().map(|(_, weight)| weight).sum();
    if per_hour <= 0.0 {
        return None;
    }
    let seconds = -(1.0 - rng.random::<f64>()).ln() * 3600.0 / per_hour;
    Duration::try_from_secs_f64(seconds).ok()
}

/// What a user does next.
pub(crate) fn choose(mix: &ActionMix, rng: &mut SmallRng) -> UserDeed {
    let weights = weights(mix);
    let all: f64 = weights.iter().map(|(_, weight)| weight).sum();
    let mut drawn = rng.random::<f64>() * all;
    for (deed, weight) in weights {
        if drawn < weight {
            return deed;
        }
        drawn -= weight;
    }
    UserDeed::Read
}

/// Milliseconds since 1970.
pub(crate) fn unix_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, crate::recorder::millis)
}

/// Does it; `draw` decides what is left open.
pub(crate) async fn act(browser: &Browser, deed: UserDeed, due: Instant, draw: u64) {
    match deed {
        UserDeed::Read => {
            {
                let mut known = lock(&browser.known);
                let count = known.channels.len().max(1) as u64;
                known.open = (draw % count) as usize;
            }
            open(browser, ChannelVisit::Switch(Some(due))).await;
        }
        UserDeed::Scroll => scroll(browser, due).await,
        UserDeed::Post => post(browser, draw).await,
        UserDeed::Thread => thread(browser, due).await,
        UserDeed::Search => {
            if let Some(team) = entering::team(browser) {
                let [posts, files] = calls::search(&team, word(draw));
                tokio::join!(browser.ask(posts.at(due)), browser.ask(files.at(due)));
            }
        }
        // All of it happens on the websocket, or with the page.
        UserDeed::Typing | UserDeed::Reload => {}
    }
    browser.set_acting(false);
}

fn word(draw: u64) -> &'static str {
    WORDS[(draw % WORDS.len() as u64) as usize]
}

async fn scroll(browser: &Browser, due: Instant) {
    let oldest = lock(&browser.known).oldest;
    let (Some(channel), Some(oldest)) = (entering::open_channel(browser), oldest) else {
        return;
    };
    let oldest = browser.storm.ids.id(oldest);
    let collapsed = entering::site(browser).collapsed_threads;
    let request = calls::posts_before(&channel, &oldest, collapsed).at(due);
    if let Ok(reply) = browser.call(request.read()).await {
        answers::posts(&mut lock(&browser.known), &browser.storm.ids, &reply);
    }
}

/// Types for a while and sends it.
async fn post(browser: &Browser, draw: u64) {
    let Some(channel) = entering::open_channel(browser) else {
        return;
    };
    let count = 1 + draw % 15;
    let words: Vec<&str> = (0..count)
        .map(|at| word(crate::storm::mix(draw ^ at)))
        .collect();
    let message = words.join(" ");
    // 150 ms for each character, as somebody types who knows how.
    let typing = Duration::from_millis(150).saturating_mul(message.len() as u32);
    let sent = Instant::now() + typing;
    tokio::time::sleep_until(sent.into()).await;
    let user = entering::user(browser);
    let request = calls::create_post(&user, &channel, &message, unix_ms());
    browser.ask(request.at(sent)).await;
}

async fn thread(browser: &Browser, due: Instant) {
    let (root, is_following) = {
        let known = lock(&browser.known);
        (known.thread, known.is_following)
    };
    let (Some(team), Some(root)) = (entering::team(browser), root) else {
        return;
    };
    let root = browser.storm.ids.id(root);
    let user = entering::user(browser);
    let collapsed = entering::site(browser).collapsed_threads;
    let follow = async {
        if collapsed && is_following {
            browser.ask(calls::thread(&user, &team, &root)).await;
            browser
                .ask(calls::thread_read(&user, &team, &root, unix_ms()))
                .await;
        }
    };
    tokio::join!(browser.ask(calls::post_thread(&root).at(due)), follow);
}
