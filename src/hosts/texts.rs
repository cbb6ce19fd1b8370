//! Small texts of the operator's machine: licenses, data source names, public keys.

use std::io;
use std::path::Path;

use crate::spec::{SecretSource, read_limited};

use super::bundle_error::BundleError;

/// Larger than any of them.
const LARGEST_TEXT: u64 = 1 << 20;

/// Reads PEM with a block of this kind. Who reads certificates is refused a file that has a private key, too:
/// certificates are for everybody to see, on hosts and in commands.
pub(super) fn read_pem(
    what: &'static str,
    label: &str,
    path: &Path,
) -> Result<String, BundleError> {
    let text = read_text(path).and_then(|text| {
        let is_there = text.lines().any(|line| {
            let line = line.trim();
            line.starts_with("-----BEGIN ") && line.ends_with(&format!("{label}-----"))
        });
        let has_key = text.contains("PRIVATE KEY-----");
        let reason = match (is_there, label) {
            (true, "CERTIFICATE") if has_key => {
                "it holds a private key, which belongs in a file of its own".to_owned()
            }
            (true, _) => return Ok(text),
            (false, _) => format!("it has no PEM block `{label}`"),
        };
        Err(io::Error::new(io::ErrorKind::InvalidData, reason))
    });
    text.map_err(|source| BundleError::File {
        what,
        path: path.to_owned(),
        source,
    })
}

/// Where a secret of the operator's machine should be, in words, and its text; none where an environment
/// variable is not set.
pub(super) fn read_source(
    what: &'static str,
    source: &SecretSource,
) -> Result<(String, Option<String>), BundleError> {
    match source {
        SecretSource::Env(name) => {
            let place = format!("the environment variable `{name}`");
            Ok((place, std::env::var(name).ok()))
        }
        SecretSource::File(path) => {
            let place = format!("the file `{}`", path.display());
            let text = read_text(path).map_err(|source| BundleError::File {
                what,
                path: path.clone(),
                source,
            })?;
            Ok((place, Some(text)))
        }
    }
}

/// Reads a text that a person named: it may be a device, and have no end.
pub(super) fn read_text(path: &Path) -> io::Result<String> {
    let bytes = read_limited(path, LARGEST_TEXT)?;
    let text = String::from_utf8(bytes)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not text"))?;
    // Editors on Windows put a byte order mark in front.
    Ok(match text.strip_prefix('\u{feff}') {
        Some(rest) => rest.to_owned(),
        None => text,
    })
}
