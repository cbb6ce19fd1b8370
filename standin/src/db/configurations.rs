//! Table `configurations`: the configuration of a server whose `MM_CONFIG` is a data source. It
//! is read before there is a [`Store`](super::Store), over connections of its own.

use super::pools::{DataSource, Params, StoreOptions};
use super::{DbError, pools};
use crate::config::SqlSettings;
use crate::id::{new_id, now_ms};

const TABLE: &str = "CREATE TABLE IF NOT EXISTS configurations (id text PRIMARY KEY, \
    value text NOT NULL, createat bigint NOT NULL, active boolean UNIQUE, \
    sha text NOT NULL DEFAULT '')";

/// Any fixed number; the same on every node.
const LOCK: i64 = 0x6d61_7474_6574;

/// The table.
#[derive(Debug)]
pub(crate) struct ConfigTable {
    source: DataSource,
}

impl ConfigTable {
    /// Connects and makes the table if it is missing.
    ///
    /// # Errors
    /// When the data source is not usable or does not answer before the deadline.
    pub(crate) async fn open(data_source: &str, options: StoreOptions) -> Result<Self, DbError> {
        let settings = SqlSettings {
            max_open_conns: 2,
            ..SqlSettings::default()
        };
        let source = DataSource::new(data_source, &settings)?;
        let mut client = source.first_connection(options.writer_deadline).await?;
        let transaction = client.transaction().await?;
        transaction
            .execute("SELECT pg_advisory_xact_lock($1)", &[&LOCK])
            .await?;
        transaction.batch_execute(TABLE).await?;
        transaction.commit().await?;
        Ok(Self { source })
    }

    /// The active configuration; `initial` becomes it if there is none.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn load(&self, initial: &str) -> Result<String, DbError> {
        let client = self.source.connection().await?;
        let sql = "INSERT INTO configurations (id, value, createat, active) \
                   VALUES ($1, $2, $3, true) ON CONFLICT (active) DO NOTHING";
        let params: Params<'_> = &[&new_id(), &initial, &now_ms()];
        pools::execute(&client, sql, params).await?;
        let sql = "SELECT value FROM configurations WHERE active";
        let rows = pools::query(&client, sql, &[]).await?;
        rows.first()
            .map_or(Ok(initial.to_owned()), |row| Ok(row.try_get(0)?))
    }

    /// Makes `text` the active configuration; the earlier ones are kept.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn save(&self, text: &str) -> Result<(), DbError> {
        let mut client = self.source.connection().await?;
        let transaction = client.transaction().await?;
        transaction
            .execute("SELECT pg_advisory_xact_lock($1)", &[&LOCK])
            .await?;
        let sql = "UPDATE configurations SET active = NULL WHERE active";
        transaction.execute(sql, &[]).await?;
        let sql = "INSERT INTO configurations (id, value, createat, active) \
                   VALUES ($1, $2, $3, true)";
        transaction
            .execute(sql, &[&new_id(), &text, &now_ms()])
            .await?;
        Ok(transaction.commit().await?)
    }
}
