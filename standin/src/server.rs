//! Puts the parts of the server together, runs it, and takes it apart.

use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::time::Duration;

use axum::response::{IntoResponse, Response};
use axum::serve::Listener;
use mattermost_license::Feature;
use tokio::net::{TcpListener, UnixListener};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tracing::{info, warn};

use crate::app::{App, Server};
use crate::cache::TimedCache;
use crate::cluster::{self, Cluster, ClusterError, Message, NodeInfo};
use crate::config::bind_address;
use crate::db::{DbError, SCHEMA_VERSION, Store, StoreOptions};
use crate::error::chain;
use crate::faults::FaultLog;
use crate::filestore::{FileStore, FileStoreError};
use crate::hub::Hub;
use crate::jobs::run_jobs;
use crate::licensing::{self, Licensing};
use crate::metrics::Metrics;
use crate::model::VERSION;
use crate::notify::notify;
use crate::password::PasswordChecks;
use crate::presence::PresenceLog;
use crate::redis::{Redis, RedisError};
use crate::resume::LostConnections;
use crate::search::{SearchClient, SearchError};
use crate::settings::ConfigStore;

/// How long a node goes by what it knows of a user's channels.
const MEMBERSHIP_LIFETIME: Duration = Duration::from_mins(15);
/// How long a post that a client sends again is known.
const PENDING_LIFETIME: Duration = Duration::from_secs(30);
/// Entries of the caches of sessions and memberships, and of posts being sent.
const CACHE_SIZES: (usize, usize) = (35_000, 25_000);

/// Longest time that requests in flight have to end once a stop is asked for.
pub(crate) const STOP_DEADLINE: Duration = Duration::from_secs(10);

