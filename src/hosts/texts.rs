//! Small texts of the operator's machine: licences, data source names, public keys.

use std::io;
use std::path::Path;

use secrecy::SecretString;

use crate::spec::read_limited;

use super::bundle_error::BundleError;

/// Larger than any of them.
const LARGEST_TEXT: u64 = 1 << 20;

/// Reads a licence; one without text would start a server without its features.
///
/// # Errors
/// When it cannot be read, or is empty.
pub fn read_license(path: &Path) -> Result<SecretString, BundleError> {
    let text = read_text(path).and_then(|text| match text.trim() {
        "" => Err(io::Error::new(io::ErrorKind::InvalidData, "it is empty")),
        _ => Ok(text),
    });
    let text = text.map_err(|source| BundleError::File {
        what: "licence",
        path: path.to_owned(),
        source,
    })?;
    Ok(SecretString::from(text))
}

/// Reads a text that a person named: it may be a device, and have no end.
pub(super) fn read_text(path: &Path) -> io::Result<String> {
    let bytes = read_limited(path, LARGEST_TEXT)?;
    String::from_utf8(bytes)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not text"))
}
