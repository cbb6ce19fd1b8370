//! The calls, as the published web client makes them (`client4.ts` of `@mattermost/client`).

use serde_json::json;

use crate::call::ClientCall;
use crate::known::{IdNumber, IdTable};
use crate::request::ApiRequest;

/// Version that clients give where they are asked for one.
const CLIENT_VERSION: &str = "11.9.0";

pub(crate) fn ping() -> ApiRequest {
    ApiRequest::get(ClientCall::SystemPing, "/api/v4/system/ping")
}

pub(crate) fn document() -> ApiRequest {
    ApiRequest::get(ClientCall::Document, "/")
}

pub(crate) fn config() -> ApiRequest {
    ApiRequest::get(ClientCall::ConfigClient, "/api/v4/config/client?format=old")
}

pub(crate) fn license() -> ApiRequest {
    ApiRequest::get(
        ClientCall::LicenseClient,
        "/api/v4/license/client?format=old",
    )
}

pub(crate) fn plugins() -> ApiRequest {
    ApiRequest::get(ClientCall::PluginsWebapp, "/api/v4/plugins/webapp")
}

pub(crate) fn login(name: &str, password: &str) -> ApiRequest {
    let body = json!({"login_id": name, "password": password, "token": "", "deviceId": ""});
    ApiRequest::post(ClientCall::Login, "/api/v4/users/login", body)
}

pub(crate) fn roles(names: &[&str]) -> ApiRequest {
    ApiRequest::post(ClientCall::RolesNames, "/api/v4/roles/names", json!(names))
}

pub(crate) fn me() -> ApiRequest {
    ApiRequest::get(ClientCall::UsersMe, "/api/v4/users/me")
}

pub(crate) fn preferences() -> ApiRequest {
    ApiRequest::get(ClientCall::Preferences, "/api/v4/users/me/preferences")
}

pub(crate) fn teams() -> ApiRequest {
    ApiRequest::get(ClientCall::Teams, "/api/v4/users/me/teams")
}

pub(crate) fn team_members() -> ApiRequest {
    ApiRequest::get(ClientCall::TeamMembers, "/api/v4/users/me/teams/members")
}

pub(crate) fn teams_unread(collapsed_threads: bool) -> ApiRequest {
    let path = if collapsed_threads {
        "/api/v4/users/me/teams/unread?include_collapsed_threads=true"
    } else {
        "/api/v4/users/me/teams/unread?include_collapsed_threads=false"
    };
    ApiRequest::get(ClientCall::TeamsUnread, path)
}

pub(crate) fn limits() -> ApiRequest {
    ApiRequest::get(ClientCall::LimitsServer, "/api/v4/limits/server")
}

pub(crate) fn team_channels(team: &str) -> ApiRequest {
    let path = format!("/api/v4/users/me/teams/{team}/channels?include_deleted=false");
    ApiRequest::get(ClientCall::TeamChannels, path)
}

pub(crate) fn team_channel_members(team: &str) -> ApiRequest {
    let path = format!("/api/v4/users/me/teams/{team}/channels/members");
    ApiRequest::get(ClientCall::TeamChannelMembers, path)
}

pub(crate) fn profile_fields() -> ApiRequest {
    ApiRequest::get(
        ClientCall::ProfileFields,
        "/api/v4/custom_profile_attributes/fields",
    )
}

pub(crate) fn channel_members(user: &str) -> ApiRequest {
    let path = format!("/api/v4/users/{user}/channel_members?page=-1&per_page=60");
    ApiRequest::get(ClientCall::ChannelMembers, path)
}

pub(crate) fn channels() -> ApiRequest {
    ApiRequest::get(ClientCall::Channels, "/api/v4/users/me/channels")
}

