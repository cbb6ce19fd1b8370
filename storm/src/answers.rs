//! What clients read of answers.

use std::collections::HashMap;

use serde::Deserialize;

use crate::known::{IdTable, KnownChannel, KnownToUser, SiteSettings};
use crate::reply::WireReply;

/// What the server says of itself: maps of texts.
pub(crate) fn site_settings(config: &WireReply, license: &WireReply) -> Option<SiteSettings> {
    let config: HashMap<String, String> = config.json()?;
    let license: HashMap<String, String> = license.json()?;
    let is = |key: &str| config.get(key).is_some_and(|value| value == "true");
    let is_licensed = license
        .get("IsLicensed")
        .is_some_and(|value| value == "true");
    let sku = license.get("SkuShortName").map(String::as_str);
    Some(SiteSettings {
        is_licensed,
        is_enterprise: is_licensed && !matches!(sku, Some("starter" | "professional" | "E10")),
        plugins: is("PluginsEnabled"),
        collapsed_threads: config
            .get("CollapsedThreads")
            .is_some_and(|value| value != "disabled"),
        drafts: is("AllowSyncedDrafts"),
        scheduled_posts: is_licensed && is("ScheduledPosts"),
        client_metrics: is("EnableClientMetrics"),
        typing: is("EnableUserTypingMessages"),
    })
}

#[derive(Deserialize)]
struct OnlyId<'a> {
    id: &'a str,
}

/// Id of the first team.
pub(crate) fn first_team(reply: &WireReply) -> Option<&str> {
    let teams: Vec<OnlyId<'_>> = reply.json()?;
    teams.first().map(|team| team.id)
}

#[derive(Deserialize)]
struct ChannelAnswer<'a> {
    id: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    name: &'a str,
    #[serde(default)]
    total_msg_count_root: u32,
}

#[derive(Deserialize)]
struct MemberAnswer<'a> {
    channel_id: &'a str,
    #[serde(default)]
    msg_count_root: u32,
    #[serde(default)]
    mention_count_root: u32,
}

/// Channels of a user, with what is unread in them, if both lists are there.
pub(crate) fn channels(
    known: &mut KnownToUser,
    ids: &IdTable,
    channels: Option<&WireReply>,
    members: Option<&WireReply>,
) {
    let Some(channels) = channels.and_then(|reply| reply.json::<Vec<ChannelAnswer<'_>>>()) else {
        return;
    };
    let members: Vec<MemberAnswer<'_>> = members.and_then(|reply| reply.json()).unwrap_or_default();
    let read: HashMap<&str, &MemberAnswer<'_>> = members
        .iter()
        .map(|member| (member.channel_id, member))
        .collect();
    known.channels.clear();
    known.groups.clear();
    for channel in &channels {
        let Some(id) = ids.number(channel.id) else {
            continue;
        };
        let member = read.get(channel.id);
        known.channels.push(KnownChannel {
            id,
            unread: member.map_or(0, |member| {
                channel
                    .total_msg_count_root
                    .saturating_sub(member.msg_count_root)
            }),
            mentions: member.map_or(0, |member| member.mention_count_root),
            is_direct: matches!(channel.kind, "D" | "G"),
            is_loaded: false,
            newest_ms: 0,
        });
        match channel.kind {
            "G" => known.groups.push(id),
            "D" => {
                let partner = channel.name.split_once("__").map(|(one, other)| {
                    if one == &*known.user_id { other } else { one }
                });
                if let Some(partner) = partner.and_then(|partner| ids.number(partner)) {
                    known.see(partner);
                }
            }
            _ => {}
        }
    }
    known.channels.shrink_to_fit();
}

#[derive(Deserialize)]
struct PostListAnswer<'a> {
    #[serde(borrow, default)]
    order: Vec<&'a str>,
    #[serde(borrow, default)]
    posts: HashMap<&'a str, PostAnswer<'a>>,
}

#[derive(Deserialize)]
struct PostAnswer<'a> {
    user_id: &'a str,
    #[serde(default)]
    create_at: u64,
    #[serde(default)]
    root_id: &'a str,
    #[serde(default)]
    reply_count: u32,
    #[serde(default)]
    is_following: Option<bool>,
}

/// Takes note of who wrote, of the newest and the oldest post, and of a thread.
pub(crate) fn posts(known: &mut KnownToUser, ids: &IdTable, reply: &WireReply) {
    let Some(list) = reply.json::<PostListAnswer<'_>>() else {
        return;
    };
    for post in list.posts.values() {
        known.has_post_of(post.create_at);
        if let Some(author) = ids.number(post.user_id) {
            known.see(author);
        }
    }
    if let Some(oldest) = list.order.last() {
        known.oldest = ids.number(oldest);
    }
    let thread = list.posts.iter().find(|(_, post)| post.reply_count > 0);
    known.is_following = thread.is_some_and(|(_, post)| post.is_following == Some(true));
    let root = thread.map(|(id, post)| {
        if post.root_id.is_empty() {
            *id
        } else {
            post.root_id
        }
    });
    // Whatever can be answered can be opened as a thread.
    if let Some(root) = root.or_else(|| list.order.first().copied()) {
        known.thread = ids.number(root);
    }
}
