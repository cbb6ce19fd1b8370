//! Large files of the operator's machine that hosts need: server tarballs, programs.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

/// A file, known by its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    path: PathBuf,
    sha256: String,
    size: u64,
}

impl Blob {
    /// Reads a file through once, to know its digest.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn of(path: &Path) -> io::Result<Self> {
        let mut file = File::open(path)?;
        // It is read again for each host, which a pipe is not, and a device may never end.
        if !file.metadata()?.is_file() {
            let text = "it is no regular file";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        let mut hash = Sha256::new();
        let mut buffer = vec![0; 1 << 20];
        let mut size = 0;
        loop {
            let read = file.read(&mut buffer)?;
            if read == 0 {
                break;
            }
            hash.update(&buffer[..read]);
            size += read as u64;
        }
        Ok(Self {
            path: path.to_owned(),
            sha256: hex::encode(hash.finalize()),
            size,
        })
    }

    /// SHA-256 of its content, lower-case hex.
    #[must_use]
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// Length, bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its content. A file that changed since it was read through is caught here by its
    /// length, and by its digest in what the host unpacks.
    pub(super) fn open(&self) -> io::Result<impl io::Read> {
        let file = File::open(&self.path)?;
        if file.metadata()?.len() != self.size {
            let text = format!("`{}` changed while it was in use", self.path.display());
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        Ok(file.take(self.size))
    }
}
