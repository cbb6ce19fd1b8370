//! TLS at the proxies: under which name, and with whose certificate.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// TLS at the proxies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProxyTls {
    /// The name that people use, led to the proxies by their own DNS.
    pub host_name: String,
    /// The certificate for it.
    pub certificate: TlsCertificate,
}

impl ProxyTls {
    /// How the certificate comes about, and what is open to the internet for that, where it does by ACME.
    #[must_use]
    pub fn issuing(&self) -> Option<String> {
        let acme = self.acme()?;
        Some(format!(
            "from {} once `{}` leads to the proxies; port 80 of the proxies is open to the internet for that, \
             since nobody knows which addresses an ACME server asks from (443 is not)",
            acme.directory, self.host_name
        ))
    }

    /// The ACME server that issues the certificate, if one does.
    #[must_use]
    pub fn acme(&self) -> Option<&Acme> {
        match &self.certificate {
            TlsCertificate::Acme(acme) => Some(acme),
            TlsCertificate::Private | TlsCertificate::Files { .. } => None,
        }
    }
}

/// Where the certificate comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TlsCertificate {
    /// An authority of the environment's own, which derives from its seed.
    Private,
    /// An authority that is asked by ACME (RFC 8555), and proves by HTTP that the name leads to the proxies.
    Acme(Acme),
    /// Files on the operator's machine.
    Files {
        /// The certificate and those between it and its authority, PEM.
        certificate: PathBuf,
        /// Its private key, PEM.
        key: PathBuf,
        /// The authority, PEM, where it is not one that systems trust.
        authority: Option<PathBuf>,
    },
}

/// An ACME server, and the account there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acme {
    /// Where the server writes to when a certificate is about to end.
    pub email: String,
    /// URL of the server's directory.
    pub directory: String,
    /// The authorities of the server itself and of its certificates, PEM, where systems do not trust
    /// them by themselves.
    pub authority: Option<PathBuf>,
}

impl Acme {
    /// Let's Encrypt, as it issues certificates that systems trust (<https://letsencrypt.org/getting-started/>).
    pub const LETS_ENCRYPT: &'static str = "https://acme-v02.api.letsencrypt.org/directory";

    /// Whether the server is Let's Encrypt, which finds names in public DNS alone and limits how many
    /// certificates it issues.
    #[must_use]
    pub fn is_lets_encrypt(&self) -> bool {
        let host = self.directory.strip_prefix("https://").unwrap_or_default();
        let host = host.split(['/', ':']).next().unwrap_or_default();
        host.ends_with(".letsencrypt.org")
    }
}
