//! The stand-in server's release tarball, packaged by the program that is built beside ours.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, UNIX_EPOCH};

use crate::ops::error::PayloadError;
use crate::spec::{Release, Spec};

/// Name of the stand-in's program.
const PROGRAM: &str = "mattermost-standin";
/// A tarball that is being written; then the number of the process.
const PARTIAL: &str = "partial-";

/// Refuses an environment with the stand-in where its program is missing: hosts would find out
/// minutes later.
///
/// # Errors
/// When it is not beside this program.
pub(super) fn check_program(spec: &Spec) -> Result<(), PayloadError> {
    match spec.mattermost.release {
        Release::Standin => program().map(|_| ()),
        _ => Ok(()),
    }
}

fn program() -> Result<PathBuf, PayloadError> {
    std::env::current_exe()
        .ok()
        .and_then(beside)
        .ok_or(PayloadError::NoStandin(PROGRAM))
}

/// The tarball, packaged again when the program changed.
///
/// # Errors
/// When the program is missing or cannot package itself.
pub(super) fn tarball() -> Result<PathBuf, PayloadError> {
    let program = program()?;
    let about = program.metadata().map_err(PayloadError::Package)?;
    let changed = about
        .modified()
        .ok()
        .and_then(|time| time.duration_since(UNIX_EPOCH).ok())
        .map_or(0, |age| age.as_nanos());
    let cache = cache();
    std::fs::create_dir_all(&cache).map_err(PayloadError::Package)?;
    let tarball = cache.join(format!("{}-{changed}.tar.gz", about.len()));
    if tarball.is_file() {
        return Ok(tarball);
    }
    // Tarballs of earlier builds are of no use to anybody; what another process is writing is.
    for old in std::fs::read_dir(&cache)
        .map_err(PayloadError::Package)?
        .flatten()
    {
        if !is_being_written(&old) {
            let _already_removed = std::fs::remove_file(old.path());
        }
    }
    let partial = cache.join(format!("{PARTIAL}{}", std::process::id()));
    let output = Command::new(&program)
        .arg("package")
        .arg("--out")
        .arg(&partial)
        .output()
        .map_err(PayloadError::Package)?;
    if !output.status.success() {
        return Err(PayloadError::PackageFailed {
            program: PROGRAM,
            output: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        });
    }
    std::fs::rename(&partial, &tarball).map_err(PayloadError::Package)?;
    Ok(tarball)
}

/// Whether another process may still be writing a file: it takes seconds.
fn is_being_written(file: &std::fs::DirEntry) -> bool {
    let is_partial = file.file_name().to_string_lossy().starts_with(PARTIAL);
    let changed = file.metadata().and_then(|about| about.modified());
    let age = changed.ok().and_then(|at| at.elapsed().ok());
    is_partial && age.is_none_or(|age| age < Duration::from_mins(10))
}

/// The stand-in beside a program: examples and tests lie one directory further down.
fn beside(own: PathBuf) -> Option<PathBuf> {
    let directory = own.parent()?;
    [Some(directory), directory.parent()]
        .into_iter()
        .flatten()
        .map(|directory| directory.join(PROGRAM))
        .find(|path| path.is_file())
}

fn cache() -> PathBuf {
    let absolute = |path: &PathBuf| path.is_absolute();
    std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .filter(absolute)
        .or_else(|| {
            std::env::home_dir()
                .filter(absolute)
                .map(|home| home.join(".cache"))
        })
        .unwrap_or_else(std::env::temp_dir)
        .join("loadrig/standin")
}
