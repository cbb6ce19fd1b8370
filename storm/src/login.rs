//! From the page to a session: the page's first calls, and the login with its patience and its
//! retries.

use std::time::{Duration, Instant};

use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::behavior::{CallSequence, LoginRetry, OnFailedLogin, WebClient};
use crate::browser::Browser;
use crate::calls;
use crate::recorder::lock;
use crate::reply::{CallFailure, WireReply};
use crate::request::PageContext;
use crate::result::StormErrorClass;

/// Purpose of random numbers: pauses before retries.
const PAUSES: u64 = 1;
/// Roles of the members of a team and a channel.
const TEAM_ROLES: [&str; 2] = ["team_user", "channel_user"];

/// Logs a user in, as often as it takes. Says whether there is a session; else the user has given
/// up.
pub(crate) async fn log_in(browser: &Browser, intended: Instant) -> bool {
    let behavior = &browser.storm.behavior;
    let whole = behavior.calls == CallSequence::WebClient;
    let mut rng = SmallRng::seed_from_u64(browser.storm.seed_for(PAUSES, browser.index));
    // The first call of a user is the one that a timer starts.
    let mut due = Some(intended);
    if whole {
        load_page(browser, due.take()).await;
    }
    let mut retries = 0;
    loop {
        let accounts = &browser.storm.accounts;
        let name = accounts.name(browser.index);
        let request = calls::login(&name, accounts.password.expose()).at_if(due.take());
        let failure = match browser.call(request.read()).await {
            Ok(reply) => {
                count_attempt(browser, None);
                if browser.sign_in(&reply.head.cookies) {
                    return true;
                }
                let text = "a login without cookies";
                CallFailure::new(StormErrorClass::Protocol, text)
            }
            Err(failure) => {
                count_attempt(browser, Some(failure.class));
                failure
            }
        };
        let Some(pause) = pause_after(browser, &failure, retries, &mut rng) else {
            return false;
        };
        retries += 1;
        let again = Instant::now() + pause;
        // Who hung up has closed the page already.
        let hung_up = failure.class == StormErrorClass::Timeout;
        let reload = whole
            && behavior.on_failed_login == OnFailedLogin::FallThrough
            && failure.id.is_empty();
        if reload && !hung_up {
            // The client takes it for a success, twice; then it shows a spinner for good.
            load_me(browser, false).await;
            load_me(browser, false).await;
        }
        tokio::time::sleep_until(again.into()).await;
        due = Some(again);
        if reload {
            browser.close_all().await;
            load_page(browser, due.take()).await;
        }
    }
}

fn count_attempt(browser: &Browser, failure: Option<StormErrorClass>) {
    browser.storm.recorder.count(|shard| {
        let attempts = &mut shard.second.attempts;
        attempts.made += 1;
        match failure {
            None => {}
            Some(StormErrorClass::Timeout) => attempts.abandoned += 1,
            Some(StormErrorClass::TooManyRequests) => attempts.refused += 1,
            Some(_) => attempts.failed += 1,
        }
    });
}

/// How long a client waits before it tries again; none if it gives up.
fn pause_after(
    browser: &Browser,
    failure: &CallFailure,
    retries: u32,
    rng: &mut SmallRng,
) -> Option<Duration> {
    let behavior = &browser.storm.behavior;
    let retry = behavior.retry.as_ref()?;
    if retry.at_most.is_some_and(|most| retries >= most) {
        return None;
    }
    let usual = pause(Some(retry), rng)?;
    if failure.class != StormErrorClass::TooManyRequests {
        return Some(usual);
    }
    let jitter = usual.saturating_sub(Duration::from_millis(retry.after_ms));
    let told = failure
        .retry_after
        .filter(|_| behavior.on_429.heed_retry_after);
    Some(match (told, behavior.on_429.otherwise_after_ms) {
        (Some(seconds), _) => Duration::from_secs(seconds) + jitter,
        (None, Some(after)) => Duration::from_millis(after) + jitter,
        (None, None) => usual,
    })
}

/// The usual pause before something that failed is tried again.
pub(crate) fn pause(retry: Option<&LoginRetry>, rng: &mut SmallRng) -> Option<Duration> {
    let retry = retry?;
    let jitter = Duration::from_millis(retry.jitter_ms).mul_f64(rng.random::<f64>());
    Some(Duration::from_millis(retry.after_ms) + jitter)
}

/// What the page asks for before it shows the login form, or anything else.
pub(crate) async fn load_page(browser: &Browser, intended: Option<Instant>) {
    browser.begin(PageContext::Load);
    let mut due = intended;
    if browser.storm.behavior.document {
        browser.ask(calls::document().at_if(due.take())).await;
    }
    let learn = browser.storm.site.get().is_none();
    let (config, license) = tokio::join!(
        browser.call(calls::config().at_if(due).read_if(learn)),
        browser.call(calls::license().at_if(due).read_if(learn)),
    );
    learn_site(browser, &config, &license);
    let plugins = browser.storm.site.get().is_none_or(|site| site.plugins);
    if plugins {
        browser.ask(calls::plugins()).await;
    }
}

/// Keeps what the server says of itself, if nobody has yet.
fn learn_site(
    browser: &Browser,
    config: &Result<WireReply, CallFailure>,
    license: &Result<WireReply, CallFailure>,
) {
    // Without a session the server says less.
    if browser.storm.site.get().is_some() || browser.session().is_none() {
        return;
    }
    if let (Ok(config), Ok(license)) = (config, license)
        && let Some(site) = crate::answers::site_settings(config, license)
    {
        // Another user may have been first; the server says the same to both.
        let _ = browser.storm.site.set(site);
    }
}

/// `loadMe()` of the web client: user, preferences and teams at once, then what is unread, then
/// the limits; `with_roles` also what the roles of a team may do, which nothing waits for.
pub(crate) async fn load_me(browser: &Browser, with_roles: bool) {
    let learn = browser.storm.site.get().is_none();
    let (config, license, (), (), teams, ()) = tokio::join!(
        browser.call(calls::config().read_if(learn)),
        browser.call(calls::license().read_if(learn)),
        browser.ask(calls::me()),
        browser.ask(calls::preferences()),
        browser.call(calls::teams().read()),
        browser.ask(calls::team_members()),
    );
    learn_site(browser, &config, &license);
    if let Ok(teams) = &teams {
        let team = crate::answers::first_team(teams);
        let team = team.and_then(|team| browser.storm.ids.number(team));
        lock(&browser.known).team = team;
    }
    let site = browser.storm.site.get();
    let collapsed = site.is_none_or(|site| site.collapsed_threads);
    let roles = async {
        if with_roles {
            browser.ask(calls::roles(&TEAM_ROLES)).await;
        }
    };
    let rest = async {
        browser.ask(calls::teams_unread(collapsed)).await;
        if browser.storm.behavior.web_client > WebClient::V10_11 {
            browser.ask(calls::limits()).await;
        }
    };
    tokio::join!(roles, rest);
}
