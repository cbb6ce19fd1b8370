//! The calls that a web client makes, by kind: what is counted apart.

use serde::{Deserialize, Serialize};

/// Declares the kinds of calls once: the variant, the name in results, and what it is.
macro_rules! client_calls {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal,)+) => {
        /// A kind of call that a client makes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum ClientCall {
            $($(#[doc = $doc])+ #[serde(rename = $name)] $variant,)+
        }

        impl ClientCall {
            /// Every kind, in the order in which a client that logs in makes them.
            pub const ALL: &[ClientCall] = &[$(ClientCall::$variant,)+];

            /// The name as in results.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(ClientCall::$variant => $name,)+
                }
            }
        }
    };
}

client_calls! {
    /// `GET system/ping`: no client asks for it; calibration does.
    SystemPing = "system-ping",
    /// `GET /`: the page.
    Document = "document",
    /// `GET config/client`.
    ConfigClient = "config-client",
    /// `GET license/client`.
    LicenseClient = "license-client",
    /// `GET plugins/webapp`.
    PluginsWebapp = "plugins-webapp",
    /// `POST users/login`.
    Login = "login",
    /// `POST roles/names`.
    RolesNames = "roles-names",
    /// `GET users/me`.
    UsersMe = "users-me",
    /// `GET users/me/preferences`.
    Preferences = "preferences",
    /// `PUT users/{user}/preferences`.
    SavePreferences = "save-preferences",
    /// `GET users/me/teams`.
    Teams = "teams",
    /// `GET users/me/teams/members`.
    TeamMembers = "team-members",
    /// `GET users/me/teams/unread`.
    TeamsUnread = "teams-unread",
    /// `GET limits/server`.
    LimitsServer = "limits-server",
    /// `GET users/me/teams/{team}/channels`.
    TeamChannels = "team-channels",
    /// `GET users/me/teams/{team}/channels/members`.
    TeamChannelMembers = "team-channel-members",
    /// The websocket, from the connection to the answer to the upgrade.
    Websocket = "websocket",
    /// An application ping on the websocket, until it is answered.
    Ping = "ping",
    /// `GET custom_profile_attributes/fields`.
    ProfileFields = "profile-fields",
    /// `GET users/{user}/channel_members?page=-1`.
    ChannelMembers = "channel-members",
    /// `GET users/me/channels`.
    Channels = "channels",
    /// `GET groups`.
    Groups = "groups",
    /// `GET users/{user}/teams/{team}/channels/categories`.
    Categories = "categories",
    /// `GET users/{user}/teams/{team}/threads`.
    Threads = "threads",
    /// `GET users/{user}/teams/{team}/drafts`.
    Drafts = "drafts",
    /// `GET posts/scheduled/team/{team}`.
    ScheduledPosts = "scheduled-posts",
    /// `GET system/notices/{team}`.
    Notices = "notices",
    /// `POST users/ids`.
    UsersByIds = "users-by-ids",
    /// `POST users/group_channels`.
    UsersByGroupChannels = "users-by-group-channels",
    /// `GET channels/{channel}/stats`.
    ChannelStats = "channel-stats",
    /// `GET channels/{channel}/bookmarks`.
    Bookmarks = "bookmarks",
    /// `GET users/{user}/channels/{channel}/posts/unread`.
    PostsUnread = "posts-unread",
    /// `GET channels/{channel}/posts?since=`.
    PostsSince = "posts-since",
    /// `GET channels/{channel}/posts?before=`.
    PostsBefore = "posts-before",
    /// `POST channels/members/me/view`.
    ViewChannel = "view-channel",
    /// `GET agents`.
    Agents = "agents",
    /// `GET users/{user}/image`.
    Avatar = "avatar",
    /// `POST users/status/ids`.
    Statuses = "statuses",
    /// `POST client_perf`.
    ClientPerf = "client-perf",
    /// `POST posts`.
    CreatePost = "create-post",
    /// `GET posts/{post}/thread`.
    PostThread = "post-thread",
    /// `GET users/{user}/teams/{team}/threads/{thread}`.
    Thread = "thread",
    /// `PUT users/{user}/teams/{team}/threads/{thread}/read/{time}`.
    ThreadRead = "thread-read",
    /// `POST teams/{team}/posts/search`.
    SearchPosts = "search-posts",
    /// `POST teams/{team}/files/search`.
    SearchFiles = "search-files",
}

impl ClientCall {
    /// The error with which a server says that it has none of what is asked for: the web client asks all the
    /// same, and shows nothing. It is an answer, not a failure.
    pub(crate) fn answer_of_none(self) -> Option<&'static str> {
        match self {
            // The plugin that has them does not run.
            Self::Agents => Some("app.agents.get_agents.app_error"),
            // There is no license for them.
            Self::ProfileFields => Some("api.custom_profile_attributes.license_error"),
            _ => None,
        }
    }
}

impl std::fmt::Display for ClientCall {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}
