//! Who runs jobs: every server whose settings say so, and the job server. The two kinds that there are
//! remove old exports and imports, of which the stand-in makes none, so that all they do is to look
//! into the file store. Nothing is scheduled. It may not know HTTP.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;
use tracing::{debug, error, info, warn};

use crate::config::Config;
use crate::db::Store;
use crate::error::chain;
use crate::filestore::FileStore;
use crate::model::Job;

/// How often Mattermost looks for jobs (`channels/jobs/jobs_watcher.go`).
const INTERVAL: Duration = Duration::from_secs(15);
/// The variable that changes it, in milliseconds.
const INTERVAL_VARIABLE: &str = "MM_STANDIN_JOB_INTERVAL";

/// A kind of job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JobKind {
    ExportDelete,
    ImportDelete,
}

impl JobKind {
    /// Every kind that there are workers for.
    pub(crate) const ALL: [Self; 2] = [Self::ExportDelete, Self::ImportDelete];

    /// As Mattermost calls it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::ExportDelete => "export_delete",
            Self::ImportDelete => "import_delete",
        }
    }

    /// The kind of this name.
    pub(crate) fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Whether there is a worker for it with these settings.
    fn is_enabled(self, config: &Config) -> bool {
        let (export, import) = (&config.export_settings, &config.import_settings);
        let (directory, days) = match self {
            Self::ExportDelete => (&export.directory, export.retention_days),
            Self::ImportDelete => (&import.directory, import.retention_days),
        };
        !directory.is_empty() && days > 0
    }
}

/// Looks for jobs and runs them, one after the other, until it is dropped. As in Mattermost it first
/// waits for a time that differs between servers.
pub(crate) async fn run_jobs(store: Store, files: FileStore, config: impl Fn() -> Arc<Config>) {
    info!("Starting workers");
    let interval = interval();
    let first = rand::random_range(0..=interval.as_millis());
    sleep(Duration::from_millis(u64::try_from(first).unwrap_or(0))).await;
    loop {
        sleep(interval).await;
        let pending = match store.pending_jobs().await {
            Ok(pending) => pending,
            Err(error) => {
                error!(
                    error = chain(&error),
                    "Error occurred getting all pending statuses."
                );
                continue;
            }
        };
        for job in pending {
            let kind = JobKind::find(&job.kind);
            if kind.is_some_and(|kind| kind.is_enabled(&config())) {
                run_job(&store, &files, &job).await;
            }
        }
    }
}

async fn run_job(store: &Store, files: &FileStore, job: &Job) {
    match store.claim_job(&job.id).await {
        Ok(true) => {}
        Ok(false) => return,
        Err(error) => {
            warn!(job = job.id, error = chain(&error), "job cannot be claimed");
            return;
        }
    }
    debug!(job = job.id, kind = job.kind, "job is claimed");
    let status = match files.check_health().await {
        Ok(()) => "success",
        Err(error) => {
            error!(job = job.id, error = chain(&error), "job failed");
            "error"
        }
    };
    if let Err(error) = store.end_job(&job.id, status).await {
        warn!(
            job = job.id,
            error = chain(&error),
            "end of the job is not written"
        );
    }
}

fn interval() -> Duration {
    let variable = std::env::var(INTERVAL_VARIABLE).ok();
    let milliseconds = variable.and_then(|text| text.parse().ok());
    milliseconds.map_or(INTERVAL, Duration::from_millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_needs_a_directory_and_a_time() {
        let mut config = Config::default();
        assert!(JobKind::ExportDelete.is_enabled(&config));
        config.export_settings.retention_days = 0;
        assert!(!JobKind::ExportDelete.is_enabled(&config));
        assert!(JobKind::ImportDelete.is_enabled(&config));
        assert_eq!(JobKind::find("ldap_sync"), None);
    }
}
