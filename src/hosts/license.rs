//! The server's license: where its text comes from, and whether the server takes it. What it
//! is good for, and until when, is decided where the clock is known.

use std::path::Path;

use mattermost_license::{Issuer, License, Sku, sign_for_standin, standin_license};
use secrecy::SecretString;

use crate::spec::{LicenseSource, Mattermost, Release, ServiceEnvironment};

use super::bundle_error::BundleError;
use super::texts::read_text;

/// Seats of the license that the stand-in gets: more than any size has users.
const STANDIN_SEATS: i64 = 1_000_000;

/// A license that the server takes.
#[derive(Clone, Debug)]
pub struct ServerLicense {
    /// Its text, on one line.
    pub text: SecretString,
    /// What is in it.
    pub license: License,
    /// Who signed it.
    pub issuer: Issuer,
}

impl ServerLicense {
    /// Reads the license that the environment names; none for a server without one.
    ///
    /// # Errors
    /// When it cannot be read, is none, or the server would not take it.
    pub fn load(mattermost: &Mattermost) -> Result<Option<Self>, BundleError> {
        let issuer = issuer(mattermost);
        let (place, text) = match &mattermost.license {
            LicenseSource::Unlicensed => return Ok(None),
            LicenseSource::Standin => return standin().map(Some),
            LicenseSource::File(path) => (format!("`{}`", path.display()), read_file(path)?),
            LicenseSource::Env(name) => {
                let place = format!("the environment variable `{name}`");
                match std::env::var(name) {
                    Ok(text) => (place, text),
                    Err(_) => return Err(BundleError::LicenseUnset { name: name.clone() }),
                }
            }
        };
        // The unit's environment file has one line for it.
        let text: String = text.split_whitespace().collect();
        match License::read_signed_by(text.as_bytes(), issuer) {
            Ok(license) => Ok(Some(Self {
                text: text.into(),
                license,
                issuer,
            })),
            Err(source) => Err(BundleError::License { place, source }),
        }
    }
}

/// Whose licenses the server takes.
fn issuer(mattermost: &Mattermost) -> Issuer {
    match (&mattermost.release, mattermost.service_environment) {
        (Release::Standin, _) => Issuer::Standin,
        (_, ServiceEnvironment::Test) => Issuer::Test,
        (_, ServiceEnvironment::Production) => Issuer::Production,
    }
}

/// The stand-in's own: always the same, so that a second run changes nothing.
fn standin() -> Result<ServerLicense, BundleError> {
    let license = standin_license(&Sku::Advanced, STANDIN_SEATS);
    let text = sign_for_standin(&license).map_err(BundleError::StandinLicense)?;
    Ok(ServerLicense {
        text: text.into(),
        license,
        issuer: Issuer::Standin,
    })
}

fn read_file(path: &Path) -> Result<String, BundleError> {
    read_text(path).map_err(|source| BundleError::File {
        what: "license",
        path: path.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use crate::diagnose::Diagnose as _;
    use crate::spec::{ServerConfig, ServerConnections};
    use mattermost_license::LicenseError;
    use secrecy::ExposeSecret;

    use super::*;

    fn mattermost(release: Release, license: LicenseSource) -> Mattermost {
        Mattermost {
            release,
            sha256: None,
            license,
            service_environment: ServiceEnvironment::Production,
            without: Vec::new(),
            config: ServerConfig::new(),
            connections: ServerConnections::default(),
            plugins: Vec::new(),
            hash_time: None,
        }
    }

    fn official(path: PathBuf) -> Mattermost {
        mattermost(
            Release::Version("11.7.9".to_owned()),
            LicenseSource::File(path),
        )
    }

    #[test]
    fn stand_in_always_gets_the_same_license() {
        let server = mattermost(Release::Standin, LicenseSource::Standin);
        let text = || {
            let license = ServerLicense::load(&server).unwrap().unwrap();
            license.text.expose_secret().to_owned()
        };
        assert_eq!(text(), text());
        let none = mattermost(Release::Standin, LicenseSource::Unlicensed);
        assert!(ServerLicense::load(&none).unwrap().is_none());
    }

    #[test]
    fn a_license_of_the_stand_in_is_for_the_stand_in_only() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("license");
        let text = sign_for_standin(&standin_license(&Sku::Enterprise, 10)).unwrap();
        std::fs::write(&path, format!("{text}\n")).unwrap();
        let error = ServerLicense::load(&official(path.clone())).unwrap_err();
        assert!(error.hints()[0].contains("release: standin"), "{error}");
        let standin = mattermost(Release::Standin, LicenseSource::File(path));
        let license = ServerLicense::load(&standin).unwrap().unwrap();
        assert_eq!(license.license.seats(), 10);
    }

    #[test]
    fn the_service_environment_says_whose_licenses_the_server_takes() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("license");
        let text = sign_for_standin(&standin_license(&Sku::Enterprise, 10)).unwrap();
        std::fs::write(&path, text).unwrap();
        for (service_environment, expected) in [
            (ServiceEnvironment::Test, Issuer::Test),
            (ServiceEnvironment::Production, Issuer::Production),
        ] {
            let server = |server: Mattermost| Mattermost {
                service_environment,
                ..server
            };
            let loaded = ServerLicense::load(&server(official(path.clone())));
            let Err(BundleError::License { source, .. }) = loaded else {
                panic!("{service_environment:?} takes a license of the stand-in");
            };
            let LicenseError::Issuer { signed, wanted } = source else {
                panic!("{source}");
            };
            assert_eq!((signed, wanted), (Issuer::Standin, expected));
            // The stand-in has its own in any of them.
            let file = mattermost(Release::Standin, LicenseSource::File(path.clone()));
            let license = ServerLicense::load(&server(file)).unwrap().unwrap();
            assert_eq!(license.issuer, Issuer::Standin);
        }
    }

    #[test]
    fn a_license_may_have_a_byte_order_mark_and_line_breaks_of_windows() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("license");
        let text = sign_for_standin(&standin_license(&Sku::Enterprise, 10)).unwrap();
        let (one, other) = text.split_at(text.len() / 2);
        std::fs::write(&path, format!("\u{feff}{one}\r\n{other}\r\n")).unwrap();
        let standin = mattermost(Release::Standin, LicenseSource::File(path));
        let license = ServerLicense::load(&standin).unwrap().unwrap();
        assert_eq!(license.text.expose_secret(), text);
    }

    #[test]
    fn a_damaged_license_is_refused_with_its_place() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("license");
        let text = sign_for_standin(&standin_license(&Sku::Enterprise, 10)).unwrap();
        for (content, expected) in [
            ("<html>".to_owned(), "not base64"),
            (text.replacen("ey", "eZ", 1), "signature"),
            (text[..300].to_owned(), "too few"),
        ] {
            std::fs::write(&path, content).unwrap();
            let error = ServerLicense::load(&official(path.clone())).unwrap_err();
            let said = crate::diagnose::with_causes(&error);
            assert!(
                said.contains(expected) && said.contains("license"),
                "{said}"
            );
        }
    }

    #[test]
    fn an_unset_variable_is_named() {
        let source = LicenseSource::Env("LOADRIG_TEST_NO_SUCH_LICENSE".to_owned());
        let server = mattermost(Release::Version("11.7.9".to_owned()), source);
        let error = ServerLicense::load(&server).unwrap_err();
        assert!(matches!(error, BundleError::LicenseUnset { .. }), "{error}");
    }
}
