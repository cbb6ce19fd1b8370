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

/// Where the certificate comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TlsCertificate {
    /// An authority of the environment's own, which derives from its seed.
    Private,
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
