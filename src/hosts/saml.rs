//! Files of an identity provider, and how they get where the server looks for them: into the database,
//! beside its configuration. The server has no call that takes them without a session.

use std::fmt::Write as _;

use secrecy::{ExposeSecret, SecretString};

use crate::spec::{SamlCertificate, SamlProvider, SecretSource};

use super::bundle_error::BundleError;
use super::psql::service_file;
use super::texts::{read_pem, read_source};

/// The provider's certificate, as the server finds it.
pub(super) const IDP_CERTIFICATE: &str = "loadrig-saml-idp.crt";
/// The server's own certificate.
pub(super) const CERTIFICATE: &str = "loadrig-saml.crt";
/// Its private key.
pub(super) const KEY: &str = "loadrig-saml.key";

/// As the server makes it (`config/migrations` of the server), which may not have run yet.
const TABLE: &str = "CREATE TABLE IF NOT EXISTS configurationfiles (name VARCHAR(64), data text NOT NULL, \
                     createat bigint NOT NULL, updateat bigint NOT NULL, PRIMARY KEY (name));";

/// The files of an identity provider.
#[derive(Clone, Debug)]
pub struct SamlFiles {
    /// The certificate that the provider signs with, PEM.
    pub idp_certificate: String,
    /// The server's own certificate and its private key, PEM.
    pub own: Option<(String, SecretString)>,
}

impl SamlFiles {
    /// Reads the files that the environment names.
    ///
    /// # Errors
    /// When one cannot be read, or is not PEM.
    pub fn load(provider: &SamlProvider) -> Result<Self, BundleError> {
        let own = |own| Ok((Self::own_certificate(own)?, Self::own_key(own)?));
        Ok(Self {
            idp_certificate: Self::idp_certificate(provider)?,
            own: provider.own.as_ref().map(own).transpose()?,
        })
    }

    /// The certificate that the provider signs with, PEM.
    ///
    /// # Errors
    /// When it cannot be read, or is not PEM.
    pub fn idp_certificate(provider: &SamlProvider) -> Result<String, BundleError> {
        let what = "identity provider's certificate";
        read_pem(what, "CERTIFICATE", &provider.idp_certificate)
    }

    /// The server's own certificate, PEM.
    ///
    /// # Errors
    /// When it cannot be read, or is not PEM.
    pub fn own_certificate(own: &SamlCertificate) -> Result<String, BundleError> {
        read_pem("SAML certificate", "CERTIFICATE", &own.certificate)
    }

    /// The private key of that certificate, PEM.
    ///
    /// # Errors
    /// When it cannot be read, is not PEM, or its variable is not set.
    pub fn own_key(own: &SamlCertificate) -> Result<SecretString, BundleError> {
        key(&own.key)
    }

    /// What the host writes them with: how `psql` reaches the database of a data source name, a line
    /// `---`, and statements.
    pub(super) fn statements(&self, dsn: &str) -> Option<SecretString> {
        let mut text = service_file(dsn)?;
        let _ = writeln!(text, "---\n{TABLE}");
        let mut put = |name: &str, data: &str| {
            let data = data.replace('\'', "''");
            let _ = writeln!(
                text,
                "INSERT INTO configurationfiles (name, data, createat, updateat) SELECT '{name}', '{data}', t, t \
                 FROM (SELECT (extract(epoch FROM now()) * 1000)::bigint AS t) AS now \
                 ON CONFLICT (name) DO UPDATE SET data = EXCLUDED.data, updateat = EXCLUDED.updateat;"
            );
        };
        put(IDP_CERTIFICATE, &self.idp_certificate);
        if let Some((certificate, key)) = &self.own {
            put(CERTIFICATE, certificate);
            put(KEY, key.expose_secret());
        }
        Some(SecretString::from(text))
    }
}

fn key(source: &SecretSource) -> Result<SecretString, BundleError> {
    if let SecretSource::File(path) = source {
        return read_pem("SAML key", "PRIVATE KEY", path).map(SecretString::from);
    }
    let (place, text) = read_source("SAML key", source)?;
    match text {
        None => Err(BundleError::SecretUnset {
            what: "the SAML key",
            place,
        }),
        Some(text) if text.contains("PRIVATE KEY-----") => Ok(SecretString::from(text)),
        Some(_) => Err(BundleError::SamlKey {
            place,
            fault: "has no PEM block `PRIVATE KEY`",
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_do_not_end_a_text() {
        let files = SamlFiles {
            idp_certificate: "it's\nPEM".to_owned(),
            own: None,
        };
        let statements = files.statements("postgres://u:hunter2@h/d").unwrap();
        let text = statements.expose_secret();
        assert!(
            text.contains("SELECT 'loadrig-saml-idp.crt', 'it''s\nPEM', t, t"),
            "{text}"
        );
        assert_eq!(text.matches("INSERT").count(), 1);
    }

    #[test]
    fn a_key_is_pem_and_never_shown() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key");
        std::fs::write(&path, "hunter2").unwrap();
        let error = key(&SecretSource::File(path.clone())).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter2"));
        std::fs::write(
            &path,
            "-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----\n",
        )
        .unwrap();
        assert!(key(&SecretSource::File(path)).is_ok());
        let unset = key(&SecretSource::Env("LOADRIG_NO_SUCH_KEY".to_owned())).unwrap_err();
        assert_eq!(
            unset.to_string(),
            "the SAML key: the environment variable `LOADRIG_NO_SUCH_KEY` is not set"
        );
    }
}
