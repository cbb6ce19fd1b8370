//! Teams, channels and posts.

use super::columns::{Columns, Rows};
use super::error::PopulationError;
use super::rows::{Numbers, id};

/// The channels that every team has, which the server knows by their names.
const DEFAULT_CHANNELS: [(&str, &str); 2] =
    [("town-square", "Town Square"), ("off-topic", "Off-Topic")];

/// Posts of one statement: a database answers after each.
const POSTS_AT_ONCE: u32 = 200_000;

/// What people write. Different lengths, and words that a search finds.
const SENTENCES: [&str; 8] = [
    "Done, thanks!",
    "Can somebody look at the build? It has been red since this morning.",
    "The release notes are ready for review; please comment until Thursday.",
    "I have moved the meeting to 15:00 because the room was taken. Same link as always.",
    "Customers report slow searches in the evening. The graphs show a full disk on one of the \
     readers, so I have asked for a larger one and will watch it tonight.",
    "+1",
    "Who owns the dashboard for the mobile apps? Two of its panels show no data.",
    "Summary of the workshop: we keep the weekly plan, drop the status mails, and write decisions \
     down in this channel. Everybody who disagrees says so by Friday, otherwise it is settled.",
];

/// The statements for teams and channels.
pub(super) fn channels(columns: &Columns, rows: &Numbers) -> Result<String, PopulationError> {
    let mut sql = teams(columns, rows)?;
    for (name, title) in DEFAULT_CHANNELS {
        let from = format!("generate_series(0, {}) t", rows.population.teams - 1);
        let place = SeededChannels {
            id: id(name, "t"),
            team: "t".to_owned(),
            name: format!("'{name}'"),
            title: format!("'{title}'"),
            posts: 0,
            last_post: "0".to_owned(),
            from,
        };
        sql.push_str(&place.statements(columns, rows)?);
    }
    let posts = rows.population.posts_per_channel;
    let place = SeededChannels {
        id: id("channel", "c"),
        team: format!("c % {}", rows.population.teams),
        name: "'storm-channel-' || c".to_owned(),
        title: "'Storm channel ' || c".to_owned(),
        posts,
        last_post: rows.posted_ms("c", &format!("{}", i64::from(posts) - 1)),
        from: format!("generate_series(0, {}) c", rows.population.channels - 1),
    };
    sql.push_str(&place.statements(columns, rows)?);
    Ok(sql)
}

fn teams(columns: &Columns, rows: &Numbers) -> Result<String, PopulationError> {
    let at = rows.before_ms().to_string();
    columns.statement(&Rows {
        table: "teams",
        values: vec![
            ("id", id("team", "t")),
            ("createat", at.clone()),
            ("updateat", at),
            ("deleteat", "0".to_owned()),
            ("displayname", "'Storm team ' || t".to_owned()),
            ("name", "'storm-team-' || t".to_owned()),
            ("description", "''".to_owned()),
            ("email", "'storm@example.com'".to_owned()),
            ("type", "'O'".to_owned()),
            ("companyname", "''".to_owned()),
            ("alloweddomains", "''".to_owned()),
            ("inviteid", id("invite", "t")),
            ("allowopeninvite", "true".to_owned()),
            ("lastteamiconupdate", "0".to_owned()),
            ("groupconstrained", "false".to_owned()),
            ("cloudlimitsarchived", "false".to_owned()),
        ],
        from: format!("generate_series(0, {}) t", rows.population.teams - 1),
        key: "id",
        reset: &["deleteat"],
    })
}

/// Channels of one kind.
struct SeededChannels {
    id: String,
    team: String,
    name: String,
    title: String,
    posts: u32,
    last_post: String,
    from: String,
}

