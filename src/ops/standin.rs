//! The stand-in server's release tarball, made from the program that lies beside ours.

use std::path::PathBuf;
use std::process::Command;
use std::time::UNIX_EPOCH;

use crate::cli::failure::Failure;

/// Name of the stand-in's program, built beside ours.
const PROGRAM: &str = "mattermost-standin";

/// The tarball, made anew when the program changed.
///
/// # Errors
/// When the program is missing or cannot package itself.
pub fn tarball() -> Result<PathBuf, Failure> {
    let program = std::env::current_exe()
        .ok()
        .and_then(|own| own.parent().map(|directory| directory.join(PROGRAM)))
        .filter(|path| path.is_file())
        .ok_or_else(|| {
            Failure::new(
                format!("the stand-in server's program `{PROGRAM}` does not lie beside this one"),
                "`make build` builds both; or set `mattermost.release` to an official version",
            )
        })?;
    let failed = |error: std::io::Error| {
        Failure::new(
            format!("cannot make the stand-in's tarball: {error}"),
            "set XDG_CACHE_HOME to a directory that you may write to",
        )
    };
    let about = program.metadata().map_err(failed)?;
    let changed = about
        .modified()
        .ok()
        .and_then(|time| time.duration_since(UNIX_EPOCH).ok())
        .map_or(0, |age| age.as_nanos());
    let cache = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
        .or_else(|| std::env::home_dir().map(|home| home.join(".cache")))
        .unwrap_or_else(std::env::temp_dir)
        .join("loadrig/standin");
    std::fs::create_dir_all(&cache).map_err(failed)?;
    let tarball = cache.join(format!("{}-{changed}.tar.gz", about.len()));
    if tarball.is_file() {
        return Ok(tarball);
    }
    // Tarballs of earlier builds are of no use to anybody.
    for old in std::fs::read_dir(&cache).map_err(failed)?.flatten() {
        let _gone_already = std::fs::remove_file(old.path());
    }
    let partial = cache.join(format!("partial-{}", std::process::id()));
    let output = Command::new(&program)
        .arg("package")
        .arg("--out")
        .arg(&partial)
        .output()
        .map_err(failed)?;
    if !output.status.success() {
        return Err(Failure::new(
            format!(
                "`{PROGRAM} package` failed: {}",
                String::from_utf8_lossy(&output.stderr).trim()
            ),
            "look at the free space of the cache directory",
        ));
    }
    std::fs::rename(&partial, &tarball).map_err(failed)?;
    Ok(tarball)
}
