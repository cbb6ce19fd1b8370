//! Puts the parts of the server together, runs it, and takes it apart.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tracing::{info, warn};

use crate::app::{App, FaultLog, Server};
use crate::cluster::{self, Cluster, ClusterError, Message, NodeInfo};
use crate::config::{Config, bind_address};
use crate::db::{DbError, SCHEMA_VERSION, Store, StoreOptions};
use crate::error::chain;
use crate::filestore::{FileStore, FileStoreError};
use crate::hub::Hub;
use crate::metrics::Metrics;
use crate::model::VERSION;
use crate::notify::notify;
use crate::password::LoginGuard;
use crate::search::{SearchClient, SearchError};
use crate::sessions::SessionCache;

/// Longest time that requests in flight have to end once a stop is asked for.
const STOP_DEADLINE: Duration = Duration::from_secs(10);

/// Why the server does not run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServerError {
    #[error("database is not usable")]
    Database(#[from] DbError),
    #[error("file store is not usable")]
    Files(#[from] FileStoreError),
    #[error("search is not usable")]
    Search(#[from] SearchError),
    #[error("cluster cannot be joined")]
    Cluster(#[from] ClusterError),
    #[error("cannot listen on `{address}` ({key})")]
    Listen {
        address: String,
        key: &'static str,
        #[source]
        source: std::io::Error,
    },
    #[error("web server broke")]
    Serve(#[source] std::io::Error),
    #[error("signals cannot be received")]
    Signals(#[source] std::io::Error),
}

/// Runs the server until it is asked to stop.
///
/// # Errors
/// When it cannot start, or breaks.
pub(crate) async fn run(config: Config) -> Result<(), ServerError> {
    info!(version = VERSION, "Starting Server...");
    let mut terminate = signal(SignalKind::terminate()).map_err(ServerError::Signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(ServerError::Signals)?;
    let (stop, stopped) = watch::channel(false);
    let mut tasks = JoinSet::new();
    let start = start(config, &mut tasks, stopped);
    let app = tokio::select! {
        app = start => app?,
        _ = terminate.recv() => return Ok(()),
        _ = interrupt.recv() => return Ok(()),
    };
    if let Err(error) = notify("READY=1") {
        warn!(%error, "cannot tell systemd that the server is ready");
    }
    let broken = tokio::select! {
        _ = terminate.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
        end = first_failure(&mut tasks) => end,
    };
    info!("Stopping Server...");
    if let Err(error) = notify("STOPPING=1") {
        warn!(%error, "cannot tell systemd that the server stops");
    }
    // The receivers are tasks that may have ended already.
    let _ = stop.send(true);
    app.hub.close();
    app.cluster.leave().await;
    let ends = async { while tasks.join_next().await.is_some() {} };
    if tokio::time::timeout(STOP_DEADLINE, ends).await.is_err() {
        warn!(
            seconds = STOP_DEADLINE.as_secs(),
            "requests in flight are cut off"
        );
    }
    info!("Server stopped");
    broken
}

/// Tasks of the server; they end when a stop is asked for.
type Tasks = JoinSet<Result<(), ServerError>>;

async fn first_failure(tasks: &mut Tasks) -> Result<(), ServerError> {
    loop {
        match tasks.join_next().await {
            Some(Ok(Err(error))) => return Err(error),
            Some(Ok(Ok(()))) => {}
            Some(Err(error)) => warn!(%error, "a task of the server ended early"),
            None => std::future::pending().await,
        }
    }
}

async fn start(
    config: Config,
    tasks: &mut Tasks,
    stopped: watch::Receiver<bool>,
) -> Result<App, ServerError> {
    let api_address = config.service_settings.listen_address.clone();
    let api = listen(&api_address, "ServiceSettings.ListenAddress").await?;
    let store = Store::open(&config.sql_settings, StoreOptions::default()).await?;
    info!(
        writer = store.writer_address(),
        readers = store.reader_count(),
        schema = SCHEMA_VERSION,
        "database is ready"
    );
    let files = FileStore::open(&config.file_settings).await?;
    tasks.spawn(until(stopped.clone(), look_at_files(files.clone())));
    let metrics = Arc::new(Metrics::default());
    let (search, indexer) =
        SearchClient::new(&config.elasticsearch_settings, Arc::clone(&metrics))?;
    let node = node_info(&config, &store);
    let port = api.local_addr().map_or(0, |address| address.port());
    let (cluster, messages) = Cluster::join(
        &config.cluster_settings,
        &store,
        node.clone(),
        port,
        Arc::clone(&metrics),
    )
    .await?;
    let cache_minutes = config.service_settings.session_cache_in_minutes;
    let app = Arc::new(Server {
        sessions: SessionCache::new(Duration::from_secs(60 * cache_minutes)),
        login_guard: LoginGuard::default(),
        faults: FaultLog::default(),
        presence: std::sync::Mutex::default(),
        hub: Hub::default(),
        config,
        node,
        store,
        files,
        search,
        cluster,
        metrics,
    });
    tasks.spawn(until(stopped.clone(), indexer.run()));
    tasks.spawn(until(
        stopped.clone(),
        receive_all(Arc::clone(&app), messages),
    ));
    let interval = app
        .config
        .sql_settings
        .replica_monitor_interval_seconds
        .max(1);
    let monitor = app
        .store
        .clone()
        .monitor_readers(Duration::from_secs(interval));
    tasks.spawn(until(stopped.clone(), monitor));
    if app.config.metrics_settings.enable {
        let address = &app.config.metrics_settings.listen_address;
        let listener = listen(address, "MetricsSettings.ListenAddress").await?;
        tasks.spawn(serve(
            listener,
            metrics_router(Arc::clone(&app)),
            stopped.clone(),
        ));
        info!(address, "Metrics endpoint is initiated");
    }
    tasks.spawn(serve(api, crate::api::router(Arc::clone(&app)), stopped));
    info!(
        address = api_address,
        "Server is listening on {api_address}"
    );
    Ok(app)
}

async fn listen(address: &str, key: &'static str) -> Result<TcpListener, ServerError> {
    let listener = TcpListener::bind(bind_address(address)).await;
    listener.map_err(|source| ServerError::Listen {
        address: address.to_owned(),
        key,
        source,
    })
}

async fn serve(
    listener: TcpListener,
    router: axum::Router,
    mut stopped: watch::Receiver<bool>,
) -> Result<(), ServerError> {
    let stop = async move {
        // An error says that the sender is gone, which is a stop as well.
        let _ = stopped.wait_for(|stop| *stop).await;
    };
    axum::serve(listener, router)
        .with_graceful_shutdown(stop)
        .await
        .map_err(ServerError::Serve)
}

async fn until(
    mut stopped: watch::Receiver<bool>,
    work: impl Future<Output = ()>,
) -> Result<(), ServerError> {
    tokio::select! {
        () = work => {}
        _ = stopped.wait_for(|stop| *stop) => {}
    }
    Ok(())
}

/// Warns of a file store that does not answer. As in Mattermost that is no
/// reason not to start, nor to start later; `ping` tells.
async fn look_at_files(files: FileStore) {
    if let Err(error) = files.check_health().await {
        warn!(error = chain(&error), "file store does not answer");
    }
}

async fn receive_all(app: App, mut messages: mpsc::Receiver<Message>) {
    while let Some(message) = messages.recv().await {
        app.receive(message);
    }
}

fn node_info(config: &Config, store: &Store) -> NodeInfo {
    let settings = &config.cluster_settings;
    NodeInfo {
        id: cluster::node_id(),
        version: VERSION.to_owned(),
        config_hash: config_hash(config),
        ipaddress: cluster::own_address(store.writer_address()),
        hostname: cluster::own_hostname(settings),
        schema_version: SCHEMA_VERSION.to_string(),
    }
}

/// Differs as soon as the effective configurations of two nodes differ.
fn config_hash(config: &Config) -> String {
    let text = serde_json::to_vec(config).unwrap_or_default();
    hex::encode(digest::digest(&digest::SHA256, &text).as_ref())
        .chars()
        .take(32)
        .collect()
}

fn metrics_router(app: App) -> axum::Router {
    let page = async move || {
        let (writer, readers) = app.store.open_connections();
        let gauge = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        app.metrics.db_master_connections.set(gauge(writer));
        app.metrics.db_read_replica_connections.set(gauge(readers));
        let kind = (
            axum::http::header::CONTENT_TYPE,
            "text/plain; version=0.0.4; charset=utf-8",
        );
        ([kind], app.metrics.render())
    };
    axum::Router::new().route("/metrics", axum::routing::get(page))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn config_hash_differs_between_configurations() {
        let mut config = Config::default();
        let before = config_hash(&config);
        config.sql_settings.max_open_conns += 1;
        assert_ne!(before, config_hash(&config));
        assert_eq!(before.len(), 32);
    }
}
