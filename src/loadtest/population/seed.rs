//! Writing a population.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret as _, SecretString};

use crate::loadtest::Population;

use super::change::PopulationChange;
use super::columns::Columns;
use super::database::{DatabaseFailure, ServerDatabase};
use super::error::PopulationError;
use super::hash::AccountHash;
use super::marker::{FORMAT, Marker};
use super::members::Members;
use super::places;
use super::removal;
use super::rows::{ACCOUNT_PREFIX, Numbers};

/// Accounts of one transaction: a database answers after each.
const USERS_AT_ONCE: u32 = 5_000;

/// The population that is wanted.
#[derive(Clone, Debug)]
pub struct WantedPopulation {
    /// Teams, channels and posts.
    pub population: Population,
    /// How many accounts.
    pub users: u32,
    /// The password of all of them.
    pub account: AccountHash,
}

/// A population that is there now.
#[derive(Clone, Debug)]
pub struct SeededPopulation {
    /// What all names of accounts begin with; a number from zero follows.
    pub prefix: String,
    /// The password of all of them.
    pub password: SecretString,
    /// How many accounts there are, at least as many as were wanted.
    pub users: u32,
    /// What was done.
    pub change: PopulationChange,
    /// Rows that were written, set back or removed, by table; those that are untouched do not count.
    pub changed: BTreeMap<String, u64>,
}

/// Sees to it that a database has a population, as it was when it was made: what is missing is
/// written, and what users did to it is undone. `now_ms` is the time, milliseconds since 1970;
/// `tell` hears what is done.
///
/// # Errors
/// When the database refuses, or its tables are not those of a server.
pub async fn seed(
    database: &dyn ServerDatabase,
    wanted: &WantedPopulation,
    now_ms: i64,
    tell: &(dyn Fn(&str) + Sync),
) -> Result<SeededPopulation, PopulationError> {
    let hash = hashed(&wanted.account).await?;
    let (columns, found) = read(database).await?;
    let change = PopulationChange::find(found.as_ref(), wanted.population, wanted.users);
    tell(&change.to_string());
    let mut writing = Writing {
        database,
        changed: BTreeMap::new(),
    };
    let kept = match (&change, found) {
        (PopulationChange::Replace { .. }, Some(found)) => {
            let sql = removal::everything(&columns, &found);
            writing.execute("remove the population", sql.into()).await?;
            None
        }
        (_, found) => found,
    };
    let marker = Marker {
        format: FORMAT,
        users: kept.map_or(0, |kept| kept.users).max(wanted.users),
        population: wanted.population,
        made_ms: kept.map_or(now_ms, |kept| kept.made_ms),
    };
    let rows = Numbers {
        population: marker.population,
        made_ms: marker.made_ms,
    };
    // First of all: who continues after a failure has to find the same times.
    let mut sql = marker
        .statement()
        .map_err(|error| PopulationError::Marker(error.to_string()))?;
    sql.push_str(&removal::since(&columns, &rows));
    sql.push_str(&places::channels(&columns, &rows)?);
    writing
        .execute("write teams and channels", sql.into())
        .await?;
    for first in (0..marker.users).step_by(USERS_AT_ONCE as usize) {
        let numbers = first..marker.users.min(first + USERS_AT_ONCE);
        tell(&format!("accounts {} of {}", numbers.end, marker.users));
        let members = Members {
            columns: &columns,
            rows: &rows,
            hash: &hash,
            numbers,
        };
        writing
            .execute("write accounts", members.statements()?)
            .await?;
    }
    for posts in places::posts(&columns, &rows, marker.users)? {
        tell("posts");
        writing.execute("write posts", posts.into()).await?;
    }
    if !writing.changed.is_empty() {
        // Plans for tables of thousands of rows are not those for empty ones.
        let sql = "ANALYZE users, teammembers, channels, channelmembers, posts, preferences, \
                   sidebarcategories;";
        writing
            .execute("gather statistics", sql.to_owned().into())
            .await?;
    }
    Ok(SeededPopulation {
        prefix: ACCOUNT_PREFIX.to_owned(),
        password: wanted.account.password.clone(),
        users: marker.users,
        change,
        changed: writing.changed,
    })
}

/// The hash, which takes a processor for half a second.
async fn hashed(account: &AccountHash) -> Result<SecretString, PopulationError> {
    let account = account.clone();
    tokio::task::spawn_blocking(move || account.stored())
        .await
        .map_err(|error| PopulationError::Hash(error.to_string()))?
        .map_err(PopulationError::Hash)
}

/// The tables that there are, and the population that they hold.
async fn read(database: &dyn ServerDatabase) -> Result<(Columns, Option<Marker>), PopulationError> {
    let ask = |doing: &str, sql: String| {
        let doing = doing.to_owned();
        async move {
            let answer = database.execute(sql.into()).await;
            answer.map_err(|source| PopulationError::Database { doing, source })
        }
    };
    let columns = Columns::read(&ask("read the tables", Columns::question()).await?);
    if !columns.has_table("systems") {
        return Err(PopulationError::Tables(
            "there is no table `systems`".to_owned(),
        ));
    }
    let answer = ask("read the note of the population", Marker::question()).await?;
    let marker = match answer.trim() {
        "" => None,
        text => Some(
            serde_json::from_str(text)
                .map_err(|error| PopulationError::Marker(error.to_string()))?,
        ),
    };
    Ok((columns, marker))
}

/// Statements that are carried out, and the rows that they change.
struct Writing<'a> {
    database: &'a dyn ServerDatabase,
    changed: BTreeMap<String, u64>,
}

impl Writing<'_> {
    async fn execute(
        &mut self,
        doing: &str,
        statements: SecretString,
    ) -> Result<(), PopulationError> {
        let failed = |source: DatabaseFailure| PopulationError::Database {
            doing: doing.to_owned(),
            source,
        };
        let sql = format!(
            "SET LOCAL statement_timeout = '15min';\n{}",
            statements.expose_secret()
        );
        let answer = self.database.execute(sql.into()).await.map_err(failed)?;
        for line in answer.lines() {
            if let Some((table, count)) = line.split_once('|')
                && let Ok(count @ 1..) = count.parse::<u64>()
            {
                *self.changed.entry(table.to_owned()).or_default() += count;
            }
        }
        Ok(())
    }
}
