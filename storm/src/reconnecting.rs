//! After the loss of a websocket: the pause before each attempt, and the calls that follow the
//! new connection, which nobody waits for.

use std::time::{Duration, Instant};

use crate::actions::unix_ms;
use crate::browser::Browser;
use crate::calls;
use crate::entering::{self, prefetch};
use crate::errands::Errands;
use crate::recorder::{lock, millis};
use crate::request::PageContext;
use crate::ticks;

/// Constants of the web client (`websocket.ts`).
const LEAST: Duration = Duration::from_secs(3);
const MOST: Duration = Duration::from_mins(5);
const JITTER: Duration = Duration::from_secs(2);
const STEADY_FAILURES: u32 = 7;

/// The pause after so many failures in a row, the loss of the connection being the first: 3 s up to
/// the seventh, then three times their square, at most 5 min; and up to 2 s by chance, a share from
/// 0 to 1.
pub(crate) fn back_off(failures: u32, chance: f64) -> Duration {
    let pause = if failures > STEADY_FAILURES {
        LEAST
            .saturating_mul(failures.saturating_mul(failures))
            .min(MOST)
    } else {
        LEAST
    };
    pause + JITTER.mul_f64(chance)
}

/// What a client asks for once its websocket is open again, whether or not the server had kept
/// what it missed: all at once.
pub(crate) async fn flood(browser: &Browser, lost: Instant) {
    browser.begin(PageContext::Reconnect);
    let site = entering::site(browser);
    let user = entering::user(browser);
    let Some(team) = entering::team(browser) else {
        return;
    };
    let since_ms = unix_ms().saturating_sub(millis(lost.elapsed()));
    let ids = &browser.storm.ids;
    let mut calls_at_once = Errands::new();
    let mut ask = |request| calls_at_once.send(browser.ask(request));
    ask(calls::channels());
    if site.scheduled_posts {
        ask(calls::scheduled_posts(&team));
    }
    ask(calls::channel_members(&user));
    ask(calls::categories(&user, &team));
    if let Some(channel) = entering::open_channel(browser) {
        let newest = lock(&browser.known).newest_in_open_channel();
        let since = if newest == 0 { since_ms } else { newest };
        ask(calls::posts_since(&channel, since, site.collapsed_threads));
    }
    ask(calls::teams_unread(site.collapsed_threads));
    if site.collapsed_threads {
        ask(calls::threads_since(&user, &team, since_ms));
    }
    ask(calls::plugins());
    if site.is_enterprise {
        ask(calls::profile_fields());
    }
    let known = lock(&browser.known).users.clone();
    if !known.is_empty() {
        ask(calls::users_since(ids, &known, since_ms));
    }
    calls_at_once.send(async {
        let tick = Instant::now() + ticks::POLL;
        tokio::time::sleep_until(tick.into()).await;
        ticks::ask_for_statuses(browser, tick).await;
    });
    calls_at_once.send(prefetch(browser));
    calls_at_once.all().await;
}

/// What a client asks for besides when the stream of events began anew: the settings, and the whole
/// flood once more.
pub(crate) async fn after_new_stream(browser: &Browser, lost: Instant) {
    tokio::join!(flood(browser, lost), browser.ask(calls::config()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_back_off_is_a_cliff_after_the_seventh_failure() {
        let seconds = |failures| back_off(failures, 0.0).as_secs();
        assert_eq!(
            [1, 7, 8, 9, 10, 1000].map(seconds),
            [3, 3, 192, 243, 300, 300]
        );
        assert_eq!(back_off(1, 1.0), Duration::from_secs(5));
        assert_eq!(back_off(u32::MAX, 1.0), Duration::from_secs(302));
    }
}
