//! The database: a pool for the writer and one per reader, and the statements
//! of the tables. Writes go to the writer. Reads go to a reader where
//! Mattermost reads from one; a single row that a reader does not have yet is
//! asked for again at the writer, so that replication lag slows an answer but
//! does not falsify it. It may not know HTTP.

mod accounts;
mod channel_members;
mod channels;
mod cluster;
mod configuration_files;
mod configurations;
mod drafts;
mod dsn;
mod emoji;
mod files;
mod jobs;
mod licenses;
mod migrations;
mod plugins;
mod pools;
mod post_lists;
mod posts;
mod preferences;
mod reactions;
mod sessions;
mod sidebar;
mod statuses;
mod systems;
mod teams;
mod threads;
mod unread;
mod users;

use tokio_postgres::error::SqlState;

use crate::tls::TlsError;

pub(crate) use accounts::{Login, StoredAccount};
pub(crate) use channel_members::ChannelRole;
pub(crate) use cluster::DiscoveryRow;
pub(crate) use configurations::ConfigTable;
pub(crate) use dsn::DsnError;
pub(crate) use migrations::SCHEMA_VERSION;
pub(crate) use pools::{Store, StoreOptions};
pub(crate) use post_lists::{PostCursor, PostQuery, SINCE_LIMIT};
pub(crate) use threads::ThreadQuery;

/// Why a statement has no result.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DbError {
    /// A data source is not usable.
    #[error("SqlSettings: data source is not usable")]
    Dsn(#[from] DsnError),
    /// TLS cannot be set up.
    #[error("SqlSettings: TLS to the database cannot be set up")]
    Tls(#[from] TlsError),
    /// The pool could not be made.
    #[error("connection pool cannot be built")]
    Build(#[from] deadpool_postgres::BuildError),
    /// No connection within the pool's limits, or the server refused one.
    #[error("no connection to the database")]
    Pool(#[from] deadpool_postgres::PoolError),
    /// The server refused a statement.
    #[error("statement failed")]
    Statement(#[from] tokio_postgres::Error),
    /// A reader never caught up with the schema.
    #[error("deadline of {seconds} s passed while waiting for {reason}")]
    Deadline { seconds: u64, reason: String },
}

impl DbError {
    /// The constraint of a unique value that is already taken.
    pub(crate) fn taken_by(&self) -> Option<&str> {
        match self {
            Self::Statement(error) if self.is_duplicate() => {
                error.as_db_error().and_then(|error| error.constraint())
            }
            _ => None,
        }
    }

    /// Whether a unique value is already taken.
    pub(crate) fn is_duplicate(&self) -> bool {
        matches!(self, Self::Statement(e) if e.code() == Some(&SqlState::UNIQUE_VIOLATION))
    }
}
