//! TLS of connections that the server opens: whom they trust. It may not know what they are for.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

/// Why no TLS connector could be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsError {
    /// The file of root certificates is missing or damaged.
    #[error("cannot read root certificates from `{}` (sslrootcert)", path.display())]
    RootFile {
        path: PathBuf,
        #[source]
        source: rustls::pki_types::pem::Error,
    },
    /// Nothing to trust.
    #[error("no usable root certificate in {0}")]
    NoRoots(String),
    /// The TLS library refused its settings.
    #[error("TLS cannot be set up")]
    Setup(#[from] rustls::Error),
}

/// Settings that verify chain and host name against `root_file`, or
/// against the system's trust store.
///
/// # Errors
/// When there is no certificate to trust.
pub(crate) fn verifying(root_file: Option<&Path>) -> Result<ClientConfig, TlsError> {
    let mut roots = RootCertStore::empty();
    let (certificates, origin) = match root_file {
        Some(path) => (read_certificates(path)?, format!("`{}`", path.display())),
        None => (
            rustls_native_certs::load_native_certs().certs,
            "the system's trust store".to_owned(),
        ),
    };
    roots.add_parsable_certificates(certificates);
    if roots.is_empty() {
        return Err(TlsError::NoRoots(origin));
    }
    Ok(ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

/// Settings that encrypt and verify nothing: what `sslmode=require`
/// means to PostgreSQL's clients.
///
/// # Errors
/// When the TLS library refuses its settings.
pub(crate) fn encrypting_only() -> Result<ClientConfig, TlsError> {
    let provider = provider();
    Ok(ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AcceptAny { provider }))
        .with_no_client_auth())
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(|source| TlsError::RootFile {
            path: path.to_owned(),
            source,
        })
}

#[derive(Debug)]
struct AcceptAny {
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for AcceptAny {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_root_file_is_named() {
        let error = verifying(Some(Path::new("/nowhere/ca.pem"))).expect_err("missing");
        assert!(error.to_string().contains("`/nowhere/ca.pem`"), "{error}");
    }

    #[test]
    fn file_without_a_certificate_is_refused() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let path = dir.path().join("empty.pem");
        std::fs::write(&path, "").expect("write");
        assert!(matches!(verifying(Some(&path)), Err(TlsError::NoRoots(_))));
    }
}
