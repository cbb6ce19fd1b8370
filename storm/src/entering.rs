//! From a session to a page that can be read and written in: what the web client asks for after a
//! login or a reload, what of it at once, and what it waits for.

use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use crate::answers;
use crate::behavior::WebClient;
use crate::browser::{Browser, UserMark};
use crate::calls;
use crate::errands::Errands;
use crate::known::{IdNumber, SiteSettings};
use crate::login::load_me;
use crate::recorder::lock;
use crate::ticks;

/// Roles of everybody.
const USER_ROLES: [&str; 1] = ["system_user"];

/// Unread channels from which on nothing is fetched ahead, and those from which on only mentions
/// are.
const PREFETCH_NONE: usize = 20;
const PREFETCH_MENTIONS: usize = 10;

/// The shell: who the user is, and where. After a login that is asked for anew; after a reload the
/// page has just asked.
pub(crate) async fn enter_shell(browser: &Browser, arrived: Instant, from_login: bool) {
    let mut errands = Errands::new();
    errands.send(browser.ask(calls::roles(&USER_ROLES)));
    errands.during(load_me(browser, true)).await;
    if browser.is_first(UserMark::Shell) {
        let took = arrived.elapsed();
        let recorder = &browser.storm.recorder;
        recorder.count(|shard| shard.timings.shell.record(took));
    }
    // A page that was reloaded knows its channel from its address.
    if from_login {
        errands.during(find_channel(browser)).await;
    }
    errands.all().await;
}

/// Looks for the channel to open among those of the team.
async fn find_channel(browser: &Browser) {
    let Some(team) = team(browser) else {
        return;
    };
    let (channels, members) = tokio::join!(
        browser.call(calls::team_channels(&team).read()),
        browser.call(calls::team_channel_members(&team).read()),
    );
    let mut known = lock(&browser.known);
    let (channels, members) = (channels.as_ref().ok(), members.as_ref().ok());
    answers::channels(&mut known, &browser.storm.ids, channels, members);
    // The channel that this user had open last; for the same seed the same one.
    let count = known.channels.len().max(1) as u64;
    known.open = (browser.storm.seed_for(OPEN_CHANNEL, browser.index) % count) as usize;
}

/// Purpose of random numbers: the channel that a user has open.
const OPEN_CHANNEL: u64 = 2;

/// Id of the user's team.
pub(crate) fn team(browser: &Browser) -> Option<String> {
    let team = lock(&browser.known).team;
    team.map(|team| browser.storm.ids.id(team))
}

/// Id of the channel that is open.
pub(crate) fn open_channel(browser: &Browser) -> Option<String> {
    let channel = lock(&browser.known).open_channel();
    channel.map(|channel| browser.storm.ids.id(channel))
}

/// Id of the user.
pub(crate) fn user(browser: &Browser) -> String {
    lock(&browser.known).user_id.to_string()
}

/// The settings, or those of a server that has everything on as long as nobody knows better.
pub(crate) fn site(browser: &Browser) -> SiteSettings {
    browser.storm.site.get().copied().unwrap_or(SiteSettings {
        collapsed_threads: true,
        drafts: true,
        ..SiteSettings::default()
    })
}

/// The view: sidebar, posts and all that comes along. Returns when everything was answered; the
/// page is usable before that.
pub(crate) async fn enter_view(browser: &Browser, arrived: Instant) {
    let site = site(browser);
    let user = user(browser);
    let version = browser.storm.behavior.web_client;
    see_oneself(browser, &user);
    let mut errands = Errands::new();
    // Releases before 11.9 do not look at the license.
    if site.is_enterprise || version < WebClient::V11_9 {
        errands.send(browser.ask(calls::profile_fields()));
    }
    if version == WebClient::V11_6 {
        errands.send(browser.ask(calls::limits()));
    }
    let Some(team) = team(browser) else {
        errands.all().await;
        return;
    };
    errands.send(browser.ask(calls::channel_members(&user)));
    let (say_channels, channels) = oneshot::channel();
    errands.send(async move {
        let answered = browser.call(calls::channels()).await.is_ok();
        // Nobody listens any more if the page is gone.
        let _ = say_channels.send(answered);
    });
    if site.is_licensed {
        for request in calls::groups(&user) {
            errands.send(browser.ask(request));
        }
    }
    errands.send(fill_sidebar(browser, user.clone(), team.clone()));
    if site.collapsed_threads {
        errands.send(browser.ask(calls::thread_totals(&user, &team)));
    }
    if site.drafts {
        errands.send(browser.ask(calls::drafts(&team)));
    }
    if site.scheduled_posts {
        errands.send(browser.ask(calls::scheduled_posts(&team)));
    }
    errands.send(browser.ask(calls::notices(&team)));
    // The centre of the page waits for the channels of all teams.
    let has_channels = errands.during(channels).await.unwrap_or(false);
    let has_posts = errands.during(open(browser, ChannelVisit::First)).await;
    let now = Instant::now();
    if has_channels && has_posts && browser.is_first(UserMark::Usable) {
        let recorder = &browser.storm.recorder;
        recorder.count(|shard| {
            shard.second.users.usable += 1;
            let took = now.saturating_duration_since(arrived);
            shard.timings.usable.record(took);
            shard.last.usable_ms = shard.last.usable_ms.max(Some(recorder.ms(now)));
        });
    }
    if let Some(channel) = open_channel(browser) {
        errands.send(browser.ask(calls::view(&channel)));
    }
    if version > WebClient::V10_11 {
        errands.send(browser.ask(calls::agents()));
    }
    for author in authors(browser) {
        errands.send(browser.ask(calls::avatar(&author)));
    }
    lock(&browser.known).is_polling = true;
    errands.send(ticks::ask_for_unknown(browser, now + ticks::POLL));
    errands.send(prefetch(browser));
    errands.all().await;
}