/// The groups whose mentions the user can use, and those that the user is in.
pub(crate) fn groups(user: &str) -> [ApiRequest; 2] {
    let mine = format!(
        "/api/v4/groups?filter_allow_reference=true&include_member_count=true&filter_has_member={user}"
    );
    let all = "/api/v4/groups?filter_allow_reference=true&page=0&per_page=60&include_member_count=true&include_member_ids=true";
    [
        ApiRequest::get(ClientCall::Groups, mine),
        ApiRequest::get(ClientCall::Groups, all),
    ]
}

pub(crate) fn categories(user: &str, team: &str) -> ApiRequest {
    let path = format!("/api/v4/users/{user}/teams/{team}/channels/categories");
    ApiRequest::get(ClientCall::Categories, path)
}

/// How many threads there are and how many of them are unread.
pub(crate) fn thread_totals(user: &str, team: &str) -> ApiRequest {
    let path = format!(
        "/api/v4/users/{user}/teams/{team}/threads?before=&after=&per_page=60&extended=false&\
         deleted=false&unread=false&since=0&totalsOnly=true&threadsOnly=false"
    );
    ApiRequest::get(ClientCall::Threads, path)
}

/// The threads that changed.
pub(crate) fn threads_since(user: &str, team: &str, since_ms: u64) -> ApiRequest {
    let path = format!(
        "/api/v4/users/{user}/teams/{team}/threads?before=&after=&per_page=60&extended=true&\
         deleted=false&unread=false&since={since_ms}&totalsOnly=false&threadsOnly=false"
    );
    ApiRequest::get(ClientCall::Threads, path)
}

pub(crate) fn drafts(team: &str) -> ApiRequest {
    let path = format!("/api/v4/users/me/teams/{team}/drafts");
    ApiRequest::get(ClientCall::Drafts, path)
}

pub(crate) fn scheduled_posts(team: &str) -> ApiRequest {
    let path = format!("/api/v4/posts/scheduled/team/{team}?includeDirectChannels=true");
    ApiRequest::get(ClientCall::ScheduledPosts, path)
}

pub(crate) fn notices(team: &str) -> ApiRequest {
    let path = format!("/api/v4/system/notices/{team}?client=web&clientVersion={CLIENT_VERSION}");
    ApiRequest::get(ClientCall::Notices, path)
}

pub(crate) fn users_by_ids(ids: &IdTable, users: &[IdNumber]) -> ApiRequest {
    ApiRequest::post(ClientCall::UsersByIds, "/api/v4/users/ids", ids.list(users))
}

/// The profiles that changed.
pub(crate) fn users_since(ids: &IdTable, users: &[IdNumber], since_ms: u64) -> ApiRequest {
    let path = format!("/api/v4/users/ids?since={since_ms}");
    ApiRequest::post(ClientCall::UsersByIds, path, ids.list(users))
}

pub(crate) fn users_of_groups(ids: &IdTable, channels: &[IdNumber]) -> ApiRequest {
    ApiRequest::post(
        ClientCall::UsersByGroupChannels,
        "/api/v4/users/group_channels",
        ids.list(channels),
    )
}

pub(crate) fn channel_stats(channel: &str) -> ApiRequest {
    let path = format!("/api/v4/channels/{channel}/stats?exclude_files_count=true");
    ApiRequest::get(ClientCall::ChannelStats, path)
}

pub(crate) fn bookmarks(channel: &str) -> ApiRequest {
    let path = format!("/api/v4/channels/{channel}/bookmarks?bookmarks_since=0");
    ApiRequest::get(ClientCall::Bookmarks, path)
}

pub(crate) fn posts_unread(user: &str, channel: &str, collapsed_threads: bool) -> ApiRequest {
    let path = format!(
        "/api/v4/users/{user}/channels/{channel}/posts/unread?limit_after=30&limit_before=30&\
         skipFetchThreads=false&collapsedThreads={collapsed_threads}&collapsedThreadsExtended=false"
    );
    ApiRequest::get(ClientCall::PostsUnread, path)
}

