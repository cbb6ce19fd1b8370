//! How agents connect to the entrance: plain or by TLS, at an address that may not be in DNS.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt as _;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::wire::EntranceTls;

/// A connection, encrypted or not.
pub(super) trait ByteStream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> ByteStream for T {}

/// Where the server is found.
#[derive(Clone, Debug)]
pub(super) struct Entrance {
    pub(super) host: String,
    port: u16,
    /// In place of what DNS says.
    address: Option<IpAddr>,
    pub(super) tls: Option<Arc<ClientConfig>>,
}

impl Entrance {
    /// The entrance at a URL; one by HTTPS whose address is in DNS needs no more than that.
    pub(super) fn new(url: &str, tls: Option<&EntranceTls>) -> Result<Self, String> {
        let parsed = reqwest::Url::parse(url).map_err(|error| format!("`{url}`: {error}"))?;
        let host = parsed.host_str().unwrap_or_default().to_owned();
        let port = parsed.port_or_known_default();
        let port = port.ok_or_else(|| format!("`{url}` has no port"))?;
        let config = match parsed.scheme() {
            "https" => {
                let authority = tls.and_then(|tls| tls.authority.as_deref());
                Some(Arc::new(config(authority)?))
            }
            _ => None,
        };
        Ok(Self {
            host,
            port,
            address: tls.map(|tls| tls.address),
            tls: config,
        })
    }

    /// The address to connect to in place of the one in DNS.
    pub(super) fn fixed_address(&self) -> Option<SocketAddr> {
        let address = self.address?;
        Some(SocketAddr::new(address, self.port))
    }

    /// The URL of the websocket.
    pub(super) fn websocket_url(&self) -> String {
        let scheme = if self.tls.is_some() { "wss" } else { "ws" };
        format!("{scheme}://{}:{}/api/v4/websocket", self.host, self.port)
    }

    /// A new connection.
    pub(super) async fn connect(&self) -> Result<Box<dyn ByteStream>, String> {
        let stream = match self.fixed_address() {
            Some(address) => TcpStream::connect(address).await,
            None => TcpStream::connect((self.host.as_str(), self.port)).await,
        };
        let stream = stream.map_err(|error| error.to_string())?;
        stream
            .set_nodelay(true)
            .map_err(|error| error.to_string())?;
        let Some(tls) = &self.tls else {
            return Ok(Box::new(stream));
        };
        let name = ServerName::try_from(self.host.clone()).map_err(|error| error.to_string())?;
        let connected = TlsConnector::from(Arc::clone(tls)).connect(name, stream);
        let connected = connected.await.map_err(|error| error.to_string())?;
        Ok(Box::new(connected))
    }
}

/// Trust in one authority, or in those of the system.
fn config(authority: Option<&str>) -> Result<ClientConfig, String> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider);
    let builder = builder
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    let Some(text) = authority else {
        let builder = builder
            .with_platform_verifier()
            .map_err(|error| error.to_string())?;
        return Ok(builder.with_no_client_auth());
    };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(text.as_bytes()) {
        let certificate = certificate.map_err(|error| format!("the authority: {error}"))?;
        roots
            .add(certificate)
            .map_err(|error| format!("the authority: {error}"))?;
    }
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn websockets_follow_the_scheme_of_the_url() {
        let plain = Entrance::new("http://10.0.0.10", None).unwrap();
        assert_eq!(plain.websocket_url(), "ws://10.0.0.10:80/api/v4/websocket");
        assert!(plain.fixed_address().is_none());
        let tls = EntranceTls {
            address: "10.0.0.10".parse().unwrap(),
            authority: None,
        };
        let secure = Entrance::new("https://chat.example.com", Some(&tls)).unwrap();
        assert_eq!(
            secure.websocket_url(),
            "wss://chat.example.com:443/api/v4/websocket"
        );
        assert_eq!(secure.fixed_address(), "10.0.0.10:443".parse().ok());
    }

    #[test]
    fn an_authority_that_is_no_certificate_is_refused() {
        let tls = EntranceTls {
            address: "10.0.0.10".parse().unwrap(),
            authority: Some(
                "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".into(),
            ),
        };
        let error = Entrance::new("https://chat.example.com", Some(&tls)).unwrap_err();
        assert!(error.starts_with("the authority"), "{error}");
    }
}
