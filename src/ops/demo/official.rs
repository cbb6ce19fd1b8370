//! The demo's environment with an official release in place of the stand-in.

use std::path::Path;

use serde_json::{Value, json};

use crate::hosts::Blob;
use crate::ops::error::{DemoError, OpsError};
use crate::ops::local_files;
use crate::spec::{Library, OverlaidEnvironment};

/// The environment that an official release is shown in. Without a license it is planned down to
/// what works without one.
///
/// # Errors
/// When a file cannot be read or is not what it should be, or the environment is wrong.
pub fn official_environment(
    library: &Library,
    release: &Path,
    license: Option<&Path>,
) -> Result<OverlaidEnvironment, OpsError> {
    let blob = Blob::of(release).map_err(|source| DemoError::File {
        option: "--release",
        path: release.to_owned(),
        source,
    })?;
    let mut server = json!({ "release": absolute("--release", release)?, "sha256": blob.sha256() });
    match license {
        Some(license) => {
            // What is in it is checked with the environment.
            Blob::of(license).map_err(|source| DemoError::File {
                option: "--license",
                path: license.to_owned(),
                source,
            })?;
            server["license_file"] = absolute("--license", license)?;
        }
        None => server["unlicensed"] = "accept".into(),
    }
    let found = library.load_over("demo", json!({ "mattermost": server }))?;
    local_files::check(&found.spec)?;
    Ok(found)
}

/// A path as it is named from every directory.
fn absolute(option: &'static str, path: &Path) -> Result<Value, DemoError> {
    let absolute = std::path::absolute(path).map_err(|source| DemoError::File {
        option,
        path: path.to_owned(),
        source,
    })?;
    Ok(absolute.to_string_lossy().into_owned().into())
}

#[cfg(test)]
mod tests {
    use crate::diagnose::{Diagnose as _, ExitCode, with_causes};
    use crate::spec::{LicenseSource, Release, Role};

    use super::*;

    fn library() -> Library {
        Library::new(Some("no-such-directory".into()))
    }

    fn tarball(directory: &Path, entry: &str) -> std::path::PathBuf {
        let gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        let mut tar = tar::Builder::new(gzip);
        let mut header = tar::Header::new_ustar();
        header.set_size(2);
        tar.append_data(&mut header, entry, &b"{}"[..]).unwrap();
        let path = directory.join("release.tar.gz");
        std::fs::write(&path, tar.into_inner().unwrap().finish().unwrap()).unwrap();
        path
    }

    #[test]
    fn without_a_license_the_demo_is_what_works_without() {
        let directory = tempfile::tempdir().unwrap();
        let path = tarball(directory.path(), "mattermost/config/config.json");
        let found = official_environment(&library(), &path, None).unwrap();
        assert_eq!(found.spec.name, "demo");
        assert_eq!(found.spec.mattermost.release, Release::File(path.clone()));
        assert_eq!(found.spec.mattermost.license, LicenseSource::Unlicensed);
        assert_eq!(found.spec.count(Role::App), 1);
        // What is kept for later commands is the same.
        assert_eq!(
            library().load_text("demo", &found.text).unwrap(),
            found.spec
        );
    }

    #[test]
    fn a_missing_or_broken_release_or_license_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let refused = |release: &Path, license: Option<&Path>| {
            let error = official_environment(&library(), release, license).unwrap_err();
            assert_eq!(error.exit_code(), ExitCode::Usage);
            format!("{}\n{}", with_causes(&error), error.hints().join("\n"))
        };
        let missing = directory.path().join("missing.tar.gz");
        let said = refused(&missing, None);
        assert!(said.contains("missing.tar.gz"), "{said}");
        assert!(said.contains("`--release` takes"), "{said}");
        let good = tarball(directory.path(), "mattermost/config/config.json");
        let license = directory.path().join("missing.mattermost-license");
        let said = refused(&good, Some(&license));
        assert!(said.contains("missing.mattermost-license"), "{said}");
        assert!(said.contains("`--license` takes"), "{said}");
        let other = tarball(directory.path(), "other/config.json");
        assert!(refused(&other, None).contains("not a release tarball"));
    }
}
