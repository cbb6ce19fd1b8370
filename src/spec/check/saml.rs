//! An identity provider: its URLs, and which files go with which settings.

use std::path::PathBuf;

use super::services::is_variable;
use super::{Checker, Origin};
use crate::spec::saml::SamlShape;
use crate::spec::{SamlAttributes, SamlCertificate, SamlProvider, SecretSource};

const SECTION: &str = "saml";

impl Checker<'_> {
    /// The identity provider; `None` when something is wrong with it.
    pub(super) fn saml(&mut self, shape: SamlShape, origin: &Origin<'_>) -> Option<SamlProvider> {
        // Each is looked at, so that all that is wrong is told at once.
        let own = self.saml_certificate(&shape, origin);
        let idp_url = self.saml_url("idp_url", shape.idp_url);
        let metadata = shape
            .idp_metadata_url
            .map(|url| self.saml_url("idp_metadata_url", Some(url)));
        let certificate = shape.idp_certificate_file.and_then(|path| {
            self.file(
                &["mattermost", SECTION, "idp_certificate_file"],
                &path,
                origin,
            )
        });
        let guest = self.guest(shape.guest_attribute);
        let mut line = |key: &str, text: Option<String>| self.line(SECTION, key, text);
        let descriptor = line("idp_descriptor_url", shape.idp_descriptor_url)?;
        let service_provider_id = line("service_provider_id", shape.service_provider_id)?;
        let email = line("email_attribute", shape.email_attribute)?;
        let username = line("username_attribute", shape.username_attribute)?;
        let attributes = SamlAttributes {
            id: line("id_attribute", shape.id_attribute)?,
            first_name: line("first_name_attribute", shape.first_name_attribute)?,
            last_name: line("last_name_attribute", shape.last_name_attribute)?,
            nickname: line("nickname_attribute", shape.nickname_attribute)?,
            position: line("position_attribute", shape.position_attribute)?,
            locale: line("locale_attribute", shape.locale_attribute)?,
            guest: guest?,
            // What is missing has been reported.
            email: email?,
            username: username?,
        };
        Some(SamlProvider {
            idp_url: idp_url?,
            idp_descriptor_url: descriptor?,
            idp_metadata_url: match metadata {
                None => None,
                Some(url) => Some(url?),
            },
            idp_certificate: certificate?,
            service_provider_id,
            own: own?,
            sign_requests: shape.sign_requests.unwrap_or(false),
            verify_signature: shape.verify_signature.unwrap_or(true),
            attributes,
            button_text: self.line(SECTION, "button_text", shape.button_text)?,
        })
    }

    /// A URL that browsers or the server open; one that is missing has been reported.
    fn saml_url(&mut self, key: &str, url: Option<String>) -> Option<String> {
        let url = url?;
        let rest = url.strip_prefix("https://").or(url.strip_prefix("http://"));
        if rest.is_some_and(|rest| !rest.is_empty()) && url.chars().all(|c| c.is_ascii_graphic()) {
            return Some(url);
        }
        let problem = self.place(&["mattermost", SECTION, key]).problem(
            format!("`{url}` is not the URL of an identity provider"),
            "expected something like `https://idp.example.com/sso/saml`",
        );
        self.report(problem);
        None
    }

    /// `NAME=VALUE`; the outer `None` is a problem.
    fn guest(&mut self, text: Option<String>) -> Option<Option<String>> {
        let Some(text) = self.line(SECTION, "guest_attribute", text)? else {
            return Some(None);
        };
        if text.matches('=').count() == 1 && !text.starts_with('=') && !text.ends_with('=') {
            return Some(Some(text));
        }
        let place = self.place(&["mattermost", SECTION, "guest_attribute"]);
        self.report(place.problem(
            format!("`{text}` names no guests"),
            "expected something like `usertype=guest`",
        ));
        None
    }

    /// The server's certificate with its key, or neither; the outer `None` is a problem.
    fn saml_certificate(
        &mut self,
        shape: &SamlShape,
        origin: &Origin<'_>,
    ) -> Option<Option<SamlCertificate>> {
        let certificate = match &shape.certificate_file {
            Some(path) => {
                Some(self.file(&["mattermost", SECTION, "certificate_file"], path, origin)?)
            }
            None => None,
        };
        let key = self.saml_key(shape.key_file.as_ref(), shape.key_env.as_ref(), origin)?;
        let (message, label) = match (certificate, key, shape.sign_requests) {
            (Some(certificate), Some(key), _) => {
                return Some(Some(SamlCertificate { certificate, key }));
            }
            (None, None, Some(true)) => (
                "signed requests without a certificate",
                "expected `certificate_file`, and `key_file` or `key_env`",
            ),
            (None, None, _) => return Some(None),
            _ => (
                "a certificate without its key, or a key without its certificate",
                "expected `certificate_file`, and `key_file` or `key_env`",
            ),
        };
        let place = self.key_place(&["mattermost", SECTION]);
        self.report(place.problem(message, label));
        None
    }

    fn saml_key(
        &mut self,
        file: Option<&PathBuf>,
        variable: Option<&String>,
        origin: &Origin<'_>,
    ) -> Option<Option<SecretSource>> {
        match (file, variable) {
            (None, None) => Some(None),
            (Some(path), None) => {
                let path = self.file(&["mattermost", SECTION, "key_file"], path, origin)?;
                Some(Some(SecretSource::File(path)))
            }
            (None, Some(name)) if is_variable(name) => Some(Some(SecretSource::Env(name.clone()))),
            (None, Some(_)) => {
                // What stands here may well be the key itself.
                let problem = self.place(&["mattermost", SECTION, "key_env"]).problem(
                    "this is not the name of an environment variable",
                    "expected letters, digits and `_`",
                );
                self.report(problem.hint("the variable holds the key, the YAML its name"));
                None
            }
            (Some(_), Some(_)) => {
                let problem = self
                    .place(&["mattermost", SECTION, "key_env"])
                    .problem("both `key_file` and `key_env`", "expected one of the two");
                self.report(problem);
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::spec::SecretSource;
    use crate::spec::check::sample::{load, only_problem};

    const SAML: &str = "idp_url: 'https://idp.example.com/sso', idp_descriptor_url: urn:idp, \
                        idp_certificate_file: /etc/hostname, email_attribute: email, \
                        username_attribute: username";

    #[test]
    fn a_provider_is_checked_and_nothing_encrypted_without_a_certificate() {
        let spec = load(&format!("saml: {{{SAML}, guest_attribute: 'type=guest'}}")).unwrap();
        let saml = spec.mattermost.connections.saml.unwrap();
        assert!(saml.own.is_none() && saml.verify_signature && !saml.sign_requests);
        assert_eq!(saml.attributes.guest.as_deref(), Some("type=guest"));
        let more = "certificate_file: /etc/hostname, key_env: SAML_KEY, sign_requests: true";
        let spec = load(&format!("saml: {{{SAML}, {more}}}")).unwrap();
        let own = spec.mattermost.connections.saml.unwrap().own.unwrap();
        assert_eq!(own.key, SecretSource::Env("SAML_KEY".to_owned()));
    }

    #[test]
    fn what_does_not_fit_is_told() {
        for (more, message) in [
            (
                "certificate_file: /etc/hostname",
                "a certificate without its key, or a key without its certificate",
            ),
            (
                "sign_requests: true",
                "signed requests without a certificate",
            ),
            (
                "certificate_file: /etc/hostname, key_env: '-----BEGIN'",
                "this is not the name of an environment variable",
            ),
            ("guest_attribute: guest", "`guest` names no guests"),
            (
                "idp_metadata_url: idp.example.com",
                "`idp.example.com` is not the URL of an identity provider",
            ),
        ] {
            assert_eq!(only_problem(&format!("saml: {{{SAML}, {more}}}")), message);
        }
        let lacking = SAML.replace("email_attribute: email, ", "");
        assert_eq!(
            only_problem(&format!("saml: {{{lacking}}}")),
            "`mattermost.saml` lacks the key `email_attribute`"
        );
    }

    #[test]
    fn a_provider_needs_a_license() {
        for license in ["unlicensed: accept", "release: 11.7.9"] {
            let small = "sizes: {nodes: {app: {count: 1}, search-proxy: {count: 0}, metrics: {count: 0}}, \
                         database: {readers: 0}, search: {nodes: 0}}";
            let text = format!("saml: {{{SAML}}}\n  {license}\n{small}");
            assert_eq!(only_problem(&text), "`saml` without a license");
        }
        assert_eq!(
            only_problem("config: {SamlSettings: {IdpURL: a}}"),
            "`SamlSettings.IdpURL` is set by loadrig"
        );
    }
}
