//! Data source names of a database that somebody else keeps: where they are read, and what
//! they have to be. Held as secrets; no message ever shows one.

use secrecy::{ExposeSecret, SecretString};

use crate::spec::{ExistingDatabase, SecretSource};

use super::bundle_error::BundleError;
use super::texts::read_source;

/// The data source names of a database.
#[derive(Clone, Debug)]
pub struct Dsns {
    /// Data source name of the writer, with its password.
    pub writer: SecretString,
    /// Data source names of the read replicas; empty without any.
    pub readers: Vec<SecretString>,
}

impl Dsns {
    /// Reads them from where the environment says.
    ///
    /// # Errors
    /// When one is not there, or is no data source name of PostgreSQL.
    pub fn load(existing: &ExistingDatabase) -> Result<Self, BundleError> {
        Ok(Self {
            writer: read(&existing.writer)?,
            readers: existing
                .readers
                .iter()
                .map(read)
                .collect::<Result<_, _>>()?,
        })
    }
}

fn read(source: &SecretSource) -> Result<SecretString, BundleError> {
    let (place, text) = read_source("data source name", source)?;
    let text = text.ok_or_else(|| BundleError::SecretUnset {
        what: "the data source name",
        place: place.clone(),
    })?;
    let dsn = SecretString::from(text.trim().to_owned());
    match fault(dsn.expose_secret()) {
        None => Ok(dsn),
        Some(fault) => Err(unusable(&place, fault)),
    }
}

fn unusable(place: &str, fault: &'static str) -> BundleError {
    BundleError::Dsn {
        place: place.to_owned(),
        fault,
    }
}

/// What is wrong with a data source name, in words that do not repeat it.
fn fault(dsn: &str) -> Option<&'static str> {
    let Ok(url) = reqwest::Url::parse(dsn) else {
        return Some("holds no URL");
    };
    if !matches!(url.scheme(), "postgres" | "postgresql") {
        return Some("holds no URL that begins with `postgres://`");
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Some("names no host");
    }
    if url.path().trim_matches('/').is_empty() {
        return Some("names no database");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_postgres_data_source_names_are_accepted() {
        for good in [
            "postgres://mm:pa%40ss@db.example.com:5432/mattermost?sslmode=verify-full",
            "postgresql://db.example.com/mattermost",
        ] {
            assert_eq!(fault(good), None, "{good}");
        }
        for bad in [
            "db.example.com",
            "mysql://u@h/d",
            "postgres:///d",
            "postgres://h",
            "postgres://h/",
        ] {
            assert!(fault(bad).is_some(), "{bad}");
        }
    }

    #[test]
    fn a_file_is_read_and_its_secret_never_shown() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("writer.dsn");
        std::fs::write(&path, "mysql://u:hunter2@h/d\n").unwrap();
        let existing = ExistingDatabase {
            writer: SecretSource::File(path.clone()),
            readers: Vec::new(),
        };
        let error = Dsns::load(&existing).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter2"));
        std::fs::write(&path, "postgres://u:hunter2@h/d\n").unwrap();
        let dsns = Dsns::load(&existing).unwrap();
        assert_eq!(dsns.writer.expose_secret(), "postgres://u:hunter2@h/d");
        assert!(!format!("{dsns:?}").contains("hunter2"));
    }
}
