//! How agents connect to the entrance: plain or by TLS, at an address that may not be in DNS.

use std::net::SocketAddr;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{CertificateError, ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::wire::EntranceRoute;

/// A connection, encrypted or not.
pub(super) trait ByteStream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> ByteStream for T {}

/// Where the server is found.
#[derive(Clone, Debug)]
pub(super) struct Entrance {
    host: String,
    port: u16,
    /// In place of what URL and DNS say.
    elsewhere: Option<Elsewhere>,
    pub(super) tls: Option<Arc<ClientConfig>>,
}

/// Where an entrance is reached in place of what its URL says: an address, or a name that is looked up for each
/// connection, since a load balancer changes its addresses.
#[derive(Clone, Debug)]
struct Elsewhere {
    /// The name in the URL.
    host: String,
    connect_to: String,
    port: u16,
}

impl Resolve for Elsewhere {
    fn resolve(&self, name: Name) -> Resolving {
        // A redirection may lead to other hosts; port 0 is the URL's.
        let (to, port) = match name.as_str().eq_ignore_ascii_case(&self.host) {
            true => (self.connect_to.clone(), self.port),
            false => (name.as_str().to_owned(), 0),
        };
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((to, port)).await?.collect();
            let found: Addrs = Box::new(found.into_iter());
            Ok(found)
        })
    }
}

impl Entrance {
    /// The entrance at a URL; one whose address is in DNS needs no more than that.
    pub(super) fn new(url: &str, route: Option<&EntranceRoute>) -> Result<Self, String> {
        let parsed = reqwest::Url::parse(url).map_err(|error| format!("`{url}`: {error}"))?;
        let host = parsed.host_str().unwrap_or_default().to_owned();
        let port = parsed.port_or_known_default();
        let port = port.ok_or_else(|| format!("`{url}` has no port"))?;
        let config = match parsed.scheme() {
            "https" => {
                let authority = route.and_then(|route| route.authority.as_deref());
                let system = route.is_some_and(|route| route.system);
                Some(Arc::new(trust_config(authority, system)?))
            }
            _ => None,
        };
        let elsewhere = route.map(|route| Elsewhere {
            host: host.clone(),
            connect_to: route.connect_to.clone(),
            port: route.port.unwrap_or(port),
        });
        Ok(Self {
            host,
            port,
            elsewhere,
            tls: config,
        })
    }

    /// What HTTP clients look its name up with, where that is not DNS alone.
    pub(super) fn resolver(&self) -> Option<Arc<dyn Resolve>> {
        let elsewhere = self.elsewhere.clone()?;
        Some(Arc::new(elsewhere))
    }

    /// The URL of the websocket.
    pub(super) fn websocket_url(&self) -> String {
        let scheme = if self.tls.is_some() { "wss" } else { "ws" };
        format!("{scheme}://{}:{}/api/v4/websocket", self.host, self.port)
    }

    /// A new connection.
    pub(super) async fn connect(&self) -> Result<Box<dyn ByteStream>, String> {
        let stream = match &self.elsewhere {
            Some(at) => TcpStream::connect((at.connect_to.as_str(), at.port)).await,
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

/// Trust in these authorities, in those of the system, or in both.
pub(super) fn trust_config(authority: Option<&str>, system: bool) -> Result<ClientConfig, String> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider));
    let builder = builder
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    let mut given = Vec::new();
    for certificate in CertificateDer::pem_slice_iter(authority.unwrap_or_default().as_bytes()) {
        given.push(certificate.map_err(|error| format!("the authority: {error}"))?);
    }
    let mut roots = RootCertStore::empty();
    for certificate in &given {
        roots
            .add(certificate.clone())
            .map_err(|error| format!("the authority: {error}"))?;
    }
    if authority.is_some() && !system {
        return Ok(builder.with_root_certificates(roots).with_no_client_auth());
    }
    let verifier = Verifier::new_with_extra_roots(given, provider);
    let verifier = verifier.map_err(|error| error.to_string())?;
    let builder = builder.dangerous();
    let builder = builder.with_custom_certificate_verifier(Arc::new(verifier));
    Ok(builder.with_no_client_auth())
}

