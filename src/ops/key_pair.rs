//! Whether a private key can be used and belongs to a certificate: by the files alone, before anything is
//! created.

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// What is wrong with a certificate and its key.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum KeyPairFault {
    /// The key has a passphrase.
    Encrypted,
    /// The key cannot be read.
    Key(String),
    /// The certificate cannot be read.
    Certificate(String),
    /// The key belongs to another certificate.
    OtherKey,
}

/// Refuses a key that cannot be used without asking, or that is not the certificate's. `key` is PEM.
///
/// # Errors
/// What is wrong.
pub(super) fn check_pair(
    certificate: &CertificateDer<'_>,
    key: &str,
    provider: &CryptoProvider,
) -> Result<(), KeyPairFault> {
    // PKCS #8 says so in its label, the older forms in a header.
    if key.contains("BEGIN ENCRYPTED PRIVATE KEY") || key.contains("Proc-Type: 4,ENCRYPTED") {
        return Err(KeyPairFault::Encrypted);
    }
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes())
        .map_err(|error| KeyPairFault::Key(error.to_string()))?;
    let key = provider
        .key_provider
        .load_private_key(key)
        .map_err(|error| KeyPairFault::Key(error.to_string()))?;
    let public = public_key(certificate).ok_or_else(no_certificate)?;
    match key.public_key() {
        Some(own) if own.as_ref() != public => Err(KeyPairFault::OtherKey),
        _ => Ok(()),
    }
}

/// The certificates of a PEM text, the first of which is one.
///
/// # Errors
/// When a block cannot be decoded, or there is no certificate in the first.
pub(super) fn certificates(text: &str) -> Result<Vec<CertificateDer<'static>>, KeyPairFault> {
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(text.as_bytes())
        .collect::<Result<_, _>>()
        .map_err(|error| KeyPairFault::Certificate(error.to_string()))?;
    match chain.first().and_then(|own| public_key(own)) {
        Some(_) => Ok(chain),
        None => Err(no_certificate()),
    }
}

fn no_certificate() -> KeyPairFault {
    KeyPairFault::Certificate("it is no X.509 certificate".to_owned())
}

/// The `SubjectPublicKeyInfo` of a certificate, RFC 5280. Read here because the TLS library takes certificates
/// of version 3 alone, and those of identity providers are often of version 1.
fn public_key<'a>(certificate: &'a CertificateDer<'_>) -> Option<&'a [u8]> {
    const CONSTRUCTED: u8 = 0x30;
    const VERSION: u8 = 0xa0;
    let signed = Element::read(certificate)?.content;
    let mut rest = Element::read(signed)?.content;
    if rest.first() == Some(&VERSION) {
        rest = Element::read(rest)?.rest;
    }
    // Serial number, signature algorithm, issuer, validity, subject.
    for _ in 0..5 {
        rest = Element::read(rest)?.rest;
    }
    let key = Element::read(rest)?;
    (key.tag == CONSTRUCTED).then_some(key.whole)
}

/// An element of DER.
struct Element<'a> {
    tag: u8,
    whole: &'a [u8],
    content: &'a [u8],
    /// What comes after it.
    rest: &'a [u8],
}

impl<'a> Element<'a> {
    fn read(der: &'a [u8]) -> Option<Self> {
        let (&tag, after_tag) = der.split_first()?;
        let (&first, after_first) = after_tag.split_first()?;
        let (length, body) = match first {
            0..=0x7f => (usize::from(first), after_first),
            _ => {
                let (bytes, body) = after_first.split_at_checked(usize::from(first & 0x7f))?;
                let length = bytes.iter().try_fold(0_usize, |length, &byte| {
                    length.checked_mul(256)?.checked_add(usize::from(byte))
                })?;
                (length, body)
            }
        };
        let (content, rest) = body.split_at_checked(length)?;
        let whole = &der[..der.len() - rest.len()];
        Some(Self {
            tag,
            whole,
            content,
            rest,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rcgen::{CertificateParams, KeyPair};

    use super::*;

    fn pair() -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["a.example.com".to_owned()]).unwrap();
        (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
    }

    fn check(certificate: &str, key: &str) -> Result<(), KeyPairFault> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        check_pair(&certificates(certificate)?[0], key, &provider)
    }

    #[test]
    fn a_key_belongs_to_one_certificate() {
        let (certificate, key) = pair();
        assert_eq!(check(&certificate, &key), Ok(()));
        assert_eq!(check(&certificate, &pair().1), Err(KeyPairFault::OtherKey));
        let encrypted = key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
        assert_eq!(
            check(&certificate, &encrypted),
            Err(KeyPairFault::Encrypted)
        );
        assert!(matches!(
            check(&certificate, "no key"),
            Err(KeyPairFault::Key(_))
        ));
    }

    #[test]
    fn what_is_labelled_a_certificate_has_to_be_one() {
        let (_, key) = pair();
        let labelled = key.replace("PRIVATE KEY", "CERTIFICATE");
        for text in ["", key.as_str(), labelled.as_str()] {
            assert_eq!(certificates(text), Err(no_certificate()), "{text}");
        }
    }
}
