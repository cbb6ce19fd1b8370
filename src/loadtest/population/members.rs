//! Accounts, and what belongs to each of them.

use std::ops::Range;

use secrecy::{ExposeSecret as _, SecretString};

use super::columns::{Columns, Rows};
use super::error::PopulationError;
use super::rows::{ACCOUNT_PREFIX, Numbers, id};

/// How new accounts are notified, as the server sets it.
const USER_NOTIFICATIONS: &str = r#"'{"channel":"true","comments":"never","desktop":"mention","desktop_sound":"true","desktop_threads":"all","email":"true","email_threads":"all","first_name":"false","mention_keys":"","push":"mention","push_status":"online","push_threads":"all"}'"#;
/// The same of new members of a channel.
const MEMBER_NOTIFICATIONS: &str = r#"'{"channel_auto_follow_threads":"off","desktop":"default","email":"default","ignore_channel_mentions":"default","mark_unread":"all","push":"default"}'"#;
const TIMEZONE: &str =
    r#"'{"automaticTimezone":"","manualTimezone":"","useAutomaticTimezone":"true"}'"#;

/// Posts that are unread in a channel with unread posts, at the most.
const UNREAD_POSTS: u32 = 5;

/// The categories that every user has in every team: kind, place, sorting and title.
const CATEGORIES: [(&str, u32, &str, &str); 3] = [
    ("favorites", 0, "", "Favorites"),
    ("channels", 10, "", "Channels"),
    ("direct_messages", 20, "recent", "Direct Messages"),
];

/// Accounts with some numbers, and everything that is theirs.
#[derive(Clone, Debug)]
pub(super) struct Members<'a> {
    pub(super) columns: &'a Columns,
    pub(super) rows: &'a Numbers,
    pub(super) hash: &'a SecretString,
    pub(super) numbers: Range<u32>,
}

