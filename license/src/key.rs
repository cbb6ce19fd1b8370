//! Who signs licenses, and the keys they are checked with.

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA512, UnparsedPublicKey};
use rustls_pki_types::SubjectPublicKeyInfoDer;
use rustls_pki_types::pem::PemObject;

/// Length of the signature at the end of a license.
pub const SIGNATURE_BYTES: usize = 256;

/// Published with the server: `server/channels/utils/license-public-key.txt` in
/// <https://github.com/mattermost/mattermost>.
const PRODUCTION: &str = include_str!("../keys/production.pem");

/// Published with the server: `server/channels/utils/license-public-key-test.txt`.
const TEST: &str = include_str!("../keys/test.pem");

/// The stand-in's own; its private half is in this repository too.
const STANDIN: &str = include_str!("../keys/standin.pem");

/// Who signed a license, and so which servers accept it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Issuer {
    /// Mattermost, for every server in the service environment `production`.
    Production,
    /// Mattermost, for servers with `MM_SERVICEENVIRONMENT` `test` or `dev`.
    Test,
    /// This repository, for the stand-in server alone.
    Standin,
}

impl Issuer {
    /// All of them, the one that most licenses are from first.
    pub const ALL: [Self; 3] = [Self::Production, Self::Test, Self::Standin];

    /// What its licenses are called in messages.
    pub const fn license(self) -> &'static str {
        match self {
            Self::Production => "a production license",
            Self::Test => "a test license",
            Self::Standin => "a license of the stand-in server",
        }
    }

    /// Whether this issuer made `signature` over `text`.
    pub(crate) fn signed(self, text: &[u8], signature: &[u8]) -> bool {
        let pem = match self {
            Self::Production => PRODUCTION,
            Self::Test => TEST,
            Self::Standin => STANDIN,
        };
        SubjectPublicKeyInfoDer::from_pem_slice(pem.as_bytes()).is_ok_and(|key| {
            UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA512, &key)
                .verify(text, signature)
                .is_ok()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_read() {
        for issuer in Issuer::ALL {
            let pem = match issuer {
                Issuer::Production => PRODUCTION,
                Issuer::Test => TEST,
                Issuer::Standin => STANDIN,
            };
            let key = SubjectPublicKeyInfoDer::from_pem_slice(pem.as_bytes()).expect("PEM");
            assert!(
                aws_lc_rs::signature::ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA512, &key)
                    .is_ok(),
                "{issuer:?}"
            );
        }
    }
}
