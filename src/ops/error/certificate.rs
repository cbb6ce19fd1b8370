//! Why a certificate is of no use to proxies or clients.

use crate::diagnose::{Diagnose, ExitCode};
use crate::hosts::BundleError;

/// Why a certificate is of no use to proxies or clients.
#[derive(Debug, thiserror::Error)]
pub enum CertificateRefusal {
    /// A file cannot be read, or is not PEM.
    #[error(transparent)]
    File(#[from] BundleError),
    /// There is something else in the file.
    #[error("`{key}` is of no use: {reason}")]
    Content {
        /// The key of the YAML that names the file.
        key: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The key is encrypted.
    #[error("`tls.key_file` is encrypted: nginx would ask for its passphrase at every start")]
    EncryptedKey,
    /// The key belongs to another certificate.
    #[error("`tls.key_file` is not the key of `tls.certificate_file`")]
    OtherKey,
    /// It is not valid now.
    #[error("the certificate {0}")]
    NotNow(String),
    /// It is for other names.
    #[error("the certificate is for {presented}, not for `{wanted}`")]
    OtherName {
        /// The names in it.
        presented: String,
        /// The name that people use.
        wanted: String,
    },
    /// It is not one of a server.
    #[error("the certificate is not for servers: {0}")]
    OtherPurpose(String),
    /// Nobody who is trusted signed it.
    #[error("`tls.certificate_file` does not lead to {authority}")]
    UnknownIssuer {
        /// Who was expected to have signed it.
        authority: &'static str,
    },
    /// Anything else that clients would refuse it for.
    #[error("clients would refuse the certificate: {0}")]
    Invalid(String),
}

impl CertificateRefusal {
    /// The key of the YAML that names the file: of the proxies' certificate, where the error does not say it.
    pub(in crate::ops) fn key(&self) -> &'static str {
        match self {
            Self::EncryptedKey | Self::OtherKey => "tls.key_file",
            Self::Content { key, .. } => key,
            _ => "tls.certificate_file",
        }
    }
}

impl Diagnose for CertificateRefusal {
    fn hints(&self) -> Vec<String> {
        let hint = match self {
            Self::File(error) => return error.hints(),
            Self::EncryptedKey => {
                "`openssl pkey -in KEY -out FILE` writes it without a passphrase, readable for you alone"
            }
            Self::OtherKey => "give the key that the certificate was requested with",
            Self::NotNow(_) => "give a certificate that is valid today",
            Self::OtherName { .. } => {
                "give a certificate with that name among its subject alternative names, or change `tls.host_name`"
            }
            Self::UnknownIssuer { .. } => {
                "the file has to hold the server's certificate first, then each one that signed the one before; \
                 an authority that systems do not trust by themselves belongs in `tls.authority_file`"
            }
            Self::Content { .. } | Self::OtherPurpose(_) | Self::Invalid(_) => return Vec::new(),
        };
        vec![hint.to_owned()]
    }

    fn exit_code(&self) -> ExitCode {
        ExitCode::Usage
    }
}
