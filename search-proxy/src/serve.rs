//! The two sockets of a search proxy: requests on one, health and metrics on the other.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::serve::{Listener, ListenerExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::config::SearchProxyConfig;
use super::credentials::{CredentialsSource, RenewedCredentials};
use super::error::SearchProxyError;
use super::forward::{Forwarder, handle};

/// How long a search proxy among several goes on with the connections that it has when it stops. Whoever
/// sends the next request over one learns that it is closed after that, and then that nobody takes a new
/// one. Were they closed at once, a request could be on its way over one of them, and nobody would know
/// whether it arrived.
const DRAIN: Duration = Duration::from_secs(2);

/// A search proxy that listens.
pub struct SearchProxy {
    requests: TcpListener,
    /// Of `requests`.
    address: SocketAddr,
    admin: TcpListener,
    forwarder: Arc<Forwarder>,
    /// How long others may be passed over, if there are any.
    passed_over: Duration,
}

impl SearchProxy {
    /// Opens both sockets.
    ///
    /// # Errors
    /// When that fails, or the endpoint is no URL.
    pub async fn bind(
        config: &SearchProxyConfig,
        credentials: Box<dyn CredentialsSource>,
    ) -> Result<Self, SearchProxyError> {
        let forwarder = Forwarder::new(config, RenewedCredentials::new(credentials))?;
        let requests = listen(config.listen).await?;
        Ok(Self {
            address: requests.local_addr().map_err(SearchProxyError::Serve)?,
            requests,
            admin: listen(config.admin).await?,
            forwarder: Arc::new(forwarder),
            passed_over: Duration::from_secs(config.passed_over_seconds),
        })
    }

    /// Where requests come in, and where health and metrics are.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn addresses(&self) -> std::io::Result<(SocketAddr, SocketAddr)> {
        Ok((self.address, self.admin.local_addr()?))
    }

    /// Serves until it is told to stop. Requests that are under way are answered first. One of several goes
    /// on until another one that has stopped before is asked again, and then until nobody has a connection
    /// to it that is in use.
    ///
    /// # Errors
    /// When the system refuses.
    pub async fn serve(self, stop: CancellationToken) -> Result<(), SearchProxyError> {
        let Self {
            requests: listener,
            address,
            admin: admin_listener,
            forwarder,
            passed_over,
        } = self;
        let requests = Router::new()
            .fallback(handle)
            .with_state(Arc::clone(&forwarder));
        let admin = Router::new()
            .route("/health", get(health))
            .route("/metrics", get(metrics))
            .with_state(Arc::clone(&forwarder));
        let closed = CancellationToken::new();
        let listener = UntilStopped {
            listener: Some(listener),
            address,
            stop: closed.clone(),
        };
        // Small answers are not kept back for more to come.
        let sockets = listener.tap_io(|stream| {
            let _ = stream.set_nodelay(true);
        });
        let drained = CancellationToken::new();
        let stopped = drained.clone();
        let requests = axum::serve(sockets, requests)
            .with_graceful_shutdown(async move { stopped.cancelled().await });
        let stopped = drained.clone();
        let admin = axum::serve(admin_listener, admin)
            .with_graceful_shutdown(async move { stopped.cancelled().await });
        let drain = async {
            stop.cancelled().await;
            if !passed_over.is_zero() {
                tokio::time::sleep(passed_over).await;
                closed.cancel();
                forwarder.close_connections();
                tokio::time::sleep(DRAIN).await;
            }
            drained.cancel();
        };
        let (requests, admin, ()) =
            futures::join!(requests.into_future(), admin.into_future(), drain);
        requests.and(admin).map_err(SearchProxyError::Serve)
    }
}

/// A socket that is closed as soon as the search proxy is to stop.
struct UntilStopped {
    listener: Option<TcpListener>,
    address: SocketAddr,
    stop: CancellationToken,
}

impl Listener for UntilStopped {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        if let Some(listener) = &mut self.listener {
            tokio::select! {
                accepted = Listener::accept(listener) => return accepted,
                () = self.stop.cancelled() => {}
            }
        }
        self.listener = None;
        std::future::pending().await
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        Ok(self.address)
    }
}

/// Runs a search proxy until the service is stopped.
///
/// # Errors
/// When it cannot begin or go on.
pub async fn run(
    config: &SearchProxyConfig,
    credentials: Box<dyn CredentialsSource>,
) -> Result<(), SearchProxyError> {
    let proxy = SearchProxy::bind(config, credentials).await?;
    tracing::info!(listen = %config.listen, endpoint = config.endpoint, "search proxy listens");
    let stop = CancellationToken::new();
    let mut terminated = signal(SignalKind::terminate()).map_err(SearchProxyError::Serve)?;
    let told = stop.clone();
    let serve = proxy.serve(stop);
    tokio::pin!(serve);
    tokio::select! {
        served = &mut serve => return served,
        _ = terminated.recv() => told.cancel(),
    }
    serve.await
}

async fn listen(address: SocketAddr) -> Result<TcpListener, SearchProxyError> {
    TcpListener::bind(address)
        .await
        .map_err(|source| SearchProxyError::Listen { address, source })
}

/// Whether the domain answers a signed request.
async fn health(State(forwarder): State<Arc<Forwarder>>) -> (StatusCode, String) {
    match forwarder.ask_domain().await {
        Ok(status) if status.is_success() => (StatusCode::OK, "the domain answers\n".to_owned()),
        Ok(status) => (
            StatusCode::SERVICE_UNAVAILABLE,
            format!("the domain answers HTTP {status}\n"),
        ),
        Err(reason) => (StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")),
    }
}

async fn metrics(State(forwarder): State<Arc<Forwarder>>) -> String {
    let left = forwarder.credentials.seconds_left();
    forwarder.metrics.text(left)
}
