//! What is removed: everything that users made since a population was written, or all of it.

use super::columns::Columns;
use super::marker::Marker;
use super::rows::{Numbers, id};

/// Removes what users have written into the population's channels since it was made.
pub(super) fn since(columns: &Columns, rows: &Numbers) -> String {
    let channels = format!(
        "SELECT id FROM channels WHERE teamid IN ({})",
        rows.team_ids()
    );
    let made = rows.made_ms;
    let mut sql = followers(columns, &channels);
    for (table, condition) in [
        ("reactions", format!("createat >= {made}")),
        ("fileinfo", format!("createat >= {made}")),
        ("drafts", "true".to_owned()),
        ("threads", "true".to_owned()),
        ("posts", format!("createat >= {made}")),
    ] {
        if columns.has(table, "channelid") {
            sql.push_str(&removed(
                table,
                &format!("channelid IN ({channels}) AND {condition}"),
            ));
        }
    }
    sql
}

/// Removes a population.
pub(super) fn everything(columns: &Columns, marker: &Marker) -> String {
    let rows = Numbers {
        population: marker.population,
        made_ms: marker.made_ms,
    };
    let teams = rows.team_ids();
    let channels = format!("SELECT id FROM channels WHERE teamid IN ({teams})");
    let last = i64::from(marker.users) - 1;
    let users = format!(
        "SELECT {} FROM generate_series(0, {last}) u",
        id("user", "u")
    );
    let mut sql = followers(columns, &channels);
    let mut remove = |table: &str, column: &str, among: &str| {
        if columns.has(table, column) {
            sql.push_str(&removed(table, &format!("{column} IN ({among})")));
        }
    };
    for table in ["reactions", "fileinfo", "drafts", "threads", "posts"] {
        remove(table, "channelid", &channels);
    }
    for table in ["channelmembers", "channelmemberhistory", "sidebarchannels"] {
        remove(table, "channelid", &channels);
    }
    remove("sidebarcategories", "teamid", &teams);
    remove("publicchannels", "teamid", &teams);
    remove("channels", "teamid", &teams);
    remove("teammembers", "teamid", &teams);
    remove("teams", "id", &teams);
    for table in ["preferences", "sessions", "status"] {
        remove(table, "userid", &users);
    }
    remove("users", "id", &users);
    sql
}

/// Removes who follows threads of channels, before the threads.
fn followers(columns: &Columns, channels: &str) -> String {
    match columns.has_table("threadmemberships") && columns.has("threads", "channelid") {
        true => removed(
            "threadmemberships",
            &format!("postid IN (SELECT postid FROM threads WHERE channelid IN ({channels}))"),
        ),
        false => String::new(),
    }
}

fn removed(table: &str, condition: &str) -> String {
    format!(
        "WITH changed AS (DELETE FROM {table} WHERE {condition} RETURNING 1) \
         SELECT '{table}', count(*) FROM changed;\n"
    )
}
