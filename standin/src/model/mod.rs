//! The objects of the API in Mattermost's JSON. Keys that the stand-in never
//! fills are left out or null, as Mattermost's are. Times are milliseconds
//! since 1970.

mod channel;
mod job;
mod plugin;
mod post;
mod settings;
mod team;
mod thread;
mod user;

pub(crate) use channel::{
    Channel, ChannelMembership, ChannelStats, ChannelUnread, MembershipWithTeam,
    default_channel_notify_props, direct_channel_name,
};
pub(crate) use job::Job;
pub(crate) use plugin::{Manifest, PluginStatus};
pub(crate) use post::{FileInfo, Metadata, Post, PostList, Reaction};
pub(crate) use settings::{Draft, Emoji, Preference, SidebarCategories, SidebarCategory};
pub(crate) use team::{Team, TeamMember, TeamStats, TeamUnread};
pub(crate) use thread::{ThreadList, UserThread};
pub(crate) use user::{TextMap, User, UserSession, UserStatus, default_user_notify_props};

/// The stand-in's name and version, wherever Mattermost says its version.
pub(crate) const VERSION: &str = concat!("standin-", env!("CARGO_PKG_VERSION"));

fn is_zero(number: &i64) -> bool {
    *number == 0
}

fn is_zero_count(number: &i32) -> bool {
    *number == 0
}

fn is_false(flag: &bool) -> bool {
    !*flag
}
