//! Small texts of the operator's machine: licenses, data source names, public keys.

use std::io;
use std::path::Path;

use crate::spec::read_limited;

/// Larger than any of them.
const LARGEST_TEXT: u64 = 1 << 20;

/// Reads a text that a person named: it may be a device, and have no end.
pub(super) fn read_text(path: &Path) -> io::Result<String> {
    let bytes = read_limited(path, LARGEST_TEXT)?;
    String::from_utf8(bytes)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not text"))
}
