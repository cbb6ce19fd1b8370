//! A file that was found: its text, and where it was.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::problem::{SourceText, SpecErrors};

/// Larger than any file that a person would write by hand.
const LARGEST_FILE: u64 = 1 << 20;

/// The text of a file and what follows from where it was.
#[derive(Clone, Debug)]
pub(crate) struct FoundFile {
    pub(crate) source: SourceText,
    /// File name without extension.
    pub(crate) stem: String,
    /// The directory of the file; built-in files have none.
    pub(crate) directory: Option<PathBuf>,
}

/// Reads a file of at most `limit` bytes, whole MiB. The size that the file system states says
/// nothing about devices and pipes, so it is not asked.
pub(crate) fn read_limited(path: &Path, limit: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)?
        .take(limit + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        let reason = format!("larger than {} MiB", limit >> 20);
        return Err(std::io::Error::new(
            std::io::ErrorKind::FileTooLarge,
            reason,
        ));
    }
    Ok(bytes)
}

/// Reads a file, however large or endless what is at the path is.
pub(crate) fn read_file(path: &Path) -> Result<FoundFile, SpecErrors> {
    let name = path.display().to_string();
    let unreadable = |message: String, expected: &str| {
        SpecErrors::unplaced(&name, message, expected.to_owned(), "check the path")
    };
    let failed = |error: std::io::Error| {
        unreadable(
            format!("cannot read `{name}`: {error}"),
            "expected a file of UTF-8 text",
        )
    };
    let bytes = read_limited(path, LARGEST_FILE).map_err(|error| match error.kind() {
        std::io::ErrorKind::FileTooLarge => unreadable(
            format!("`{name}` is {error}"),
            "expected a file of at most 1 MiB",
        ),
        _ => failed(error),
    })?;
    let text = String::from_utf8(bytes).map_err(|_| {
        unreadable(
            format!("`{name}` is not text"),
            "expected a file of UTF-8 text",
        )
    })?;
    let stem = path.file_stem().and_then(|stem| stem.to_str());
    Ok(FoundFile {
        source: SourceText::new(name, text),
        stem: stem.unwrap_or_default().to_owned(),
        directory: path.parent().map(Path::to_path_buf),
    })
}