impl SeededChannels {
    fn statements(&self, columns: &Columns, rows: &Numbers) -> Result<String, PopulationError> {
        let at = rows.before_ms().to_string();
        let text = |text: &str| text.to_owned();
        let team = id("team", &self.team);
        let posts = self.posts.to_string();
        let mut sql = columns.statement(&Rows {
            table: "channels",
            values: vec![
                ("id", self.id.clone()),
                ("createat", at.clone()),
                ("updateat", at),
                ("deleteat", text("0")),
                ("teamid", team.clone()),
                ("type", text("'O'")),
                ("displayname", self.title.clone()),
                ("name", self.name.clone()),
                ("header", text("''")),
                ("purpose", text("''")),
                ("lastpostat", self.last_post.clone()),
                ("totalmsgcount", posts.clone()),
                ("extraupdateat", text("0")),
                ("creatorid", text("''")),
                ("shared", text("false")),
                ("totalmsgcountroot", posts),
                ("lastrootpostat", self.last_post.clone()),
                ("defaultcategoryname", text("''")),
                ("autotranslation", text("false")),
            ],
            from: self.from.clone(),
            key: "id",
            reset: &[
                "deleteat",
                "lastpostat",
                "totalmsgcount",
                "totalmsgcountroot",
                "lastrootpostat",
            ],
        })?;
        // Where searches for channels look.
        sql.push_str(&columns.statement_if_known(&Rows {
            table: "publicchannels",
            values: vec![
                ("id", self.id.clone()),
                ("deleteat", text("0")),
                ("teamid", team),
                ("displayname", self.title.clone()),
                ("name", self.name.clone()),
                ("header", text("''")),
                ("purpose", text("''")),
            ],
            from: self.from.clone(),
            key: "id",
            reset: &["deleteat"],
        })?);
        Ok(sql)
    }
}

/// The statements for posts, each for some of the channels; with `users` accounts to write them.
pub(super) fn posts(
    columns: &Columns,
    rows: &Numbers,
    users: u32,
) -> Result<Vec<String>, PopulationError> {
    let at_once = (POSTS_AT_ONCE / rows.population.posts_per_channel.max(1)).max(1);
    let all = rows.population.channels;
    (0..all)
        .step_by(at_once as usize)
        .map(|first| posts_of(columns, rows, users, first..all.min(first + at_once)))
        .collect()
}

fn posts_of(
    columns: &Columns,
    rows: &Numbers,
    users: u32,
    channels: std::ops::Range<u32>,
) -> Result<String, PopulationError> {
    let made = rows.posted_ms("p.c", "p.k");
    let sentences: Vec<String> = SENTENCES.iter().map(|text| format!("'{text}'")).collect();
    let text = |text: &str| text.to_owned();
    columns.statement(&Rows {
        table: "posts",
        values: vec![
            ("id", id("post", "p.c || '/' || p.k")),
            ("createat", made.clone()),
            ("updateat", made),
            ("editat", text("0")),
            ("deleteat", text("0")),
            ("ispinned", text("false")),
            ("userid", id("user", "p.writer")),
            ("channelid", id("channel", "p.c")),
            ("rootid", text("''")),
            ("originalid", text("''")),
            (
                "message",
                format!(
                    "(ARRAY[{}])[1 + (p.c * 31 + p.k * 7) % {}]",
                    sentences.join(", "),
                    SENTENCES.len()
                ),
            ),
            ("type", text("''")),
            ("props", text("'{}'")),
            ("hashtags", text("''")),
            ("filenames", text("'[]'")),
            ("fileids", text("'[]'")),
            ("hasreactions", text("false")),
        ],
        from: writers(rows, users, channels),
        key: "id",
        reset: &["deleteat"],
    })
}

/// Channels, posts and the number of the account that has written each: one that is in the channel,
/// where the team has so many.
fn writers(rows: &Numbers, users: u32, channels: std::ops::Range<u32>) -> String {
    let population = rows.population;
    let (teams, each) = (population.teams, population.channels_per_user);
    let (first, last) = (channels.start, i64::from(channels.end) - 1);
    let last_post = population.posts_per_channel - 1;
    let count = rows.channels_of(&format!("c % {teams}"));
    // Users of the team; at least the first of all.
    let people = format!("greatest(({users} - 1 - c % {teams}) / {teams} + 1, 1)");
    format!(
        "(SELECT c, k, least({users} - 1, \
         (((c / {teams} - k % {each} + {count}) % {count}) % {people}) * {teams} + c % {teams}) AS writer \
         FROM generate_series({first}, {last}) c, generate_series(0, {last_post}) k) p"
    )
}
