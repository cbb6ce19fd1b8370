//! Files that operations write for people.

use std::path::Path;

use crate::diagnose::system_error;
use crate::ops::error::FileError;

/// Writes a file in one step: a reader sees the old or the new one, never half.
///
/// # Errors
/// When it cannot be written.
pub fn write(path: &Path, content: &str) -> Result<(), FileError> {
    use std::io::Write as _;

    spare_yaml(path)?;
    let failed = |source| FileError::Write {
        path: path.to_owned(),
        source,
    };
    // A link is written through, and what is no regular file (`/dev/null`, `/dev/stdout`, a
    // pipe) is written to: renaming a file over it would take its place.
    let real = path.canonicalize();
    let target = real.as_deref().unwrap_or(path);
    if target.metadata().is_ok_and(|about| !about.is_file()) {
        let opened = std::fs::OpenOptions::new().write(true).open(target);
        return opened
            .and_then(|mut file| file.write_all(content.as_bytes()))
            .map_err(failed);
    }
    let directory = match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let save = || -> std::io::Result<()> {
        let mut builder = tempfile::Builder::new();
        // Reports are for showing around; temporary files are private by default.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644));
        let mut file = builder.tempfile_in(directory)?;
        file.write_all(content.as_bytes())?;
        file.persist(target).map_err(|error| error.error)?;
        Ok(())
    };
    save().map_err(|error| failed(system_error(&error)))
}

/// Refuses to overwrite a YAML file: an environment's is easily named by mistake.
///
/// # Errors
/// When the path is one.
pub fn spare_yaml(path: &Path) -> Result<(), FileError> {
    let extension = path.extension().and_then(|extension| extension.to_str());
    if matches!(extension, Some("yaml" | "yml")) && path.exists() {
        return Err(FileError::Yaml(path.to_owned()));
    }
    Ok(())
}

/// Refuses to overwrite a file that holds something else: neither nothing nor what is written.
/// `is_ours` judges its first `limit` bytes. What is no regular file (a device, a pipe) keeps
/// nothing that could be lost, and may never end: it is not read.
///
/// # Errors
/// When it does.
pub(crate) fn check_overwrite(
    path: &Path,
    what: &'static str,
    limit: u64,
    is_ours: impl Fn(&[u8]) -> bool,
) -> Result<(), FileError> {
    use std::io::Read as _;

    spare_yaml(path)?;
    if !path.is_file() {
        return Ok(());
    }
    let mut start = Vec::new();
    let path = || path.to_owned();
    std::fs::File::open(path())
        .and_then(|file| file.take(limit).read_to_end(&mut start))
        .map_err(|source| FileError::Write {
            path: path(),
            source,
        })?;
    if start.is_empty() || is_ours(&start) {
        return Ok(());
    }
    Err(FileError::Other { path: path(), what })
}

#[cfg(all(test, unix))]
mod tests {
    use crate::diagnose::Diagnose as _;

    use super::*;

    #[test]
    fn links_and_pipes_are_written_to_and_stay() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        std::fs::write(at("file"), "old").unwrap();
        std::os::unix::fs::symlink(at("file"), at("link")).unwrap();
        write(&at("link"), "new").unwrap();
        assert!(at("link").is_symlink());
        assert_eq!(std::fs::read_to_string(at("file")).unwrap(), "new");

        let made = std::process::Command::new("mkfifo")
            .arg(at("pipe"))
            .status();
        assert!(made.unwrap().success());
        let pipe = at("pipe");
        let reader = std::thread::spawn(move || std::fs::read_to_string(pipe).unwrap());
        write(&at("pipe"), "through").unwrap();
        assert_eq!(reader.join().unwrap(), "through");
        assert!(!at("pipe").is_file());

        std::fs::write(at("rig.yaml"), "kept").unwrap();
        assert!(write(&at("rig.yaml"), "lost").is_err());
        assert_eq!(std::fs::read_to_string(at("rig.yaml")).unwrap(), "kept");
    }

    #[test]
    fn the_hint_of_a_failed_write_fits_its_cause() {
        let hint = |kind| {
            let (path, source) = ("report.html".into(), std::io::Error::from(kind));
            FileError::Write { path, source }.hints().join("")
        };
        assert!(hint(std::io::ErrorKind::StorageFull).starts_with("free some space"));
        assert!(hint(std::io::ErrorKind::NotFound).contains("directory that exists"));
        let missing = write(Path::new("/nowhere/at/all"), "text").unwrap_err();
        assert_eq!(missing.hints(), ["name a file in a directory that exists"]);
        let said = crate::diagnose::with_causes(&missing);
        assert!(
            said.starts_with("cannot write `/nowhere/at/all`: No such file"),
            "{said}"
        );
        assert!(!said.contains(".tmp"), "{said}");
    }
}