pub(crate) fn posts_since(channel: &str, since_ms: u64, collapsed_threads: bool) -> ApiRequest {
    let path = format!(
        "/api/v4/channels/{channel}/posts?since={since_ms}&skipFetchThreads=false&\
         collapsedThreads={collapsed_threads}&collapsedThreadsExtended=false"
    );
    ApiRequest::get(ClientCall::PostsSince, path)
}

pub(crate) fn posts_before(channel: &str, post: &str, collapsed_threads: bool) -> ApiRequest {
    let path = format!(
        "/api/v4/channels/{channel}/posts?before={post}&page=0&per_page=30&\
         skipFetchThreads=false&collapsedThreads={collapsed_threads}&collapsedThreadsExtended=false"
    );
    ApiRequest::get(ClientCall::PostsBefore, path)
}

pub(crate) fn view(channel: &str) -> ApiRequest {
    let body = json!({"channel_id": channel, "collapsed_threads_supported": true});
    ApiRequest::post(
        ClientCall::ViewChannel,
        "/api/v4/channels/members/me/view",
        body,
    )
}

pub(crate) fn agents() -> ApiRequest {
    ApiRequest::get(ClientCall::Agents, "/api/v4/agents")
}

pub(crate) fn avatar(user: &str) -> ApiRequest {
    let path = format!("/api/v4/users/{user}/image?_=0");
    ApiRequest::get(ClientCall::Avatar, path)
}

pub(crate) fn statuses(ids: &IdTable, users: &[IdNumber]) -> ApiRequest {
    ApiRequest::post(
        ClientCall::Statuses,
        "/api/v4/users/status/ids",
        ids.list(users),
    )
}

pub(crate) fn client_perf(now_ms: u64) -> ApiRequest {
    let body = json!({
        "version": "0.1.0",
        "client_id": "",
        "labels": {"platform": "linux", "agent": "chrome"},
        "start": now_ms.saturating_sub(60_000),
        "end": now_ms,
        "counters": [],
        "histograms": [],
    });
    ApiRequest::post(ClientCall::ClientPerf, "/api/v4/client_perf", body)
}

pub(crate) fn create_post(user: &str, channel: &str, message: &str, now_ms: u64) -> ApiRequest {
    let body = json!({
        "file_ids": [],
        "message": message,
        "channel_id": channel,
        "root_id": "",
        "pending_post_id": format!("{user}:{now_ms}"),
        "user_id": user,
        "create_at": 0,
        "metadata": {},
        "props": {},
    });
    ApiRequest::post(ClientCall::CreatePost, "/api/v4/posts", body)
}

pub(crate) fn post_thread(post: &str) -> ApiRequest {
    let path = format!(
        "/api/v4/posts/{post}/thread?skipFetchThreads=false&collapsedThreads=true&\
         collapsedThreadsExtended=false&direction=down&perPage=60"
    );
    ApiRequest::get(ClientCall::PostThread, path)
}

pub(crate) fn thread(user: &str, team: &str, post: &str) -> ApiRequest {
    let path = format!("/api/v4/users/{user}/teams/{team}/threads/{post}?extended=true");
    ApiRequest::get(ClientCall::Thread, path)
}

pub(crate) fn thread_read(user: &str, team: &str, post: &str, now_ms: u64) -> ApiRequest {
    let path = format!("/api/v4/users/{user}/teams/{team}/threads/{post}/read/{now_ms}");
    ApiRequest::put(ClientCall::ThreadRead, path, None)
}

/// A search asks for posts and for files.
pub(crate) fn search(team: &str, terms: &str) -> [ApiRequest; 2] {
    let body = json!({
        "terms": terms,
        "is_or_search": false,
        "include_deleted_channels": true,
        "time_zone_offset": 0,
        "page": 0,
        "per_page": 20,
    });
    let [posts, files] =
        ["posts", "files"].map(|kind| format!("/api/v4/teams/{team}/{kind}/search"));
    [
        ApiRequest::post(ClientCall::SearchPosts, posts, &body),
        ApiRequest::post(ClientCall::SearchFiles, files, &body),
    ]
}
