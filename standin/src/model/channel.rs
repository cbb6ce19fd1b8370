//! Channels and who is in them.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::VERSION;
use super::user::{TextMap, text_map};

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Channel {
    pub id: String,
    pub create_at: i64,
    pub update_at: i64,
    pub delete_at: i64,
    /// Empty for direct and group messages.
    pub team_id: String,
    /// `O` public, `P` private, `D` direct or `G` group.
    #[serde(rename = "type")]
    pub kind: String,
    pub display_name: String,
    pub name: String,
    pub header: String,
    pub purpose: String,
    pub last_post_at: i64,
    pub total_msg_count: i64,
    pub extra_update_at: i64,
    pub creator_id: String,
    pub scheme_id: Option<String>,
    pub props: Option<Map<String, Value>>,
    pub group_constrained: Option<bool>,
    pub shared: Option<bool>,
    pub total_msg_count_root: i64,
    pub policy_id: Option<String>,
    pub last_root_post_at: i64,
    pub banner_info: Option<Value>,
    pub policy_enforced: bool,
    pub default_category_name: String,
}

impl Channel {
    /// Changes with any channel of a list.
    pub(crate) fn list_etag(channels: &[Self]) -> String {
        let changed = |channel: &Self| channel.last_post_at.max(channel.update_at);
        let newest = channels.iter().max_by_key(|channel| changed(channel));
        let (id, time) = newest.map_or(("0", 0), |channel| (channel.id.as_str(), changed(channel)));
        format!("{VERSION}.{id}.{time}.0.{}", channels.len())
    }

    /// Whether it belongs to no team.
    pub(crate) fn is_direct_or_group(&self) -> bool {
        matches!(self.kind.as_str(), "D" | "G")
    }
}

/// A user's place in a channel.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ChannelMembership {
    pub channel_id: String,
    pub user_id: String,
    pub roles: String,
    pub last_viewed_at: i64,
    pub msg_count: i64,
    pub mention_count: i64,
    pub mention_count_root: i64,
    pub urgent_mention_count: i64,
    pub msg_count_root: i64,
    pub notify_props: TextMap,
    pub last_update_at: i64,
    pub scheme_guest: bool,
    pub scheme_user: bool,
    pub scheme_admin: bool,
    pub explicit_roles: String,
}

/// A user's place in a channel, with the channel's team.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(crate) struct MembershipWithTeam {
    #[serde(flatten)]
    pub member: ChannelMembership,
    pub team_display_name: String,
    pub team_name: String,
    pub team_update_at: i64,
}

/// What a user has not read yet in a channel.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(crate) struct ChannelUnread {
    pub team_id: String,
    pub channel_id: String,
    pub msg_count: i64,
    pub mention_count: i64,
    pub mention_count_root: i64,
    pub urgent_mention_count: i64,
    pub msg_count_root: i64,
    #[serde(skip)]
    pub notify_props: TextMap,
}

/// How much is in a channel.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct ChannelStats {
    pub channel_id: String,
    pub member_count: i64,
    pub guest_count: i64,
    pub pinnedpost_count: i64,
    /// -1 when it was not asked for.
    pub files_count: i64,
}

/// What a new member of a channel wants to be told of.
pub(crate) fn default_channel_notify_props() -> TextMap {
    text_map([
        ("channel_auto_follow_threads", "off"),
        ("desktop", "default"),
        ("email", "default"),
        ("ignore_channel_mentions", "default"),
        ("mark_unread", "all"),
        ("push", "default"),
    ])
}

/// Name of the direct channel between two users: their ids, sorted.
pub(crate) fn direct_channel_name(a: &str, b: &str) -> String {
    if a < b {
        format!("{a}__{b}")
    } else {
        format!("{b}__{a}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn direct_channel_has_one_name_whoever_opens_it() {
        assert_eq!(direct_channel_name("a", "b"), direct_channel_name("b", "a"));
    }
}
