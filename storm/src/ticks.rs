//! What the web client asks for by the clock: profiles and statuses that it came to need, every
//! 3 s, and the statuses of all that are shown, every minute.

use std::time::{Duration, Instant};

use crate::browser::Browser;
use crate::calls;
use crate::recorder::lock;

/// Distance of the moments at which it asks for what it came to need.
pub(crate) const POLL: Duration = Duration::from_secs(3);
/// Distance of the moments at which it asks for the statuses of all that are shown.
pub(crate) const STATUS: Duration = Duration::from_mins(1);
/// Profiles and statuses of one call.
const PROFILES: usize = 100;
const STATUSES: usize = 200;

/// Asks for what is needed at the next tick and at those after it, until nothing is.
pub(crate) async fn ask_for_unknown(browser: &Browser, first: Instant) {
    let mut tick = first;
    loop {
        tokio::time::sleep_until(tick.into()).await;
        let (unknown, statuses) = {
            let mut known = lock(&browser.known);
            let count = known.unknown.len().min(PROFILES);
            let unknown: Vec<_> = known.unknown.drain(..count).collect();
            known.users.extend(&unknown);
            let count = known.statuses.len().min(STATUSES);
            let statuses: Vec<_> = known.statuses.drain(..count).collect();
            if known.unknown.is_empty() && known.statuses.is_empty() {
                known.unknown = Vec::new();
                known.statuses = Vec::new();
            }
            (unknown, statuses)
        };
        if unknown.is_empty() && statuses.is_empty() {
            lock(&browser.known).is_polling = false;
            return;
        }
        let ids = &browser.storm.ids;
        let ask_statuses = async {
            if !statuses.is_empty() {
                browser.ask(calls::statuses(ids, &statuses).at(tick)).await;
            }
        };
        let ask_profiles = async {
            if !unknown.is_empty() {
                browser
                    .ask(calls::users_by_ids(ids, &unknown).at(tick))
                    .await;
            }
        };
        tokio::join!(ask_statuses, ask_profiles);
        tick += POLL;
        let now = Instant::now();
        if tick < now {
            tick = now;
        }
    }
}

/// Asks for the statuses of all that are shown.
pub(crate) async fn ask_for_statuses(browser: &Browser, due: Instant) {
    let shown: Vec<_> = {
        let known = lock(&browser.known);
        known.shown.iter().take(STATUSES).copied().collect()
    };
    if !shown.is_empty() {
        let ids = &browser.storm.ids;
        browser.ask(calls::statuses(ids, &shown).at(due)).await;
    }
}
