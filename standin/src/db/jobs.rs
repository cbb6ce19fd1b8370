//! Table `jobs`. Whoever turns a job from pending to in progress has it; the database lets one.

use tokio_postgres::Row;

use super::{DbError, Store};
use crate::id::now_ms;
use crate::model::Job;

const COLUMNS: &str =
    "id, type, priority, createat, startat, lastactivityat, status, progress, data";

impl Store {
    /// Keeps a new job.
    ///
    /// # Errors
    /// When the writer fails.
    pub(crate) async fn create_job(&self, job: &Job) -> Result<(), DbError> {
        let sql = format!("INSERT INTO jobs ({COLUMNS}) VALUES ($1, $2, 0, $3, 0, 0, $4, 0, $5)");
        let data = serde_json::to_string(&job.data).unwrap_or_default();
        let values: super::pools::Params<'_> =
            &[&job.id, &job.kind, &job.create_at, &job.status, &data];
        self.execute(&sql, values).await.map(drop)
    }

    /// A job.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn job(&self, id: &str) -> Result<Option<Job>, DbError> {
        let sql = format!("SELECT {COLUMNS} FROM jobs WHERE id = $1");
        let row = self.one(&sql, &[&id]).await?;
        row.as_ref().map(read).transpose()
    }

    /// Jobs of these kinds, newest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn jobs(
        &self,
        kinds: &[&str],
        offset: i64,
        limit: i64,
    ) -> Result<Vec<Job>, DbError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM jobs WHERE type = ANY($1) ORDER BY createat DESC OFFSET $2 LIMIT $3"
        );
        let rows = self.list(&sql, &[&kinds, &offset, &limit]).await?;
        rows.iter().map(read).collect()
    }

    /// Every job that nobody has taken, from the writer: a reader may lag behind.
    ///
    /// # Errors
    /// When the writer does not answer.
    pub(crate) async fn pending_jobs(&self) -> Result<Vec<Job>, DbError> {
        let client = self.writer().await?;
        let sql = format!("SELECT {COLUMNS} FROM jobs WHERE status = 'pending' ORDER BY createat");
        let rows = super::pools::query(&client, &sql, &[]).await?;
        rows.iter().map(read).collect()
    }

    /// Takes a job; false if another server was first, or it was canceled.
    ///
    /// # Errors
    /// When the writer fails.
    pub(crate) async fn claim_job(&self, id: &str) -> Result<bool, DbError> {
        let sql = "UPDATE jobs SET status = 'in_progress', startat = $2, lastactivityat = $2 \
                   WHERE id = $1 AND status = 'pending'";
        Ok(self.execute(sql, &[&id, &now_ms()]).await? == 1)
    }

    /// Notes how a job has ended.
    ///
    /// # Errors
    /// When the writer fails.
    pub(crate) async fn end_job(&self, id: &str, status: &str) -> Result<(), DbError> {
        let sql = "UPDATE jobs SET status = $2, lastactivityat = $3 WHERE id = $1";
        let written = self.execute(sql, &[&id, &status, &now_ms()]).await;
        written.map(drop)
    }

    /// Cancels a job that nobody has taken; false if there is none.
    ///
    /// # Errors
    /// When the writer fails.
    pub(crate) async fn cancel_pending_job(&self, id: &str) -> Result<bool, DbError> {
        let sql = "UPDATE jobs SET status = 'canceled', lastactivityat = $2 \
                   WHERE id = $1 AND status = 'pending'";
        Ok(self.execute(sql, &[&id, &now_ms()]).await? == 1)
    }
}

fn read(row: &Row) -> Result<Job, DbError> {
    let data: String = row.try_get("data")?;
    Ok(Job {
        id: row.try_get("id")?,
        kind: row.try_get("type")?,
        priority: row.try_get("priority")?,
        create_at: row.try_get("createat")?,
        start_at: row.try_get("startat")?,
        last_activity_at: row.try_get("lastactivityat")?,
        status: row.try_get("status")?,
        progress: row.try_get("progress")?,
        data: serde_json::from_str(&data).unwrap_or_default(),
    })
}