/// The user's own profile is there, its status is asked for like anybody's.
fn see_oneself(browser: &Browser, user: &str) {
    if let Some(me) = browser.storm.ids.number(user) {
        let mut known = lock(&browser.known);
        if !known.users.contains(&me) {
            known.users.push(me);
        }
        known.see(me);
    }
}

fn authors(browser: &Browser) -> Vec<String> {
    let most = browser.storm.behavior.avatars as usize;
    let known = lock(&browser.known);
    let shown = known.shown.iter().take(most);
    shown.map(|author| browser.storm.ids.id(*author)).collect()
}

/// The categories, and then the people of direct and group channels.
async fn fill_sidebar(browser: &Browser, user: String, team: String) {
    browser.ask(calls::categories(&user, &team)).await;
    let ids = &browser.storm.ids;
    let (unknown, groups) = {
        let mut known = lock(&browser.known);
        let unknown = std::mem::take(&mut known.unknown);
        known.users.extend(&unknown);
        (unknown, known.groups.clone())
    };
    let profiles = async {
        if !unknown.is_empty() {
            browser.ask(calls::users_by_ids(ids, &unknown)).await;
        }
    };
    let groups = async {
        if !groups.is_empty() {
            browser.ask(calls::users_of_groups(ids, &groups)).await;
        }
    };
    tokio::join!(profiles, groups);
}

/// How a channel is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChannelVisit {
    /// With the page: who reads it is told apart from who opened it.
    First,
    /// By a click, which marks it as read too.
    Switch(Option<Instant>),
}

/// Opens the channel that is chosen, and waits for its posts. Says whether they are there.
pub(crate) async fn open(browser: &Browser, visit: ChannelVisit) -> bool {
    let Some(channel) = open_channel(browser) else {
        return false;
    };
    let due = match visit {
        ChannelVisit::First => None,
        ChannelVisit::Switch(due) => due,
    };
    let site = site(browser);
    let mut errands = Errands::new();
    errands.send(browser.ask(calls::channel_stats(&channel).at_if(due)));
    if site.is_licensed {
        errands.send(browser.ask(calls::bookmarks(&channel)));
    }
    let has_posts = errands.during(read_posts(browser, &channel)).await;
    if let ChannelVisit::Switch(_) = visit {
        errands.send(browser.ask(calls::view(&channel)));
    }
    errands.all().await;
    has_posts
}

/// Fetches the posts of the open channel: all that are unread, or those since the last visit.
async fn read_posts(browser: &Browser, channel: &str) -> bool {
    let collapsed = site(browser).collapsed_threads;
    let (user, since) = {
        let mut known = lock(&browser.known);
        let index = known.open;
        let newest = known.newest_in_open_channel();
        let open = known.channels.get_mut(index);
        let was_loaded = open.is_some_and(|open| std::mem::replace(&mut open.is_loaded, true));
        if was_loaded && newest == 0 {
            // They were fetched ahead.
            return true;
        }
        (known.user_id.to_string(), was_loaded.then_some(newest))
    };
    let request = match since {
        Some(since) => calls::posts_since(channel, since, collapsed),
        None => calls::posts_unread(&user, channel, collapsed),
    };
    match browser.call(request.read()).await {
        Ok(reply) => {
            answers::posts(&mut lock(&browser.known), &browser.storm.ids, &reply);
            true
        }
        Err(_) => false,
    }
}

/// Fetches posts of unread channels ahead, two channels at a time: of all of them if they are few,
/// of those with mentions if they are more, of none if they are many.
pub(crate) async fn prefetch(browser: &Browser) {
    let chosen = choose_ahead(browser);
    let collapsed = site(browser).collapsed_threads;
    let user = user(browser);
    for pair in chosen.chunks(2) {
        let fetch = |channel: &IdNumber| {
            let channel = browser.storm.ids.id(*channel);
            browser.ask(calls::posts_unread(&user, &channel, collapsed))
        };
        match pair {
            [one, other] => {
                tokio::join!(fetch(one), fetch(other));
            }
            [one] => fetch(one).await,
            _ => {}
        }
    }
}

fn choose_ahead(browser: &Browser) -> Vec<IdNumber> {
    let mut known = lock(&browser.known);
    let open = known.open;
    let unread: Vec<usize> = (0..known.channels.len())
        .filter(|index| *index != open)
        .filter(|index| known.channels[*index].unread > 0 && !known.channels[*index].is_loaded)
        .collect();
    if unread.len() > PREFETCH_NONE {
        return Vec::new();
    }
    let (mut mentions, others): (Vec<usize>, Vec<usize>) = unread
        .iter()
        .copied()
        .partition(|index| known.channels[*index].mentions > 0);
    if unread.len() < PREFETCH_MENTIONS {
        mentions.extend(others);
    }
    mentions.truncate(PREFETCH_MENTIONS);
    mentions
        .into_iter()
        .map(|index| {
            known.channels[index].is_loaded = true;
            known.channels[index].id
        })
        .collect()
}

/// The pause of a page's first performance report: somewhere from 45 to 75 s.
pub(crate) fn report_after(share: f64) -> Duration {
    Duration::from_secs(45) + Duration::from_secs(30).mul_f64(share)
}
