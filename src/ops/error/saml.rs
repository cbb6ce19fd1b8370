//! Why nobody could log in with the files for an identity provider.

use crate::diagnose::{Diagnose, ExitCode};
use crate::hosts::BundleError;

/// Why nobody could log in with the files for an identity provider.
#[derive(Debug, thiserror::Error)]
pub enum SamlRefusal {
    /// A file cannot be read, or is not PEM.
    #[error(transparent)]
    File(#[from] BundleError),
    /// There is something else in the file.
    #[error("`mattermost.saml.{key}` is of no use: {reason}")]
    Content {
        /// The key below `mattermost.saml` that names the file.
        key: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// A private key stands where the server wants a certificate.
    #[error(
        "`mattermost.saml.idp_certificate_file` holds a private key, which is nobody's but the provider's"
    )]
    ProviderKey,
    /// The key is encrypted.
    #[error(
        "the key of `mattermost.saml.{key}` has a passphrase, for which the server cannot be asked"
    )]
    EncryptedKey {
        /// `key_file` or `key_env`.
        key: &'static str,
    },
    /// The key belongs to another certificate.
    #[error("`mattermost.saml.{key}` is not the key of `mattermost.saml.certificate_file`")]
    OtherKey {
        /// `key_file` or `key_env`.
        key: &'static str,
    },
}

impl Diagnose for SamlRefusal {
    fn hints(&self) -> Vec<String> {
        let hint = match self {
            Self::File(error) => return error.hints(),
            Self::Content { .. } => "look at what is in the file",
            Self::ProviderKey => "give the certificate alone, as the provider's metadata has it",
            Self::EncryptedKey { .. } => {
                "`openssl pkey -in KEY -out FILE` writes it without a passphrase, readable for you alone"
            }
            Self::OtherKey { .. } => "give the key that the certificate was made with",
        };
        vec![hint.to_owned()]
    }

    fn exit_code(&self) -> ExitCode {
        ExitCode::Usage
    }
}
