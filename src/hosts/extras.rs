//! The operator's own files, read through once.

use std::collections::BTreeMap;

use crate::spec::{ExtraFile, HostExtras, Role, read_limited};

use super::bundle_error::BundleError;

/// Larger files belong into a package or a bucket.
const LARGEST_FILE: u64 = 16 << 20;

/// A file of the operator's, as it goes to hosts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostFile {
    /// Where it goes.
    pub path: String,
    /// Permissions.
    pub mode: u32,
    /// What is in it.
    pub content: Vec<u8>,
}

impl HostFile {
    /// Reads the files of each role.
    ///
    /// # Errors
    /// When one cannot be read.
    pub fn load(
        extras: &BTreeMap<Role, HostExtras>,
    ) -> Result<BTreeMap<Role, Vec<Self>>, BundleError> {
        let mut all = BTreeMap::new();
        for (role, extras) in extras {
            let mut files = Vec::new();
            for file in &extras.files {
                files.push(Self::read(file)?);
            }
            all.insert(*role, files);
        }
        Ok(all)
    }

    /// Reads one file.
    ///
    /// # Errors
    /// When it cannot be read, or is too large.
    pub fn read(file: &ExtraFile) -> Result<Self, BundleError> {
        let content = read_limited(&file.source, LARGEST_FILE);
        let content = content.map_err(|source| BundleError::File {
            what: "file for hosts",
            path: file.source.clone(),
            source,
        })?;
        Ok(Self {
            path: file.path.clone(),
            mode: file.mode,
            content,
        })
    }
}
