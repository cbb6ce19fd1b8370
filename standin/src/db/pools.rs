//! Connection pools: the writer's, one per reader, and the choice between them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, RecyclingMethod, Runtime};
use tokio_postgres::types::ToSql;
use tokio_postgres::{NoTls, Row};
use tokio_postgres_rustls::MakeRustlsConnect;
use tracing::{info, warn};

use super::dsn::{Dsn, Tls};
use super::{DbError, migrations};
use crate::config::SqlSettings;
use crate::id::{new_id, now_ms};
use crate::tls;

/// How long a start waits for the database before it gives up, and a reader
/// for the schema before it is left out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StoreOptions {
    /// Longest wait for the writer.
    pub writer_deadline: Duration,
    /// Longest wait for each reader to have the schema.
    pub reader_deadline: Duration,
    /// What a migration takes, see `MM_STANDIN_START_DELAY`.
    pub start_delay: Duration,
}

/// Milliseconds for which a start is at work on the database, as with a migration of large tables.
const DELAY_VARIABLE: &str = "MM_STANDIN_START_DELAY";

/// How long the writer may take to answer one attempt of the first connection: packets that a
/// firewall drops would otherwise leave no trace for half a minute.
const FIRST_ANSWER: Duration = Duration::from_secs(5);

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            writer_deadline: Duration::from_mins(1),
            reader_deadline: Duration::from_secs(20),
            start_delay: Duration::ZERO,
        }
    }
}

impl StoreOptions {
    /// What the variables say.
    ///
    /// # Errors
    /// When one does not hold what it should.
    pub(crate) fn from_variables(
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, String> {
        let start_delay = match variable(DELAY_VARIABLE).map(|text| text.parse()) {
            None => Duration::ZERO,
            Some(Ok(milliseconds)) => Duration::from_millis(milliseconds),
            Some(Err(_)) => {
                return Err(format!(
                    "variable `{DELAY_VARIABLE}` does not hold milliseconds"
                ));
            }
        };
        Ok(Self {
            start_delay,
            ..Self::default()
        })
    }
}

/// The database.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    inner: Arc<PoolState>,
}

#[derive(Debug)]
struct PoolState {
    writer: DataSource,
    readers: Vec<DataSource>,
    turn: AtomicUsize,
    /// Without a license everything goes to the writer.
    unlocked: AtomicBool,
}

/// A server of the database and the connections to it.
#[derive(Debug)]
pub(super) struct DataSource {
    address: String,
    pool: Pool,
    online: AtomicBool,
}

