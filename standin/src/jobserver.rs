//! `mattermost jobserver`: a server that runs jobs and serves no API. It has the configuration, the
//! database, the license, the cache and the metrics of the others, and is no member of their cluster.

use std::sync::Arc;

use axum::routing::get;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::{info, warn};

use crate::db::{Store, StoreOptions};
use crate::filestore::FileStore;
use crate::jobs::run_jobs;
use crate::licensing::{self, Licensing};
use crate::metrics::Metrics;
use crate::redis::Redis;
use crate::server::{
    STOP_DEADLINE, ServerError, Tasks, first_failure, listen, metrics_page, serve, until,
};
use crate::settings::ConfigStore;

/// Runs the job server until it is asked to stop. Without `jobs` it does nothing else than be there.
///
/// # Errors
/// When it cannot start, or breaks.
pub(crate) async fn run(
    settings: ConfigStore,
    database: StoreOptions,
    jobs: bool,
) -> Result<(), ServerError> {
    let mut terminate = signal(SignalKind::terminate()).map_err(ServerError::Signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(ServerError::Signals)?;
    let (stop, stopped) = watch::channel(false);
    let mut tasks = JoinSet::new();
    let start = start(settings, database, jobs, &mut tasks, stopped);
    tokio::select! {
        started = start => started?,
        _ = terminate.recv() => return Ok(()),
        _ = interrupt.recv() => return Ok(()),
    }
    let broken = tokio::select! {
        _ = terminate.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
        end = first_failure(&mut tasks) => end,
    };
    info!("Stopping Mattermost job server");
    // The receivers are tasks that may have ended already.
    let _ = stop.send(true);
    let ends = async { while tasks.join_next().await.is_some() {} };
    if tokio::time::timeout(STOP_DEADLINE, ends).await.is_err() {
        warn!("jobs under way are cut off");
    }
    info!("Stopped Mattermost job server");
    broken
}

async fn start(
    settings: ConfigStore,
    database: StoreOptions,
    jobs: bool,
    tasks: &mut Tasks,
    stopped: watch::Receiver<bool>,
) -> Result<(), ServerError> {
    let config = Arc::clone(&settings.current().config);
    if let Some(redis) = Redis::open(&config.cache_settings).await? {
        tasks.spawn(until(stopped.clone(), redis.keep()));
    }
    let store = Store::open(&config.sql_settings, database).await?;
    let files = FileStore::open(&config.file_settings).await?;
    let licensing = Licensing::default();
    let variable = std::env::var(licensing::VARIABLE).ok();
    let file = &config.service_settings.license_file_location;
    licensing.load(&store, variable.as_deref(), file).await?;
    store.set_readers_unlocked(licensing.is_licensed());
    if config.metrics_settings.enable {
        let address = &config.metrics_settings.listen_address;
        let listener = listen(address, "MetricsSettings.ListenAddress").await?;
        let parts = Arc::new((store.clone(), licensing, Metrics::default()));
        let page = async move || {
            let (store, licensing, metrics) = &*parts;
            metrics_page(store, licensing, metrics)
        };
        let router = axum::Router::new().route("/metrics", get(page));
        tasks.spawn(serve(listener, router, stopped.clone()));
    }
    info!("Starting Mattermost job server");
    if jobs {
        let current = move || Arc::clone(&settings.current().config);
        tasks.spawn(until(stopped, run_jobs(store, files, current)));
    }
    Ok(())
}
