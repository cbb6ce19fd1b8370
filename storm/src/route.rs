//! The way to an entrance: address, TLS, and connections from a given address of this host.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::{BuilderVerifierExt as _, Verifier};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::engine::StormError;
use crate::plan::StormEntrance;

/// The protocols by their names in ALPN.
const HTTP1: &[u8] = b"http/1.1";
const HTTP2: &[u8] = b"h2";

/// What a connection is for, which decides what is negotiated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HttpPurpose {
    /// HTTP/1.1, also for a websocket.
    Http1,
    /// HTTP/2.
    Http2,
}

/// The way to an entrance.
pub(crate) struct SocketRoute {
    /// `Host` of requests.
    pub(crate) authority: String,
    /// `Origin` of requests that have one.
    pub(crate) origin: String,
    addresses: Vec<SocketAddr>,
    tls: Option<EntranceTlsRoute>,
}

struct EntranceTlsRoute {
    name: ServerName<'static>,
    http1: TlsConnector,
    http2: TlsConnector,
}

impl std::fmt::Debug for SocketRoute {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SocketRoute")
            .field("origin", &self.origin)
            .field("addresses", &self.addresses)
            .finish_non_exhaustive()
    }
}

impl SocketRoute {
    /// Finds the way to an entrance. Names are looked up once.
    pub(crate) async fn find(entrance: &StormEntrance) -> Result<Self, StormError> {
        let wrong = |reason: String| StormError::Entrance {
            url: entrance.url.clone(),
            reason,
        };
        let uri: http::Uri = entrance
            .url
            .parse()
            .map_err(|error: http::uri::InvalidUri| wrong(error.to_string()))?;
        let secure = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(wrong("it begins with neither http:// nor https://".into())),
        };
        let host = uri.host().unwrap_or_default().to_owned();
        let bare = host
            .trim_start_matches('[')
            .trim_end_matches(']')
            .to_owned();
        let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let port = entrance.port.unwrap_or(port);
        let at = entrance.connect_to.as_deref().unwrap_or(&bare);
        let found = tokio::net::lookup_host((at, port)).await;
        let found = found.map_err(|error| wrong(format!("`{at}`: {error}")))?;
        let addresses: Vec<SocketAddr> = found.collect();
        if addresses.is_empty() {
            return Err(wrong("its name has no address".into()));
        }
        let tls = if secure {
            Some(EntranceTlsRoute::new(&bare, entrance).map_err(wrong)?)
        } else {
            None
        };
        let authority = match uri.port_u16() {
            Some(port) => format!("{host}:{port}"),
            None => host,
        };
        let scheme = if secure { "https" } else { "http" };
        Ok(Self {
            origin: format!("{scheme}://{authority}"),
            authority,
            addresses,
            tls,
        })
    }

    /// The first of its addresses.
    pub(crate) fn first_address(&self) -> Option<SocketAddr> {
        self.addresses.first().copied()
    }

    /// A new connection; `turn` chooses among the entrance's addresses.
    pub(crate) async fn connect(
        &self,
        purpose: HttpPurpose,
        turn: usize,
        source: Option<IpAddr>,
    ) -> io::Result<NetStream> {
        let address = self.addresses[turn % self.addresses.len()];
        // From an address of the other family nothing leads there.
        let source = source.filter(|source| source.is_ipv4() == address.is_ipv4());
        let stream = match source {
            None => TcpStream::connect(address).await?,
            Some(source) => socket_from(source)?.connect(address).await?,
        };
        stream.set_nodelay(true)?;
        let Some(tls) = &self.tls else {
            return Ok(NetStream::Plain(stream));
        };
        let connector = match purpose {
            HttpPurpose::Http1 => &tls.http1,
            HttpPurpose::Http2 => &tls.http2,
        };
        let stream = connector.connect(tls.name.clone(), stream).await?;
        let agreed = stream.get_ref().1.alpn_protocol();
        // A server that knows nothing of ALPN says nothing, and means HTTP/1.1.
        if purpose == HttpPurpose::Http2 && agreed != Some(HTTP2) {
            return Err(io::Error::other("the server does not speak HTTP/2"));
        }
        Ok(NetStream::Tls(Box::new(stream)))
    }
}