impl Members<'_> {
    /// The statements.
    pub(super) fn statements(&self) -> Result<SecretString, PopulationError> {
        let mut sql = self.users()?;
        sql.push_str(&self.preferences()?);
        sql.push_str(&self.in_teams()?);
        sql.push_str(&self.categories()?);
        for channel in ["town-square", "off-topic"] {
            sql.push_str(&self.in_default_channel(channel)?);
        }
        sql.push_str(&self.in_channels()?);
        Ok(sql.into())
    }

    fn accounts(&self) -> String {
        let last = i64::from(self.numbers.end) - 1;
        format!("generate_series({}, {last}) u", self.numbers.start)
    }

    /// Number of a user's team.
    fn team(&self) -> String {
        format!("u % {}", self.rows.population.teams)
    }

    fn users(&self) -> Result<String, PopulationError> {
        let at = self.rows.before_ms().to_string();
        let text = |text: &str| text.to_owned();
        self.columns.statement(&Rows {
            table: "users",
            values: vec![
                ("id", id("user", "u")),
                ("createat", at.clone()),
                ("updateat", at.clone()),
                ("deleteat", text("0")),
                ("username", format!("'{ACCOUNT_PREFIX}' || u")),
                ("password", format!("'{}'", self.hash.expose_secret())),
                ("authservice", text("''")),
                (
                    "email",
                    format!("'{ACCOUNT_PREFIX}' || u || '@example.com'"),
                ),
                ("emailverified", text("true")),
                ("nickname", text("''")),
                ("firstname", text("'Storm'")),
                ("lastname", text("'User ' || u")),
                ("position", text("''")),
                ("roles", text("'system_user'")),
                ("allowmarketing", text("false")),
                ("props", text("'{}'")),
                ("notifyprops", text(USER_NOTIFICATIONS)),
                ("lastpasswordupdate", at),
                ("lastpictureupdate", text("0")),
                ("failedattempts", text("0")),
                ("locale", text("'en'")),
                ("timezone", text(TIMEZONE)),
                ("mfaactive", text("false")),
                ("mfasecret", text("''")),
                ("mfausedtimestamps", text("'null'")),
                ("lastlogin", text("0")),
            ],
            from: self.accounts(),
            key: "id",
            reset: &["password", "deleteat", "failedattempts"],
        })
    }

    /// People who know the product: no tour stands before the message box.
    fn preferences(&self) -> Result<String, PopulationError> {
        self.columns.statement(&Rows {
            table: "preferences",
            values: vec![
                ("userid", id("user", "u")),
                ("category", "'tutorial_step'".to_owned()),
                ("name", id("user", "u")),
                ("value", "'999'".to_owned()),
            ],
            from: self.accounts(),
            key: "userid, category, name",
            reset: &[],
        })
    }

    fn in_teams(&self) -> Result<String, PopulationError> {
        self.columns.statement(&Rows {
            table: "teammembers",
            values: vec![
                ("teamid", id("team", &self.team())),
                ("userid", id("user", "u")),
                ("roles", "''".to_owned()),
                ("deleteat", "0".to_owned()),
                ("schemeuser", "true".to_owned()),
                ("schemeadmin", "false".to_owned()),
                ("schemeguest", "false".to_owned()),
                ("createat", self.rows.before_ms().to_string()),
            ],
            from: self.accounts(),
            key: "teamid, userid",
            reset: &["deleteat"],
        })
    }

    /// The server would write them at the first look at the sidebar, which is the storm's.
    fn categories(&self) -> Result<String, PopulationError> {
        let (user, team) = (id("user", "u"), id("team", &self.team()));
        let kinds = CATEGORIES.map(|(kind, place, sorting, title)| {
            format!("('{kind}', {place}, '{sorting}', '{title}')")
        });
        self.columns.statement(&Rows {
            table: "sidebarcategories",
            values: vec![
                ("id", format!("kind || '_' || {user} || '_' || {team}")),
                ("userid", user.clone()),
                ("teamid", team.clone()),
                ("sortorder", "place".to_owned()),
                ("sorting", "sorting".to_owned()),
                ("type", "kind".to_owned()),
                ("displayname", "title".to_owned()),
                ("muted", "false".to_owned()),
                ("collapsed", "false".to_owned()),
            ],
            from: format!(
                "{}, (VALUES {}) AS categories (kind, place, sorting, title)",
                self.accounts(),
                kinds.join(", ")
            ),
            key: "id",
            reset: &[],
        })
    }

    fn in_default_channel(&self, name: &str) -> Result<String, PopulationError> {
        self.membership(&Membership {
            channel: id(name, &self.team()),
            read: "0".to_owned(),
            viewed: "0".to_owned(),
            from: self.accounts(),
        })
    }

    /// Members of public channels; in the first few of each user the last posts are unread.
    fn in_channels(&self) -> Result<String, PopulationError> {
        let population = self.rows.population;
        let (teams, posts) = (population.teams, population.posts_per_channel);
        let unread = UNREAD_POSTS.min(posts);
        let last = population.channels_per_user - 1;
        let count = self.rows.channels_of(&self.team());
        let from = format!(
            "(SELECT u, ((u / {teams} + i) % {count}) * {teams} + u % {teams} AS c, \
             CASE WHEN i < {} THEN {posts} - 1 - (u + i) % {unread} ELSE {posts} END AS read \
             FROM {}, generate_series(0, {last}) i) m",
            population.unread_channels,
            self.accounts()
        );
        self.membership(&Membership {
            channel: id("channel", "m.c"),
            read: "m.read".to_owned(),
            // Until the last post that is read; who has read none has seen the channel before.
            viewed: self.rows.posted_ms("m.c", "m.read - 1"),
            from,
        })
    }

    fn membership(&self, of: &Membership) -> Result<String, PopulationError> {
        let text = |text: &str| text.to_owned();
        let mut sql = self.columns.statement(&Rows {
            table: "channelmembers",
            values: vec![
                ("channelid", of.channel.clone()),
                ("userid", id("user", "u")),
                ("roles", text("''")),
                ("lastviewedat", of.viewed.clone()),
                ("msgcount", of.read.clone()),
                ("mentioncount", text("0")),
                ("notifyprops", text(MEMBER_NOTIFICATIONS)),
                ("lastupdateat", of.viewed.clone()),
                ("schemeuser", text("true")),
                ("schemeadmin", text("false")),
                ("schemeguest", text("false")),
                ("mentioncountroot", text("0")),
                ("msgcountroot", of.read.clone()),
                ("urgentmentioncount", text("0")),
                ("autotranslationdisabled", text("false")),
            ],
            from: of.from.clone(),
            key: "channelid, userid",
            reset: &[
                "lastviewedat",
                "msgcount",
                "mentioncount",
                "mentioncountroot",
                "msgcountroot",
                "urgentmentioncount",
            ],
        })?;
        sql.push_str(&self.columns.statement_if_known(&Rows {
            table: "channelmemberhistory",
            values: vec![
                ("channelid", of.channel.clone()),
                ("userid", id("user", "u")),
                ("jointime", self.rows.before_ms().to_string()),
            ],
            from: of.from.clone(),
            key: "channelid, userid, jointime",
            reset: &[],
        })?);
        Ok(sql)
    }
}

/// How users are in a channel.
struct Membership {
    channel: String,
    /// Posts that they have read.
    read: String,
    /// When they have looked last.
    viewed: String,
    from: String,
}
