//! The socket side: serves the proxy on a listener whose connections can be cut in the
//! middle of a call, which is how a network fails.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::connect_info::Connected;
use axum::extract::{ConnectInfo, State};
use axum::serve::{IncomingStream, Listener};
use http::{Request, Response, StatusCode};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

use crate::call::Call;
use crate::cloud::{CallOutcome, StrictCloud};

/// Largest request that is passed on, in bytes.
const LARGEST: usize = 2 << 30;

/// Cuts one connection.
#[derive(Debug, Clone, Default)]
struct ConnectionCutter(Arc<AtomicBool>);

impl ConnectionCutter {
    fn cut(&self) {
        self.0.store(true, Ordering::Release);
    }

    fn have_cut(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

impl Connected<IncomingStream<'_, CuttableListener>> for ConnectionCutter {
    fn connect_info(stream: IncomingStream<'_, CuttableListener>) -> Self {
        stream.io().cutter.clone()
    }
}

/// A listener whose connections can be cut.
struct CuttableListener(TcpListener);

impl Listener for CuttableListener {
    type Io = CuttableConnection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (CuttableConnection, SocketAddr) {
        let (stream, address) = Listener::accept(&mut self.0).await;
        // Answers are small, and whoever waits for one sends nothing meanwhile.
        let _ = stream.set_nodelay(true);
        let connection = CuttableConnection {
            stream,
            cutter: ConnectionCutter::default(),
        };
        (connection, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

struct CuttableConnection {
    stream: TcpStream,
    cutter: ConnectionCutter,
}

impl CuttableConnection {
    fn uncut(&self) -> io::Result<()> {
        if self.cutter.have_cut() {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        Ok(())
    }
}

impl AsyncRead for CuttableConnection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.uncut()?;
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for CuttableConnection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.uncut()?;
        Pin::new(&mut self.stream).poll_write(context, buffer)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.uncut()?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl StrictCloud {
    /// Serves on a listener until the listener fails.
    ///
    /// # Errors
    /// When the listener fails.
    pub fn serve(self, listener: TcpListener) -> impl Future<Output = io::Result<()>> + Send {
        let router = Router::new().fallback(handle).with_state(self);
        let service = router.into_make_service_with_connect_info::<ConnectionCutter>();
        async move { axum::serve(CuttableListener(listener), service).await }
    }
}

async fn handle(
    State(cloud): State<StrictCloud>,
    ConnectInfo(cutter): ConnectInfo<ConnectionCutter>,
    request: Request<Body>,
) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, LARGEST).await else {
        cutter.cut();
        return nothing();
    };
    let call = Call::parse(Request::from_parts(parts, body));
    match cloud.answer(call).await {
        CallOutcome::Answered(response) => response,
        CallOutcome::Cut => {
            cutter.cut();
            nothing()
        }
    }
}

/// What is never sent, because the connection is cut.
fn nothing() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::BAD_GATEWAY;
    response
}