/// Why a certificate is not accepted, if that is what an error is about.
pub(super) fn certificate_fault(error: &(dyn std::error::Error + 'static)) -> Option<String> {
    let inner = error.downcast_ref::<std::io::Error>();
    // An error of I/O has what it wraps inside, not as its source.
    let inner = inner.and_then(|error| error.get_ref()?.downcast_ref::<rustls::Error>());
    let error = inner.or_else(|| error.downcast_ref::<rustls::Error>())?;
    let rustls::Error::InvalidCertificate(error) = error else {
        return None;
    };
    Some(match error {
        // An authority that was made anew has the name of the one before.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "it is not from the authority that is trusted here".to_owned()
        }
        other => other.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_of_a_stranger_is_told_from_a_server_that_is_gone() {
        let stranger = || rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer);
        let expected = "it is not from the authority that is trusted here";
        assert_eq!(certificate_fault(&stranger()).as_deref(), Some(expected));
        let wrapped = std::io::Error::other(stranger());
        assert_eq!(certificate_fault(&wrapped).as_deref(), Some(expected));
        let gone = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
        assert_eq!(certificate_fault(&gone), None);
        assert_eq!(certificate_fault(&rustls::Error::DecryptError), None);
    }

    #[test]
    fn websockets_follow_the_scheme_of_the_url() {
        let plain = Entrance::new("http://10.0.0.10", None).unwrap();
        assert_eq!(plain.websocket_url(), "ws://10.0.0.10:80/api/v4/websocket");
        let tls = EntranceRoute {
            connect_to: "10.0.0.10".to_owned(),
            port: None,
            authority: None,
            system: false,
        };
        let secure = Entrance::new("https://chat.example.com", Some(&tls)).unwrap();
        assert_eq!(
            secure.websocket_url(),
            "wss://chat.example.com:443/api/v4/websocket"
        );
    }

    /// A load balancer whose own name alone is in DNS, or that only hosts reach, through a port of this machine.
    #[tokio::test]
    async fn an_entrance_is_reached_at_another_name_or_address_and_port_by_its_own_name() {
        for connect_to in ["127.0.0.1", "localhost"] {
            let (http, socket) = asked_at(connect_to).await;
            for request in [http, socket] {
                assert!(
                    request.contains("host: chat.elb.invalid\r\n"),
                    "{connect_to}: {request}"
                );
            }
        }
    }

    /// What a server hears of a request and of a plain connection that are made there.
    async fn asked_at(connect_to: &str) -> (String, String) {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let served = tokio::spawn(async move {
            let mut heard = Vec::new();
            while heard.len() < 2 {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut request = vec![0; 4096];
                let length = stream.read(&mut request).await.unwrap();
                let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}";
                stream.write_all(answer).await.unwrap();
                heard.push(String::from_utf8_lossy(&request[..length]).to_lowercase());
            }
            heard
        });
        let route = EntranceRoute {
            connect_to: connect_to.to_owned(),
            port: Some(at.port()),
            authority: None,
            system: false,
        };
        let url = "http://chat.elb.invalid";
        let api = crate::loadtest::api::Api::new(url, Some(&route)).unwrap();
        api.ping().await.unwrap();
        let mut socket = api.entrance.connect().await.unwrap();
        let request = b"GET / HTTP/1.1\r\nHost: chat.elb.invalid\r\n\r\n";
        socket.write_all(request).await.unwrap();
        let heard = served.await.unwrap();
        (heard[0].clone(), heard[1].clone())
    }

    #[test]
    fn an_authority_that_is_no_certificate_is_refused() {
        let tls = EntranceRoute {
            connect_to: "10.0.0.10".to_owned(),
            port: None,
            authority: Some(
                "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".into(),
            ),
            system: false,
        };
        let error = Entrance::new("https://chat.example.com", Some(&tls)).unwrap_err();
        assert!(error.starts_with("the authority"), "{error}");
    }
}
