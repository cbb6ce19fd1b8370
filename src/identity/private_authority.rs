//! A certificate authority of the environment's own, derived from its seed: it is the same on every
//! machine and in every run, and need not be kept.
//!
//! Signatures are deterministic (RFC 6979) and dates come from the caller, so the same half-year
//! gives the same certificate.

use std::net::IpAddr;

use p256::SecretKey;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use p256::elliptic_curve::sec1::ToEncodedPoint as _;
use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, Issuer, KeyUsagePurpose, NameConstraints,
    PKCS_ECDSA_P256_SHA256, PublicKeyData, SanType, SerialNumber, SignatureAlgorithm,
    date_time_ymd,
};
use secrecy::SecretString;
use sha2::{Digest as _, Sha256};

use super::secrets::Secrets;

/// The authority's years: it is trusted by hand, and outlives every deployment.
const AUTHORITY_YEARS: (i32, i32) = (2025, 2055);
/// The addresses that its certificates may be for: those of private networks (RFC 1918) and of
/// carriers (RFC 6598), which VPCs may use, too.
const PRIVATE_NETWORKS: [([u8; 4], u8); 4] = [
    ([10, 0, 0, 0], 8),
    ([172, 16, 0, 0], 12),
    ([192, 168, 0, 0], 16),
    ([100, 64, 0, 0], 10),
];
/// What precedes the key in PKCS #8's DER form of a P-256 key (RFC 5208, RFC 5915).
const PKCS8_BEFORE_KEY: [u8; 36] = [
    0x30, 0x81, 0x87, 0x02, 0x01, 0x00, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02,
    0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x04, 0x6d, 0x30, 0x6b, 0x02,
    0x01, 0x01, 0x04, 0x20,
];
/// What stands between private and public key.
const PKCS8_BEFORE_POINT: [u8; 5] = [0xa1, 0x44, 0x03, 0x42, 0x00];

/// A half of a year, from which certificates are valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HalfYear {
    year: i32,
    month: u8,
}

impl HalfYear {
    /// The half that a month belongs to.
    #[must_use]
    pub fn of(year: i32, month: u8) -> Self {
        Self {
            year,
            month: if month < 7 { 1 } else { 7 },
        }
    }
}

/// A certificate with its key.
#[derive(Clone, Debug)]
pub struct IssuedCertificate {
    /// PEM.
    pub certificate: String,
    /// PEM.
    pub key: SecretString,
}

/// The authority of an environment and of one host name: whoever could read the seed could not use
/// it against those who trust it for any other site (RFC 5280, 4.2.1.10).
pub struct PrivateAuthority {
    key: DerivedKey,
    leaf: DerivedKey,
    environment: String,
    host_name: String,
}

/// A P-256 key with its public half.
struct DerivedKey {
    secret: SecretKey,
    point: Vec<u8>,
}

impl DerivedKey {
    fn new(secrets: &Secrets, label: &str) -> Option<Self> {
        // One in 2^32 texts is no key; the next label is then used, always the same.
        let secret = (0..8).find_map(|attempt| {
            let bytes = secrets.bytes(&format!("{label}/{attempt}"));
            SecretKey::from_slice(&bytes).ok()
        })?;
        let point = secret.public_key().to_encoded_point(false);
        Some(Self {
            secret,
            point: point.as_bytes().to_vec(),
        })
    }

    fn pem(&self) -> SecretString {
        let mut der = PKCS8_BEFORE_KEY.to_vec();
        der.extend_from_slice(&self.secret.to_bytes());
        der.extend_from_slice(&PKCS8_BEFORE_POINT);
        der.extend_from_slice(&self.point);
        SecretString::from(pem("PRIVATE KEY", &der))
    }
}

impl PublicKeyData for DerivedKey {
    fn der_bytes(&self) -> &[u8] {
        &self.point
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_ECDSA_P256_SHA256
    }
}

impl rcgen::SigningKey for DerivedKey {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        let key = SigningKey::from(&self.secret);
        let signature: Signature = key.sign(message);
        let (r, s) = signature.split_bytes();
        let mut both = integer(&r);
        both.extend(integer(&s));
        let mut der = vec![0x30, both.len() as u8];
        der.extend(both);
        Ok(der)
    }
}

