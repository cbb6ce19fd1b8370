//! The two sockets of a search proxy: requests on one, health and metrics on the other.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{Method, StatusCode};
use axum::routing::get;
use axum::serve::ListenerExt as _;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::config::SearchProxyConfig;
use super::credentials::{CredentialsSource, RenewedCredentials};
use super::error::SearchProxyError;
use super::forward::{Forwarder, handle};

/// A search proxy that listens.
pub struct SearchProxy {
    requests: TcpListener,
    admin: TcpListener,
    forwarder: Arc<Forwarder>,
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
        Ok(Self {
            requests: listen(config.listen).await?,
            admin: listen(config.admin).await?,
            forwarder: Arc::new(forwarder),
        })
    }

    /// Where requests come in, and where health and metrics are.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn addresses(&self) -> std::io::Result<(SocketAddr, SocketAddr)> {
        Ok((self.requests.local_addr()?, self.admin.local_addr()?))
    }

    /// Serves until it is told to stop; requests that are under way are answered first.
    ///
    /// # Errors
    /// When the system refuses.
    pub async fn serve(self, stop: CancellationToken) -> Result<(), SearchProxyError> {
        let requests = Router::new()
            .fallback(handle)
            .with_state(Arc::clone(&self.forwarder));
        let admin = Router::new()
            .route("/health", get(health))
            .route("/metrics", get(metrics))
            .with_state(self.forwarder);
        // Small answers are not kept back for more to come.
        let sockets = self.requests.tap_io(|stream| {
            let _ = stream.set_nodelay(true);
        });
        let stopped = stop.clone();
        let requests = axum::serve(sockets, requests)
            .with_graceful_shutdown(async move { stopped.cancelled().await });
        let admin = axum::serve(self.admin, admin)
            .with_graceful_shutdown(async move { stop.cancelled().await });
        let (requests, admin) = futures::join!(requests.into_future(), admin.into_future());
        requests.and(admin).map_err(SearchProxyError::Serve)
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
    match forwarder.send_to_domain(&Method::GET, "/").await {
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
