//! The schema, in steps that are each applied once. Nodes that start together
//! take turns through an advisory lock. Table names are Mattermost's; columns
//! are the subset that the stand-in writes.

use std::time::Duration;

use deadpool_postgres::{Object, Transaction};
use tracing::info;

use super::DbError;

/// Version of the schema once every step is applied.
pub(crate) const SCHEMA_VERSION: i64 = STEPS.len() as i64;

/// Any fixed number; the same on every node.
const LOCK: i64 = 0x6d61_7474_6572;

const STEPS: [(&str, &str); 10] = [
    ("systems and cluster", SYSTEMS),
    ("users and sessions", USERS),
    ("teams and channels", TEAMS),
    ("posts and files", POSTS),
    ("what users keep", SETTINGS),
    ("threads, reactions and unread counts", THREADS),
    ("licenses and search", LICENSES),
    ("jobs", JOBS),
    ("plugins", PLUGINS),
    ("configuration files", CONFIGURATION_FILES),
];

const SYSTEMS: &str = "
CREATE TABLE systems (name text PRIMARY KEY, value text NOT NULL);
CREATE TABLE clusterdiscovery (
    id text PRIMARY KEY, type text NOT NULL, clustername text NOT NULL,
    hostname text NOT NULL, gossipport integer NOT NULL, port integer NOT NULL,
    createat bigint NOT NULL, lastpingat bigint NOT NULL);";

const USERS: &str = "
CREATE TABLE users (
    id text PRIMARY KEY, createat bigint NOT NULL, updateat bigint NOT NULL,
    deleteat bigint NOT NULL DEFAULT 0, username text NOT NULL UNIQUE,
    password text NOT NULL, email text NOT NULL UNIQUE, nickname text NOT NULL DEFAULT '',
    firstname text NOT NULL DEFAULT '', lastname text NOT NULL DEFAULT '',
    roles text NOT NULL, failedattempts integer NOT NULL DEFAULT 0,
    lastpasswordupdate bigint NOT NULL, lastlogin bigint NOT NULL DEFAULT 0);
CREATE TABLE sessions (
    id text PRIMARY KEY, token text NOT NULL UNIQUE, createat bigint NOT NULL,
    expiresat bigint NOT NULL, lastactivityat bigint NOT NULL, userid text NOT NULL,
    roles text NOT NULL);
CREATE INDEX idx_sessions_user_id ON sessions (userid);
CREATE TABLE audits (
    id text PRIMARY KEY, createat bigint NOT NULL, userid text NOT NULL,
    action text NOT NULL, extrainfo text NOT NULL, ipaddress text NOT NULL);
CREATE INDEX idx_audits_user_id ON audits (userid);
CREATE TABLE status (
    userid text PRIMARY KEY, status text NOT NULL, manual boolean NOT NULL,
    lastactivityat bigint NOT NULL);";

const TEAMS: &str = "
CREATE TABLE teams (
    id text PRIMARY KEY, createat bigint NOT NULL, updateat bigint NOT NULL,
    deleteat bigint NOT NULL DEFAULT 0, displayname text NOT NULL, name text NOT NULL UNIQUE,
    description text NOT NULL DEFAULT '', email text NOT NULL DEFAULT '', type text NOT NULL,
    inviteid text NOT NULL, allowopeninvite boolean NOT NULL DEFAULT false);
CREATE TABLE teammembers (
    teamid text NOT NULL, userid text NOT NULL, deleteat bigint NOT NULL DEFAULT 0,
    schemeadmin boolean NOT NULL, createat bigint NOT NULL, PRIMARY KEY (teamid, userid));
CREATE INDEX idx_teammembers_user_id ON teammembers (userid);
CREATE TABLE channels (
    id text PRIMARY KEY, createat bigint NOT NULL, updateat bigint NOT NULL,
    deleteat bigint NOT NULL DEFAULT 0, teamid text NOT NULL, type text NOT NULL,
    displayname text NOT NULL, name text NOT NULL, header text NOT NULL DEFAULT '',
    purpose text NOT NULL DEFAULT '', lastpostat bigint NOT NULL DEFAULT 0,
    totalmsgcount bigint NOT NULL DEFAULT 0, creatorid text NOT NULL, UNIQUE (name, teamid));
CREATE INDEX idx_channels_team_id ON channels (teamid);
CREATE TABLE channelmembers (
    channelid text NOT NULL, userid text NOT NULL, lastviewedat bigint NOT NULL DEFAULT 0,
    msgcount bigint NOT NULL DEFAULT 0, mentioncount bigint NOT NULL DEFAULT 0,
    schemeadmin boolean NOT NULL, lastupdateat bigint NOT NULL,
    PRIMARY KEY (channelid, userid));
CREATE INDEX idx_channelmembers_user_id ON channelmembers (userid);";

