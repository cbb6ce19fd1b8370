//! Whether the files that an environment names for an identity provider are what they should be: checked
//! before anything is created. A server that is given others starts, and nobody can log in.

use secrecy::ExposeSecret as _;

use crate::hosts::{BundleError, SamlFiles};
use crate::spec::{SamlCertificate, SamlProvider, SecretSource, Spec};

use super::error::SamlRefusal;
use super::key_pair::{KeyPairFault, certificates, check_pair};

const IDP: &str = "idp_certificate_file";
const OWN: &str = "certificate_file";

/// A file that is of no use, and the key below `mattermost.saml` that names it.
#[derive(Debug)]
pub(super) struct SamlProblem {
    pub(super) key: &'static str,
    pub(super) error: SamlRefusal,
}

impl SamlProblem {
    fn new(key: &'static str, error: impl Into<SamlRefusal>) -> Self {
        let error = error.into();
        Self { key, error }
    }

    fn of(key: &'static str, fault: KeyPairFault) -> Self {
        let error = match fault {
            KeyPairFault::Encrypted => SamlRefusal::EncryptedKey { key },
            KeyPairFault::OtherKey => SamlRefusal::OtherKey { key },
            KeyPairFault::Key(reason) | KeyPairFault::Certificate(reason) => {
                SamlRefusal::Content { key, reason }
            }
        };
        Self { key, error }
    }
}

/// Everything that is wrong with the files. A variable that is not set is not: not every command that reads
/// the environment needs it.
pub(super) fn problems(spec: &Spec) -> Vec<SamlProblem> {
    let Some(provider) = &spec.mattermost.connections.saml else {
        return Vec::new();
    };
    let mut problems: Vec<SamlProblem> = idp_certificate(provider).err().into_iter().collect();
    if let Some(own) = &provider.own {
        problems.extend(own_certificate(own));
    }
    problems
}

/// The key of the YAML that says where the private key is.
pub(super) fn key_of(own: &SamlCertificate) -> &'static str {
    match own.key {
        SecretSource::Env(_) => "key_env",
        SecretSource::File(_) => "key_file",
    }
}

fn idp_certificate(provider: &SamlProvider) -> Result<(), SamlProblem> {
    let text =
        SamlFiles::idp_certificate(provider).map_err(|error| SamlProblem::new(IDP, error))?;
    if text.contains("PRIVATE KEY-----") {
        return Err(SamlProblem::new(IDP, SamlRefusal::ProviderKey));
    }
    certificates(&text).map_err(|fault| SamlProblem::of(IDP, fault))?;
    Ok(())
}

fn own_certificate(own: &SamlCertificate) -> Vec<SamlProblem> {
    let key_of = key_of(own);
    let certificate = SamlFiles::own_certificate(own)
        .map_err(|error| SamlProblem::new(OWN, error))
        .and_then(|text| certificates(&text).map_err(|fault| SamlProblem::of(OWN, fault)));
    match (certificate, SamlFiles::own_key(own)) {
        (Ok(chain), Ok(key)) => {
            let provider = rustls::crypto::aws_lc_rs::default_provider();
            let fault = chain.first().and_then(|certificate| {
                check_pair(certificate, key.expose_secret(), &provider).err()
            });
            fault
                .map(|fault| SamlProblem::of(key_of, fault))
                .into_iter()
                .collect()
        }
        (certificate, key) => {
            let key = key
                .err()
                .filter(|error| !matches!(error, BundleError::SecretUnset { .. }));
            let key = key.map(|error| SamlProblem::new(key_of, error));
            certificate.err().into_iter().chain(key).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use rcgen::{CertificateParams, KeyPair};

    use crate::spec::Library;

    use super::*;

    fn spec(directory: &Path, key: &str) -> Spec {
        let at = |name: &str| directory.join(name).display().to_string();
        let text = format!(
            "architecture: 1k\nmattermost:\n  saml:\n    idp_url: https://idp.example.com/sso\n    \
             idp_descriptor_url: urn:idp\n    idp_certificate_file: {}\n    email_attribute: email\n    \
             username_attribute: username\n    certificate_file: {}\n    {key}\n",
            at("idp.pem"),
            at("saml.pem"),
        );
        let spec = Library::new(None).load_text("test", &text);
        spec.unwrap_or_else(|errors| panic!("{errors}"))
    }

    fn told(spec: &Spec) -> Vec<(&'static str, String)> {
        let told = |one: SamlProblem| (one.key, crate::diagnose::with_causes(&one.error));
        problems(spec).into_iter().map(told).collect()
    }

    #[test]
    fn files_that_nobody_could_log_in_with_are_refused() {
        let directory = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            std::fs::write(directory.path().join(name), text).unwrap();
        };
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["idp.example.com".to_owned()]).unwrap();
        let certificate = params.self_signed(&key).unwrap().pem();
        let key = key.serialize_pem();
        let file = format!("key_file: {}", directory.path().join("saml.key").display());
        write("idp.pem", &certificate);
        write("saml.pem", &certificate);
        write("saml.key", &key);
        let own = spec(directory.path(), &file);
        assert_eq!(told(&own), []);
        // Not every command needs a variable; `up` asks for it by itself.
        let unset = spec(directory.path(), "key_env: LOADRIG_NO_SUCH_KEY");
        assert_eq!(told(&unset), []);

        let other = KeyPair::generate().unwrap().serialize_pem();
        write("saml.key", &other);
        assert_eq!(
            told(&own),
            [(
                "key_file",
                "`mattermost.saml.key_file` is not the key of `mattermost.saml.certificate_file`"
                    .to_owned()
            )]
        );
        write(
            "saml.key",
            &key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY"),
        );
        let said = told(&own);
        assert!(said[0].1.contains("has a passphrase"), "{said:?}");

        // Both at once.
        write("idp.pem", &format!("{certificate}{key}"));
        write("saml.pem", "");
        let said = told(&own);
        assert_eq!(said[0].0, "idp_certificate_file");
        assert!(said[0].1.contains("a private key"), "{said:?}");
        assert_eq!(said[1].0, "certificate_file");
        assert!(said[1].1.contains("no PEM block"), "{said:?}");
        assert_eq!(said.len(), 2);
    }
}