impl EntranceTlsRoute {
    fn new(host: &str, entrance: &StormEntrance) -> Result<Self, String> {
        let name = ServerName::try_from(host.to_owned()).map_err(|error| error.to_string())?;
        let config = client_config(entrance.authority.as_deref(), entrance.system)?;
        let with = |protocol: &[u8]| {
            let mut config = config.clone();
            config.alpn_protocols = vec![protocol.to_vec()];
            TlsConnector::from(Arc::new(config))
        };
        Ok(Self {
            name,
            http1: with(HTTP1),
            http2: with(HTTP2),
        })
    }
}

/// Trust in the given authorities, in those of the system, or in both. Every user shares it, and so resumes the
/// TLS sessions of others: cheaper for the server than strangers, as with browsers that come back.
fn client_config(authority: Option<&str>, system: bool) -> Result<ClientConfig, String> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    let Some(text) = authority else {
        let builder = builder
            .with_platform_verifier()
            .map_err(|error| error.to_string())?;
        return Ok(builder.with_no_client_auth());
    };
    let mut given = Vec::new();
    for certificate in CertificateDer::pem_slice_iter(text.as_bytes()) {
        given.push(certificate.map_err(|error| format!("the authority: {error}"))?);
    }
    if system {
        let verifier = Verifier::new_with_extra_roots(given, provider);
        let verifier = verifier.map_err(|error| error.to_string())?;
        let builder = builder.dangerous();
        let builder = builder.with_custom_certificate_verifier(Arc::new(verifier));
        return Ok(builder.with_no_client_auth());
    }
    let mut roots = RootCertStore::empty();
    for certificate in given {
        roots
            .add(certificate)
            .map_err(|error| format!("the authority: {error}"))?;
    }
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

/// A socket that connects from one of this host's addresses.
fn socket_from(source: IpAddr) -> io::Result<TcpSocket> {
    let socket = match source {
        IpAddr::V4(_) => TcpSocket::new_v4()?,
        IpAddr::V6(_) => TcpSocket::new_v6()?,
    };
    choose_port_late(&socket)?;
    socket.bind(SocketAddr::new(source, 0))?;
    Ok(socket)
}

/// Leaves the port to be chosen when the socket connects. One that is taken before is taken towards
/// all entrances; later it has to be free towards one alone.
#[cfg(target_os = "linux")]
fn choose_port_late(socket: &TcpSocket) -> io::Result<()> {
    use nix::sys::socket::{setsockopt, sockopt::IpBindAddressNoPort};

    setsockopt(socket, IpBindAddressNoPort, &true)?;
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn choose_port_late(_socket: &TcpSocket) -> io::Result<()> {
    Ok(())
}

/// A connection, encrypted or not.
#[derive(Debug)]
pub(crate) enum NetStream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl NetStream {
    /// Whether the other side has closed it, as far as is known without waiting.
    pub(crate) fn is_closed(&self) -> bool {
        match self {
            // Nothing is to be read before something was asked for: what there is, is the end.
            Self::Plain(stream) => {
                !matches!(stream.try_read(&mut [0]), Err(error) if error.kind() == io::ErrorKind::WouldBlock)
            }
            // There may be a ticket to be read; an end shows when the connection is used.
            Self::Tls(_) => false,
        }
    }
}

impl AsyncRead for NetStream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for NetStream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(context),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_shutdown(context),
        }
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::net::Ipv4Addr;

    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn the_port_is_chosen_with_the_connection() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let second = Ipv4Addr::new(127, 0, 0, 2);
        let socket = socket_from(second.into()).unwrap();
        assert_eq!(socket.local_addr().unwrap().port(), 0);
        let to = listener.local_addr().unwrap();
        let (connected, accepted) = tokio::join!(socket.connect(to), listener.accept());
        let from = connected.unwrap().local_addr().unwrap();
        assert_eq!(from.ip(), IpAddr::V4(second));
        assert_ne!(from.port(), 0);
        assert_eq!(accepted.unwrap().1, from);
    }
}