const POSTS: &str = "
CREATE TABLE posts (
    id text PRIMARY KEY, createat bigint NOT NULL, updateat bigint NOT NULL,
    editat bigint NOT NULL DEFAULT 0, deleteat bigint NOT NULL DEFAULT 0,
    userid text NOT NULL, channelid text NOT NULL, rootid text NOT NULL DEFAULT '',
    message text NOT NULL, type text NOT NULL DEFAULT '', props text NOT NULL DEFAULT '{}',
    fileids text NOT NULL DEFAULT '[]');
CREATE INDEX idx_posts_channel_id_delete_at_create_at ON posts (channelid, deleteat, createat);
CREATE INDEX idx_posts_root_id ON posts (rootid, deleteat);
CREATE TABLE fileinfo (
    id text PRIMARY KEY, creatorid text NOT NULL, postid text NOT NULL DEFAULT '',
    channelid text NOT NULL, createat bigint NOT NULL, updateat bigint NOT NULL,
    deleteat bigint NOT NULL DEFAULT 0, path text NOT NULL, name text NOT NULL,
    extension text NOT NULL, size bigint NOT NULL, mimetype text NOT NULL);
CREATE INDEX idx_fileinfo_postid_at ON fileinfo (postid);";

const SETTINGS: &str = "
ALTER TABLE users
    ADD COLUMN position text NOT NULL DEFAULT '', ADD COLUMN props text NOT NULL DEFAULT '{}',
    ADD COLUMN notifyprops text NOT NULL DEFAULT '{}', ADD COLUMN locale text NOT NULL DEFAULT 'en',
    ADD COLUMN timezone text NOT NULL DEFAULT '{}',
    ADD COLUMN lastpictureupdate bigint NOT NULL DEFAULT 0,
    ADD COLUMN emailverified boolean NOT NULL DEFAULT false;
ALTER TABLE sessions ADD COLUMN props text NOT NULL DEFAULT '{}';
ALTER TABLE status ADD COLUMN dndendtime bigint NOT NULL DEFAULT 0;
CREATE TABLE preferences (
    userid text NOT NULL, category text NOT NULL, name text NOT NULL, value text NOT NULL,
    PRIMARY KEY (userid, category, name));
CREATE TABLE sidebarcategories (
    id text PRIMARY KEY, userid text NOT NULL, teamid text NOT NULL, sortorder bigint NOT NULL,
    sorting text NOT NULL, type text NOT NULL, displayname text NOT NULL,
    muted boolean NOT NULL DEFAULT false, collapsed boolean NOT NULL DEFAULT false);
CREATE INDEX idx_sidebarcategories_userid_teamid ON sidebarcategories (userid, teamid);
CREATE TABLE sidebarchannels (
    channelid text NOT NULL, userid text NOT NULL, categoryid text NOT NULL,
    sortorder bigint NOT NULL, PRIMARY KEY (channelid, userid, categoryid));
CREATE INDEX idx_sidebarchannels_categoryid ON sidebarchannels (categoryid);
CREATE TABLE drafts (
    createat bigint NOT NULL, updateat bigint NOT NULL, deleteat bigint NOT NULL DEFAULT 0,
    userid text NOT NULL, channelid text NOT NULL, rootid text NOT NULL DEFAULT '',
    message text NOT NULL, props text NOT NULL DEFAULT '{}', fileids text NOT NULL DEFAULT '[]',
    priority text NOT NULL DEFAULT 'null', PRIMARY KEY (userid, channelid, rootid));
CREATE TABLE emoji (
    id text PRIMARY KEY, createat bigint NOT NULL, updateat bigint NOT NULL,
    deleteat bigint NOT NULL DEFAULT 0, creatorid text NOT NULL, name text NOT NULL UNIQUE);";

const THREADS: &str = "
ALTER TABLE teams
    ADD COLUMN companyname text NOT NULL DEFAULT '',
    ADD COLUMN alloweddomains text NOT NULL DEFAULT '';
ALTER TABLE channels
    ADD COLUMN totalmsgcountroot bigint NOT NULL DEFAULT 0,
    ADD COLUMN lastrootpostat bigint NOT NULL DEFAULT 0;
ALTER TABLE channelmembers
    ADD COLUMN msgcountroot bigint NOT NULL DEFAULT 0,
    ADD COLUMN mentioncountroot bigint NOT NULL DEFAULT 0,
    ADD COLUMN urgentmentioncount bigint NOT NULL DEFAULT 0,
    ADD COLUMN notifyprops text NOT NULL DEFAULT '';
ALTER TABLE posts
    ADD COLUMN ispinned boolean NOT NULL DEFAULT false,
    ADD COLUMN hasreactions boolean NOT NULL DEFAULT false,
    ADD COLUMN hashtags text NOT NULL DEFAULT '',
    ADD COLUMN originalid text NOT NULL DEFAULT '';
CREATE INDEX idx_posts_channel_id_update_at ON posts (channelid, updateat);
CREATE INDEX idx_posts_pinned ON posts (channelid) WHERE ispinned AND deleteat = 0;
CREATE TABLE threads (
    postid text PRIMARY KEY, channelid text NOT NULL, replycount bigint NOT NULL,
    lastreplyat bigint NOT NULL, participants text[] NOT NULL, threadteamid text NOT NULL,
    threaddeleteat bigint NOT NULL DEFAULT 0);