/// Parameters of a statement.
pub(super) type Params<'a> = &'a [&'a (dyn ToSql + Sync)];

impl Store {
    /// Connects, migrates the schema, and waits until the readers have it.
    ///
    /// # Errors
    /// When a data source is not usable, or the writer does not answer before
    /// its deadline.
    pub(crate) async fn open(
        settings: &SqlSettings,
        options: StoreOptions,
    ) -> Result<Self, DbError> {
        let writer = DataSource::new(&settings.data_source, settings)?;
        let readers = settings
            .data_source_replicas
            .iter()
            .map(|text| DataSource::new(text, settings))
            .collect::<Result<_, _>>()?;
        let store = Self {
            inner: Arc::new(PoolState {
                writer,
                readers,
                turn: AtomicUsize::new(0),
                unlocked: AtomicBool::new(false),
            }),
        };
        let mut client = store
            .inner
            .writer
            .first_connection(options.writer_deadline)
            .await?;
        migrations::apply(&mut client, options.start_delay).await?;
        for reader in &store.inner.readers {
            if let Err(error) = reader.await_schema(options.reader_deadline).await {
                reader.online.store(false, Ordering::Relaxed);
                warn!(reader = reader.address, %error, "reader is left out until it answers");
            }
        }
        Ok(store)
    }

    /// A connection to the writer.
    pub(super) async fn writer(&self) -> Result<Object, DbError> {
        Ok(self.inner.writer.pool.get().await?)
    }

    /// Says whether there is a license, without which the readers are not used.
    pub(crate) fn set_readers_unlocked(&self, unlocked: bool) {
        self.inner.unlocked.store(unlocked, Ordering::Relaxed);
    }

    /// A connection to the next reader that answers; to the writer if there is
    /// none, as in Mattermost.
    pub(super) async fn reader(&self) -> Result<Object, DbError> {
        if !self.inner.unlocked.load(Ordering::Relaxed) {
            return self.writer().await;
        }
        let readers = &self.inner.readers;
        for _ in 0..readers.len() {
            let turn = self.inner.turn.fetch_add(1, Ordering::Relaxed);
            let reader = &readers[turn % readers.len()];
            if reader.online.load(Ordering::Relaxed) {
                return Ok(reader.pool.get().await?);
            }
        }
        self.writer().await
    }

    /// At most one row, from a reader if it has it, else from the writer.
    pub(super) async fn one(&self, sql: &str, params: Params<'_>) -> Result<Option<Row>, DbError> {
        let row = query_opt(&self.reader().await?, sql, params).await?;
        if row.is_some() || self.inner.readers.is_empty() {
            return Ok(row);
        }
        query_opt(&self.writer().await?, sql, params).await
    }

    /// Rows from a reader.
    pub(super) async fn list(&self, sql: &str, params: Params<'_>) -> Result<Vec<Row>, DbError> {
        query(&self.reader().await?, sql, params).await
    }

    /// Runs a statement on the writer and returns how many rows it changed.
    pub(super) async fn execute(&self, sql: &str, params: Params<'_>) -> Result<u64, DbError> {
        execute(&self.writer().await?, sql, params).await
    }

    /// Writes and deletes a row, as Mattermost's health check does.
    ///
    /// # Errors
    /// When the writer does not do so.
    pub(crate) async fn check_health(&self) -> Result<(), DbError> {
        let client = self.writer().await?;
        let name = format!("DBHealthCheck_{}", new_id());
        let now = now_ms().to_string();
        execute(
            &client,
            "INSERT INTO systems (name, value) VALUES ($1, $2)",
            &[&name, &now],
        )
        .await?;
        execute(&client, "DELETE FROM systems WHERE name = $1", &[&name]).await?;
        Ok(())
    }

    /// Looks at each reader in turn, for ever, and leaves out those that do
    /// not answer.
    pub(crate) async fn monitor_readers(self, interval: Duration) {
        loop {
            tokio::time::sleep(interval).await;
            for reader in &self.inner.readers {
                let answers = reader.has_schema().await.unwrap_or(false);
                if reader.online.swap(answers, Ordering::Relaxed) != answers {
                    info!(
                        reader = reader.address,
                        online = answers,
                        "reader changed state"
                    );
                }
            }
        }
    }

    /// Host and port of the writer.
    pub(crate) fn writer_address(&self) -> &str {
        &self.inner.writer.address
    }

    /// Open connections to the writer and to all readers.
    pub(crate) fn open_connections(&self) -> (usize, usize) {
        let readers = self
            .inner
            .readers
            .iter()
            .map(|reader| reader.pool.status().size)
            .sum();
        (self.inner.writer.pool.status().size, readers)
    }

    /// Readers in the configuration.
    pub(crate) fn reader_count(&self) -> usize {
        self.inner.readers.len()
    }
}

impl DataSource {
    pub(super) fn new(text: &str, settings: &SqlSettings) -> Result<Self, DbError> {
        let mut dsn: Dsn = text.parse()?;
        let limit = Duration::from_secs(settings.query_timeout);
        dsn.connection
            .options(format!("-c statement_timeout={}", limit.as_millis()));
        let address = dsn.address();
        let recycling = ManagerConfig {
            recycling_method: RecyclingMethod::Fast,
        };
        let manager = match &dsn.tls {
            Tls::Disable => Manager::from_config(dsn.connection, NoTls, recycling),
            Tls::Require => {
                let connector = MakeRustlsConnect::new(tls::encrypting_only()?);
                Manager::from_config(dsn.connection, connector, recycling)
            }
            Tls::VerifyFull { root_certificates } => {
                let config = tls::verifying(root_certificates.as_deref())?;
                let connector = MakeRustlsConnect::new(config);
                Manager::from_config(dsn.connection, connector, recycling)
            }
        };
        let pool = Pool::builder(manager)
            .max_size(settings.max_open_conns.max(1))
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(limit))
            .create_timeout(Some(limit))
            .build()?;
        Ok(Self {
            address,
            pool,
            online: AtomicBool::new(true),
        })
    }

    /// A connection of the pool.
    pub(super) async fn connection(&self) -> Result<Object, DbError> {
        Ok(self.pool.get().await?)
    }

    pub(super) async fn first_connection(&self, deadline: Duration) -> Result<Object, DbError> {
        let started = Instant::now();
        // Said when it changes, not each second: what a log repeats hides what it says.
        let mut said = String::new();
        loop {
            let cause = match tokio::time::timeout(FIRST_ANSWER, self.pool.get()).await {
                Ok(Ok(client)) => return Ok(client),
                Ok(Err(error)) if started.elapsed() >= deadline => return Err(error.into()),
                Ok(Err(error)) => crate::error::chain(&error),
                Err(_) if started.elapsed() >= deadline => {
                    return Err(DbError::Deadline {
                        seconds: deadline.as_secs(),
                        reason: format!("writer `{}` to answer", self.address),
                    });
                }
                Err(_) => format!("no answer within {} s", FIRST_ANSWER.as_secs()),
            };
            if cause != said {
                warn!(writer = self.address, cause, "waiting for the database");
                said = cause;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    async fn await_schema(&self, deadline: Duration) -> Result<(), DbError> {
        let started = Instant::now();
        loop {
            let result = self.has_schema().await;
            match result {
                Ok(true) => return Ok(()),
                Err(error) if started.elapsed() >= deadline => return Err(error),
                Ok(false) if started.elapsed() >= deadline => {
                    let reason = format!("reader `{}` to have the schema", self.address);
                    return Err(DbError::Deadline {
                        seconds: deadline.as_secs(),
                        reason,
                    });
                }
                Ok(false) | Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
            }
        }
    }

    async fn has_schema(&self) -> Result<bool, DbError> {
        let client = self.pool.get().await?;
        // The table itself may not be there yet.
        let sql = "SELECT to_regclass('db_migrations') IS NOT NULL";
        if !client.query_one(sql, &[]).await?.try_get::<_, bool>(0)? {
            return Ok(false);
        }
        Ok(migrations::applied(&client).await? >= migrations::SCHEMA_VERSION)
    }
}

pub(super) async fn query(
    client: &Object,
    sql: &str,
    params: Params<'_>,
) -> Result<Vec<Row>, DbError> {
    let statement = client.prepare_cached(sql).await?;
    Ok(client.query(&statement, params).await?)
}

pub(super) async fn query_opt(
    client: &Object,
    sql: &str,
    params: Params<'_>,
) -> Result<Option<Row>, DbError> {
    let statement = client.prepare_cached(sql).await?;
    Ok(client.query_opt(&statement, params).await?)
}

pub(super) async fn execute(
    client: &Object,
    sql: &str,
    params: Params<'_>,
) -> Result<u64, DbError> {
    let statement = client.prepare_cached(sql).await?;
    Ok(client.execute(&statement, params).await?)
}
