//! Ids, names and times of rows, as expressions of SQL: all follow from numbers alone.
//!
//! A team's channels and users are those whose number, divided by the number of teams, leaves the
//! team's number. Within the team they are numbered anew, and user `r` of it is in its channels `r`,
//! `r + 1` and so on, beginning again after the last one.

use crate::loadtest::Population;

/// What the names of all accounts begin with; a number follows.
pub const ACCOUNT_PREFIX: &str = "storm-";

const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 24 * 60 * MINUTE_MS;
/// Posts are spread over so long a time before the population was made.
const POSTS_MS: i64 = 30 * DAY_MS;

/// Rows of one population.
#[derive(Clone, Copy, Debug)]
pub(super) struct Numbers {
    pub(super) population: Population,
    /// When it was made, milliseconds since 1970.
    pub(super) made_ms: i64,
}

/// An id as the server accepts it, 26 letters and digits, for the row of a kind with a number.
pub(super) fn id(kind: &str, number: &str) -> String {
    format!("substr(encode(sha256(('loadrig/{kind}/' || ({number})::text)::bytea), 'hex'), 1, 26)")
}

impl Numbers {
    /// When teams, channels and accounts were made.
    pub(super) fn before_ms(&self) -> i64 {
        self.made_ms - 2 * POSTS_MS
    }

    /// When the post with number `post` was made in the channel with number `channel`: ever later,
    /// and before the population was made.
    pub(super) fn posted_ms(&self, channel: &str, post: &str) -> String {
        let posts = i64::from(self.population.posts_per_channel);
        let first = self.made_ms - POSTS_MS;
        let apart = POSTS_MS / (posts + 1);
        // No two channels have their posts at the same moments.
        format!("{first} + (({post}) + 1)::bigint * {apart} + (({channel})::bigint * 7919) % 997")
    }

    /// How many channels the team with a number has.
    pub(super) fn channels_of(&self, team: &str) -> String {
        let Population {
            channels, teams, ..
        } = self.population;
        format!("(({channels} - 1 - ({team})) / {teams} + 1)")
    }

    /// The ids of all teams.
    pub(super) fn team_ids(&self) -> String {
        let last = i64::from(self.population.teams) - 1;
        format!(
            "SELECT {} FROM generate_series(0, {last}) t",
            id("team", "t")
        )
    }
}
