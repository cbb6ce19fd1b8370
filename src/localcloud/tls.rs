//! Ends TLS in front of a plain server: accepts, shakes hands, passes bytes on.
//! Knows nothing of what is said.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

/// How long a client may take over the handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Serves until it is dropped; its connections end with it.
pub(crate) async fn serve(listener: TcpListener, config: Arc<ServerConfig>, upstream: SocketAddr) {
    let acceptor = TlsAcceptor::from(config);
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(acceptor.clone(), stream, upstream));
                }
                Err(error) => {
                    // Out of descriptors, most likely: give connections time to end.
                    tracing::warn!(%error, "cannot accept");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(acceptor: TlsAcceptor, stream: TcpStream, upstream: SocketAddr) {
    // Who speaks no TLS, or distrusts the certificate, says so on its own side.
    let Ok(Ok(mut client)) = tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await else {
        return;
    };
    match TcpStream::connect(upstream).await {
        Ok(mut server) => {
            // An end on either side is an end, not an error.
            let _ = copy_bidirectional(&mut client, &mut server).await;
        }
        Err(error) => tracing::warn!(%upstream, %error, "cannot reach the server behind TLS"),
    }
}