/// An unsigned number as a DER integer; 34 bytes at the most.
fn integer(bytes: &[u8]) -> Vec<u8> {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    let digits = &bytes[zeros.min(bytes.len().saturating_sub(1))..];
    let sign = usize::from(digits.first().is_some_and(|byte| byte & 0x80 != 0));
    let mut der = vec![0x02, (digits.len() + sign) as u8];
    der.extend(std::iter::repeat_n(0, sign));
    der.extend_from_slice(digits);
    der
}

fn pem(label: &str, der: &[u8]) -> String {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let lines: Vec<&str> = text
        .as_bytes()
        .chunks(64)
        .filter_map(|line| std::str::from_utf8(line).ok())
        .collect();
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        lines.join("\n")
    )
}

impl PrivateAuthority {
    /// The authority of an environment; `None` is as good as impossible.
    #[must_use]
    pub fn derive(secrets: &Secrets, environment: &str, host_name: &str) -> Option<Self> {
        Some(Self {
            key: DerivedKey::new(secrets, "tls-authority")?,
            leaf: DerivedKey::new(secrets, "tls-proxies")?,
            environment: environment.to_owned(),
            host_name: host_name.to_owned(),
        })
    }

    fn params(&self) -> CertificateParams {
        let mut params = CertificateParams::default();
        params.distinguished_name = subject(&format!("loadrig {}", self.environment));
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let addresses = PRIVATE_NETWORKS.map(|(network, length)| {
            GeneralSubtree::IpAddress(CidrSubnet::from_v4_prefix(network, length))
        });
        let mut permitted = vec![GeneralSubtree::DnsName(self.host_name.clone())];
        permitted.extend(addresses);
        params.name_constraints = Some(NameConstraints {
            permitted_subtrees: permitted,
            excluded_subtrees: Vec::new(),
        });
        params.not_before = date_time_ymd(AUTHORITY_YEARS.0, 1, 1);
        params.not_after = date_time_ymd(AUTHORITY_YEARS.1, 1, 1);
        params
    }

    /// The authority's certificate, which clients trust, PEM.
    ///
    /// # Errors
    /// When the library refuses.
    pub fn certificate(&self) -> Result<String, rcgen::Error> {
        Ok(self.params().self_signed(&self.key)?.pem())
    }

    /// A certificate of a proxy, with its addresses. It is valid for a year from the beginning of the
    /// half-year, so each `up` of the next half renews it.
    ///
    /// # Errors
    /// When the name is not a host name.
    pub fn issue(
        &self,
        addresses: &[IpAddr],
        from: HalfYear,
    ) -> Result<IssuedCertificate, rcgen::Error> {
        let mut params = CertificateParams::new(vec![self.host_name.clone()])?;
        let sans = addresses.iter().copied().map(SanType::IpAddress);
        params.subject_alt_names.extend(sans);
        params.distinguished_name = subject(&self.host_name.chars().take(64).collect::<String>());
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        params.not_before = date_time_ymd(from.year, from.month, 1);
        params.not_after = date_time_ymd(from.year + 1, from.month, 1);
        params.serial_number = Some(serial_number(&self.host_name, addresses, from));
        let issuer = Issuer::new(self.params(), &self.key);
        Ok(IssuedCertificate {
            certificate: params.signed_by(&self.leaf, &issuer)?.pem(),
            key: self.leaf.pem(),
        })
    }
}

/// Browsers refuse two certificates of one authority that differ and have one number, so it follows
/// from what is in them. Positive, and at most 20 bytes (RFC 5280, 4.1.2.2).
fn serial_number(host_name: &str, addresses: &[IpAddr], from: HalfYear) -> SerialNumber {
    let HalfYear { year, month } = from;
    let digest = Sha256::digest(format!("{host_name} {addresses:?} {year}-{month}"));
    let mut bytes = digest[..16].to_vec();
    bytes[0] = (bytes[0] & 0x7f) | 0x40;
    SerialNumber::from_slice(&bytes)
}