CREATE INDEX idx_threads_channel_id_last_reply_at ON threads (channelid, lastreplyat);
CREATE TABLE threadmemberships (
    postid text NOT NULL, userid text NOT NULL, following boolean NOT NULL,
    lastviewed bigint NOT NULL, lastupdated bigint NOT NULL,
    unreadmentions bigint NOT NULL DEFAULT 0, PRIMARY KEY (postid, userid));
CREATE INDEX idx_thread_memberships_user_id ON threadmemberships (userid);
CREATE TABLE reactions (
    userid text NOT NULL, postid text NOT NULL, emojiname text NOT NULL,
    createat bigint NOT NULL, updateat bigint NOT NULL, deleteat bigint NOT NULL DEFAULT 0,
    channelid text NOT NULL, PRIMARY KEY (postid, userid, emojiname));
CREATE INDEX idx_fileinfo_channel_id_create_at ON fileinfo (channelid, createat);";

const LICENSES: &str = "
CREATE TABLE licenses (id text PRIMARY KEY, createat bigint NOT NULL, bytes text NOT NULL);
CREATE INDEX idx_posts_message_txt ON posts USING gin (to_tsvector('english', message));";

const JOBS: &str = "
CREATE TABLE jobs (
    id text PRIMARY KEY, type text NOT NULL, priority bigint NOT NULL, createat bigint NOT NULL,
    startat bigint NOT NULL, lastactivityat bigint NOT NULL, status text NOT NULL,
    progress bigint NOT NULL, data text NOT NULL);
CREATE INDEX idx_jobs_status_type ON jobs (status, type);";

const PLUGINS: &str = "CREATE TABLE standinplugins (id text PRIMARY KEY, manifest text NOT NULL);";

/// Somebody may have put files there before.
const CONFIGURATION_FILES: &str = "
CREATE TABLE IF NOT EXISTS configurationfiles (
    name VARCHAR(64) PRIMARY KEY, data text NOT NULL, createat bigint NOT NULL,
    updateat bigint NOT NULL);";

/// The row of `systems` with the last delay that was had.
const DELAY: &str = "StandinStartDelay";
/// How long one statement of a delay takes. The database only sees between statements that a node has
/// gone, and keeps the lock until then.
const SLICE: Duration = Duration::from_secs(1);

/// Applies the steps that are missing, and then takes `delay`.
///
/// # Errors
/// When the writer refuses a statement.
pub(super) async fn apply(client: &mut Object, delay: Duration) -> Result<(), DbError> {
    let transaction = client.transaction().await?;
    // A node may wait here while another one migrates, longer than a query.
    transaction
        .batch_execute("SET LOCAL statement_timeout = 0")
        .await?;
    transaction
        .execute("SELECT pg_advisory_xact_lock($1)", &[&LOCK])
        .await?;
    transaction
        .batch_execute(
            "CREATE TABLE IF NOT EXISTS db_migrations (version bigint PRIMARY KEY, name text NOT NULL)",
        )
        .await?;
    let sql = "SELECT coalesce(max(version), 0) FROM db_migrations";
    let applied: i64 = transaction.query_one(sql, &[]).await?.try_get(0)?;
    for (version, (name, sql)) in (1_i64..).zip(STEPS).filter(|(v, _)| *v > applied) {
        transaction.batch_execute(sql).await?;
        let sql = "INSERT INTO db_migrations (version, name) VALUES ($1, $2)";
        transaction.execute(sql, &[&version, &name]).await?;
        info!(version, name, "schema step applied");
    }
    linger(&transaction, delay).await?;
    Ok(transaction.commit().await?)
}

/// Keeps the database at work for a time, as a migration of large tables does: on the first node that is
/// started with it. Others that start meanwhile wait for the lock, and those after them have nothing to do.
async fn linger(transaction: &Transaction<'_>, delay: Duration) -> Result<(), DbError> {
    if delay.is_zero() {
        return Ok(());
    }
    let sql = "INSERT INTO systems (name, value) VALUES ($1, $2) ON CONFLICT (name) \
               DO UPDATE SET value = excluded.value WHERE systems.value <> excluded.value";
    let value = delay.as_millis().to_string();
    if transaction.execute(sql, &[&DELAY, &value]).await? == 0 {
        return Ok(());
    }
    info!(milliseconds = value, "schema is being migrated");
    let mut left = delay;
    while !left.is_zero() {
        let slice = left.min(SLICE);
        transaction
            .execute("SELECT pg_sleep($1)", &[&slice.as_secs_f64()])
            .await?;
        left -= slice;
    }
    info!("schema has been migrated");
    Ok(())
}

/// Version of the schema that `client`'s server has.
pub(super) async fn applied(client: &Object) -> Result<i64, DbError> {
    let sql = "SELECT coalesce(max(version), 0) FROM db_migrations";
    Ok(client.query_one(sql, &[]).await?.try_get(0)?)
}
