//! The accounts, teams, channels and posts that a storm finds on the server.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the server holds before a storm, apart from its accounts: `users` says how many of those.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Population {
    /// Teams that the users are spread over evenly; each user is in one.
    #[schemars(range(min = 1, max = 200))]
    pub teams: u32,
    /// Public channels of all teams together, besides the two that every team has.
    #[schemars(range(min = 1, max = 100_000))]
    pub channels: u32,
    /// Of those of the user's team, how many a user is in.
    #[schemars(range(min = 1, max = 1000))]
    pub channels_per_user: u32,
    /// Of the user's channels, in how many there are posts that the user has not read.
    #[schemars(range(min = 0, max = 1000))]
    pub unread_channels: u32,
    /// Posts in each of the public channels.
    #[schemars(range(min = 1, max = 10_000))]
    pub posts_per_channel: u32,
}

impl Default for Population {
    /// A company: departments as teams, some twenty channels for each of its people.
    fn default() -> Self {
        Self {
            teams: 4,
            channels: 600,
            channels_per_user: 20,
            unread_channels: 5,
            posts_per_channel: 60,
        }
    }
}

impl Population {
    /// Channels of the team that has the fewest.
    #[must_use]
    pub fn channels_per_team(&self) -> u32 {
        self.channels / self.teams.max(1)
    }
}
