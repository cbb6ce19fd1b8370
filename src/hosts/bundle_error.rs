//! Why a bundle cannot be rendered, each with what to do about it.

use std::io::ErrorKind;
use std::path::PathBuf;

use mattermost_license::{Issuer, LicenseError};

use crate::diagnose::{Diagnose, ExitCode};
use crate::spec::HostName;

/// Why a bundle cannot be rendered.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// A template and its values do not fit.
    #[error("cannot render the template `{template}`")]
    Template {
        /// Path of the template below `templates/`.
        template: String,
        /// Where and why.
        #[source]
        source: tera::Error,
    },
    /// A fact that the role needs does not exist yet.
    #[error("the bundle of `{host}` needs {what}, which does not exist yet")]
    Missing {
        /// Role and number of the host.
        host: HostName,
        /// The fact, in words.
        what: &'static str,
    },
    /// A file of the operator's machine cannot be read.
    #[error("cannot read the {what} `{}`", path.display())]
    File {
        /// For example `license`.
        what: &'static str,
        /// Where it should be.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A tarball is not the one that the environment names.
    #[error("the SHA-256 of `{}` is `{actual}`, not `{expected}`", path.display())]
    Digest {
        /// The tarball.
        path: PathBuf,
        /// What the environment says.
        expected: String,
        /// What it is.
        actual: String,
    },
    /// A file is not the bundle of the plugin that the environment names.
    #[error("`{}` {}", path.display(), plugin_fault(expected, found.as_deref()))]
    Plugin {
        /// The file.
        path: PathBuf,
        /// The id in the environment.
        expected: String,
        /// The id in the file, if it has one.
        found: Option<String>,
    },
    /// A data source name is not there, or is none.
    #[error("{place} {fault}")]
    Dsn {
        /// Where it should be.
        place: String,
        /// What is wrong with it.
        fault: &'static str,
    },
    /// A password of a service that the server uses is not there, or is none.
    #[error("the password: {place} {fault}")]
    Password {
        /// Where it should be.
        place: String,
        /// What is wrong with it.
        fault: &'static str,
    },
    /// The variable that should hold a secret is not there.
    #[error("{what}: {place} is not set")]
    SecretUnset {
        /// The secret, in words.
        what: &'static str,
        /// The variable, in words.
        place: String,
    },
    /// The key for an identity provider is not there, or is none.
    #[error("the SAML key: {place} {fault}")]
    SamlKey {
        /// Where it should be.
        place: String,
        /// What is wrong with it.
        fault: &'static str,
    },
    /// The variable that should hold the license is not there.
    #[error("the environment variable `{name}`, which should hold the license, is not set")]
    LicenseUnset {
        /// Its name.
        name: String,
    },
    /// The server would not take the license.
    #[error("the license in {place} is of no use")]
    License {
        /// Where it is.
        place: String,
        /// Why.
        #[source]
        source: LicenseError,
    },
    /// The stand-in's license could not be made.
    #[error("cannot make a license for the stand-in server")]
    StandinLicense(#[source] std::io::Error),
    /// There is no stand-in to install.
    #[error("no tarball of the stand-in server was built")]
    NoStandin,
}

impl Diagnose for BundleError {
    fn hints(&self) -> Vec<String> {
        let hint = match self {
            BundleError::Template { .. } => return vec![],
            BundleError::Missing { .. } => "run `loadrig up` first",
            BundleError::File { source, .. } if source.kind() == ErrorKind::FileTooLarge => {
                "name a smaller file; what is large belongs in a package or a bucket, from which a command can fetch it"
            }
            BundleError::File { source, .. } if source.kind() == ErrorKind::InvalidData => {
                "look at what is in the file"
            }
            BundleError::File { .. } => "check the path in the environment's YAML",
            BundleError::Digest { .. } => {
                "fetch the file again, or correct its `sha256` in the YAML"
            }
            BundleError::Plugin { .. } => {
                "correct `mattermost.plugins`: `id` is what the bundle's `plugin.json` says"
            }
            BundleError::Dsn { .. } => {
                "`database.existing` requires `postgres://USER:PASSWORD@HOST/DATABASE` there"
            }
            BundleError::Password { .. } => "put the password there, on one line",
            BundleError::SecretUnset { .. } => {
                "set it where `loadrig up` runs, or name a file in its place"
            }
            BundleError::SamlKey { .. } => "put the private key there, as PEM without a passphrase",
            BundleError::LicenseUnset { .. } => {
                "set it to the text of the license, or use `mattermost.license_file`"
            }
            BundleError::License { source, .. } => license_hint(source),
            BundleError::StandinLicense(_) => "build loadrig again: its key is damaged",
            BundleError::NoStandin => {
                "`make build` builds it; or set `mattermost.release` to an official version"
            }
        };
        vec![hint.to_owned()]
    }

    fn exit_code(&self) -> ExitCode {
        match self {
            BundleError::File { .. }
            | BundleError::Digest { .. }
            | BundleError::Plugin { .. }
            | BundleError::Dsn { .. }
            | BundleError::Password { .. }
            | BundleError::SecretUnset { .. }
            | BundleError::SamlKey { .. }
            | BundleError::LicenseUnset { .. }
            | BundleError::License { .. } => ExitCode::Usage,
            _ => ExitCode::Failed,
        }
    }
}

/// What a file is in place of a plugin.
fn plugin_fault(expected: &str, found: Option<&str>) -> String {
    match found {
        Some(found) => format!("is the bundle of the plugin `{found}`, not of `{expected}`"),
        None => format!("is no bundle of the plugin `{expected}`: it has no `plugin.json`"),
    }
}

/// What to do about a license that the server does not take.
fn license_hint(error: &LicenseError) -> &'static str {
    match error {
        LicenseError::Issuer {
            signed: Issuer::Test,
            ..
        } => {
            "servers take test licenses with `mattermost.service_environment: test` only, and the stand-in takes its own"
        }
        LicenseError::Issuer {
            signed: Issuer::Standin,
            ..
        } => "such a license is for `mattermost.release: standin` only",
        LicenseError::Issuer { .. } => {
            "it works with an official `mattermost.release` and without `service_environment: test`"
        }
        _ => {
            "take the license file as Mattermost sent it: one long line of letters, digits, `+`, `/` and `=`"
        }
    }
}