/// Why the server does not run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServerError {
    #[error("database is not usable")]
    Database(#[from] DbError),
    #[error("file store is not usable")]
    Files(#[from] FileStoreError),
    #[error("unable to connect to cache provider")]
    Cache(#[from] RedisError),
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
pub(crate) async fn run(
    settings: ConfigStore,
    passwords: PasswordChecks,
    database: StoreOptions,
) -> Result<(), ServerError> {
    info!(version = VERSION, "Starting Server...");
    let mut terminate = signal(SignalKind::terminate()).map_err(ServerError::Signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(ServerError::Signals)?;
    let (stop, stopped) = watch::channel(false);
    let mut tasks = JoinSet::new();
    let start = start(settings, passwords, database, &mut tasks, stopped);
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
pub(crate) type Tasks = JoinSet<Result<(), ServerError>>;

pub(crate) async fn first_failure(tasks: &mut Tasks) -> Result<(), ServerError> {
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
    settings: ConfigStore,
    passwords: PasswordChecks,
    database: StoreOptions,
    tasks: &mut Tasks,
    stopped: watch::Receiver<bool>,
) -> Result<App, ServerError> {
    let loaded = settings.current();
    let config = &loaded.config;
    if let Some(redis) = Redis::open(&config.cache_settings).await? {
        tasks.spawn(until(stopped.clone(), redis.keep()));
    }
    let store = Store::open(&config.sql_settings, database).await?;
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
    store.note_installation().await?;
    store.reset_statuses().await?;
    let licensing = Licensing::default();
    let variable = std::env::var(licensing::VARIABLE).ok();
    let file = &config.service_settings.license_file_location;
    licensing.load(&store, variable.as_deref(), file).await?;
    // As with Mattermost, nobody is answered before the database is migrated, and connections are refused.
    let api_address = config.service_settings.listen_address.clone();
    let api = listen(&api_address, "ServiceSettings.ListenAddress").await?;
    let node = NodeInfo {
        id: cluster::node_id(),
        version: VERSION.to_owned(),
        config_hash: loaded.hash.clone(),
        ipaddress: cluster::shown_address(&config.cluster_settings, store.writer_address()),
        hostname: cluster::own_hostname(&config.cluster_settings),
        schema_version: SCHEMA_VERSION.to_string(),
    };
    let port = api.local_addr().map_or(0, |address| address.port());
    let (cluster, messages) = Cluster::join(
        &config.cluster_settings,
        licensing.has(Feature::Cluster),
        &store,
        node.clone(),
        port,
        Arc::clone(&metrics),
    )
    .await?;
    let cache_minutes = config.service_settings.session_cache_in_minutes;
    let app = Arc::new(Server {
        sessions: TimedCache::new(Duration::from_secs(60 * cache_minutes), CACHE_SIZES.0),
        memberships: TimedCache::new(MEMBERSHIP_LIFETIME, CACHE_SIZES.0),
        pending_posts: TimedCache::new(PENDING_LIFETIME, CACHE_SIZES.1),
        passwords,
        licensing,
        faults: FaultLog::default(),
        presence: PresenceLog::default(),
        lost_connections: LostConnections::default(),
        hub: Hub::default(),
        hostname: node.hostname.clone(),
        settings,
        store,
        files,
        search,
        cluster,
        metrics,
    });
    app.apply_license();
    tasks.spawn(until(stopped.clone(), indexer.run()));
    tasks.spawn(until(
        stopped.clone(),
        receive_all(Arc::clone(&app), messages),
    ));
    if config.job_settings.run_jobs {
        let own = Arc::clone(&app);
        let jobs = run_jobs(app.store.clone(), app.files.clone(), move || own.config());
        tasks.spawn(until(stopped.clone(), jobs));
    }
    let interval = config.sql_settings.replica_monitor_interval_seconds.max(1);
    let monitor = app
        .store
        .clone()
        .monitor_readers(Duration::from_secs(interval));
    tasks.spawn(until(stopped.clone(), monitor));
    if config.metrics_settings.enable {
        let address = &config.metrics_settings.listen_address;
        let listener = listen(address, "MetricsSettings.ListenAddress").await?;
        tasks.spawn(serve(
            listener,
            metrics_router(Arc::clone(&app)),
            stopped.clone(),
        ));
        info!(address, "Metrics endpoint is initiated");
    }
    if config.service_settings.enable_local_mode {
        let path = &config.service_settings.local_mode_socket_location;
        let router = crate::api::local_router(Arc::clone(&app));
        tasks.spawn(serve(local_socket(path)?, router, stopped.clone()));
    }
    tasks.spawn(serve(api, crate::api::router(Arc::clone(&app)), stopped));
    info!(
        address = api_address,
        "Server is listening on {api_address}"
    );
    Ok(app)
}

pub(crate) async fn listen(address: &str, key: &'static str) -> Result<TcpListener, ServerError> {
    let listener = TcpListener::bind(bind_address(address)).await;
    listener.map_err(|source| ServerError::Listen {
        address: address.to_owned(),
        key,
        source,
    })
}

/// The socket of local mode, which the server's own user and root may open.
fn local_socket(path: &str) -> Result<UnixListener, ServerError> {
    let bind = || {
        // One that a server before left behind.
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(path)?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
        Ok(listener)
    };
    bind().map_err(|source| ServerError::Listen {
        address: path.to_owned(),
        key: "ServiceSettings.LocalModeSocketLocation",
        source,
    })
}

pub(crate) async fn serve<L>(
    listener: L,
    router: axum::Router,
    mut stopped: watch::Receiver<bool>,
) -> Result<(), ServerError>
where
    L: Listener,
    L::Addr: std::fmt::Debug,
{
    let stop = async move {
        // An error says that the sender is gone, which is a stop as well.
        let _ = stopped.wait_for(|stop| *stop).await;
    };
    axum::serve(listener, router)
        .with_graceful_shutdown(stop)
        .await
        .map_err(ServerError::Serve)
}

pub(crate) async fn until(
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
        app.receive(message).await;
    }
}

fn metrics_router(app: App) -> axum::Router {
    let page = async move || metrics_page(&app.store, &app.licensing, &app.metrics);
    axum::Router::new().route("/metrics", axum::routing::get(page))
}

/// The page for Prometheus.
pub(crate) fn metrics_page(store: &Store, licensing: &Licensing, metrics: &Metrics) -> Response {
    // Mattermost without a license for metrics answers here, but has no such page.
    if !licensing.has(Feature::Metrics) {
        return axum::http::StatusCode::NOT_FOUND.into_response();
    }
    let (writer, readers) = store.open_connections();
    let gauge = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    metrics.db_master_connections.set(gauge(writer));
    metrics.db_read_replica_connections.set(gauge(readers));
    let kind = (
        axum::http::header::CONTENT_TYPE,
        "text/plain; version=0.0.4; charset=utf-8",
    );
    ([kind], metrics.render()).into_response()
}
