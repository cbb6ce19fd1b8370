//! The local cloud's certificate authority. Made anew at every start, its key
//! never touches a file; the hosts' image trusts it, nothing else does.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, date_time_ymd,
};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use super::error::{Error, Result};

/// The authority: signs certificates for the names of the cloud's services.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: String,
    /// Certificates hold for the years around this one.
    year: i32,
}

/// A certificate with its key.
pub(crate) struct Issued {
    /// The certificate, PEM.
    pub certificate: String,
    /// Its private key, PEM.
    pub key: String,
    der: (rustls::pki_types::CertificateDer<'static>, Vec<u8>),
}

impl Authority {
    /// Makes a new authority.
    ///
    /// # Errors
    /// When key generation or signing fails.
    pub(crate) fn create() -> Result<Self> {
        let year = i32::from(
            jiff::Timestamp::now()
                .to_zoned(jiff::tz::TimeZone::UTC)
                .year(),
        );
        let failed = failed("the authority");
        let mut params = params(Vec::new(), "loadrig local cloud", year).map_err(&failed)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().map_err(&failed)?;
        let certificate = params.self_signed(&key).map_err(&failed)?.pem();
        Ok(Self {
            issuer: Issuer::new(params, key),
            certificate,
            year,
        })
    }

    /// The authority's own certificate, PEM.
    pub(crate) fn certificate(&self) -> &str {
        &self.certificate
    }

    /// Signs a server certificate for these host names.
    ///
    /// # Errors
    /// When there is no name, or a name is not a host name.
    pub(crate) fn issue(&self, names: &[String]) -> Result<Issued> {
        let first = names.first().map_or("", String::as_str);
        let failed = failed(first);
        // A common name holds at most 64 bytes; clients look at the other names.
        let common: String = first.chars().take(64).collect();
        let mut params = params(names.to_vec(), &common, self.year).map_err(&failed)?;
        params.key_usages = vec![
            KeyUsagePurpose::DigitalSignature,
            KeyUsagePurpose::KeyEncipherment,
        ];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate().map_err(&failed)?;
        let certificate = params.signed_by(&key, &self.issuer).map_err(&failed)?;
        Ok(Issued {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
            der: (certificate.der().clone(), key.serialize_der()),
        })
    }
}

impl Issued {
    /// What a TLS server with this certificate needs.
    ///
    /// # Errors
    /// When the library refuses the key.
    pub(crate) fn server_config(self) -> Result<Arc<ServerConfig>> {
        let failed = |error: rustls::Error| Error::Certificate {
            name: "a TLS server".into(),
            source: error.into(),
        };
        let (certificate, key) = self.der;
        let config = ServerConfig::builder_with_provider(Arc::new(
            rustls::crypto::aws_lc_rs::default_provider(),
        ))
        .with_safe_default_protocol_versions()
        .map_err(failed)?
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate],
            PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key)),
        )
        .map_err(failed)?;
        Ok(Arc::new(config))
    }
}

fn params(
    names: Vec<String>,
    common: &str,
    year: i32,
) -> std::result::Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(names)?;
    let mut subject = DistinguishedName::new();
    subject.push(DnType::OrganizationName, "loadrig");
    subject.push(DnType::CommonName, common);
    params.distinguished_name = subject;
    params.not_before = date_time_ymd(year - 1, 1, 1);
    params.not_after = date_time_ymd(year + 1, 12, 31);
    Ok(params)
}

fn failed(name: &str) -> impl Fn(rcgen::Error) -> Error {
    let name = name.to_owned();
    move |error| Error::Certificate {
        name: name.clone(),
        source: error.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_a_certificate_that_a_server_can_use() {
        let authority = Authority::create().unwrap();
        let issued = authority
            .issue(&["db.example.internal".into(), "*.s3.example".into()])
            .unwrap();
        assert!(
            issued
                .certificate
                .starts_with("-----BEGIN CERTIFICATE-----")
        );
        assert!(issued.key.contains("PRIVATE KEY"));
        issued.server_config().unwrap();
    }

    #[test]
    fn every_authority_has_a_key_of_its_own() {
        let (one, other) = (Authority::create().unwrap(), Authority::create().unwrap());
        assert_ne!(one.certificate(), other.certificate());
    }
}
