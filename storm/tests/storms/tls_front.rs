//! TLS before the server, as a proxy has it: with a certificate of a private authority. What is
//! within goes on to the server as it is, whichever protocol was agreed on.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use loadrig_storm::StormEntrance;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// The name in the certificate.
pub const NAME: &str = "chat.example.com";

/// A private authority.
pub struct FrontAuthority {
    pub pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl FrontAuthority {
    pub fn new() -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let pem = params.self_signed(&key).expect("a certificate").pem();
        Self {
            pem,
            issuer: Issuer::new(params, key),
        }
    }

    /// A server with a certificate for [`NAME`] that knows these protocols.
    pub fn acceptor(&self, protocols: &[&str]) -> TlsAcceptor {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(vec![NAME.to_owned()]).expect("a name");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::Pkcs8(key.serialize_der().into()),
            )
            .expect("a pair");
        config.alpn_protocols = protocols
            .iter()
            .map(|name| name.as_bytes().to_vec())
            .collect();
        TlsAcceptor::from(Arc::new(config))
    }

    /// The way to a server with such a certificate, for clients that trust the authority.
    pub fn entrance(&self, port: u16) -> StormEntrance {
        StormEntrance {
            url: format!("https://{NAME}"),
            connect_to: Some(Ipv4Addr::LOCALHOST.to_string()),
            port: Some(port),
            authority: Some(self.pem.clone()),
            system: false,
        }
    }
}

/// The proxy.
pub struct TlsFront {
    pub port: u16,
    agreed: Arc<Mutex<BTreeMap<String, u32>>>,
}

impl TlsFront {
    /// Passes on to the server at this URL what comes by one of these protocols.
    pub async fn start(url: &str, authority: &FrontAuthority, protocols: &[&str]) -> Self {
        let server = url.trim_start_matches("http://").to_owned();
        let acceptor = authority.acceptor(protocols);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("address").port();
        let agreed = Arc::<Mutex<BTreeMap<String, u32>>>::default();
        let noted = Arc::clone(&agreed);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (server, acceptor) = (server.clone(), acceptor.clone());
                let noted = Arc::clone(&noted);
                tokio::spawn(async move {
                    // Clients that do not trust it end the handshake.
                    let Ok(mut client) = acceptor.accept(client).await else {
                        return;
                    };
                    let protocol = client.get_ref().1.alpn_protocol().unwrap_or_default();
                    let protocol = String::from_utf8_lossy(protocol).into_owned();
                    *noted.lock().expect("no panic").entry(protocol).or_default() += 1;
                    let mut server = TcpStream::connect(&server).await.expect("the server");
                    // Either side may go; the other one notices.
                    let _ = copy_bidirectional(&mut client, &mut server).await;
                });
            }
        });
        Self { port, agreed }
    }

    /// Connections by the protocol that was agreed on.
    pub fn agreed(&self) -> BTreeMap<String, u32> {
        self.agreed.lock().expect("no panic").clone()
    }
}