fn subject(common: &str) -> DistinguishedName {
    let mut subject = DistinguishedName::new();
    subject.push(DnType::OrganizationName, "loadrig");
    subject.push(DnType::CommonName, common);
    subject
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use secrecy::ExposeSecret as _;

    use super::*;

    fn authority(seed: u8) -> PrivateAuthority {
        let seed = base64::engine::general_purpose::STANDARD.encode([seed; 32]);
        let secrets = Secrets::from_seed(&SecretString::from(seed)).unwrap();
        PrivateAuthority::derive(&secrets, "demo", "chat.example.com").unwrap()
    }

    fn issued(seed: u8, from: HalfYear) -> IssuedCertificate {
        let address = IpAddr::from([10, 0, 0, 10]);
        authority(seed).issue(&[address], from).unwrap()
    }

    #[test]
    fn a_seed_gives_one_authority_and_one_certificate_for_a_half_year() {
        let (autumn, winter) = (HalfYear::of(2026, 11), HalfYear::of(2026, 12));
        assert_eq!(autumn, winter);
        assert_eq!(
            authority(1).certificate().unwrap(),
            authority(1).certificate().unwrap()
        );
        assert_ne!(
            authority(1).certificate().unwrap(),
            authority(2).certificate().unwrap()
        );
        assert_eq!(issued(1, autumn).certificate, issued(1, winter).certificate);
        assert_ne!(
            issued(1, autumn).certificate,
            issued(1, HalfYear::of(2027, 1)).certificate
        );
    }

    #[test]
    fn certificates_that_differ_have_different_numbers() {
        let half = HalfYear::of(2026, 11);
        let number = |name: &str, addresses: &[&str], half| {
            let addresses: Vec<IpAddr> = addresses.iter().map(|one| one.parse().unwrap()).collect();
            serial_number(name, &addresses, half).to_bytes()
        };
        let one = number("chat.example.com", &["10.0.0.1"], half);
        assert_eq!(one, number("chat.example.com", &["10.0.0.1"], half));
        assert_ne!(one, number("chat.example.com", &["10.0.0.2"], half));
        assert_ne!(one, number("chat.example.org", &["10.0.0.1"], half));
        let later = HalfYear::of(2027, 1);
        assert_ne!(one, number("chat.example.com", &["10.0.0.1"], later));
        assert!(one.len() == 16 && one[0] < 0x80, "{one:?}");
    }

    /// Whether a client that trusts the authority alone believes a server with this certificate. By
    /// the library that servers and clients use, not by the one that made them.
    fn believes(certificate: &str, name: &'static str) -> Result<(), rustls::Error> {
        use rustls::client::danger::ServerCertVerifier as _;
        use rustls::pki_types::{ServerName, UnixTime};

        let mut roots = rustls::RootCertStore::empty();
        roots
            .add(der(&authority(1).certificate().unwrap()))
            .unwrap();
        let verifier = rustls::client::WebPkiServerVerifier::builder_with_provider(
            std::sync::Arc::new(roots),
            std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider()),
        );
        let verifier = verifier.build().unwrap();
        let name = ServerName::try_from(name).unwrap();
        // 2026-11-29.
        let now = UnixTime::since_unix_epoch(std::time::Duration::from_hours(498_864));
        let verified = verifier.verify_server_cert(&der(certificate), &[], &name, &[], now);
        verified.map(|_| ())
    }

    fn der(pem: &str) -> rustls::pki_types::CertificateDer<'static> {
        use rustls::pki_types::pem::PemObject as _;
        rustls::pki_types::CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()
    }

    #[test]
    fn a_client_that_trusts_the_authority_accepts_the_certificate() {
        use rustls::pki_types::PrivateKeyDer;
        use rustls::pki_types::pem::PemObject as _;

        let issued = issued(1, HalfYear::of(2026, 11));
        let key = issued.key.expose_secret();
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
        let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let server = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![der(&issued.certificate)], key);
        assert!(server.is_ok(), "{:?}", server.err());
        believes(&issued.certificate, "chat.example.com").unwrap();
        believes(&issued.certificate, "10.0.0.10").unwrap();
    }

    #[test]
    fn the_authority_is_good_for_no_other_site() {
        let authority = authority(1);
        for name in ["bank.example.com", "203.0.113.7"] {
            let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
            params.not_before = date_time_ymd(2026, 7, 1);
            params.not_after = date_time_ymd(2027, 7, 1);
            let issuer = Issuer::new(authority.params(), &authority.key);
            let stolen = params.signed_by(&authority.leaf, &issuer).unwrap().pem();
            let refused = believes(&stolen, name);
            assert!(refused.is_err(), "{name}");
        }
    }

    #[test]
    fn integers_are_encoded_without_superfluous_zeros_and_never_negative() {
        assert_eq!(integer(&[0, 0, 1]), [2, 1, 1]);
        assert_eq!(integer(&[0x80]), [2, 2, 0, 0x80]);
        assert_eq!(integer(&[0]), [2, 1, 0]);
    }
}
